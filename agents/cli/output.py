"""What people and programs see: JSON lines, tables, times, and names made safe for a terminal."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click
import orjson

from agents.terminal import GAP, fit, safe, shortened

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_ENDLESS = 1_000_000  # columns when nobody looks at a screen: no cell is cut
_KEPT = 3  # columns that a narrow screen keeps: rank, user, score

__all__ = ["safe"]  # it lives below, for the demo needs it too


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
    width = None if stream.isatty() else _ENDLESS
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=width)


class Table:
    """A plain table for a console. Columns named in `wide` are left-aligned and shrink, others are numbers and never do.

    Users are cut in the middle, other text at its end. A screen too narrow for all numbers loses columns from the right.
    """

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[str]], wide: Sequence[str] = ("user",)) -> None:
        self._columns = columns
        self._rows = [[safe(cell) for cell in row] for row in rows]
        self._wide = frozenset(number for number, name in enumerate(columns) if name in wide)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """A line for the names and one for each row, as the width of the console allows."""
        from rich.cells import cell_len
        from rich.text import Text

        natural = [
            max(cell_len(row[number]) for row in [self._columns, *self._rows]) for number in range(len(self._columns))
        ]
        drop = [number for number in range(len(natural) - 1, _KEPT - 1, -1) if number not in self._wide]
        widths = fit(natural, options.max_width, flexible=self._wide, drop=drop)
        for row, style in ((self._columns, "bold"), *((row, "") for row in self._rows)):
            cells = [self._cell(number, row[number], width) for number, width in widths.items()]
            yield Text((" " * GAP).join(cells).rstrip(), style, no_wrap=True, overflow="ignore")

    def _cell(self, number: int, text: str, width: int) -> str:
        from rich.cells import cell_len, set_cell_size

        if cell_len(text) > width:
            whose = self._columns[number] == "user"
            text = shortened(text, width) if whose else set_cell_size(text, width - 1).rstrip() + "…"
        blank = " " * (width - cell_len(text))
        return text + blank if number in self._wide else blank + text


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], wide: Sequence[str] = ("user",)) -> Table:
    """See Table."""
    return Table(columns, rows, wide)


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
