"""The benchmarks themselves: a small run of each, and that a wrong result is noticed. Never an assertion on speed."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from agents.api.serve import serving
from agents.cli.bench import bench
from agents.proof.bench.apart import apart
from agents.proof.bench.expected import Expected, difference
from agents.proof.bench.gaps import Gaps
from agents.proof.bench.live import cost
from agents.proof.bench.preload import KINDS, synthetic
from streams.events import TOPIC_OF, decode_event
from streams.settings import Settings
from streams.sources.record import produced

linux = pytest.mark.skipif(sys.platform != "linux", reason="benchmarks: CPU time is read from Linux")


def _event(**fields: object) -> bytes:
    base = {"id": "1", "network": "n", "actor": "a", "target": "b", "ts": 1_767_225_600_000, "type": "like"}
    return produced(base | fields).value


def _run(*args: str) -> dict[str, Any]:
    result = CliRunner().invoke(bench, [*args, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_expected_counts_what_a_worker_must_show() -> None:
    """Actions count for the actor, engagements for the target; undos take back once; self-engagement is only an action."""
    expected = Expected()
    for value in (
        _event(id="1"),
        _event(id="2"),
        _event(id="3", target="a"),
        _event(id="4", undo=True, ref="1"),
        _event(id="5", undo=True, ref="1"),
        _event(id="6", undo=True, ref="3"),
    ):
        expected.add(value)
    assert expected.actions == {"n:a": 3}
    assert expected.engagements() == {"n:b": 1}
    assert (expected.events, expected.timed) == (6, 2)


def test_a_difference_names_a_user() -> None:
    """One wrong count is a difference, 0 and missing are the same."""
    assert not difference("actions", {"n:a": 1, "n:b": 0}, {"n:a": 1})
    assert "n:a: 1 and not 2" in difference("actions", {"n:a": 2}, {"n:a": 1})


def test_feed_is_good_events_of_the_card_topics() -> None:
    """Every fed record decodes, lies in one of the four card topics, and its time is in the past."""
    records = list(synthetic(2_000, 100))
    assert {record.topic for record in records} <= {TOPIC_OF[kind] for kind in KINDS}
    events = [decode_event(record.value) for record in records]
    assert max(event.ts for event in events) < records[0].ts + 2_000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a run is told by the idle pass: have it soon."""
    monkeypatch.setenv("CLOUT_IDLE_S", "0.5")


@linux
def test_live_measures_both(kafka: str, redis_url: str) -> None:
    """A small drain by Clout with both publishers and by plain Faust: all results are checked against the feed and reported."""
    servers = ("--kafka", kafka, "--redis", redis_url)
    result = _run("live", "--events", "4000", "--users", "500", "--faust-events", "1000", "--runs", "1", *servers)
    assert result["systems"]["clout"]["events"] == 4_000
    assert result["systems"]["clout-no-transactions"]["events"] == 4_000
    assert result["systems"]["faust"]["events"] == 1_000
    for system in result["systems"].values():
        assert system["events_per_s"] > 0
        assert system["cpu_us_per_event"] > 0
        assert system["peak_rss_mb"] > 10
    assert result["ratio"]["events_per_s"] > 0
    assert result["transactions"]["cpu_cost"] > -1
    assert "transactions cost" in cost(result["transactions"])


@linux
def test_latency_is_told_twice(kafka: str, redis_url: str) -> None:
    """A short live feed: the worker's histogram and the probes both report, and no probe is lost."""
    servers = ("--kafka", kafka, "--redis", redis_url)
    result = _run("latency", "--rate", "200", "--seconds", "4", "--users", "500", *servers)
    assert result["worker"]["events"] > 300
    assert result["probes"]["events"] >= 10
    assert 0 < result["probes"]["p50_ms"] <= result["probes"]["p99_ms"]


@linux
def test_recovery_reads_back_what_was_written(kafka: str) -> None:
    """Every version of every record is read, every user is there once, and the figures are of that."""
    result = _run("recovery", "--users", "500", "--versions", "3", "--kafka", kafka)
    assert (result["users"], result["versions_of_a_user"]) == (500, 3)
    headers, met = 4 * 3, 500  # partitions and intervals; it is the same one each time who engages with somebody
    assert result["records"] == 500 * 3 * 3 + met + headers  # did, got and lists
    assert result["bytes_per_user"] > 0
    assert result["records_per_cpu_s"] > 0


