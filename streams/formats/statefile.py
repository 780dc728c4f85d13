"""The file of `clout state export`: JSON lines, one record of `state` a line, between a head and a tail. No I/O here.

A row's line holds its record byte for byte (base64), so nothing is rounded; its count beside it is for people and not read.
The tail holds the number of rows and the SHA-256 of all lines before it, line ends included.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from streams.errors import CloutError
from streams.formats import closes, episodes, feeds, state, tied
from streams.formats.state import Header
from streams.model.inforce import Models

FORMAT = 3
_TAIL = b'{"end":'


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: what the rows are, and where their partitions stood."""

    clout: Literal["state"] = "state"
    format: int = FORMAT
    exported_at: str  #: ISO 8601, UTC
    model: str
    half_lives_ms: tuple[int, int, int]
    partitions: int
    headers: dict[int, msgspec.Raw]  #: by partition, as they lie in `state`


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """The last line."""

    end: Literal["state"] = "state"
    records: int
    sha256: str


class _Row(msgspec.Struct, omit_defaults=True):
    user: str
    did: bytes | None = None
    got: bytes | None = None
    met: bytes | None = None
    lists: bytes | None = None
    said: bytes | None = None
    lines: bytes | None = None
    days: bytes | None = None
    alerts: bytes | None = None
    feed: bytes | None = None
    actions: int | None = None
    engagements: int | None = None
    people: int | None = None


class _Versioned(msgspec.Struct):
    clout: Literal["state"]
    format: int


#: the field of a row that holds the record of a sort, and the one for people
_SORTS = {
    state.DID_KEY: "did",
    state.GOT_KEY: "got",
    state.MET_KEY: "met",
    state.LISTED_KEY: "lists",
    tied.CONTROL_KEY: "said",
    tied.LINES_KEY: "lines",
    closes.KEY: "days",
    episodes.KEY: "alerts",
    feeds.KEY: "feed",
}
_COUNTS = {state.DID_KEY: "actions", state.GOT_KEY: "engagements", state.MET_KEY: "people"}

_encode = msgspec.json.Encoder().encode
_read_head = msgspec.json.Decoder(Head).decode
_read_row = msgspec.json.Decoder(_Row).decode
_read_tail = msgspec.json.Decoder(Tail).decode


class Written:
    """Makes the lines and keeps count. Head first, then rows, then the tail."""

    def __init__(self) -> None:
        self.records = 0
        self._sum = hashlib.sha256()

    def head(self, head: Head) -> bytes:
        """The first line."""
        return self._counted(_encode(head) + b"\n")

    def rows(self, records: Iterable[tuple[bytes, bytes]]) -> bytes:
        """The lines of some records of users, one each."""
        lines = [_encode(_row(key, value)) for key, value in records]
        self.records += len(lines)
        lines.append(b"")
        return self._counted(b"\n".join(lines))

    def tail(self) -> bytes:
        """The last line."""
        return _encode(Tail(records=self.records, sha256=self._sum.hexdigest())) + b"\n"

    def _counted(self, lines: bytes) -> bytes:
        self._sum.update(lines)
        return lines


class Reading:
    """Takes the lines apart (without line ends) and checks them. Raises CloutError for what `export` did not write so."""

    def __init__(self, lines: Iterable[bytes], name: str) -> None:
        self._lines, self._name = iter(lines), name
        self.records = 0
        first = next(self._lines, b"")
        self._sum = hashlib.sha256(first + b"\n")
        try:
            about = msgspec.json.decode(first, type=_Versioned)
        except msgspec.MsgspecError:
            raise CloutError(f"{name} is no file of `clout state export`: it begins with {first[:40]!r}") from None
        if about.format != FORMAT:
            raise CloutError(
                f"{name} is a state file of format {about.format}, written by another Clout; this one reads {FORMAT}: use that one"
            )
        try:
            self.head = _read_head(first)
        except msgspec.MsgspecError as error:
            raise self._damaged(1, error) from None
        self.headers = {number: state.read_header(bytes(raw)) for number, raw in self.head.headers.items()}

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) of every row; only when it ends without an error the file is whole."""
        for number, line in enumerate(self._lines, 2):
            if line.startswith(_TAIL):
                self._check(number, line)
                return
            self._sum.update(line)
            self._sum.update(b"\n")
            try:
                row = _read_row(line)
            except msgspec.MsgspecError as error:
                raise self._damaged(number, error) from None
            self.records += 1
            sort, value = next(
                ((s, v) for s, name in _SORTS.items() if (v := getattr(row, name)) is not None), (b"", b"")
            )
            if not sort:
                raise self._damaged(number, f"none of {', '.join(f'`{name}`' for name in _SORTS.values())}")
            yield sort + row.user.encode(), value
        raise CloutError(
            f"{self._name} is cut off after {self.records:,} records: its last line is missing. Export it again, or copy it again"
        )

    def _check(self, number: int, line: bytes) -> None:
        try:
            tail = _read_tail(line)
        except msgspec.MsgspecError as error:
            raise self._damaged(number, error) from None
        if next(self._lines, None) is not None:
            raise self._damaged(number + 1, "there is more after the last line")
        if tail.records != self.records:
            raise self._damaged(number, f"it should have {tail.records:,} records and has {self.records:,}")
        if tail.sha256 != self._sum.hexdigest():
            raise self._damaged(number, f"the SHA-256 of the lines before is {self._sum.hexdigest()}")

    def _damaged(self, number: int, why: object) -> CloutError:
        return CloutError(f"{self._name} is damaged at line {number:,} ({why}). Copy it again, or export it again")


def _row(key: bytes, value: bytes) -> _Row:
    user, sort = key[1:].decode(), key[:1]
    if sort not in _SORTS:
        raise CloutError(f"the topic `state` has a record of an unknown sort: key {key[:40]!r}")
    row = _Row(user)
    setattr(row, _SORTS[sort], value)
    if sort in _COUNTS:
        setattr(row, _COUNTS[sort], state.count(key, value))
    return row


def _latest(models: Models) -> tuple[int, int]:
    """Partitions change their model one after another: what was closed meanwhile was closed by the older one."""
    return len(models), models[-1].since_ms if models else 0


def headers_for(headers: dict[int, Header], partitions: int) -> dict[int, Header]:
    """A header for each of so many partitions that take over these rows, whichever goes where.

    Clocks and days are the newest, versions the highest, so whatever follows is accepted everywhere; counts keep their sum;
    sources begin at their logs' starts; a new origin says that nothing has reached Redis or `scores`.
    """
    some, origin = list(headers.values()), secrets.token_hex(8)
    version = max(header.version for header in some)
    made = {}
    for number in range(partitions):
        ours = [header.counts for old, header in headers.items() if old % partitions == number]
        made[number] = msgspec.structs.replace(
            some[0],
            generation=max(header.generation for header in some),
            version=version,
            now_ms=max(header.now_ms for header in some),
            clock=max(header.clock for header in some),
            day=max(header.day for header in some),
            closed_ms=max(header.closed_ms for header in some),
            models=max((header.models for header in some), key=_latest),
            positions={},
            topics={},
            counts={name: sum(counts[name] for counts in ours) for name in some[0].counts},
            origin=origin,
            published_from=version + 1,
        )
    return made
