"""Answers about everyone: boards, how scores are spread, the latest alerts, the rules."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta

from agents.shapes.either import Alert, Leader
from agents.shapes.users import AsOf, MayBePartial
from streams.model.rules import Rule


class Leaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a board, the highest first."""

    items: list[Leader]
    next: Annotated[str | None, Meta(description="the `cursor` of the page behind; null: there is none")]
    population: Annotated[int | None, Meta(description="how many are on the board; null: of a topic")]
    as_of: AsOf
    partial: MayBePartial = UNSET


class NetworkBoard(msgspec.Struct, frozen=True, kw_only=True):
    """A network that has a board."""

    network: Annotated[str, Meta(description="what stands before the colon of its users")]
    users: Annotated[int, Meta(description="how many are on it", ge=0)]


class Boards(msgspec.Struct, frozen=True, kw_only=True):
    """Which boards there are."""

    networks: Annotated[list[NetworkBoard], Meta(description="the largest first")]
    topics: Annotated[list[str], Meta(description="the one with the most engagement for one person first")]
    as_of: AsOf
    partial: MayBePartial = UNSET


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """How many score so much."""

    score: Annotated[float, Meta(description="from this score on, up to `width` more")]
    users: Annotated[int, Meta(description="how many", ge=0)]


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """How scores are spread: of everyone engaged with in the last 90 days, accounts of persons left out."""

    population: Annotated[int, Meta(description="how many they are", ge=0)]
    mean: Annotated[float | None, Meta(description="their average score; null: there are none")]
    width: Annotated[float, Meta(description="of a bin, points")]
    bins: Annotated[list[Bin], Meta(description="rising; empty ones are left out")]
    as_of: AsOf
    partial: MayBePartial = UNSET


class Alerts(msgspec.Struct, frozen=True, kw_only=True):
    """The latest alerts, of everyone and of feeds, as in the topic `alerts`."""

    items: Annotated[list[Alert], Meta(description="the newest first")]
    as_of: AsOf
    partial: MayBePartial = UNSET


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in force, as workers told them."""

    items: list[Rule]
    offset: Annotated[
        int | None,
        Meta(description="in `policies`, of the last policy that workers know; -1: of none; null: none has told"),
    ]
    as_of: AsOf
