"""The section of the page of `--explain` on what moved a score: since the last daily close, and on the closed days before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agents.cli.blocks import bar
from agents.cli.explain_sections import ACCENT, BAR, HEAD, LABEL, LEAST, Lines, Sheet
from agents.cli.output import moment, safe
from agents.terminal import GAP
from streams.events import TOPIC_OF
from streams.model.explained import Entry, Explanation, LedgerDay

#: causes that are not called by their names
WORDS = TOPIC_OF | {"reversed": "taken back", "links": "accounts", "decay": "silence", "model": "the model changed"}
_NONE = "nothing that shows"
_MOST, _BESIDE = 3, 30  # entries of a day that are named; cells that they need to stand beside its score
_SCORE = len("100.00")


class _Columns(NamedTuple):
    """Cells of what all lines have."""

    label: int
    points: int

    @property
    def both(self) -> int:
        """And of the gaps behind them."""
        return self.label + self.points + 2 * GAP


def moved(found: Explanation, sheet: Sheet) -> Lines:
    """A line an entry since the last daily close, and what they add up to; then a line a day, the newest first."""
    from rich.text import Text

    now, days = found.ledger, found.days[::-1]
    if not (now.entries or days):
        return
    seen = _seen(now.entries)
    figures = [_signed(one.points) for one in seen] + [_signed(day.points) for day in days]
    columns = _Columns(max([LABEL, *(len(_word(one)) for one in seen)]), max([_SCORE, *map(len, figures)]))
    if now.at is None:
        yield Text("begun today, everybody begins with 1")
    else:
        yield Text(f"since the close at {moment(now.at)}, {now.score:.2f} then")
    yield from _entries(seen, columns, sheet)
    gained = {name: points for name, points in now.networks.items() if abs(points) >= LEAST}
    if found.accounts and gained:
        most = sorted(gained.items(), key=lambda one: -abs(one[1]))
        yield Text("by network: " + ", ".join(f"{safe(name)} {_signed(points)}" for name, points in most), "dim")
    if seen or abs(now.points) >= LEAST:
        yield Text.assemble((_signed(now.points), HEAD), f" in all, {now.score:.2f} to {found.score:.2f}")
    if days:
        yield Text("earlier days, each with its close:")
        yield from _days(days, columns, sheet)
    if any(one.cause == "decay" for entries in (seen, *(_seen(day.entries) for day in days)) for one in entries):
        yield Text("silence: what came earlier counts for less as time goes by", "dim")


def _entries(seen: Sequence[Entry], columns: _Columns, sheet: Sheet) -> Lines:
    """Label, points and a bar each: to the right what was gained, to the left what was lost, on one scale."""
    from rich.text import Text

    if not seen:
        yield Text(_NONE)
        return
    up, down = (max([0.0, *(sign * one.points for one in seen)]) for sign in (1, -1))
    cells = min(sheet.width - columns.both, BAR) - 1  # less the axis
    left = min(max(round(cells * down / (up + down)), down > 0), cells - (up > 0))
    for one in seen:
        line = Text(f"{_word(one):{columns.label + GAP}}", no_wrap=True, overflow="ignore")
        line.append(f"{_signed(one.points):>{columns.points}}", HEAD)
        if cells > 1:
            lost = bar(-one.points / down, left, plain=sheet.plain) if one.points < 0 else ""
            gained = bar(one.points / up, cells - left, plain=sheet.plain) if one.points > 0 else ""
            line.append(" " * (GAP + left - len(lost))).append(lost[::-1].replace("╸", "╺"), "dim")
            line.append("|" if sheet.plain else "│", "dim").append(gained, ACCENT)
        yield line


def _days(days: Sequence[LedgerDay], columns: _Columns, sheet: Sheet) -> Lines:
    """Date, points, the close, and the largest entries in words: beside it, or on a narrow sheet below it."""
    from rich.text import Text

    room = sheet.width - columns.both - _SCORE - GAP
    for day in days:
        line = Text(f"{day.date:{columns.label + GAP}}", no_wrap=True, overflow="ignore")
        line.append(f"{_signed(day.points):>{columns.points}}", HEAD).append(f"{day.score:{GAP + _SCORE}.2f}")
        if room >= _BESIDE:
            yield line.append(" " * GAP).append(_largest(day.entries, room), "dim")
        else:
            yield line
            yield Text(" " * GAP + _largest(day.entries, sheet.width - GAP), "dim", no_wrap=True, overflow="ignore")


def _largest(entries: Sequence[Entry], room: int) -> str:
    """As many as have room: `likes +1.20, silence -0.35`."""

    def said() -> Iterator[str]:
        left = room
        for one in _seen(entries)[:_MOST]:
            text = f"{_word(one)} {_signed(one.points)}"
            left -= len(text) + len(", ")
            if left < -len(", "):
                return
            yield text

    return ", ".join(said()) or _NONE


def _seen(entries: Sequence[Entry]) -> list[Entry]:
    """Those that show, in their order: what moved most comes first."""
    return [one for one in entries if abs(one.points) >= LEAST]


def _word(one: Entry) -> str:
    return WORDS.get(one.cause, one.cause)


def _signed(points: float) -> str:
    return f"{points:+z,.2f}"
