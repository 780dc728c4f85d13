"""An explanation of a score, as types: what `clout score --explain --json` prints. `streams.model.explain` makes it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from streams.events import KINDS, Kind
from streams.model.influential import Influence
from streams.model.published import AlertRecord, Delta, Parts, Windows
from streams.model.standing import Places, Standing

_KINDS = {"propertyNames": {"enum": list(KINDS)}}
Cause = Literal[
    "like",
    "follow",
    "mention",
    "reply",
    "share",
    "retweet",
    "reversed",
    "links",
    "reach",
    "participation",
    "facts",
    "decay",
    "model",
]
_Days = Annotated[int, Meta(description="so many days after `as_of`", ge=1)]
_Then = Annotated[float, Meta(description="the score then", ge=1, le=100)]
_Decade = Annotated[int, Meta(description="a multiple of ten", ge=10, le=90)]


class OneMore(msgspec.Struct, frozen=True, kw_only=True):
    """What one more engagement would give now, from somebody who never engaged with this user before."""

    score: Annotated[float, Meta(description="of who engages", ge=1, le=100)]
    acted: Annotated[float, Meta(description="their own actions so far, decayed with a half-life of 7 days", ge=0)]
    points: Annotated[dict[Kind, float], Meta(description="points by kind of event", extra_json_schema=_KINDS)]


class OneMoreFrom(msgspec.Struct, frozen=True, kw_only=True):
    """What one more engagement would give now, by who it comes from."""

    average: Annotated[OneMore, Meta(description="from somebody who scores and acts as is usual")]
    selective: Annotated[OneMore, Meta(description="from somebody who scores the same and has not acted lately")]


class NextDecade(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is to the next multiple of ten."""

    score: _Decade
    points: Annotated[float, Meta(description="points to it", ge=0)]
    mass: Annotated[float, Meta(description="mass to it", ge=0)]
    engagements: Annotated[
        dict[Kind, int],
        Meta(
            description="by kind: so many at once reach it, each from another average person; what gives nothing is left out",
            extra_json_schema=_KINDS,
        ),
    ]


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """The score some days later, if nothing happens."""

    days: _Days
    at: Annotated[int, Meta(description="that moment, ms since epoch")]
    score: _Then


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """When a score falls below a multiple of ten, if nothing happens."""

    score: _Decade
    at: Annotated[int | None, Meta(description="the first ms since epoch below it; null: not within ten years")]


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """The score to come, if nothing happens."""

    later: Annotated[list[Later], Meta(max_length=3, description="in 1, 7 and 30 days")]
    below: Annotated[list[Crossing], Meta(max_length=9, description="every multiple of ten below the score, falling")]


class Close(msgspec.Struct, frozen=True, kw_only=True):
    """The score when a day closed, by the model that was in force then."""

    date: Annotated[str, Meta(description="the day, as in 2026-11-28")]
    score: _Then
    model: Annotated[str, Meta(description="name of the model that was in force when the day closed")]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One sort of what moved a score."""

    cause: Annotated[
        Cause,
        Meta(
            description="a kind of event: gained by it. `reversed`: taken back by those who did it. `links`: "
            "what accounts brought that were linked to a person, less what those took away who left. `decay`: silence. "
            "`model`: the constants of the score have changed"
        ),
    ]
    mass: Annotated[float, Meta(description="as it weighs now, or weighed when the day closed")]
    points: float


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What has moved the score since the last daily close."""

    at: Annotated[int | None, Meta(description="that close, ms since epoch; null: there was none")]
    score: Annotated[
        float, Meta(description="the score then; 1, what everybody begins with, if there was no close", ge=1, le=100)
    ]
    points: Annotated[float, Meta(description="how far it has moved since: what the entries add up to")]
    entries: Annotated[list[Entry], Meta(description="what moved it most comes first")]
    networks: Annotated[
        dict[str, float], Meta(description="the points of the kinds again, less what was taken back, by network")
    ]


class LedgerDay(msgspec.Struct, frozen=True, kw_only=True):
    """What has moved the score on a closed day."""

    date: Annotated[str, Meta(description="the day, as in 2026-11-28")]
    score: Annotated[float, Meta(description="the score when it closed", ge=1, le=100)]
    points: Annotated[
        float, Meta(description="how far it had moved since the close before: what the entries add up to")
    ]
    entries: Annotated[list[Entry], Meta(description="what moved it most comes first")]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a user scores what they score, and what would change it. More fields may come: ignore those you do not know."""

    user: Annotated[str, Meta(description="`network:id` or `person:NAME`")]
    score: Annotated[float, Meta(description="1 to 100, as of `as_of`", ge=1, le=100)]
    as_of: Annotated[int, Meta(description="for which moment all of this holds, ms since epoch")]
    model: Annotated[str, Meta(description="name of the model, the named constants that all of this is computed with")]
    event_ts: Annotated[int, Meta(description="time of the newest event in it, ms since epoch")]
    delta: Delta
    engagements: Annotated[int, Meta(description="how many engagements this user got, less those undone")]
    actors: Annotated[int, Meta(description="how many distinct people ever engaged", ge=0)]
    actors_error: Annotated[
        float, Meta(description="0: `actors` is exact; else one standard error, relative", ge=0, le=1)
    ]
    confidence: Annotated[float, Meta(description="how much stands behind the score", ge=0, le=1)]
    provisional: Annotated[bool, Meta(description="few distinct people stand behind it")]
    floored: Annotated[bool, Meta(description="the formula gave less than 1, and 1 is shown")]
    mass: Annotated[float, Meta(description="what the score is a curve of", ge=0)]
    standing: Standing
    places: Annotated[
        Places | UnsetType, Meta(description="left out where nobody else is known, as of a record alone")
    ] = UNSET
    ledger: Ledger
    days: Annotated[
        list[LedgerDay],
        Meta(max_length=7, description="of the last seven closed days those on which something came, oldest first"),
    ]
    parts: Parts
    windows: Annotated[
        Windows,
        Meta(description="The points of the kinds again, by the window that they come from: how lasting they are."),
    ]
    one_more: OneMoreFrom
    next_decade: Annotated[NextDecade | None, Meta(description="null from 90 on: nobody reaches 100")]
    outlook: Outlook
    history: Annotated[list[Close], Meta(max_length=90, description="daily closes, oldest first")]
    influence: Annotated[
        Influence | UnsetType,
        Meta(description="topics, people and moments, as of its own `as_of`; left out until they are known"),
    ] = UNSET
    alerts: Annotated[
        Annotated[list[AlertRecord], Meta(max_length=20)] | UnsetType,
        Meta(description="the latest about this user, newest first; left out without any"),
    ] = UNSET
    person: Annotated[str | UnsetType, Meta(description="whose account this is, `person:NAME`")] = UNSET
    accounts: Annotated[
        Annotated[list[str], Meta(max_length=64)] | UnsetType,
        Meta(description="the accounts that are summed up, by name; only of persons"),
    ] = UNSET
