"""Alerts of real events and a silent month, on the real servers: as brute force over the offline fold has them, none more or less.

`CLOUT_TEST_EVENTS` is how many of Higgs' 526,167 events are used (0: all; the default keeps the run short).
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.proof.alerted import Judgement, beside, with_undos
from agents.proof.judged_again import differences
from streams.formats.header import Header
from streams.model.inforce import InForce
from streams.model.rules import built_in
from streams.model.versions import DAY_MS, PLAIN
from streams.partitioner import partition_of
from streams.policies.book import Book
from streams.scoreboard.reader import score_at
from streams.sources import open_source
from streams.sources.record import Produced, produced
from streams.topics import ALERTS, SCORES
from tests.integration.stack import PATIENCE_S, Stack

EVENTS = int(os.environ.get("CLOUT_TEST_EVENTS", "15000"))
TICKS, EVERY_MS, PARTITIONS = 6, 5 * DAY_MS, 2
LAST = 5_000  # users who are looked at, to know whether a pass is through


@pytest.mark.timeout(3_600)
def test_alerts_are_those_of_brute_force(
    stack: Callable[..., Stack], shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """10 % undos, 30 silent days, model `plain`: at least 500 alerts, each with its cause, also by what was published."""
    path = str(shared_data / "higgs" / "higgs-activity_time.txt.gz")
    events = with_undos(list(itertools.islice(open_source(path, "higgs"), EVENTS or None)), 0.1)
    clout = stack(model="plain", clock="stream", partitions=PARTITIONS, idle_s=1.0)
    moments: list[int] = []
    with clout.worker():
        fed = clout.feed(events)
        clout.settled(fed, 1_200)
        users = list(dict.fromkeys(one.key.decode() for one in reversed(events)))[:LAST]  # the pass comes to them last
        _passed(clout, users, events[-1].ts)
        settled_ms = events[-1].ts
        for ts in (settled_ms // DAY_MS * DAY_MS + n * EVERY_MS - 60_000 for n in range(1, TICKS + 1)):
            ticks = [_tick(number, ts) for number in range(PARTITIONS)]
            events += ticks
            fed += clout.feed(ticks)
            clout.settled(fed, 600)
            _passed(clout, users, ts)
            moments.append(ts)
    scores, alerts = ([value for _, value in clout.consume(topic.name)] for topic in (SCORES, ALERTS))
    judged = [Judgement(one["as_of"], one["user"], one["score"]) for one in scores]
    verdict = beside(events, PLAIN, built_in(), judged, alerts, moments, settled_ms)
    with capsys.disabled():
        print(f"\nHiggs, {fed} events with undos, {len(scores)} judgements: {verdict}")
    again = _again(clout, scores, alerts)
    assert not verdict.wrong, verdict.wrong[:10]
    assert verdict.stale == 0
    assert verdict.right >= 500
    assert not again, again[:10]


def _again(clout: Stack, scores: list[dict[str, Any]], alerts: list[dict[str, Any]]) -> list[str]:
    """What is wrong when the published records are judged again, of each partition."""
    found = []
    for number in range(PARTITIONS):
        own = [
            [one for one in some if partition_of(one["user"].encode(), PARTITIONS) == number]
            for some in (scores, alerts)
        ]
        headers = {one["version"]: _header(one) for one in own[0]}
        found += differences(*own, headers, lambda _: Book())
    return found


def _header(record: dict[str, Any]) -> Header:
    """As much of the header of an interval as judging asks for: no rule and no model has changed."""
    at = record["as_of"]
    closed_ms = at // DAY_MS * DAY_MS
    return Header(
        generation=0, version=record["version"], now_ms=at, positions={}, clock=at, day=at // DAY_MS, closed_ms=closed_ms,
        half_lives_ms=PLAIN.half_lives_ms, counts={}, model=PLAIN.name,
        models=(InForce(PLAIN.name, 0),),
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
    return bool(abs(score_at(record, ts)["score"] - record["score"]) >= PLAIN.displayed_step)
