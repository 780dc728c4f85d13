"""`/metrics`: what a worker says of itself, in Prometheus' text format. Read when asked for; folding pays nothing for it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.surroundings.finding import OK
from agents.worker.health import Health
from streams.partition.figures import Figures
from streams.partition.undecided import Held

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_Values = dict[tuple[str, ...], float]


class _Kind(NamedTuple):
    """One metric: what it means, its labels, and its values by their label values."""

    name: str  #: a counter's ends in _total
    doc: str
    labels: tuple[str, ...]
    values: Callable[[Health, float], _Values]  #: given now, ms since epoch


def _each(value: Callable[[Figures], float]) -> Callable[[Health, float], _Values]:
    return lambda health, _: {(str(number),): value(one) for number, one in health.shown.items()}


def _recovery(field: int) -> Callable[[Health, float], _Values]:
    def values(health: Health, _: float) -> _Values:
        value = health.recovery[field] if health.recovery else None
        return {} if value is None else {(): value}

    return values


def _positions(health: Health, _: float) -> _Values:
    shown = health.shown.items()
    return {(str(number), topic): at for number, one in shown for topic, at in one.positions.items()}


def _commit_ages(health: Health, now_ms: float) -> _Values:
    shown = health.shown.items()
    return {(str(n),): max(now_ms - one.committed_ms, 0) / 1000 for n, one in shown if one.committed_ms}


def _held(value: Callable[[Held, float], float]) -> Callable[[Health, float], _Values]:
    def values(health: Health, now_ms: float) -> _Values:
        shown = health.shown.items()
        return {(str(n), topic): value(held, now_ms) for n, one in shown for topic, held in one.undecided.items()}

    return values


def _reasons(health: Health, _: float) -> _Values:
    shown = health.shown.items()
    return {(str(number), reason): count for number, one in shown for reason, count in one.reasons.items()}


def _alerts(health: Health, _: float) -> _Values:
    shown = health.shown.items()
    return {(str(number), *labels): count for number, one in shown for labels, count in one.alerts.items()}


def _suppressed(health: Health, _: float) -> _Values:
    shown = health.shown.items()
    return {(str(number), why): count for number, one in shown for why, count in one.suppressed.items()}


def _refused(health: Health, _: float) -> _Values:
    now_s = time.monotonic()
    return {
        (str(n),): now_s - one.redis_refuses.since_s if one.redis_refuses else 0.0 for n, one in health.shown.items()
    }


def _findings(health: Health, _: float) -> _Values:
    found = Counter((one.check, one.status) for one in health.findings if one.status != OK)
    return dict(sorted(found.items()))


def _rules(health: Health, now_ms: float) -> _Values:
    if not health.book:
        return {}
    rules, in_force = health.book.rules, len(health.book.at(now_ms))
    off = sum(not rule.enabled for rule in rules)
    left_out = len(health.book.left_out)
    return {("in force",): in_force, ("off",): off, ("later",): len(rules) - in_force - off, ("left out",): left_out}


def _policies(health: Health, _: float) -> _Values:
    return {(): health.book.offset} if health.book else {}


def _unusable(health: Health, _: float) -> _Values:
    return {(): len(health.book.mistakes)} if health.book else {}


def _offsets(held: Held, _: float) -> float:
    return held.offsets


def _since(held: Held, now_ms: float) -> float:
    return max(now_ms - held.since_ms, 0) / 1000


_P = ("partition",)
_PT = ("partition", "topic")
_PW = ("partition", "why")
KINDS = (
    _Kind("clout_live", "1 while the worker is live, by the rules of /livez", (), lambda h, _: {(): h.verdict.live}),
    _Kind("clout_partitions_held", "partitions this worker serves", (), lambda h, _: {(): len(h.held)}),
    _Kind("clout_recovery_records_read", "records of `state` read by the last take-over", (), _recovery(0)),
    _Kind("clout_recovery_records_to_go", "at most so many records of `state` it still has to read", (), _recovery(1)),
    _Kind("clout_recovery_seconds_left", "how long it will take at its present speed", (), _recovery(2)),
    _Kind("clout_events_folded_total", "events folded into rows", _P, _each(lambda f: f.counts["folded"])),
    _Kind("clout_events_rejected_total", "records sent to `rejects`", _P, _each(lambda f: f.counts["rejected"])),
    _Kind("clout_events_repeated_total", "repeats dropped", _P, _each(lambda f: f.counts["repeats"])),
    _Kind("clout_events_strayed_total", "events sent on to their partition", _P, _each(lambda f: f.counts["strays"])),
    _Kind("clout_input_waiting_records", "records at hand, about, not yet folded", _P, _each(lambda f: f.waiting)),
    _Kind("clout_partition_version", "the last version given to Redis", _P, _each(lambda f: f.version)),
    _Kind("clout_partition_position", "next offset to apply", ("partition", "topic"), _positions),
    _Kind("clout_partition_commit_age_seconds", "since the last commit; idle partitions commit now and then", _P, _commit_ages),
    _Kind("clout_redis_users_waiting", "users of whom Redis has an older record", _P, _each(lambda f: f.redis_waiting)),
    _Kind("clout_events_rejected_for_total", "the same since this worker took over, by reason", ("partition", "reason"), _reasons),
    _Kind("clout_input_undecided_offsets", "behind an open transaction: nobody may read them yet", _PT, _held(_offsets)),
    _Kind("clout_input_undecided_seconds", "since when the committed end has been there", _PT, _held(_since)),
    _Kind("clout_redis_refused_seconds", "since when Redis takes nothing; 0: it does", _P, _refused),
    _Kind("clout_findings", "what is not well around this worker; `clout doctor` says it in words", ("check", "status"), _findings),
    _Kind("clout_rules", "rules that this worker knows, by whether they hold", ("state",), _rules),
    _Kind("clout_policies_offset", "of the last policy that this worker has read; -1: none", (), _policies),
    _Kind("clout_policies_unusable", "policies that cannot be used; what was before holds", (), _unusable),
    _Kind("clout_alerts_total", "alerts told since this worker took over", ("partition", "rule", "state", "cause"), _alerts),
    _Kind("clout_alerts_suppressed_total", "alerts kept back since then: cooldown, ignored (cause), bound", _PW, _suppressed),
    _Kind("clout_feeds_silent", "networks at home here of which nothing comes", _P, _each(lambda f: f.feeds_silent)),
    _Kind("clout_redis_rebuilds_total", "times everyone was written to Redis again", _P, _each(lambda f: f.rebuilds)),
)  # fmt: skip


class Metrics(Collector):
    """The metrics of one worker. Counters go on where the last owner of a partition committed: sum them over workers."""

    def __init__(self, health: Health, wall_s: Callable[[], float] = time.time, more: Iterable[Collector] = ()) -> None:
        """`more` are of what else runs in this process."""
        self._health, self._wall_s = health, wall_s
        self._registry = CollectorRegistry()
        for one in (self, *more):
            self._registry.register(one)

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        now_ms = self._wall_s() * 1000
        for kind in KINDS:
            make = CounterMetricFamily if kind.name.endswith("_total") else GaugeMetricFamily
            family = make(kind.name, kind.doc, labels=kind.labels)
            for labels, value in kind.values(self._health, now_ms).items():
                family.add_metric(labels, value)
            yield family


def table() -> list[tuple[str, str, str]]:
    """(name, labels, what it is) of every metric, for the README."""
    return [(kind.name, ", ".join(kind.labels), kind.doc) for kind in KINDS]
