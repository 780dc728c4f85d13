"""A progress bar on stderr for long work; nothing at all where nobody looks at a terminal."""

from __future__ import annotations

import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.sources import Source

_LOOK_S = 0.1


class Progress:
    """One task. `update` may be called as often as you like: it looks at the clock and mostly does nothing."""

    def __init__(self, bar: Any = None, total: float | None = None) -> None:
        self._bar = bar
        self._next_s = 0.0
        self._task = bar.add_task("", total=total, events=0, rate="") if bar else None
        self._began_s = time.monotonic()

    def update(self, done: int, completed: float | None = None) -> None:
        """`done` things so far; `completed` in the unit of the total (None: the same)."""
        if self._bar is None:
            return
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _LOOK_S
        rate = f"{done / max(now_s - self._began_s, 1e-3):,.0f}/s"
        self._bar.update(self._task, completed=done if completed is None else completed, events=done, rate=rate)


@contextmanager
def progress(what: str, unit: str, total: float | None, *, rated: bool = True) -> Iterator[Progress]:
    """A bar while the block runs, gone afterwards. `total` None: nobody knows how much there is. `rated`: say how fast, too."""
    if not sys.stderr.isatty():
        yield Progress()
        return
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from agents.cli.output import console

    columns = (
        TextColumn(what, markup=False),
        BarColumn(),
        *((TaskProgressColumn(), TimeRemainingColumn()) if total else ()),
        TextColumn("{task.fields[events]:,} " + unit),
        *((TextColumn("{task.fields[rate]}"),) if rated else ()),
    )
    with Bar(*columns, console=console(err=True), transient=True) as bar:
        yield Progress(bar, total)


def size_of(path: str) -> int | None:
    """Bytes of a regular file, None for a pipe."""
    try:
        about = Path(path).stat()
    except (OSError, ValueError):
        return None
    return about.st_size if stat.S_ISREG(about.st_mode) and about.st_size else None


def position(source: Source) -> int:
    """How many bytes of its (compressed) file a source has taken in; 0 when it is closed."""
    raw = source._raw
    return 0 if raw.closed else raw.tell()
