"""The page of `--explain`: who, how much, how sure; then the sections, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from agents.cli.alert_lines import alerts
from agents.cli.blocks import ROWS, change, large
from agents.cli.explain_influence import moments, people, topics
from agents.cli.explain_ledger import moved
from agents.cli.explain_sections import ACCENT, HEAD, Sheet, history, networks, one_more, outlook, parts
from agents.cli.explain_standing import stands
from agents.cli.output import console, json_line, moment, safe
from agents.cli.places import Account
from agents.terminal import GAP, shortened
from streams.model.explained import Explanation

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

WIDEST = 100  #: columns of a page; more are hard to read across
_INDENT = 2  # of all below a heading
_BESIDE = 36  # cells of text beside large digits, at least
_SURE = ((0.95, "very sure"), (0.8, "sure"), (0.0, "fairly sure"))  # at least this confidence, from many to few people
_SECTIONS = (
    ("Where you stand", stands),
    ("What it is made of", parts),
    ("Where it comes from", networks),
    ("What it is for", topics),
    ("Who moves whom", people),
    ("Best moments", moments),
    ("What moved it", moved),
    ("Alerts", alerts),
    ("History", history),
    ("What one more would give", one_more),
    ("If nothing happens", outlook),
)


class Page:
    """An explanation as a page, as wide as the console and at most `WIDEST`; a pipe gets names in full.

    `accounts` are those of a person, `ranks` the places on boards of topics.
    """

    def __init__(
        self, found: Explanation, accounts: Sequence[Account] = (), ranks: Mapping[str, int] | None = None
    ) -> None:
        self._found, self._ranks = found, ranks or {}
        self._accounts = tuple(sorted(accounts, key=lambda one: -one.score))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The sections that have something to say, a blank line before each."""
        from rich.segment import Segment
        from rich.text import Text

        width, plain = min(options.max_width, WIDEST), options.ascii_only
        yield from self._top(options, width, beside=console.is_terminal and not plain)
        sheet = Sheet(width - _INDENT, options.max_width - _INDENT, plain, self._accounts, self._ranks)
        for title, section in _SECTIONS:
            lines = list(section(self._found, sheet))
            if lines:
                yield Text(f"\n{title}", HEAD)
            for line in lines:
                for row in console.render_lines(line, options.update_width(sheet.width), pad=False):
                    yield from (Segment(" " * _INDENT), *row, Segment.line())

    def _top(self, options: ConsoleOptions, width: int, *, beside: bool) -> Iterator[RenderableType]:
        """Who, how much, how sure; beside large digits, if there is room."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        found, score = self._found, f"{self._found.score:.2f}"
        digits = large(f"{found.score:.1f}")
        left = len(digits[0]) + 2 * GAP
        beside = beside and width >= left + _BESIDE
        name = shortened(safe(found.user), options.max_width - len(score) - GAP - (left if beside else 0))
        lines = [
            Text.assemble((name, HEAD), " " * GAP, (score, f"bold {ACCENT}")),
            *map(Text, self._said(plain=options.ascii_only)),
            Text(f"model {found.model}, as of {moment(found.as_of)}, newest event {moment(found.event_ts)}", "dim"),
        ]
        if not beside:
            yield from lines
            return
        grid = Table.grid(padding=(0, 2 * GAP, 0, 0))
        grid.add_column(width=len(digits[0]), no_wrap=True)
        grid.add_column(max_width=width - left)
        grid.add_row(Text("\n".join(digits), ACCENT), Group(*lines[:ROWS]))
        yield grid
        yield Text("")
        yield from lines[ROWS:]

    def _said(self, *, plain: bool) -> Iterator[str]:
        found, day = self._found, self._found.delta.day
        if day is not None:
            yield f"{change(day, plain=plain)} since the last daily close"
        yield f"{sure(found)}: {behind(found)}"


def show(
    found: Explanation,
    accounts: Sequence[Account] = (),
    ranks: Mapping[str, int] | None = None,
    *,
    json: bool = False,
) -> None:
    """The page on stdout, or the explanation as a line of JSON."""
    if json:
        json_line(msgspec.json.encode(found))
    else:
        console().print(Page(found, accounts, ranks))


def sure(found: Explanation) -> str:
    """The confidence in words."""
    return "provisional" if found.provisional else next(word for least, word in _SURE if found.confidence >= least)


def behind(found: Explanation) -> str:
    """How much stands behind a score."""
    if not found.actors:
        return "nobody has engaged yet"
    about = "about " if found.actors_error else ""
    some = "1 person" if found.actors == 1 else f"{about}{found.actors:,} people"
    what = "1 engagement" if found.engagements == 1 else f"{found.engagements:,} engagements"
    return f"{what} by {some}, confidence {found.confidence:.0%}"
