"""How many workers, partitions, brokers and Redis shards a load needs: arithmetic on what was measured. Pure.

A figure that was not measured is NaN, and so is everything computed from it.
"""

from __future__ import annotations

import math

from agents.proof.bench.sizing.inputs import Assumptions, Figures, Load
from agents.proof.bench.sizing.rows import ROW_RECORDS, rows
from agents.proof.bench.sizing.unmeasured import largest, most, smallest, whole
from streams.broker.publisher import TELL_S
from streams.partition.interval import LONGEST_S
from streams.settings import Settings
from streams.topics import ENGAGEMENTS, EVENTS, SCORES, STATE

DAY_S = 86_400.0
LIVE_INTERVAL_S, DEFAULT_PARTITIONS = Settings().interval_s, float(Settings().partitions)
OWN_TOUCHES = 2  # partitions of its own that a transaction touches: `state` and `scores`
DIRTY = float(STATE.config["min.cleanable.dirty.ratio"])
_STATE_SEGMENT_BYTES = float(STATE.config["segment.bytes"])
_SCORES_SEGMENT_BYTES = float(SCORES.config.get("segment.bytes", 1 << 30))  # Kafka's default
_SEGMENT_S = float(STATE.config["segment.ms"]) / 1000
_ROUNDS = 5  # more partitions mean dearer transactions and more open segments, and those more workers
_KEPT_S = float(EVENTS[0].config["retention.ms"]) / 1000
_PACKS_KEPT_S = float(ENGAGEMENTS.config["retention.ms"]) / 1000