@linux
def test_takeover_tells_each_case(kafka: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions stand still for as long as a killed worker is not missed, and only those of it; a worker that says goodbye is."""
    monkeypatch.setattr("agents.proof.bench.takeover._AFTER_S", 0.5)
    result = _run("takeover", "--users", "400", "--kafka", kafka, "--redis", redis_url)
    assert {"join", "SIGTERM", "kill -9"} <= result["cases"].keys()
    killed = result["cases"]["kill -9"]
    assert killed["seconds"] > result["session_timeout_s"] / 2
    assert {place["moved"] for place in killed["partitions"].values()} == {True, False}
    assert result["cases"]["SIGTERM"]["seconds"] < killed["seconds"]


@linux
def test_a_live_source_is_measured_whole(kafka: str) -> None:
    """Every event is in the topics, and its parts add up to what it costs."""
    result = _run("source", "--events", "2000", "--kafka", kafka)
    assert (result["events"], result["frame_bytes"] > 300, result["commits"] > 0) == (2_000, True, True)
    assert abs(sum(result["parts_us"].values()) - result["cpu_us_per_event"]) < 0.2
    assert result["events_per_cpu_s"] > 0


@linux
def test_stall_tells_each_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every case comes to its end, and what was clocked is put back as it was."""
    from streams.partition.intake import Intake

    real = Intake.cut
    monkeypatch.setattr("agents.proof.bench.stall._GROWN_TO", 5_000)
    result = _run("stall", "--users", "3000", "--changed", "2000")
    assert set(result["cases"]) == {"commit", "idle pass", "daily close", "show everyone", "table growth"}
    for case in result["cases"].values():
        assert case["longest_ms"] >= case["p99_ms"] >= 0
    assert {"cut", "fold", "encode state"} <= result["cases"]["commit"]["phases"].keys()
    assert Intake.cut is real


@linux
def test_api_tells_reads_and_pushes(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every load is answered and counted, every listener is told."""
    monkeypatch.setattr("agents.proof.bench.api.PAGES", 3)
    monkeypatch.setattr("agents.proof.bench.api.ASKED", 50)
    monkeypatch.setattr("agents.proof.bench.api.DASHBOARDS", 3)
    sizes = ("--users", "500", "--seconds", "0.3", "--listeners", "8", "--connections", "0")
    result = _run("api", *sizes, "--redis", redis_url)
    by_name = {row["name"]: row for row in result["reads"]}
    assert by_name["user, not modified"]["statuses"].keys() <= {"200", "304"}
    assert all(row["answers"] > 0 < row["cpu_us"] and row["p50_ms"] <= row["p99_ms"] for row in by_name.values())
    (stream,) = result["stream"]
    assert (stream["listeners"], stream["lost"]) == (8, 0)
    assert 0 < stream["told"] <= stream["changes"]
    assert (result["dashboards"]["listeners"], result["dashboards"]["lost"]) == (3, 0)
    assert result["dashboards"]["reads"]["answers"] > 0


@linux
def test_a_crowd_is_there_until_it_is_ended(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is ended comes again, as long as the crowd is wanted; then all are ended, and nobody is left."""
    monkeypatch.setattr("agents.api.wire.ASKING_S", 1.0)
    with (
        serving(Settings(redis=redis_url)) as port,
        apart("crowd", {"port": port, "connections": 40, "gone_s": 20}) as crowd,
    ):
        assert crowd.ready() == {"there": 40, "failed": 0}
        told = crowd.result()
    assert (told["left"], told["failed"]) == (0, 0)
    assert told["ended"] >= 40


def test_gaps_names_what_held_the_loop() -> None:
    """The longest gap is told, and the function that it was spent in, a step of a generator too."""

    class Work:
        def hold(self) -> None:
            until_s = time.thread_time() + 0.05
            while time.thread_time() < until_s:
                pass

        def steps(self) -> Iterator[int]:
            for step in range(2):
                self.hold()
                yield step

    async def story() -> dict[str, Any]:
        gaps, work = Gaps(), Work()
        with gaps.watch("steps", Work, "steps"):
            ticking = asyncio.create_task(gaps.tick())
            for _ in work.steps():
                await asyncio.sleep(0.005)
            ticking.cancel()
        return gaps.report()

    told = asyncio.run(story())
    assert told["longest_cpu_ms"] >= 50
    assert 50 <= told["phases"]["steps"] < 100
