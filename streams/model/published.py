"""What is published about a user, as types: the score record and the alert. Schemas and the tables of the docs come of them.

Score records are written by `streams.fold.record`; tests hold what it writes against these fields.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from streams.events import KINDS, Kind
from streams.model.rules import Cause, Severity

State = Literal["raised", "recovered", "settled"]  #: of an alert

_Model = Annotated[str, Meta(description="name of the model, the named constants that the score is computed with")]
_User = Annotated[str, Meta(description="`network:id`")]
_Version = Annotated[int, Meta(description="orders records of a user everywhere: keep the highest")]

#: of a user, in answers
DisplayName = Annotated[
    str | UnsetType,
    Meta(
        description="what they are called, a handle with an @ before it; where it is known. Anybody may be called anything"
    ),
]


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """Decayed sums of engagement, as of `as_of`. At another time: times `0.5 ** (elapsed / half-life)`."""

    day: Annotated[float, Meta(description="half-life of a day")]
    week: Annotated[float, Meta(description="half-life of 7 days")]
    quarter: Annotated[float, Meta(description="half-life of 62.4 days")]


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the score is made of, in points: `kinds`, `reach`, `participation` and `facts` add up to it (before the floor)."""

    kinds: Annotated[
        dict[Kind, float],
        Meta(
            description="points by kind of event; a kind that gave none is left out",
            extra_json_schema={"propertyNames": {"enum": list(KINDS)}},
        ),
    ]
    networks: Annotated[dict[str, float], Meta(description="the kinds again, by network")]
    reach: Annotated[float, Meta(description="points for net followers")]
    participation: Annotated[float, Meta(description="points for the user's own actions")]
    facts: Annotated[
        dict[str, float] | UnsetType, Meta(description="points for facts, by name; only where there are some")
    ] = UNSET


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """How the score has changed."""

    # marks are at full hours, UTC, and 20 and 40 minutes past. The score at a mark is that by the events before it, by event time;
    # an undo counts when it was done, facts, links and a stated number of followers as if they had been known then
    hour: Annotated[
        float | UnsetType,
        Meta(
            description="change since the third mark before the last, 60 to 80 minutes ago; left out where there was nothing "
            "then, and of persons who have events since"
        ),
    ] = UNSET
    day: Annotated[float | None, Meta(description="change since the last daily close; null until there is one")]
    week: Annotated[
        float | UnsetType, Meta(description="since the close six days before that one; left out where there was none")
    ] = UNSET
    month: Annotated[
        float | UnsetType, Meta(description="since the close 29 days before the last; left out where there was none")
    ] = UNSET


_Sums = Annotated[list[float], Meta(min_length=3, max_length=3)]


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """What has come since a daily close, on one day; sums are as of `as_of`, of the windows of a day, a week and a quarter."""

    at: Annotated[
        int,
        Meta(
            description="that close, ms since epoch: the last one, or an earlier one on whose day something came last"
        ),
    ]
    mass: (
        Annotated[float, Meta(description="what the score was a curve of then; left out: there was no close", ge=0)]
        | UnsetType
    ) = UNSET
    kinds: Annotated[
        dict[Kind, _Sums],
        Meta(
            description="weighted engagement by kind of event; a kind of which none came is left out",
            extra_json_schema={"propertyNames": {"enum": list(KINDS)}},
        ),
    ]
    reversed: Annotated[_Sums | UnsetType, Meta(description="what was taken back, negative")] = UNSET
    links: Annotated[
        _Sums | UnsetType,
        Meta(description="only of persons: what accounts brought that were linked, less what those took away who left"),
    ] = UNSET
    acted: Annotated[float, Meta(description="the user's own actions")] | UnsetType = UNSET
    followers: Annotated[int, Meta(description="how many more net followers")] | UnsetType = UNSET
    facts: Annotated[float, Meta(description="mass of all facts then; left out for 0", ge=0)] | UnsetType = UNSET
    networks: Annotated[
        dict[str, _Sums] | UnsetType,
        Meta(description="only of persons: the kinds again, less what was taken back, by network"),
    ] = UNSET


class FactMass(msgspec.Struct, frozen=True, kw_only=True):
    """What a fact gives. It fades from its date on, with the half-life of its name."""

    mass: Annotated[float, Meta(description="at its date", ge=0)]
    date: Annotated[int, Meta(description="for when it was stated, ms since epoch")]


class ScoreRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The score of one user at one moment, and what it is made of. More fields may come: ignore those you do not know."""

    user: _User
    score: Annotated[float, Meta(description="1 to 100, as of `as_of`", ge=1, le=100)]
    as_of: Annotated[int, Meta(description="for which moment this was computed, ms since epoch")]
    model: _Model
    version: _Version
    event_ts: Annotated[int, Meta(description="time of the newest event in it, done or received, ms since epoch")]
    engagements: Annotated[int, Meta(description="how many engagements this user got, less those undone")]
    actors: Annotated[int, Meta(description="how many distinct people ever engaged; an undo does not lower it", ge=0)]
    actors_error: Annotated[
        float,
        Meta(description="0: `actors` is exact (up to 16); else one standard error of it, relative: 0.065", ge=0, le=1),
    ]
    actions: Annotated[int, Meta(description="how many this user made")]
    windows: Windows
    followers: Annotated[int, Meta(description="follows less unfollows; may be negative")]
    acted: Annotated[float, Meta(description="the user's own actions, decayed with a half-life of 7 days")]
    floored: Annotated[bool, Meta(description="the formula gave less than 1, and 1 is shown")]
    parts: Parts
    delta: Delta
    confidence: Annotated[
        float, Meta(description="`actors / (actors + 5)`: how much stands behind the score", ge=0, le=1)
    ]
    provisional: Annotated[bool, Meta(description="fewer than five distinct people")]
    since: Annotated[
        Since | UnsetType, Meta(description="only of those to whom something came within the last week")
    ] = UNSET
    facts: Annotated[
        dict[str, FactMass] | UnsetType,
        Meta(description="what each fact gives; only where there are some"),
    ] = UNSET
    person: Annotated[
        str | UnsetType, Meta(description="whose account this is, `person:NAME`; only of accounts that are linked")
    ] = UNSET
    accounts: Annotated[
        Annotated[list[str], Meta(max_length=64)] | UnsetType,
        Meta(description="the accounts that are summed up, by name; only of persons"),
    ] = UNSET


class AlertCause(msgspec.Struct, frozen=True, kw_only=True):
    """Points that came of one cause since the score that is compared with."""

    cause: Cause
    points: float


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What a score is compared with."""

    score: Annotated[float, Meta(description="the score then, or the line")]
    at: Annotated[int | None, Meta(description="when that was, ms since epoch; null: a line")]


class AlertRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A rule began to hold for somebody, or no longer does. More fields may come: ignore those you do not know."""

    id: Annotated[str, Meta(description="`rule/user/episode/state`, unique: who acts on alerts can tell repeats by it")]
    rule: Annotated[str, Meta(description="name of the rule")]
    state: Annotated[
        State,
        Meta(
            description="`raised`; then once `recovered`: it is better again by the margin of the rule, or `settled`: the time "
            "that the rule looks back on has passed, and the score has stayed where it is; or the account was linked, and its "
            "person is judged in its place"
        ),
    ]
    severity: Severity
    user: _User
    episode: Annotated[
        int, Meta(description="moment at which it was raised, ms since epoch: its alerts have it in common")
    ]
    at: Annotated[int, Meta(description="moment of the judgement, ms since epoch")]
    score: Annotated[float, Meta(description="the score now", ge=1, le=100)]
    reference: Reference
    change: Annotated[
        float, Meta(description="points from the score of the reference to that of now; negative: a fall")
    ]
    cause: Annotated[Cause, Meta(description="what moved the score most in that direction")]
    causes: Annotated[list[AlertCause], Meta(description="all of it, what moved most first; together `change`")]
    sentence: Annotated[str, Meta(description="the same for people")]
    objects: Annotated[
        list[str],
        Meta(description="what the score rests on, or rose by: the objects that weigh most, where the row keeps them"),
    ]
    people: Annotated[list[str], Meta(description="who engages with them most, where the row keeps them")]
    policies: Annotated[
        int, Meta(description="offset in `policies` of the last policy the judgement knew; -1: there was none")
    ]
    model: _Model
    version: _Version


class FeedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The feed of a network is broken, or well again: about nobody. More fields may come: ignore those you do not know."""

    type: Annotated[Literal["feed"], Meta(description="an alert about somebody has no `type`")] = "feed"
    id: Annotated[str, Meta(description="`gap/network/since/state`, unique: who acts on alerts can tell repeats by it")]
    network: Annotated[str, Meta(description="what stands before the colon of its users")]
    state: Annotated[Literal["raised", "recovered"], Meta(description="`raised`; then once `recovered`")]
    severity: Severity = "warning"
    at: Annotated[int, Meta(description="moment at which it was noticed, ms since epoch")]
    since: Annotated[int, Meta(description="since when nothing comes, ms since epoch: its alerts have it in common")]
    until: Annotated[int | None, Meta(description="until when nothing came, ms since epoch; null: it is still on")]
    by: Annotated[
        Literal["declared", "silence"], Meta(description="who says so: somebody, or a worker that noticed the silence")
    ]
    expected: Annotated[float, Meta(description="how many events usually come in that time; 0: that is not known", ge=0)]
    sentence: Annotated[str, Meta(description="the same for people")]
    policies: Annotated[int, Meta(description="offset in `policies` of the last policy that was known")]
    version: _Version
