"""Which files `clout feed` is to send, and whether what was asked for fits them."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from streams.errors import UsageError

SYNTHETIC = "synthetic"
PIPE = "-"


class Asked(NamedTuple):
    """What was asked for."""

    format: str
    column: Mapping[str, str]
    value: Mapping[str, str]
    rate: float | None
    realtime: bool
    speed: float | None
    limit: int | None
    from_line: int | None
    follow: bool
    users: int
    seed: int
    linked: float
    json: bool


def expanded(sources: Sequence[str]) -> list[str]:
    """The files in the order given, those of a pattern in the order of their names. Raises UsageError for one without any."""
    found: list[str] = []
    for source in sources:
        if not glob.has_magic(source) or Path(source).exists():
            found.append(source)
        elif some := sorted(glob.glob(source, recursive=True)):  # noqa: PTH207 - a pattern as shells have it, absolute or not
            found += some
        else:
            raise UsageError(f"no file matches {source} (looked from {Path.cwd()})")
    return found


def checked(paths: Sequence[str], asked: Asked) -> None:
    """Raises UsageError for what makes no sense together."""
    apart = next((path for path in paths if path in (SYNTHETIC, PIPE)), None)
    own_pace = asked.realtime or asked.speed is not None
    if apart and len(paths) > 1:
        raise UsageError(f"{apart} cannot be sent together with others; name it alone")
    if asked.linked and apart != SYNTHETIC:
        raise UsageError("--linked is for the generator; links of other users: clout control link --file FILE")
    if asked.from_line is not None and apart == SYNTHETIC:
        raise UsageError("--from-line is for files: the generator makes other events each time it is started")
    if asked.from_line is not None and apart == PIPE:
        raise UsageError(
            f"--from-line is for files; of a pipe, send the rest: tail -n +{asked.from_line} FILE | clout feed -"
        )
    if asked.follow and (apart or len(paths) > 1):
        raise UsageError("--follow is for one file")
    if own_pace and (apart or asked.follow or asked.rate):
        raise UsageError("--realtime and --speed are for files that end, and without --rate")
    if (asked.column or asked.value) and asked.format != "csv":
        raise UsageError("--column and --value are for --format csv")
