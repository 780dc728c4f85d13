"""Files of events as `clout offline` reads them: one after another, with what was no event counted, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Iterator

from agents.cli.output import counted, moment, safe, say
from agents.cli.progress import Progress, position, size_of
from streams.events import MAX_AHEAD_MS, Reject
from streams.model.table import Table
from streams.offline import Report
from streams.people.controls import Control, parse
from streams.sources import MALFORMED, Produced, Source, open_source
from streams.sources.lines import Lines, open_bytes

_REASONS = 8  # for so many a reject is shown


def newest_ms() -> int:
    """No event may be later than this, as in a worker."""
    return int(time.time() * 1000) + MAX_AHEAD_MS


class Files:
    """Files on their way through a fold."""

    def __init__(self, paths: tuple[str, ...], format: str) -> None:
        self._paths, self._format = paths, format
        self._sizes = [size_of(path) for path in paths]
        self._now: Source | None = None
        self.skipped: dict[str, int] = {}  #: what gave no event, by reason

    @property
    def size(self) -> int | None:
        """Bytes of all; None: nobody knows."""
        return None if None in self._sizes else sum(size or 0 for size in self._sizes)

    @property
    def unread(self) -> bool:
        """Was there something that is not of this format?"""
        return any(reason.startswith(MALFORMED) for reason in self.skipped)

    def read(self) -> Iterator[Produced]:
        """All records, in the order of the files."""
        for path in self._paths:
            with open_source(path, self._format) as source:
                self._now = source
                yield from source
            if source.first_bad:
                say(f"{safe(path)}:{source.first_bad}: the first line that is no event")
            for reason, count in source.skipped.items():
                self.skipped[reason] = self.skipped.get(reason, 0) + count

    def look(self, bar: Progress, done: int) -> None:
        """Show how far it is: so many events."""
        if self._now is None or self.size is None:
            bar.update(done)
            return
        before = sum(size or 0 for size in self._sizes[: self._paths.index(self._now.path)])
        bar.update(done, before + position(self._now))


def controls_of(path: str | None, report: Report) -> list[Control]:
    """Those of a file; what is none is a reject, as in a worker."""
    latest_ms, found = newest_ms(), []
    if path:
        with open_bytes(path) as raw:
            for line in Lines(raw, path):
                if line.strip():
                    one = parse(line, latest_ms)
                    if isinstance(one, Reject):
                        report.rejects[one.reason] += 1
                        report.examples.setdefault(one.reason, one)
                    else:
                        found.append(one)
    return found


def sum_up(table: Table, report: Report, files: Files, as_of_ms: int, seconds: float, limit: str = "--as-of") -> None:
    """Say on stderr what became of it all; `limit` is the option that leaves out what is newer."""
    counts = table.counts
    if not len(table):
        say("no event to score" + (f": all {report.later:,} are newer than {limit}" if report.later else ""))
    else:
        say(
            f"{len(table):,} users from {counts.folded:,} events as of {moment(as_of_ms)} ({as_of_ms}), "
            f"model {table.model.name}, in {seconds:.1f} s"
        )
    notes = {
        "repeats dropped": counts.repeats,
        "undone": counts.undone,
        "undo of something unknown": counts.undo_unknown,
        "self-engagements": counts.self_engagements,
        f"newer than {limit}": report.later,
    }
    if shown := counted({name: count for name, count in notes.items() if count}):
        say(shown)
    if rejected := report.rejects.total():
        say(f"rejected {rejected:,}: {counted(report.rejects)}; the first of each:")
        for reason, _ in report.rejects.most_common(_REASONS):
            first = report.examples[reason]
            say(f"  {reason}  {safe(first.path)}  {safe(first.message)}")
    if files.skipped:
        say(f"skipped {sum(files.skipped.values()):,}: {counted(files.skipped)}")
