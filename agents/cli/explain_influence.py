"""The sections of the page of `--explain` on topics, people and moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.cli.blocks import bar
from agents.cli.explain_sections import ACCENT, BAR, HEAD, LABEL, LEAST, Lines, Sheet
from agents.cli.output import moment, safe
from agents.terminal import GAP, shortened
from streams.fold.rows import EXACT_WHO
from streams.model.explained import Explanation
from streams.model.influential import Friend, Influence, Moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NAME = 40  # cells of a name at most
_WIDE = 12  # cells of a number and what parts it


def topics(found: Explanation, sheet: Sheet) -> Lines:
    """A bar a topic: the points that engagement with it gives."""
    from rich.cells import cell_len
    from rich.text import Text

    known = _known(found)
    shown = known.topics if known else []
    labels = [shortened(safe(one.topic), max(sheet.room // 3, LABEL)) for one in shown]
    wide, most = max([LABEL, *map(cell_len, labels)]), max((one.share for one in shown), default=0.0)
    for label, one in zip(labels, shown, strict=True):
        line = Text.assemble(
            label,
            " " * (wide - cell_len(label) + GAP),
            (f"{_points(found, one.share):6.2f}", HEAD),
            no_wrap=True,
            overflow="ignore",
        )
        said = f"  {_people(one.people)}" + (f", up to {_points(found, one.error):.2f} not sure" if one.error else "")
        if one.topic in sheet.ranks:
            said += f", {_ordinal(sheet.ranks[one.topic])} of its topic"
        room = min(sheet.width - wide - GAP - _WIDE - len(said), BAR)
        if room > 0:
            drawn = bar(one.share / most, room, plain=sheet.plain)
            line.append(" " * GAP).append(drawn, ACCENT).append(" " * (room - cell_len(drawn)))
        yield line.append(said, "dim")


def people(found: Explanation, sheet: Sheet) -> Lines:
    """Who engages with them most, and whom they engage with most, with their shares."""
    from rich.text import Text

    known = _known(found)
    if not known:
        return
    for title, some in (("engage with them", known.influencees), ("they engage with", known.influencers)):
        for number, line in enumerate(_filled([_friend(one) for one in some], sheet.width - len(title) - GAP)):
            yield Text(f"{title if not number else '':{len(title)}}{' ' * GAP}{line}", no_wrap=True, overflow="ignore")


def moments(found: Explanation, sheet: Sheet) -> Lines:
    """Two lines an object: when it began, what it earned, and from whom."""
    from rich.text import Text

    known = _known(found)
    for one in known.moments if known else []:
        said = f"{moment(one.first)[:10]}{' ' * GAP}{_points(found, one.share):6.2f}{' ' * GAP}"
        yield Text(f"{said}{shortened(safe(one.object), sheet.room - len(said))}", no_wrap=True, overflow="ignore")
        yield Text(f"{' ' * len(said)}{_counts(one)} by {_people(one.people)}", "dim")


def _known(found: Explanation) -> Influence | None:
    return found.influence if isinstance(found.influence, Influence) else None


def _points(found: Explanation, share: float) -> float:
    """Points of a share of all engagement."""
    points = share * sum(found.parts.kinds.values())
    return points if points >= LEAST else 0.0


def _people(count: int) -> str:
    if count == 1:
        return "1 person"
    return f"{count} people" if count <= EXACT_WHO else f"about {count:,} people"


def _ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    end = "th" if n // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{end}"


def _counts(one: Moment) -> str:
    """12 likes and 3 retweets, the most first."""
    plural = {"reply": "replies"}
    some = sorted(one.kinds.items(), key=lambda item: -item[1])
    return ", ".join(f"{n:,} {kind if n == 1 else plural.get(kind, f'{kind}s')}" for kind, n in some) or "nothing left"


def _friend(one: Friend) -> str:
    name = f" ({safe(one.name)})" if one.name else ""
    return f"{shortened(safe(one.user), _NAME)}{name} {one.share:.0%}"


def _filled(parts: Sequence[str], room: int) -> Iterator[str]:
    """Lines of parts with commas between them, each as full as it gets."""
    line = ""
    for part in parts:
        if line and len(line) + len(part) + 2 > room:
            yield f"{line},"
            line = ""
        line += f", {part}" if line else part
    if line:
        yield line
