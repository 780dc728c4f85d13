"""How the application is: what runs, what is wrong, whether there are scores to read."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from agents.shapes.deliveries import ChannelStanding, Told
from agents.shapes.sources import SourceStanding
from agents.shapes.users import AsOf, MayBePartial
from streams.model.channels import Silence
from streams.model.gaps import Gap
from streams.model.rules import Severity


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """From an event to the score in Redis, since the workers began, ms; null: nothing was measured."""

    p50: float | None
    p99: float | None


class PartitionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What one partition last said."""

    partition: Annotated[int, Meta(ge=0)]
    owner: Annotated[str | None, Meta(description="the worker that serves it; null: it never wrote")]
    age_ms: Annotated[int | None, Meta(description="how old its last word is, ms; null: it never wrote")]
    users: Annotated[int, Meta(description="how many it has", ge=0)]
    model: Annotated[str | None, Meta(description="the model that it scores by")]
    version: Annotated[int | None, Meta(description="the last version that it gave to Redis")]


class RuleInForce(msgspec.Struct, frozen=True, kw_only=True):
    """One of the rules."""

    name: str
    severity: Severity


class GapOn(Gap, frozen=True, kw_only=True):
    """A gap that is on."""

    network: str


class ChannelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel of alerts is."""

    name: str
    state: Annotated[str, Meta(description="`well`, `off`, or what is wrong")]
    trouble: Annotated[str, Meta(description="why nothing arrives there now; empty: it is well, or off on purpose")]
    standing: Annotated[ChannelStanding | None, Meta(description="null: no process has told of it")]


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a live source is."""

    name: str
    state: Annotated[str, Meta(description="`reading`, `waiting`, `stopped`, or what is wrong")]
    trouble: Annotated[str, Meta(description="why it does not give what happens now; empty: it does, or is stopped")]
    standing: SourceStanding


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What runs, and what is wrong, as far as Redis knows."""

    at: Annotated[int, Meta(description="the same as `as_of`")]
    kafka: Annotated[None, Meta(description="Kafka is not asked")]
    workers: Annotated[list[str], Meta(description="who serves partitions")]
    users: Annotated[int, Meta(description="how many have a score", ge=0)]
    latency_ms: Latency
    partitions: list[PartitionStatus]
    rules: Annotated[list[RuleInForce] | None, Meta(description="in force; null: no worker has told them")]
    gaps: Annotated[list[GapOn] | None, Meta(description="null: only Kafka has them")]
    silences: Annotated[list[Silence] | None, Meta(description="null: only Kafka has them")]
    channels: list[ChannelStatus]
    deliveries: Annotated[list[Told], Meta(description="the latest, newest first")]
    sources: Annotated[list[SourceStatus], Meta(description="live sources that were ever read")]
    wrong: Annotated[list[str], Meta(description="a sentence for each thing that is; empty: all is well")]
    as_of: AsOf
    partial: MayBePartial = UNSET


class Liveness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether this process is alive."""

    status: Annotated[str, Meta(description="`ok`, or `stalled` with status 503")]
    rule: Annotated[str | UnsetType, Meta(description="which rule says so; only of a worker")] = UNSET
    reason: Annotated[str | UnsetType, Meta(description="why; only of a worker")] = UNSET


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether there are live scores to read, and which rule says so."""

    status: Annotated[str, Meta(description="`ready`, or `not ready` with status 503")]
    rule: Annotated[str, Meta(description="which rule says so")]
    reason: Annotated[str, Meta(description="why")]
    findings: Annotated[
        list[dict[str, str]], Meta(description="what is not well around it: `check`, `status` and `text` of each")
    ]
    partitions: Annotated[
        dict[str, Any] | UnsetType,
        Meta(description="how many show life (`fresh`), have been `seen`, and there are (`of`)"),
    ] = UNSET
    partial: MayBePartial = UNSET
