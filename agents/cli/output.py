"""What people and programs see: JSON lines, tables, times, and names made safe for a terminal."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click
import orjson

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDE = 250  # columns when nobody looks at a screen: no cell is cut


def safe(text: str) -> str:
    """The text with everything escaped that a terminal would obey or that would not be seen: no user moves the cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(line: str) -> None:
    """Talk: one line on stderr."""
    click.echo(line, err=True)


def json_line(value: Any) -> None:
    """One object on stdout, as a line, at once."""
    write_lines((value if isinstance(value, bytes) else orjson.dumps(value),))


def write_lines(lines: Iterable[bytes]) -> None:
    """JSON lines on stdout."""
    out = click.get_binary_stream("stdout")
    for line in lines:
        out.write(line + b"\n")
    out.flush()


def console(*, err: bool = False) -> Console:
    """A rich console that neither interprets names as markup nor cuts lines when output goes to a file."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else _WIDE
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=width)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], wide: Sequence[str] = ("user",)) -> Table:
    """A plain table; columns named in `wide` are left-aligned and shrink first, the others are numbers."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        if name in wide:
            made.add_column(name, overflow="ellipsis", no_wrap=True)
        else:
            made.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        made.add_row(*(Text(safe(cell)) for cell in row))
    return made


def leaderboard(records: Sequence[dict[str, Any]], first: int = 1) -> Table:
    """Score records as a ranked table."""
    columns = ("rank", "user", "score", "day", "engagements", "people", "actions", "confidence")
    return table(
        columns,
        (
            (
                str(rank),
                record["user"],
                f"{record['score']:.2f}",
                signed(record["delta"]["day"]),
                f"{record['engagements']:,}",
                f"{record['actors']:,}",
                f"{record['actions']:,}",
                f"{record['confidence']:.0%}",
            )
            for rank, record in enumerate(records, first)
        ),
    )


def signed(points: float | None) -> str:
    """A change of score, or a dot when it is not known."""
    return "·" if points is None else f"{points:+.2f}"


def moment(ms: int) -> str:
    """A time as ISO 8601 in UTC; what no calendar holds stays a number."""
    try:
        at = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"
    return at.isoformat(timespec="milliseconds" if ms % 1000 else "seconds").replace("+00:00", "Z")


def counted(counts: dict[str, int], most: int = 8) -> str:
    """Counts by name as `likes 12, shares 3`, the largest first."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{safe(name)} {count:,}" for name, count in ranked[:most]]
    return ", ".join([*shown, "…"] if len(ranked) > most else shown)
