"""The comparison: every system does the whole job right, a wrong score is noticed, and what was asked for is what is measured."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import random
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from agents.cli.bench import bench
from agents.local.cluster import lacks_for_kafka
from agents.proof.bench import parts
from agents.proof.bench import peer_job as job
from agents.proof.bench.clout import WrongResult
from agents.proof.bench.comparison import QUICK, Ground, summary
from agents.proof.bench.fold import Fold
from agents.proof.bench.footprint import pauses
from agents.proof.bench.many_rules import MATCHING, many_rules
from agents.proof.bench.population import measure
from agents.proof.bench.scores_topic import Last, read_record
from agents.proof.bench.sizing.inputs import figures
from agents.proof.bench.systems import ALL, PEERS, USUAL, System
from agents.proof.bench.tables import tables
from agents.proof.bench.workloads import hot, synthetic, workloads
from streams.events import decode_event
from streams.model.rules import Rule, built_in
from streams.policies.book import MOST_RULES
from streams.policies.records import encode, parse
from tests.servers import left_out

linux = pytest.mark.skipif(sys.platform != "linux", reason="benchmarks: CPU time is read from Linux")
DAY_MS = 86_400_000


def compare(*args: str) -> dict[str, Any]:
    """What `clout bench compare --quick` prints."""
    result = CliRunner().invoke(bench, ["compare", "--quick", "--json", "-", *args])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def folded(values: list[bytes]) -> dict[str, Last]:
    """Last records after the job did these events, as they would be read from `scores`."""
    rows: dict[str, job.Row] = {}
    for value in values:
        engagement = job.weigh(value)
        if engagement:
            user, ts, weight = engagement
            rows[user] = job.add(rows.get(user), ts, weight)
    return {user: read_record(orjson.dumps(job.record(user, row))) for user, row in rows.items()}


def fed(events: int) -> tuple[Fold, list[bytes]]:
    """A small feed and what must come out of it."""
    fold, values = Fold(), [record.value for record in synthetic(50)(events)]
    for value in values:
        fold.add(value)
    return fold, values


@linux
def test_every_system_does_the_whole_job(kafka: str, redis_url: str) -> None:
    """Each system drains a small feed, its last score of every user is right, and it stands in the table with its figures."""
    if lack := lacks_for_kafka():  # the same that the peers in Java need
        left_out(lack)
    if not Path(os.environ.get("CLOUT_PEERS") or PEERS / "build").is_dir():
        left_out("no peers to compare with: deploy/peers/prepare makes them")
    found = compare("--only", "w1,w1-topics,w1-rules", "--kafka", kafka, "--redis", redis_url)
    assert tuple(found["w1"]["systems"]) == USUAL
    for name, row in found["w1"]["systems"].items():
        assert row["events"] == 300
        assert row["peak_rss_mb"] > 10
        assert row["ratio"] is not None
        assert row["runs"][0]["users"] == (1 if name == "limit" else row["runs"][0]["users"]) > 0
    for part, spared in (("w1", 0), ("w1-topics", len(USUAL) - 2), ("w1-rules", len(USUAL) - 1)):
        ((title, columns, rows),) = tables(part, found[part])
        assert [len(row) for row in rows] == [len(columns)] * (len(USUAL) - spared)  # peers are spared the feeds of Clout
        assert [row["events"] for row in found[part]["systems"].values()] == [300] * len(rows)
        assert ("topics" in title, "10,000 rules" in title) == (part == "w1-topics", part == "w1-rules")


def test_w1_with_topics_is_w1_with_topics() -> None:
    """The same people do the same to each other; most of it is about something, in W1 nothing is."""
    plain, told = ([decode_event(r.value) for r in synthetic(50, topics=topics)(1_000)] for topics in (False, True))
    assert [(e.type, e.actor, e.target) for e in plain] == [(e.type, e.actor, e.target) for e in told]
    assert not any(event.topics for event in plain)
    assert 500 < sum(bool(event.topics) for event in told) < 850  # what objects are about depends on the time of the day


def test_rules_are_as_many_as_there_may_be() -> None:
    """Of the feed with rules; a thousand of them are of somebody."""
    rules = workloads(50)["w1-rules"].rules()
    assert len(rules) + len(built_in()) == MOST_RULES
    assert all(isinstance(parse(*encode(one)), Rule) for one in rules)
    there = {f"demo:{decode_event(r.value).target}" for r in synthetic(5_000)(20_000)}
    matching = [
        one for one in many_rules(sorted(there), "demo") if one.who.network == "demo" or {*one.who.users} & there
    ]
    assert len(matching) == MATCHING


@linux
def test_hot_keys_memory_and_processes_are_measured(kafka: str, redis_url: str) -> None:
    """The parts about Clout alone come with a row for each feed, population and number of processes, and need no peer."""
    found = compare("--only", "hot,memory,processes", "--kafka", kafka, "--redis", redis_url)
    assert [row["events"] for row in found["hot"]] == [300] * 3
    assert found["memory"][0]["users"] == 2_000
    one, two = found["processes"]
    assert (one["processes"], two["processes"], one["ratio"]) == (1, 2, 1.0)
    assert two["ratio"] == round(two["cpu_us_per_event"] / one["cpu_us_per_event"], 3)
    assert two["peak_rss_mb"] > 1.3 * one["peak_rss_mb"]  # all processes are looked at, not the parent alone
    for part in ("hot", "memory", "processes"):
        for _, columns, rows in tables(part, found[part]):
            assert {len(row) for row in rows} == {len(columns)}


@linux
def test_recovery_and_footprint_are_measured(kafka: str, redis_url: str) -> None:
    """Rows come back, every topic and transaction is counted, and the sizing page finds all it looks for."""
    found = compare("--only", "recovery,footprint", "--kafka", kafka, "--redis", redis_url)
    assert found["recovery"]["users"] == QUICK.recovered
    left = found["footprint"]
    topics, transactions = left["topics"], left["transactions"]
    assert topics["events"]["records"] == QUICK.extra_events
    assert topics["events"]["markers"] == 0
    assert topics["scores"]["records"] >= left["users"] > 0
    headers = transactions["count"]
    assert topics["state"]["records"] >= left["users"] + headers
    assert (
        transactions["markers"] >= headers >= left["partitions"]
    )  # each partition commits once before its first block
    for topic in topics.values():
        assert topic["bytes"] >= topic["records"] > 0
    assert min(left["redis"]["history_bytes_per_user"], left["redis"]["bytes_per_user"]) > 0
    for part in ("recovery", "footprint"):
        for _, columns, rows in tables(part, found[part]):
            assert {len(row) for row in rows} == {len(columns)}
    known = figures(found | {"memory": [{"bytes_per_user": 1}]})._asdict()
    unknown = {name for name, value in known.items() if isinstance(value, float) and math.isnan(value)}
    ours_alone = {
        "fed_us",
        "kafka_us",
        "transaction_kafka_us",
        "touch_kafka_us",
        "offsets_kafka_us",
    }  # the broker is another's
    assert unknown == {"w1_us"} | ours_alone


def test_a_growing_table_tells_its_longest_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each addition that took longer than all before it, in order."""
    monkeypatch.setattr("agents.proof.bench.footprint._PAUSE_MS", -1.0)
    found = pauses(3_000)
    told = [(one["users"], one["cpu_ms"]) for one in found["each_longer"]]
    assert found["grown_to"] == 3_000
    assert told == sorted(told)
    assert told[0][0] == 1


