"""Opening a source: which format, which opener, and how a file of another format is found out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import orjson

from streams.errors import UsageError
from streams.sources import gharchive, higgs, jetstream, ndjson, rows
from streams.sources.kinds import by_line
from streams.sources.lines import MAX_LINE_BYTES, Lines, open_bytes
from streams.sources.record import Produced

MALFORMED = "malformed: "  # begins the reason why a line could not be read
GIVE_UP_LINES = 100  # so many lines, none in the format: it is another file, not a bad line


_FORMATS: dict[str, Callable[..., Iterator[Produced]]] = {
    "events": ndjson.read,
    "higgs": higgs.read,
    "jetstream": jetstream.read,
    "gharchive": gharchive.read,
    "csv": rows.read,
}
_NO_JSON = ("higgs", "csv")
_AROUND_ROWS = b" \r\n"  # a tab at the end of a row is an empty cell
FORMATS: tuple[str, ...] = tuple(_FORMATS)


class Source:
    """Records of one file, in its order, each once; constant memory.

    `skipped` counts lines that gave no record, by reason; a line that could not be read at all counts under a reason
    that begins with `malformed: `. `useless` counts records that can only be rejected. Iterating raises UsageError
    (another format, or no text at all), CloutError (data end early).
    """

    def __init__(
        self, path: str, format: str, opened: BinaryIO | None, options: dict[str, Any], from_line: int = 1
    ) -> None:
        self.path = path
        self.format = format
        self.skipped: Counter[str] = Counter()
        self._malformed = 0
        self._reached = 0
        self._first = 0  # while the line behind the first has been looked at already
        self.useless = 0
        self._bad = 0
        self._name = "stdin" if path == "-" else path
        if format not in _FORMATS:
            raise UsageError(f"unknown format `{format}`; one of {', '.join(FORMATS)}")
        if format == "csv" and from_line > 1:
            options = {"header": _first_line(path), **options}
        self._raw = opened or open_bytes(path)
        try:
            self._lines = Lines(self._raw, self._name, from_line, _AROUND_ROWS if format == "csv" else None)
            self._records = _FORMATS[format](self._watched(self._lines), self, **options)
        except OSError as error:
            self.close()
            raise UsageError(f"{self._name} cannot be read: {error.strerror or error}; check the file") from None
        except TypeError as error:  # the reader's signature is the list of its options
            self.close()
            raise UsageError(
                f"format `{format}`: {str(error).rpartition('() ')[2]}; see the format's options"
            ) from None
        except UsageError:
            self.close()
            raise
        self._running = self._run()

    @property
    def line(self) -> int:
        """The number of the line last read, from 1."""
        return self._first or self._lines.number

    @property
    def begun(self) -> int:
        """The line that the record last handed out begins in: who reads on from it leaves nothing out."""
        return self._reached or self.line

    def __iter__(self) -> Iterator[Produced]:
        return self._running

    def __next__(self) -> Produced:
        return next(self._running)

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; stdin stays open."""
        if self.path != "-":
            self._raw.close()

    def reached(self, line: int) -> None:
        self._reached = line

    @property
    def first_bad(self) -> int | None:
        """The first line that is not in the format, or of which a record came that can only be rejected."""
        return min((line for line in (self._bad, self._lines.first_too_long) if line), default=None)

    def unusable(self) -> None:
        self.useless += 1
        self._bad = self._bad or self.line

    def skip(self, reason: str) -> None:
        self.skipped[reason] += 1

    def malformed(self, reason: str) -> None:
        self.skipped[f"{MALFORMED}{reason}"] += 1
        self._malformed += 1
        self._bad = self._bad or self.line
        if self._malformed == GIVE_UP_LINES == self._lines.read:
            self._give_up()

    def _run(self) -> Iterator[Produced]:
        try:
            yield from self._records
            if self._malformed and self._malformed == self._lines.read:
                self._give_up()
            if self._lines.too_long and self._lines.too_long == self._lines.read:
                self._refuse_if_known(self._lines.too_long_head)
            if self._lines.first > self.line + 1:
                raise UsageError(
                    f"{self._name} ends with line {self.line}; there is no line {self._lines.first} to go on from"
                )
        finally:
            if self._lines.blank:
                self.skipped["blank line"] = self._lines.blank
            if self._lines.too_long:
                self.skipped[f"{MALFORMED}longer than {MAX_LINE_BYTES >> 20} MiB"] = self._lines.too_long
            self.close()

    def _watched(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The lines, after a look at the first: a file plainly in another format is refused before anything is sent."""
        rest = iter(lines)
        peeked: list[bytes] = []

        def following() -> bytes | None:
            peeked.extend([line] if (line := next(rest, None)) is not None else [])
            return line

        for line in rest:
            number = self.line
            guess = sniff(line)
            if guess and guess != self.format:
                raise UsageError(
                    f"{self._name}:{self.line}: this looks like {guess}, not {self.format}; use the format `{guess}`"
                )
            if not guess:
                self._refuse_if_known(line, following)
            self._first = number if peeked else 0
            yield line
            break
        self._first = 0
        yield from peeked
        yield from rest

    def _refuse_if_known(self, line: bytes, following: Callable[[], bytes | None] = lambda: None) -> None:
        if known := by_line(line, following, json=self.format not in _NO_JSON):
            raise UsageError(f"{self._name} {known}")

    def _give_up(self) -> None:
        reason = self.skipped.most_common(1)[0][0].removeprefix(MALFORMED)
        raise UsageError(
            f"{self._name}: none of the first {self._malformed} lines is in the format {self.format} ({reason}); "
            f"check the file, or choose another format: {', '.join(FORMATS)}"
        )


def open_source(
    path: str, format: str = "events", *, opened: BinaryIO | None = None, from_line: int = 1, **options: Any
) -> Source:
    """The records of the file `path` (plain, gzip or zstd, told by content), `-` for stdin, as an iterator.

    `opened` are its bytes, for those who have opened it already. Lines before `from_line` (from 1, blank and bad ones
    count) are passed over.

    `format` is one of `FORMATS`; `options` are the keyword arguments of the format's `read`. Raises UsageError at
    once if the file cannot be opened, and while iterating if it is in another format.
    """
    return Source(path, format, opened, options, from_line)


def _first_line(path: str) -> bytes | None:
    """Of a file that is gone on with: it names the columns."""
    with open_bytes(path) as raw:
        return next(iter(Lines(raw, path)), None)


_KNOWN = (
    ("events", lambda record: record.keys() >= {"network", "actor", "ts"}),  # first: events may have any more fields
    ("jetstream", jetstream.is_one),
    ("gharchive", gharchive.is_one),
)
_HIGGS = re.compile(rb"\S+\s+\S+\s+\d+\s+(RT|RE|MT)")


def sniff(line: bytes) -> str | None:
    """The format that a first line plainly has; None when in doubt."""
    if _HIGGS.fullmatch(line):
        return "higgs"
    if rows.is_header(line):
        return "csv"
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict):
        return None
    return next((guess for guess, is_one in _KNOWN if is_one(record)), None)
