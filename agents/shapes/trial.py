"""What a rule would have told, as an answer."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta

from agents.shapes.users import AsOf, MayBePartial
from streams.model.published import State

Score = Annotated[float, Meta(ge=1, le=100)]


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One alert as it would have been, judged at a daily close."""

    user: Annotated[str, Meta(description="`network:id` or `person:NAME`")]
    state: Annotated[State, Meta(description="as the topic `alerts` has it")]
    date: Annotated[str, Meta(description="the day that closed, as in 2026-11-28")]
    score: Annotated[Score, Meta(description="when it closed")]
    before: Annotated[Score, Meta(description="the score that it is compared with; of a line that of the close before")]
    compared: Annotated[str | None, Meta(description="the day of that score; null: a line")]
    change: Annotated[float, Meta(description="points from `before` to `score`")]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts there would have been, by their states."""

    raised: int
    recovered: int
    settled: int


class Trial(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """What a rule would have told over the daily closes that there are. Nothing was sent."""

    items: Annotated[list[Tried], Meta(description="at most 200, the newest first")]
    counts: Annotated[Counts, Meta(description="of all, also of those that are not among `items`")]
    alerted: Annotated[int, Meta(description="about how many users", ge=0)]
    judged: Annotated[
        int, Meta(description="how many users were judged: at most 500, those with the highest scores", ge=0)
    ]
    of: Annotated[int, Meta(description="of so many whom the rule is for", ge=0)]
    since: Annotated[str | None, Meta(description="the oldest day that was judged; null: there are no closes")]
    until: Annotated[str | None, Meta(description="the newest one")]
    not_judged: Annotated[list[str], Meta(description="what closes do not tell, for people")]
    as_of: AsOf
    partial: MayBePartial = UNSET
