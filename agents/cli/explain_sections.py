"""The sections of the page of `--explain`: each makes lines of an explanation, or none if it has nothing to say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from agents.cli.blocks import bar, change, sparkline
from agents.cli.output import moment, safe, table
from agents.cli.places import Account
from agents.terminal import GAP, shortened
from streams.events import TOPIC_OF
from streams.model import versions
from streams.model.explained import Explanation, OneMore
from streams.model.outlook import FARTHEST_MS
from streams.model.versions import DAY_MS

if TYPE_CHECKING:
    from rich.console import RenderableType

HEAD, ACCENT = "bold", "#e8590c"
LEAST = 0.005  #: points of a part that is shown
LABEL, BAR = 13, 60  #: cells of a label at least, of a bar at most
_TABLE = 40  # cells of a table of four columns
_HOUR_MS = 3_600_000
_YEAR_MS = 365 * DAY_MS


class Sheet(NamedTuple):
    """What a section is written on, and what an explanation does not say itself."""

    width: int
    room: int  #: for lines with names, which a pipe gets in full
    plain: bool  #: no UTF-8
    accounts: tuple[Account, ...] = ()  #: of a person, the highest first
    ranks: Mapping[str, int] = {}  #: place on the board of a topic, where there is one


Lines = Iterator["RenderableType"]


def parts(found: Explanation, sheet: Sheet) -> Lines:
    """A bar a part, the largest first; then how lasting the engagement is."""
    from rich.text import Text

    points = {TOPIC_OF[kind]: points for kind, points in found.parts.kinds.items()}
    points |= {"reach": found.parts.reach, "participation": found.parts.participation}
    points |= {f"fact {safe(name)}": points for name, points in (found.parts.facts or {}).items()}
    bars = list(_bars(points, sheet))
    yield from bars
    if found.floored:
        said = "less than a point all together" if bars else "nothing that still counts"
        yield Text(f"{said}; nobody is shown below 1")
    if sum(found.parts.kinds.values()) >= LEAST:
        lives = zip(("day", "week", "quarter"), versions.model(found.model).half_lives_d, strict=True)
        halves = ", ".join(f"{getattr(found.windows, name):.2f} every {_days(days)}" for name, days in lives)
        yield Text(f"what engagement gave halves: {halves}", "dim")


def networks(found: Explanation, sheet: Sheet) -> Lines:
    """Of persons: a bar a network, and their accounts."""
    from rich.cells import cell_len
    from rich.text import Text

    if not found.accounts:
        return
    names = [shortened(safe(one.user), sheet.room - GAP - len("100.00")) for one in sheet.accounts]
    wide = max(LABEL, max(map(cell_len, names), default=0))
    yield from _bars({safe(name): points for name, points in found.parts.networks.items()}, sheet, wide)
    for one, name in zip(sheet.accounts, names, strict=True):
        line = Text.assemble(
            name, " " * (wide - cell_len(name) + GAP), (f"{one.score:6.2f}", HEAD), no_wrap=True, overflow="ignore"
        )
        if one.place and cell_len(line.plain) + GAP + len(one.place) <= sheet.room:
            line.append(f"  {one.place}", "dim")
        yield line


def history(found: Explanation, sheet: Sheet) -> Lines:
    """The daily closes as a sparkline, with the first, the last, the lowest and the highest."""
    from rich.text import Text

    if not found.history:
        return
    first, last = found.history[0], found.history[-1]
    if len(found.history) == 1:
        yield Text(f"{last.score:.2f} at the close of {last.date}, the first one")
        return
    low, high = min(found.history, key=lambda one: one.score), max(found.history, key=lambda one: one.score)
    yield Text(sparkline([one.score for one in found.history], sheet.width, plain=sheet.plain), ACCENT, no_wrap=True)
    yield Text(f"{first.score:.2f} on {first.date}, {last.score:.2f} on {last.date}")
    yield Text(f"lowest {low.score:.2f} on {low.date}, highest {high.score:.2f} on {high.date}", "dim")


def one_more(found: Explanation, sheet: Sheet) -> Lines:
    """A line a kind: what one gives from either person, and how many reach the next multiple of ten."""
    from rich.text import Text

    average, selective, following = found.one_more.average, found.one_more.selective, found.next_decade
    if sheet.width < _TABLE:
        following = None
    digits = _digits(min(average.points.values()))
    heads = ["kind", "average", "selective"]
    rows = [[kind, *(f"+{of.points[kind]:.{digits}f}" for of in (average, selective))] for kind in average.points]
    if following:
        heads.append(f"for {following.score}")
        needed = [following.engagements.get(kind) for kind in average.points]
        rows = [[*row, f"{n:,}" if n else "-"] for row, n in zip(rows, needed, strict=True)]
    yield table(heads, rows, wide=("kind",))
    if following:
        away = f"{following.score} is {following.points:.2f} points away"
        yield Text(f"{away}: so many of one kind at once, from as many average people, are enough")
    yield Text(f"average: from somebody new {_who(average)}", "dim")
    yield Text(f"selective: from somebody new {_who(selective)}", "dim")


def outlook(found: Explanation, sheet: Sheet) -> Lines:
    """The score in some days, and when it falls below each multiple of ten."""
    from rich.text import Text

    for later in found.outlook.later:
        fall = change(later.score - found.score, plain=sheet.plain)
        when = "in 1 day" if later.days == 1 else f"in {later.days} days"
        yield Text.assemble(f"{when:{LABEL}}  ", (f"{later.score:6.2f}", HEAD), f"  {fall}")
    for crossing in found.outlook.below:
        if crossing.at is None:
            yield Text(f"not below {crossing.score} within {FARTHEST_MS // _YEAR_MS} years")
            return
        date, spell = moment(crossing.at)[:10], _spell(crossing.at - found.as_of)
        yield Text(f"below {crossing.score} on {date}, in {spell}")


def _bars(points: dict[str, float], sheet: Sheet, wide: int = LABEL) -> Lines:
    """Label in so many cells or more, points and a bar each, the most first; the longest bar is that of the most."""
    from rich.cells import cell_len
    from rich.text import Text

    shown = sorted(((given, name) for name, given in points.items() if given >= LEAST), reverse=True)
    most = max((given for given, _ in shown), default=1.0)
    labels = [shortened(name, max(sheet.room // 2, LABEL)) for _, name in shown]
    wide = max(wide, *map(cell_len, labels)) if labels else wide
    room = min(sheet.width - wide - 2 * GAP - len("100.00"), BAR)
    for label, (given, _) in zip(labels, shown, strict=True):
        line = Text.assemble(
            label, " " * (wide - cell_len(label) + GAP), (f"{given:6.2f}", HEAD), no_wrap=True, overflow="ignore"
        )
        if room > 0:
            line.append(" " * GAP).append(bar(given / most, room, plain=sheet.plain), ACCENT)
        yield line


def _digits(points: float) -> int:
    """How many behind the point show two that say something, 2 to 6."""
    return min(max(1 - math.floor(math.log10(points)), 2), 6) if points > 0 else 2


def _who(person: OneMore) -> str:
    """Somebody who engages, in words."""
    acted = f"with {person.acted:g} own actions lately" if person.acted else "without own actions lately"
    return f"who scores {person.score:.0f}, {acted}"


def _days(days: float) -> str:
    return "day" if days == 1 else f"{days:g} days"


def _spell(ms: int) -> str:
    """A span of time in the unit that fits it, rounded down."""
    units = ((2 * _YEAR_MS, _YEAR_MS, "years"), (2 * DAY_MS, DAY_MS, "days"), (2 * _HOUR_MS, _HOUR_MS, "hours"))
    for least, unit, name in units:
        if ms >= least:
            return f"{ms / unit:.1f} {name}" if unit == _YEAR_MS else f"{ms // unit} {name}"
    return f"{max(ms // 60_000, 1)} minutes"
