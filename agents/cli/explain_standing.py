"""The section of the page of `--explain` on where a user stands: rank, the three parts, outreach, and style on its four axes."""

from __future__ import annotations

from agents.cli.blocks import bar, scale
from agents.cli.explain_sections import ACCENT, BAR, HEAD, LABEL, Lines, Sheet
from agents.cli.places import in_words
from agents.terminal import GAP
from streams.model.explained import Explanation
from streams.model.standing import LEVELS, Style
from streams.model.style import LEAST_EVENTS

_PARTS = ("authority", "audience", "activity")
_AXES = (("sharing", "creating"), ("broad", "focused"), ("casual", "consistent"), ("listening", "participating"))
_FIRST, _SECOND = (max(len(axis[side]) for axis in _AXES) for side in (0, 1))
_LONGEST = 41  # cells of an axis at most: odd, so it has a middle


def stands(found: Explanation, sheet: Sheet) -> Lines:
    """The decade with the ranks, a bar a part of 100, the level of outreach, and the style if it is known."""
    from rich.text import Text

    own = found.standing
    yield Text(f"between {own.decade.replace('-', ' and ')}")
    places = in_words(found.places, found.user, found.person) if found.places else []
    for some in filter(None, (places[:2], places[2:])):
        yield Text(", ".join(some))
    room = min(sheet.width - LABEL - 2 * GAP - len("100.00"), BAR)
    for name in _PARTS:
        value: float = getattr(own, name)
        line = Text.assemble(f"{name:{LABEL}}", " " * GAP, (f"{value:6.2f}", HEAD), no_wrap=True, overflow="ignore")
        if room > 0:
            line.append(" " * GAP).append(bar(value / 100.0, room, plain=sheet.plain), ACCENT)
        yield line
    following = (
        f", {own.outreach + 1} from {LEVELS[own.outreach]:,} own actions on" if own.outreach < len(LEVELS) else ""
    )
    yield Text.assemble(f"{'outreach':{LABEL}}", " " * GAP, (f"level {own.outreach}", HEAD), following)
    if own.style:
        yield from _style(own.style, sheet)
    yield Text("of 100 each: what a person's engagement weighs, people, own actions lately", "dim")


def _style(style: Style, sheet: Sheet) -> Lines:
    """The label, and a line an axis with a mark on it."""
    from rich.text import Text

    told = style.label or "too little to tell"
    seen = "1 event" if style.events == 1 else f"{style.events:,} events"
    why = f"by {seen}: habits, no judgement" if style.label else f"{seen}, {LEAST_EVENTS} at least are needed"
    yield Text.assemble(f"{'style':{LABEL}}", " " * GAP, (told, HEAD), f", {why}")
    if not style.label:
        return
    room = min(sheet.width - _FIRST - _SECOND - 2 * GAP, _LONGEST)
    for first, second in _AXES:
        mark = scale(getattr(style, f"{first}_{second}"), room - 1 + room % 2, plain=sheet.plain)
        yield Text.assemble(f"{first:>{_FIRST}}", " " * GAP, (mark, ACCENT), " " * GAP, second, no_wrap=True)