def test_the_order_of_events_does_not_matter_to_the_job() -> None:
    """Shuffled, the same events give the same sums as of the same time, to the tolerance of the check."""
    fold, values = fed(2_000)
    random.Random(7).shuffle(values)
    records = folded(values)
    assert not fold.wrong_counts(records)
    assert not fold.wrong_scores(records)


@pytest.mark.parametrize("field", ["score", "day", "engagements"])
def test_a_wrong_record_is_noticed(field: str) -> None:
    """One user's score, window or count that is off by a little makes the run wrong, and the message names the user."""
    fold, values = fed(500)
    records = folded(values)
    user = next(iter(records))
    place = records[user].windows if field == "day" else records[user]
    setattr(place, field, getattr(place, field) + (1 if field == "engagements" else 1e-4))
    assert user in (fold.wrong_counts(records) or fold.wrong_scores(records))


def test_a_lost_user_is_noticed() -> None:
    """Somebody without a record makes the run wrong."""
    fold, values = fed(500)
    records = folded(values)
    records.popitem()
    assert "1 users" in fold.wrong_counts(records)


def test_a_later_record_is_right_too() -> None:
    """Clout's records are as of their interval and hold reach and participation: decayed on, they are the same score."""
    fold, values = fed(500)
    records = folded(values)
    for record in records.values():
        record.as_of, record.followers, record.acted = record.as_of + DAY_MS, 3, 2.0
        windows = record.windows
        for name, half_life_ms in zip(("day", "week", "quarter"), job.HALF_LIVES_MS, strict=True):
            setattr(windows, name, getattr(windows, name) * 0.5 ** (DAY_MS / half_life_ms))
        mass = windows.quarter + 0.5 * (windows.week + windows.day)
        x = ((mass + 0.05 * 2 + 0.04 * 2 / 12) / 6.4) ** 0.375
        record.score = max(1.0, 100 * x / (1 + x))
    assert not fold.wrong_scores(records)


