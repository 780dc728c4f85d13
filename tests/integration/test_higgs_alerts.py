"""Alerts of real events and a silent month, on the real servers: as brute force over the offline fold has them, none more or less.

`CLOUT_TEST_EVENTS` is how many of Higgs' 526,167 events are used (0: all; the default keeps the run short).
"""

from __future__ import annotations

import heapq
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import msgspec
import orjson
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from agents.proof.alerted import Judgement, beside
from agents.proof.judged_again import differences
from agents.proof.undone import later_moments, with_undos
from streams.broker.admin import Admin
from streams.formats.header import Header
from streams.model.inforce import InForce
from streams.model.rules import Rule, When
from streams.model.score import mass_at, shown
from streams.model.versions import DAY_MS, PLAIN
from streams.partitioner import partition_of
from streams.policies.book import Book
from streams.sources import open_source
from streams.sources.record import Produced, produced
from streams.topics import ALERTS, SCORES
from tests.integration.stack import PATIENCE_S, Stack

EVENTS = int(os.environ.get("CLOUT_TEST_EVENTS", "4000"))
DAYS, PARTITIONS = 30, 2
LAST = 5_000  # users who are looked at, to know whether a pass is through
RULES = (  # as they are documented: what is built in has to agree
    Rule(name="day-fall", when=When(falls=1.5), margin=0.75, ignore=("model",), cooldown_s=21_600),
    Rule(name="week-fall", when=When(falls=4.0, within="7d"), margin=2.0, ignore=("model",), cooldown_s=21_600),
)


class Published(TypedDict):
    """As much of a score record as somebody needs who judges by it."""

    user: str
    score: float
    as_of: int
    version: int
    confidence: float
    delta: dict[str, float | None]
    person: NotRequired[str]


_published = msgspec.json.Decoder(Published).decode


@pytest.mark.timeout(3_600)
def test_alerts_are_those_of_brute_force(
    stack: Callable[..., Stack], shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """10 % undos, 30 silent days, model `plain`: at least 500 alerts, each with its causes, also by what was published."""
    path = str(shared_data / "higgs" / "higgs-activity_time.txt.gz")
    real = list(itertools.islice(open_source(path, "higgs"), EVENTS or None))
    clout, settled_ms = stack(model="plain", clock="stream", partitions=PARTITIONS, idle_s=0.1, gaps=False), real[-1].ts
    with Admin(clout.settings) as admin:  # a whole run is long enough for the broker to take early records away
        kept = {"min.compaction.lag.ms": str(7 * DAY_MS)}
        admin._client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, clout.settings.topic(SCORES.name), kept)])
    events = with_undos(real, 0.1)
    users = list(dict.fromkeys(one.key.decode() for one in reversed(real)))[:LAST]  # the pass comes to them last
    evenings = [settled_ms // DAY_MS * DAY_MS + n * DAY_MS - 60_000 for n in range(2, DAYS + 2)]
    mornings = [
        ts - 1 for ts in later_moments(settled_ms)
    ]  # so nobody is judged for being silent when something is taken back
    ticks = [_tick(number, ts) for ts in evenings + mornings for number in range(PARTITIONS)]
    events = sorted(events + ticks, key=lambda one: one.ts)
    moments: list[int] = []
    fed, began_s = 0, time.monotonic()
    with clout.worker():
        for ts, some in _steps(events, settled_ms):
            fed += clout.feed(some)
            clout.settled(fed, 1_200)
            if ts >= settled_ms:
                _passed(clout, users, ts)
                moments.append(ts)
    ran_s = time.monotonic()
    alerts = [[orjson.loads(value) for _, value in clout.stream(ALERTS.name, number)] for number in range(PARTITIONS)]
    versions: list[dict[int, int]] = [{} for _ in range(PARTITIONS)]
    judged = heapq.merge(*(_judgements(clout, n, versions[n]) for n in range(PARTITIONS)), key=lambda one: one.at)
    verdict = beside(events, PLAIN, RULES, judged, list(itertools.chain(*alerts)), moments, settled_ms)
    forced_s = time.monotonic()
    again = [one for number in range(PARTITIONS) for one in _again(clout, number, versions[number], alerts[number])]
    with capsys.disabled():
        took = f"run {ran_s - began_s:.0f} s, brute force {forced_s - ran_s:.0f} s, again {time.monotonic() - forced_s:.0f} s"
        print(f"\nHiggs, {fed} events with undos: {verdict}\n{took}")
    assert not verdict.wrong, (len(verdict.wrong), verdict.wrong[:10])
    assert verdict.stale == 0
    assert verdict.right >= 500
    assert not again, (len(again), again[:10])


def _steps(events: list[Produced], settled_ms: int) -> Iterator[tuple[int, list[Produced]]]:
    """What is fed at once, and the time of the last of it: a day, so nothing comes late for a close; then a moment."""
    for _, some in itertools.groupby(events, key=lambda one: one.ts // DAY_MS if one.ts <= settled_ms else one.ts):
        step = list(some)
        yield step[-1].ts, step


def _judgements(clout: Stack, number: int, versions: dict[int, int]) -> Iterator[Judgement]:
    """Those of a partition; and `versions` has of each the moment."""
    for _, value in clout.stream(SCORES.name, number):
        one = _published(value)
        versions[one["version"]] = one["as_of"]
        yield Judgement(one["as_of"], one["user"], one["score"], (number, one["version"]))


def _again(clout: Stack, number: int, versions: dict[int, int], alerts: list[dict[str, Any]]) -> Iterator[str]:
    """What is wrong when the published records of a partition are judged again."""
    headers = {version: _header(version, at) for version, at in versions.items()}
    scores = (dict(_published(value)) for _, value in clout.stream(SCORES.name, number))
    return differences(scores, alerts, headers, lambda _: Book(RULES))


def _header(version: int, at: int) -> Header:
    """As much of the header of an interval as judging asks for: no rule and no model has changed."""
    return Header(
        generation=0, version=version, now_ms=at, positions={}, clock=at, day=at // DAY_MS, closed_ms=at // DAY_MS * DAY_MS,
        half_lives_ms=PLAIN.half_lives_ms, counts={}, model=PLAIN.name, models=(InForce(PLAIN.name, 0),),
    )  # fmt: skip


def _tick(number: int, ts: int) -> Produced:
    """Somebody of this partition does something that counts for nobody: its clock moves."""
    name = next(f"t{n}" for n in itertools.count() if partition_of(f"tick:t{n}".encode(), PARTITIONS) == number)
    return produced({"id": f"{name}-{ts}", "type": "like", "network": "tick", "actor": name, "target": name, "ts": ts})


def _passed(clout: Stack, users: list[str], ts: int) -> None:
    """Until nobody of these is shown with a record whose score has moved by a displayed step since, that of a moment."""
    waiting, deadline = users, time.monotonic() + PATIENCE_S
    while waiting:
        records = clout.records(waiting)
        waiting = [user for user, one in records.items() if one and _moved(one, ts)]
        assert time.monotonic() < deadline, (len(waiting), waiting[:3])


def _moved(record: dict[str, Any], ts: int) -> bool:
    return abs(shown(mass_at(record, PLAIN, ts), PLAIN) - record["score"]) >= PLAIN.displayed_step
