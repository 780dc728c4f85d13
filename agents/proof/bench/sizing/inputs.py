"""What sizing starts from: a load, assumptions, and the figures of `deploy/bench`. A figure not measured is NaN."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Load(NamedTuple):
    """What is to be carried."""

    events_per_day: float
    users: float


#: its own figures: 45 billion interactions a day, 750 million users
KLOUT = Load(45e9, 750e6)


def _assumed(value: float, doc: str) -> Any:
    return field(default=value, metadata={"doc": doc})


@dataclass(frozen=True)
class Assumptions:
    """What no benchmark can know."""

    peak: float = _assumed(3.0, "events a second at the busiest time, over the average of the day")
    replication: float = _assumed(
        3.0, "copies of each Kafka partition; each costs CPU, disk and network as the first does"
    )
    busy: float = _assumed(0.6, "how far a core, a network card, a memory or a disk is filled at the peak")
    remembered: float = _assumed(
        64.0,
        "actions remembered of a user who is active: the last 16 of each kind, of 4 kinds; each event writes them anew",
    )
    active: float = _assumed(0.5, "share of users who are; the others have acted once")
    target_bytes: float = _assumed(10.0, "length of the id of whom an action was for")
    worker_gb: float = _assumed(16.0, "memory of a worker process, in GB")
    partitions_per_worker: float = _assumed(4.0, "at least, so that a few workers more or less share evenly")
    pause_ms: float = _assumed(50.0, "the longest that a growing table may keep its worker from everything else")
    recovery_s: float = _assumed(60.0, "how long a worker may read its rows back")
    recovery_mb: float = _assumed(
        200.0, "MB a second at which a worker reads what rows have grown by since they were measured"
    )
    silent: float = _assumed(
        1.0, "records a day and user that are written though nothing happened: a score falls by a step"
    )
    markers: float = _assumed(0.1, "share of the brokers' CPU that transactions may take")
    broker_cores: float = _assumed(16.0, "cores of a broker")
    broker_gbit: float = _assumed(10.0, "network of a broker in Gbit/s, each way")
    broker_tb: float = _assumed(16.0, "disk of a broker, in TB")
    readers: float = _assumed(1.0, "consumers of all of `scores` besides Redis")
    shard_gb: float = _assumed(64.0, "memory of a Redis shard, in GB; its replicas are not counted")


class Figures(NamedTuple):
    """What was measured. CPU in µs of one core."""

    worker_us: float
    w1_us: float
    kafka_us: float
    fed_us: float
    redis_us: float
    close_us: float
    event_bytes: float
    pack_bytes: float
    state_bytes: float
    score_bytes: float
    state_record_bytes: float
    score_record_bytes: float
    state_records: float
    score_records: float
    row_bytes: float
    recovering_bytes: float
    recovering_actions: float  #: remembered of each user of that measurement
    redis_bytes: float
    history_bytes: float
    recovered_per_s: float
    transaction_worker_us: float
    transaction_kafka_us: float
    touch_worker_us: float
    touch_kafka_us: float
    touch_bytes: float
    offsets_kafka_us: float
    own_transactions: float  #: an event, in the drain that the figures are of
    own_markers: float  #: the same
    pauses: tuple[tuple[int, float], ...]  #: (users, CPU ms), each longer than all before
    grown_to: float


def figures(measured: dict[str, Any]) -> Figures:
    """From the JSON of `deploy/bench`."""

    def at(*path: str | int) -> float:
        value: Any = measured
        for name in path:
            try:
                value = value[name]
            except (KeyError, IndexError, TypeError):
                return math.nan
        return math.nan if value is None else float(value)

    def topic(name: str, what: str) -> float:
        return at("footprint", "topics", name, what)

    pauses = measured.get("footprint", {}).get("pauses", {})
    drained = at("footprint", "events")
    return Figures(
        worker_us=at("footprint", "cpu_us_per_event"),
        w1_us=at("w1", "systems", "clout", "cpu_us_per_event"),
        kafka_us=at("footprint", "kafka_cpu_us_per_event"),
        fed_us=at("footprint", "kafka_cpu_us_per_event_fed"),
        redis_us=at("footprint", "redis", "cpu_us_per_record"),
        close_us=at("footprint", "redis", "cpu_us_per_close"),
        event_bytes=topic("events", "bytes_per_event"),
        pack_bytes=topic("engagements", "bytes_per_event"),
        state_bytes=topic("state", "bytes_per_event"),
        score_bytes=topic("scores", "bytes_per_event"),
        state_record_bytes=topic("state", "bytes_per_record"),
        score_record_bytes=topic("scores", "bytes_per_record"),
        state_records=topic("state", "records_per_event"),
        score_records=topic("scores", "records_per_event"),
        row_bytes=at("memory", -1, "bytes_per_user"),
        recovering_bytes=at("recovery", "bytes_per_user"),
        recovering_actions=at("recovery", "versions_of_a_user"),
        redis_bytes=at("footprint", "redis", "bytes_per_user"),
        history_bytes=at("footprint", "redis", "history_bytes_per_user"),
        recovered_per_s=at("recovery", "records_per_s"),
        transaction_worker_us=at("footprint", "touches", "worker_cpu_us"),
        transaction_kafka_us=at("footprint", "touches", "kafka_cpu_us"),
        touch_worker_us=at("footprint", "touches", "worker_cpu_us_a_partition"),
        touch_kafka_us=at("footprint", "touches", "kafka_cpu_us_a_partition"),
        touch_bytes=at("footprint", "touches", "log_bytes_a_partition"),
        offsets_kafka_us=at("footprint", "touches", "kafka_cpu_us_offsets"),
        own_transactions=at("footprint", "transactions", "count") / drained,
        own_markers=at("footprint", "transactions", "markers") / drained,
        pauses=tuple((one["users"], one["cpu_ms"]) for one in pauses.get("each_longer", ())),
        grown_to=at("footprint", "pauses", "grown_to"),
    )
