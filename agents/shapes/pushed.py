"""The events of `/v1/stream`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from agents.shapes.deliveries import Told
from agents.shapes.either import Alert
from agents.shapes.users import AsOf
from streams.model.published import DisplayName

_User = Annotated[str, Meta(description="`network:id` or `person:NAME`")]
_Score = Annotated[float, Meta(description="1 to 100", ge=1, le=100)]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A score as it is."""

    user: _User
    score: _Score


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`snapshot`: where one begins. Later events may repeat what it has; scores are absolute."""

    as_of: AsOf
    items: list[Shown]


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A score as it is now, and as it was told before."""

    user: _User
    score: _Score
    before: Annotated[_Score | None, Meta(description="the score before; null: not shown before")]


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """`scores`: whose scores have changed; each user once."""

    as_of: AsOf
    users: list[Moved]


class Down(msgspec.Struct, frozen=True, kw_only=True):
    """`down`: nothing new can be told."""

    reason: str


class Up(msgspec.Struct, frozen=True, kw_only=True):
    """`up`: it can again."""

    reason: str = ""


class Reset(msgspec.Struct, frozen=True, kw_only=True):
    """`reset`: some events are lost, and a `snapshot` follows."""

    reason: str


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """`closed`: the server ends this connection; one may come back with the last id."""

    reason: Annotated[str, Meta(description="`slow`, `age` or `stopping`")]
    detail: str = ""


class BoardEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One of the highest."""

    rank: Annotated[int, Meta(ge=1)]
    user: _User
    name: DisplayName = UNSET
    score: _Score
    change: Annotated[float | None, Meta(description="points in the last minute; null: not seen so long")]
    day: Annotated[float | None, Meta(description="points since the last daily close; null: there was none")]
    engagements: int
    actors: Annotated[int, Meta(description="how many distinct people ever engaged", ge=0)]
    confidence: Annotated[float, Meta(ge=0, le=1)]
    provisional: Annotated[bool, Meta(description="fewer than five distinct people")]


class Partitions(msgspec.Struct, frozen=True, kw_only=True):
    """How many partitions show life."""

    fresh: Annotated[int, Meta(ge=0)]
    of: Annotated[int, Meta(ge=1)]


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What has come, and how fast it is counted."""

    folded: Annotated[int, Meta(description="events that count", ge=0)]
    rejected: Annotated[int, Meta(description="records that could not be used", ge=0)]
    repeats: Annotated[int, Meta(description="events that had come before", ge=0)]
    events: Annotated[int, Meta(description="all three", ge=0)]
    events_per_s: Annotated[float, Meta(description="in the last ten seconds", ge=0)]
    population: Annotated[int, Meta(description="how many are on the board", ge=0)]
    latency_p50_ms: Annotated[float | None, Meta(description="from event to Redis, in the last ten seconds")]
    latency_p99_ms: Annotated[float | None, Meta(description="the same, of the slowest hundredth")]
    partitions: Partitions
    model: str | None


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A channel to which nothing arrives."""

    channel: str
    why: str


class Deliveries(msgspec.Struct, frozen=True, kw_only=True):
    """How alerts arrive."""

    channels: Annotated[int, Meta(description="how many there are", ge=0)]
    trouble: list[Trouble]
    latest: Annotated[list[Told], Meta(description="outcomes, newest first")]


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """`board`: the whole of the page. It has no id."""

    now: Annotated[int, Meta(description="for which moment it holds, ms since epoch")]
    clock: Annotated[str, Meta(description="`wall`, or `stream`: the newest event time")]
    top: list[BoardEntry]
    stats: Stats
    alert: Annotated[Alert | None, Meta(description="the newest; null: there is none")]
    alerts: Annotated[list[Alert], Meta(description="the latest, newest first")]
    deliveries: Deliveries
    note: Annotated[str | UnsetType, Meta(description="what the page says besides")] = UNSET
