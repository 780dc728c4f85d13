"""Answers about users."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from agents.shapes.either import Alert
from streams.model.explained import Explanation
from streams.model.influential import SHOWN_MOMENTS, SHOWN_PEOPLE, SHOWN_TOPICS, Friend, Moment, TopicShare
from streams.model.published import DisplayName, ScoreRecord
from streams.model.standing import Style

AsOf = Annotated[int, Meta(description="for which moment the answer holds, ms since epoch, UTC")]


class Partial(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer is without: of Redis some shards do not answer, and what they hold is left out."""

    shards: Annotated[list[int], Meta(description="their numbers")]
    why: Annotated[str, Meta(description="for people")]


MayBePartial = Annotated[Partial | UnsetType, Meta(description="only where some of Redis does not answer")]


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """What the partition of a user last said."""

    partition: Annotated[int, Meta(description="which partition it is", ge=0)]
    version: Annotated[int | None, Meta(description="the last version that it gave to Redis; null: it is silent")]
    as_of: Annotated[int | None, Meta(description="when it said so, ms since epoch; null: it is silent")]
    age_ms: Annotated[int | None, Meta(description="how long ago that was, ms; null: it is silent")]
    fresh: Annotated[
        bool, Meta(description="it shows life; false: nobody keeps its scores, which decay only, until a worker does")
    ]


class User(ScoreRecord, frozen=True, kw_only=True):
    """A score record as of now, with the user's name and place."""

    name: DisplayName = UNSET
    rank: Annotated[int | None, Meta(description="1 is the highest, equal scores share one; null: on no board now")]
    of: Annotated[int | None, Meta(description="how many are on that board; null: on no board now")]
    board: Annotated[
        str | None,
        Meta(description="the network on whose board an account of a person is ranked; null: ranked overall"),
    ]
    percentile: Annotated[
        Annotated[float, Meta(ge=0, le=100)] | None,
        Meta(description="per cent of those engaged with in the last 90 days who score less; null: not ranked overall"),
    ]
    counted: Annotated[bool, Meta(description="this user is one of those who were engaged with in the last 90 days")]
    freshness: Freshness
    partial: MayBePartial = UNSET


class Users(msgspec.Struct, frozen=True, kw_only=True):
    """Some users, in the order asked for."""

    items: list[User]
    unknown: Annotated[list[str], Meta(description="ids of whom nobody knows")]
    as_of: AsOf
    partial: MayBePartial = UNSET


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer about one user has."""

    user: Annotated[str, Meta(description="`network:id` or `person:NAME`")]
    as_of: AsOf
    freshness: Freshness


class DayClose(msgspec.Struct, frozen=True, kw_only=True):
    """The score when a day closed."""

    date: Annotated[str, Meta(description="the day, as in 2026-11-28")]
    score: Annotated[float, Meta(description="the score then", ge=1, le=100)]


class History(About, frozen=True, kw_only=True):
    """Daily closes of a user."""

    items: Annotated[list[DayClose], Meta(max_length=90, description="the oldest first")]


class Explained(Explanation, frozen=True, kw_only=True):
    """Why a user scores what they score, and what would change it."""

    freshness: Freshness
    partial: MayBePartial = UNSET


class WhoInfluences(About, frozen=True, kw_only=True):
    """Who influences a user, and whom the user influences; the most first."""

    got: Annotated[float, Meta(description="all engagement with this user, decayed: a sum that halves in 62.4 days")]
    gave: Annotated[float, Meta(description="the same of what they did, as far as they remember it")]
    influencees: Annotated[list[Friend], Meta(max_length=SHOWN_PEOPLE, description="who engages with this user")]
    influencers: Annotated[list[Friend], Meta(max_length=SHOWN_PEOPLE, description="with whom this user engages")]
    style: Annotated[Style | UnsetType, Meta(description="what their habits look like; persons have none")] = UNSET
    sums_as_of: Annotated[
        int | None, Meta(description="of which moment the two sums are, ms since epoch; null: nothing is known yet")
    ]


class TopicPlace(TopicShare, frozen=True, kw_only=True):
    """What a user is engaged with for, and the place among all for whom that is so."""

    rank: Annotated[int | None, Meta(description="the place on the board of the topic; null: none")]


class Topics(About, frozen=True, kw_only=True):
    """What a user is engaged with for."""

    items: Annotated[list[TopicPlace], Meta(max_length=SHOWN_TOPICS, description="the most first")]
    partial: MayBePartial = UNSET


class Moments(About, frozen=True, kw_only=True):
    """What earned a user most."""

    items: Annotated[list[Moment], Meta(max_length=SHOWN_MOMENTS, description="the most first")]


class UserAlerts(About, frozen=True, kw_only=True):
    """The latest alerts about a user, as in the topic `alerts`."""

    items: Annotated[list[Alert], Meta(max_length=20, description="the newest first")]


class Compared(User, frozen=True, kw_only=True):
    """One of a few users beside each other."""

    behind: Annotated[float, Meta(description="points behind the highest of them", ge=0)]
    history: Annotated[list[DayClose], Meta(max_length=90, description="daily closes, the oldest first")]
    topics: Annotated[list[str], Meta(max_length=SHOWN_TOPICS, description="what they are engaged with for")]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A few users beside each other, in the order asked for."""

    items: list[Compared]
    topics_in_common: Annotated[list[str], Meta(description="topics that all of them are engaged with for")]
    as_of: AsOf
    partial: MayBePartial = UNSET


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whose name begins so."""

    user: Annotated[str, Meta(description="`network:id` or `person:NAME`")]
    name: DisplayName = UNSET
    id: Annotated[str, Meta(description="the numeric id, for `/v2`")]
    score: Annotated[float, Meta(description="1 to 100, as of `as_of`", ge=1, le=100)]
    person: Annotated[str | UnsetType, Meta(description="whose account this is, `person:NAME`")] = UNSET


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Who has exactly this name, then the highest scores."""

    items: list[Found]
    as_of: AsOf
    partial: MayBePartial = UNSET