@pytest.mark.parametrize("field", ["actor", "target"])
def test_a_hot_feed_has_one_user_in_three_of_ten(field: str) -> None:
    """30 % of the events have the same user there, keyed so that the actor's partition gets them."""
    records = list(hot(1_000, field)(1_000))
    found = [decode_event(record.value) for record in records]
    assert sum(getattr(event, field) == "everybody" for event in found) == 300
    assert all(record.key == f"demo:{event.actor}".encode() for record, event in zip(records, found, strict=True))


def test_a_feed_is_the_same_each_time() -> None:
    """From a fixed seed, without undos; only the times differ, which end now."""
    first, second = ([decode_event(r.value) for r in synthetic(50)(200)] for _ in range(2))
    assert [(e.actor, e.target, e.type) for e in first] == [(e.actor, e.target, e.type) for e in second]
    assert not any(event.undo for event in itertools.chain(first, second))


def test_a_wrong_run_is_told_and_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One bad run of three leaves two in the summary, a system with none has no row, and both are in `failed`."""

    class Scene(Ground):
        def drained(self, system: System, on: Any) -> dict[str, Any]:  # noqa: ARG002
            turns[system.name] += 1
            if system.name == "flink" or turns[system.name] == 2:
                raise WrongResult(f"{system.label}: lost a user")
            return {"events": 300, "cpu_us_per_event": 1.0}

    turns: Counter[str] = Counter()
    monkeypatch.setattr(parts, "stage", lambda *_: contextlib.nullcontext())
    scene = Scene(None, None, [ALL["limit"], ALL["flink"]], replace(QUICK, runs=3), None)
    found = parts.PARTS["w1"](scene)
    assert list(found["systems"]) == ["limit"]
    assert len(found["systems"]["limit"]["runs"]) == 2
    assert len(scene.failed) == 4
    assert "w1, run 2: read and decode only: lost a user" in scene.failed


def test_a_summary_is_medians_and_their_spread() -> None:
    """The middle run counts, the spread is what lies between the cheapest and the dearest."""
    runs = [
        {"events": 10, "cpu_us_per_event": cpu, "events_per_s": 5, "peak_rss_mb": 1, "kafka_cpu_us_per_event": None}
        for cpu in (30.0, 10.0, 20.0)
    ]
    found = summary(runs)
    assert (found["cpu_us_per_event"], found["cpu_spread"], found["events_per_core_s"]) == (20.0, 1.0, 50_000)
    assert found["kafka_cpu_us_per_event"] is None


@linux
def test_a_population_is_measured_in_this_process() -> None:
    """All users are in the table when its memory is read, and the events measured come after them."""
    found = measure(1_500, 500)
    assert (found["users"], found["events"]) == (2_000, 500)
    assert found["bytes_per_user"] > 0


def test_what_is_unknown_is_named() -> None:
    """A part or system that does not exist is a usage error that lists those that do."""
    result = CliRunner().invoke(bench, ["compare", "--only", "w1,spark"])
    assert result.exit_code == 2
    assert "spark" in result.output
    assert "kafka-streams" in result.output
