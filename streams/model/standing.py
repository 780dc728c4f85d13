"""Where one stands: the decade of the score, outreach, authority, audience and activity; style is in `streams.model.style`.

    outreach     level 1 + k of 12: 2.7^k - 1 own actions at least. Kred's first two levels are 2.7 apart, too; as there,
                 it never falls: an action that was undone had been done
    curve(x)     100 x^k / (x^k + h^k): 0 for nothing, 50 at h, never 100
    authority    curve of quarter / (people + 5), h = 1.5, k = 2: what the engagement of each person weighs, who they are, what
                 they do and how often they come back; `quarter` is the window of 62.4 days, 5 as in the confidence
    audience     curve of the larger of people and net followers, h = 20, k = 1/2: how many there are
    activity     curve of own actions, decayed with a half-life of 7 days, h = 10, k = 1/2: once a day is 50

`people` are all who ever engaged. The last three are PeerIndex's; all follow from a score record, at whatever time it is read, and
belong to no model: half values and steepness spread the deciles of the Higgs week (everyone with 20 events or more) over the range.
Of persons they are those of the sum of their accounts: one that leaves takes its outreach along.
"""

from __future__ import annotations

from bisect import bisect_right
from math import ceil
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

LEVELS = tuple(ceil(2.7**k - 1) for k in range(12))  #: own actions from which each level of outreach is reached
FEW = 5.0  #: people who are nobody: of few the weight of each is not known well
_MOST = 1e100  # what is more is as much: powers of it can be computed
_AUTHORITY, _AUDIENCE, _ACTIVITY = (1.5, 2.0), (20.0, 0.5), (10.0, 0.5)  # half value, steepness
Label = Literal[
    "curator", "broadcaster", "taste maker", "celebrity",
    "syndicator", "feeder", "thought leader", "pundit",
    "dabbler", "conversationalist", "socializer", "networker",
    "observer", "explorer", "activist", "specialist",
]  # fmt: skip

_Axis = Annotated[float, Meta(ge=-1, le=1)]
_Part = Annotated[float, Meta(ge=0, le=100)]


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """What a user's habits look like. Each axis goes from -1, all of its first word, to 1, all of its second."""

    label: Annotated[
        Label | None, Meta(description="one of Klout's sixteen; null: fewer than 20 events tell too little")
    ]
    sharing_creating: Annotated[
        _Axis, Meta(description="passing on the content of others, or having one's own passed on")
    ]
    broad_focused: Annotated[_Axis, Meta(description="with ever new people, or with the same again")]
    casual_consistent: Annotated[_Axis, Meta(description="there on few of the last eight days, or on many")]
    listening_participating: Annotated[_Axis, Meta(description="clicks, or replies and mentions")]
    events: Annotated[int, Meta(description="done to others and got, so many tell of it", ge=0)]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a user stands, by the numbers of the user alone."""

    decade: Annotated[str, Meta(description="the ten points in which the score lies: `1-10`, `10-20`, to `90-100`")]
    outreach: Annotated[
        int, Meta(description="level of what the user did for others: own actions, on a logarithmic scale", ge=1, le=12)
    ]
    authority: Annotated[_Part, Meta(description="how much the engagement of each person weighs")]
    audience: Annotated[_Part, Meta(description="how many people engaged or follow, on a logarithmic scale")]
    activity: Annotated[_Part, Meta(description="how much the user does, lately")]
    style: Annotated[Style | UnsetType, Meta(description="left out where it is not known; persons have none")] = UNSET


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place on a board; equal scores share one."""

    rank: Annotated[int, Meta(description="1 is the highest", ge=1)]
    of: Annotated[int, Meta(description="how many are on the board", ge=1)]


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where a user stands among others."""

    overall: Annotated[Place | UnsetType, Meta(description="not of accounts of a person")] = UNSET
    percentile: (
        Annotated[float, Meta(description="per cent of those engaged with in 90 days who score less", ge=0, le=100)]
        | UnsetType
    ) = UNSET
    network: Annotated[Place | UnsetType, Meta(description="on the board of the user's network; not of persons")] = (
        UNSET
    )


def standing(record: dict[str, Any], known: Style | UnsetType = UNSET) -> Standing:
    """Of a score record, for its own `as_of`; the style is known from elsewhere."""
    people = max(record["actors"], 0)
    return Standing(
        decade=decade(record["score"]),
        outreach=outreach(record["actions"]),
        authority=curve(record["windows"]["quarter"] / (people + FEW), *_AUTHORITY),
        audience=curve(max(people, record["followers"]), *_AUDIENCE),
        activity=curve(record["acted"], *_ACTIVITY),
        style=known,
    )


def decade(score: float) -> str:
    """The ten points in which a score lies; the last is from 90 on, and nobody scores below 1."""
    low = 10 * min(int(score // 10), 9)
    return f"{max(low, 1)}-{low + 10}"


def outreach(actions: float) -> int:
    """The level, 1 to 12, of so many own actions."""
    return bisect_right(LEVELS, max(actions, 0.0))


def curve(x: float, half: float, steepness: float) -> float:
    """0 for nothing, 50 at `half`, towards 100."""
    part: float = (min(max(x, 0.0), _MOST) / half) ** steepness
    return 100.0 * (part / (1.0 + part))