class Sizing:
    """One load on the figures and assumptions given. Rates are those of the peak, a second."""

    def __init__(self, load: Load, f: Figures, a: Assumptions) -> None:
        self.load, self.f, self.a, self.rows = load, f, a, rows(f, a)
        self.average = load.events_per_day / DAY_S
        self.events = self.average * a.peak
        self.silent = load.users * a.silent / DAY_S
        self.scored = self.events * f.score_records + self.silent
        self.partition_users = _until_pause(f, a)
        # events that would write as many records: a silent one costs at most as much as one that comes of an event
        self.as_events = self.scored / f.score_records
        self.worker_us = largest(0.0, f.worker_us - self._own(f.transaction_worker_us, f.touch_worker_us))
        self.kafka_us = largest(0.0, f.kafka_us - self._own(f.transaction_kafka_us, f.touch_kafka_us))
        self.pack_bytes = largest(0.0, f.pack_bytes - self._own(0.0, f.touch_bytes))
        self.partitions, self.interval_s, self.running_s = DEFAULT_PARTITIONS, math.nan, LIVE_INTERVAL_S
        for _ in range(_ROUNDS):
            self._state()
            self._workers()
            self._partitions()
        self._brokers()
        self._shards()

    def _own(self, a_transaction: float, a_partition: float) -> float:
        """What transactions took, an event, in the drain that was measured: they are counted apart."""
        return self.f.own_transactions * a_transaction + self.f.own_markers * a_partition

    def _state(self) -> None:
        """What a worker reads back: the last row of each user, dirt, and segments still open, which compaction leaves alone."""
        f, users = self.f, self.load.users / (1 - DIRTY)
        self.state_per_s = self.events * self.rows.state_an_event + self.silent * f.state_record_bytes
        open_s = self._open_s(self.state_per_s, _STATE_SEGMENT_BYTES)
        self.state_records = ROW_RECORDS * users + open_s * (self.events * f.state_records + self.silent)
        self.state_bytes = users * self.rows.state_a_user + open_s * self.state_per_s
        grown_bytes = users * self.rows.more_a_user + open_s * self.events * self.rows.more_an_event
        self.reading_s = self.state_records / f.recovered_per_s + grown_bytes / (self.a.recovery_mb * 1e6)

    def _open_s(self, bytes_per_s: float, segment_bytes: float) -> float:
        """How long a segment is open: until it is full, and an hour at most."""
        return smallest(_SEGMENT_S, self.partitions * segment_bytes / bytes_per_s)

    def _workers(self) -> None:
        load, a = self.load, self.a
        cores = self.as_events * self.worker_us / 1e6
        cores += self.transaction_worker_cores(self.partitions, self.running_s)
        self.worker_needs = {
            "CPU": cores / a.busy,
            "memory": load.users * largest(self.rows.running, self.rows.recovering) / (a.worker_gb * 1e9 * a.busy),
            "recovery": self.reading_s / a.recovery_s,
        }
        self.workers = whole(most(self.worker_needs)[1])

    def _partitions(self) -> None:
        self.partition_needs = {"a worker's partitions": self.workers * self.a.partitions_per_worker}
        if not math.isinf(self.partition_users):
            self.partition_needs["users a partition"] = self.load.users / self.partition_users
        needed = largest(most(self.partition_needs)[1], DEFAULT_PARTITIONS)
        self.partitions = needed if math.isnan(needed) else 2.0 ** math.ceil(math.log2(needed))
        self.interval_s = self.interval_for(self.partitions)
        self.running_s = smallest(self.interval_s, LONGEST_S)  # what a worker can do of it

    # -- transactions ----------------------------------------------------------------------------------------------

    def touched(self, partitions: float, interval_s: float, events: float | None = None) -> float:
        """Partitions of `engagements` that a transaction touches, when its n engagements fall on P at random: P(1 - e^(-n/P)).

        `events` a second: at the peak unless given.
        """
        n = (self.events if events is None else events) * interval_s / partitions
        return -partitions * math.expm1(-n / partitions)

    def markers(self, partitions: float, interval_s: float) -> float:
        """Transaction markers a second."""
        return partitions / interval_s * (self.touched(partitions, interval_s) + OWN_TOUCHES)

    def transaction_cores(self, partitions: float, interval_s: float) -> float:
        """Broker cores for them, replicas included."""
        f = self.f
        us = partitions / interval_s * f.transaction_kafka_us
        us += self.markers(partitions, interval_s) * f.touch_kafka_us
        return us * self.a.replication / 1e6

    def transaction_worker_cores(self, partitions: float, interval_s: float) -> float:
        """Worker cores for them."""
        f = self.f
        us = partitions / interval_s * f.transaction_worker_us
        return (us + self.markers(partitions, interval_s) * f.touch_worker_us) / 1e6

    @property
    def event_cores(self) -> float:
        """Broker cores for the events and what comes of them, transactions apart."""
        return (self.events * self.f.fed_us + self.as_events * self.kafka_us) * self.a.replication / 1e6

    def interval_for(self, partitions: float) -> float:
        """The shortest interval, from the live one on, whose transactions stay within their share of the brokers' CPU.

        Of as many brokers as the events alone need, and at least one for each copy.
        """
        budget = largest(self.event_cores / self.a.busy, self.a.replication * self.a.broker_cores) * self.a.markers
        if math.isnan(self.transaction_cores(partitions, LIVE_INTERVAL_S) + budget):
            return math.nan
        low, high = LIVE_INTERVAL_S, LIVE_INTERVAL_S
        while self.transaction_cores(partitions, high) > budget and high < DAY_S:
            low, high = high, high * 2
        for _ in range(40 if high > low else 0):
            middle = (low + high) / 2
            low, high = (middle, high) if self.transaction_cores(partitions, middle) > budget else (low, middle)
        return high

    # -- servers -----------------------------------------------------------------------------------------------------

    def _brokers(self) -> None:
        load, f, a = self.load, self.f, self.a
        running_s = self.running_s
        self.coordinator_cores = self.partitions / TELL_S * f.offsets_kafka_us / 1e6
        self.broker_cores = {
            "events": self.event_cores,
            "transactions": self.transaction_cores(self.partitions, running_s),
            "offsets of the group": self.coordinator_cores * a.replication,
        }
        scores_per_s = self.events * f.score_bytes + self.silent * f.score_record_bytes
        self.written = self.events * (f.event_bytes + self.pack_bytes) + self.state_per_s + scores_per_s
        self.written += self.markers(self.partitions, running_s) * f.touch_bytes
        read = self.events * (f.event_bytes + self.pack_bytes) + scores_per_s * a.readers
        self.bytes_in, self.bytes_out = self.written * a.replication, self.written * (a.replication - 1) + read
        scores = load.users * f.score_record_bytes / (1 - DIRTY)
        scores += scores_per_s * self._open_s(scores_per_s, _SCORES_SEGMENT_BYTES)
        packs = self.partitions / running_s * self.touched(self.partitions, running_s, self.average)
        self.disk = {
            "events": self.average * f.event_bytes * _KEPT_S,
            "`engagements`": (self.average * self.pack_bytes + packs * f.touch_bytes) * _PACKS_KEPT_S,
            "`state` and `scores`": self.state_bytes + scores,
        }
        network = a.broker_gbit / 8 * 1e9 * a.busy
        self.broker_needs = {
            "CPU": sum(self.broker_cores.values()) / (a.broker_cores * a.busy),
            "network in": self.bytes_in / network,
            "network out": self.bytes_out / network,
            "disk": sum(self.disk.values()) * a.replication / (a.broker_tb * 1e12 * a.busy),
        }
        self.brokers = largest(whole(most(self.broker_needs)[1]), a.replication)
        self.all_at_once_s = self.state_bytes / (self.brokers * network)

    def _shards(self) -> None:
        load, f, a = self.load, self.f, self.a
        self.shard_needs = {
            "CPU": self.scored * f.redis_us / 1e6 / a.busy,
            "memory": load.users * (f.redis_bytes + f.history_bytes) / (a.shard_gb * 1e9 * a.busy),
        }
        self.shards = whole(most(self.shard_needs)[1])
        self.close_s = load.users * f.close_us / 1e6 / self.shards


def _until_pause(f: Figures, a: Assumptions) -> float:
    """Users of a partition before growing one more takes too long; infinite when that was never seen."""
    if math.isnan(f.grown_to):
        return math.nan
    return next((users - 1.0 for users, ms in f.pauses if ms > a.pause_ms), math.inf)
