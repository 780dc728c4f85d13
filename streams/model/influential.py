"""What is known of a user beside the score, as types: topics, whom they influence, who influences them, their best moments.

All are shares of the quarter window (half-life 62.4 days), in which everything halves alike: so a share holds until something new
comes. `streams.model.influence` makes it; Redis has it in the hash `influence`, `clout score --explain` shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import add
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from streams.events import KINDS, Kind
from streams.fold.rows import EXACT_WHO
from streams.model.published import DisplayName
from streams.model.standing import Style

SHOWN_TOPICS, SHOWN_PEOPLE, SHOWN_MOMENTS = 10, 8, 5  #: of each, at most
MOST_HIDDEN = 64  #: topics that a user hides
_OF_GOT = "part of all engagement with this user"
_Share = Annotated[float, Meta(description=f"{_OF_GOT}, 0 to 1", ge=0, le=1)]
_Error = Annotated[float, Meta(description="so much of the share may be somebody else's: the list is full", ge=0, le=1)]
_People = Annotated[
    int, Meta(description=f"distinct people behind it; above {EXACT_WHO} an estimate, one standard error 18 %", ge=0)
]
_First = Annotated[int, Meta(description="when the first engagement came, ms since epoch, whole seconds")]
_Last = Annotated[int, Meta(description="when the newest one came, ms since epoch, whole seconds")]


class TopicShare(msgspec.Struct, frozen=True, kw_only=True):
    """What a user is engaged with for."""

    topic: Annotated[str, Meta(description="as it counts: NFKC, no capitals, no #")]
    share: _Share
    error: _Error
    people: _People
    first: _First
    last: _Last


class Friend(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who engages with a user, or with whom a user engages."""

    user: Annotated[str, Meta(description="`network:id`")]
    name: DisplayName = UNSET  #: in answers; who writes the document does not know it
    share: Annotated[float, Meta(description="part of all that they do, or that is done to them, 0 to 1", ge=0, le=1)]


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Something of a user's that earned much."""

    object: Annotated[str, Meta(description="what events call it")]
    share: _Share
    error: _Error
    kinds: Annotated[
        dict[Kind, int],
        Meta(
            description="engagements by kind, less those undone",
            extra_json_schema={"propertyNames": {"enum": list(KINDS)}},
        ),
    ]
    people: _People
    first: _First
    last: _Last


class Influence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Topics, people and moments of a user, what weighs most first. More fields may come: ignore those you do not know."""

    user: Annotated[str, Meta(description="`network:id` or `person:NAME`")]
    as_of: Annotated[int, Meta(description="of which moment the two sums are, ms since epoch")]
    got: Annotated[float, Meta(description="all engagement with this user, decayed: what shares are parts of", ge=0)]
    gave: Annotated[float, Meta(description="the same of what they did, as far as they remember it", ge=0)]
    topics: Annotated[
        list[TopicShare], Meta(max_length=SHOWN_TOPICS, description="from three distinct people on two days on")
    ]
    influencees: Annotated[list[Friend], Meta(max_length=SHOWN_PEOPLE, description="who engages with this user")]
    influencers: Annotated[list[Friend], Meta(max_length=SHOWN_PEOPLE, description="with whom this user engages")]
    moments: Annotated[list[Moment], Meta(max_length=SHOWN_MOMENTS, description="the objects that earned most")]
    style: Annotated[Style | UnsetType, Meta(description="what their habits look like; persons have none")] = UNSET
    hidden: Annotated[
        list[str],
        Meta(
            max_length=MOST_HIDDEN, description="topics that a control hides: they are left out; without any, this is"
        ),
    ] = []


def merged(user: str, accounts: Sequence[Influence], half_life_ms: float, hidden: Collection[str] = ()) -> Influence:
    """What a person's accounts have together: each share weighs as much as its account got (gave), and the same names add up.

    Of the people behind an entry of several accounts the most is told: nobody knows who is behind both. What the person hides
    is left out, what an account hides is left out of what it brings.
    """
    as_of = max((one.as_of for one in accounts), default=0)
    halved = [0.5 ** ((as_of - one.as_of) / half_life_ms) for one in accounts]
    got = [one.got * factor for one, factor in zip(accounts, halved, strict=True)]
    gave = [one.gave * factor for one, factor in zip(accounts, halved, strict=True)]
    left_out = {"topic": set(hidden), "user": {one.user for one in accounts}, "object": set[str]()}

    def together(name: str, key: str, weights: list[float], most: int) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        total = sum(weights) or 1.0
        for one, weight in zip(accounts, weights, strict=True):
            for entry in map(msgspec.to_builtins, getattr(one, name)):
                scaled = entry | {part: entry[part] * weight / total for part in ("share", "error") if part in entry}
                if entry[key] not in left_out[key]:  # between two accounts of one person nothing counts
                    found[entry[key]] = _both(found[entry[key]], scaled) if entry[key] in found else scaled
        return sorted(found.values(), key=lambda entry: (entry.get("error", 0.0) - entry["share"], entry[key]))[:most]

    return Influence(
        user=user,
        as_of=as_of,
        got=sum(got),
        gave=sum(gave),
        topics=msgspec.convert(together("topics", "topic", got, SHOWN_TOPICS), list[TopicShare]),
        influencees=msgspec.convert(together("influencees", "user", got, SHOWN_PEOPLE), list[Friend]),
        influencers=msgspec.convert(together("influencers", "user", gave, SHOWN_PEOPLE), list[Friend]),
        moments=msgspec.convert(together("moments", "object", got, SHOWN_MOMENTS), list[Moment]),
        hidden=sorted(hidden),
    )


def _both(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    return now | {name: join(before[name], now[name]) for name, join in _JOINED.items() if name in now}


def _counts(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
    return {kind: a.get(kind, 0) + b.get(kind, 0) for kind in KINDS if kind in a or kind in b}


#: how two of the same name become one
_JOINED: dict[str, Callable[[Any, Any], Any]] = {
    "share": add, "error": add, "people": max, "first": min, "last": max, "kinds": _counts,
}  # fmt: skip
