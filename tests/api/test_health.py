"""What /livez, /readyz and /metrics say of the worker in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agents.worker.health import Health, Watcher
from agents.worker.metrics import KINDS, Metrics, table
from streams.clocks import Clocks
from streams.model.cases import Alert
from streams.model.table import Counts, Table
from streams.model.versions import DEFAULT
from streams.partition.figures import Figures
from streams.partition.intake import Intake
from streams.partition.liveness import IDLE, SENDING, Standing
from streams.partition.loop import Loop
from streams.partition.ports import Records, Written
from streams.partition.recovered import Progress
from streams.partition.sending import Outlet, Sender
from streams.partition.terms import Pace, Start, Supply
from streams.policies.book import Book
from streams.scoreboard.flush import Versions
from streams.scoreboard.shown import Shown
from streams.scoreboard.view import View
from tests.api.conftest import SCORES, Scene

NOW_S = 1_767_225_600.0


@pytest.fixture
def health() -> Health:
    """Of a worker that has just started."""
    return Health()


@pytest.fixture
def client(scene: Scene, served: Callable[..., httpx.Client], health: Health) -> httpx.Client:
    """A client of the app beside that worker; all partitions have a pulse."""
    scene.write(SCORES)
    return served(health=health)


def test_without_a_worker_nothing_is_said_of_one(page: httpx.Client) -> None:
    """An API of its own is alive while it answers, ready by the pulse, and has no metrics."""
    assert page.get("/livez").json() == {"status": "ok"}
    body = page.get("/readyz").json()
    assert (body["status"], body["rule"]) == ("ready", "pulse")
    assert page.get("/metrics").status_code == 404


def test_livez_says_which_rule_and_why(client: httpx.Client, health: Health) -> None:
    """A live worker answers 200, one that broke a rule 503, both with the rule and the reason."""
    clock = iter(range(1_000))
    watcher = Watcher(health, health.beat, 60, lambda _: None, lambda: float(next(clock)))
    health.beat([Standing(2, IDLE, False, 0)])
    watcher.look()
    answer = client.get("/livez")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "rule": "progress", "reason": "there is nothing to do"},
    )
    for _ in range(61):
        health.beat([Standing(2, SENDING, True, 5)])
        watcher.look()
    answer = client.get("/livez")
    assert answer.status_code == 503
    assert (answer.json()["status"], answer.json()["rule"]) == ("stalled", "partition")
    assert answer.json()["reason"].startswith("partition 2 has had an interval on its way to Kafka for 60 s")


def test_readyz_follows_a_take_over(client: httpx.Client, health: Health) -> None:
    """Not ready before the first partitions, while rows are read (with progress) and between two assignments; else ready."""

    def told() -> tuple[int, str]:
        answer = client.get("/readyz")
        assert answer.json()["reason"]
        return answer.status_code, answer.json()["rule"]

    assert told() == (503, "starting")
    health.taking({2, 0})
    assert told() == (503, "taking over")
    assert "recovery" not in client.get("/readyz").json()
    health.progress(Progress(1_000, 3_000, 4.5))
    assert told() == (503, "taking over")
    assert client.get("/readyz").json()["recovery"] == {
        "partitions": [0, 2],
        "records": 1_000,
        "to_go": 3_000,
        "seconds_left": 4.5,
    }
    health.took({2, 0})
    assert told() == (200, "serving")
    assert client.get("/readyz").json()["partitions"] == {"fresh": 4, "seen": 4, "of": 4, "held": [0, 2]}
    health.gone()
    assert told() == (503, "sharing out")
    health.taking([1])
    assert "recovery" not in client.get("/readyz").json()  # that of the last take-over is over
    health.took([])
    assert told() == (200, "serving")
    assert "more workers than partitions" in client.get("/readyz").json()["reason"]


def test_a_ready_worker_still_needs_redis(scene: Scene, served: Callable[..., httpx.Client], health: Health) -> None:
    """A worker that serves does not make scores readable that are not in Redis."""
    health.took({0})
    assert served(health=health).get("/readyz").json()["rule"] == "pulse"
    assert served(health=health, redis="redis://127.0.0.1:1/0").get("/readyz").json()["rule"] == "redis"


def values(health: Health) -> dict[str, dict[tuple[str, ...], float]]:
    """What Prometheus reads: value by metric and label values."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(Metrics(health, lambda: NOW_S).text().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


FIGURES = Figures(
    counts=replace(Counts(), folded=100, rejected=2, repeats=3, strays=4).as_dict(),
    waiting=55,
    version=(7 << 32) + 9,
    positions={"likes": 104, "strays": 0},
    committed_ms=NOW_S * 1000 - 1_500,
    redis_waiting=6,
    rebuilds=1,
    feeds_silent=2,
    alerts={("day-fall", "raised", "idle"): 7, ("day-fall", "settled", "idle"): 2},
    suppressed={"cooldown": 5, "bound": 0},
)


def test_metrics_are_what_the_worker_says(health: Health) -> None:
    """Each value arrives under its name, by partition and topic."""
    health.taking({3})
    health.progress(Progress(10, 30, 1.5))
    health.beat(figures={3: FIGURES})
    found = values(health)
    assert {name: found[name][()] for name in found if () in found[name]} == {
        "clout_live": 1,
        "clout_partitions_held": 0,
        "clout_recovery_records_read": 10,
        "clout_recovery_records_to_go": 30,
        "clout_recovery_seconds_left": 1.5,
    }
    assert {name: found[name]["3",] for name in found if ("3",) in found[name]} == {
        "clout_events_folded_total": 100,
        "clout_events_rejected_total": 2,
        "clout_events_repeated_total": 3,
        "clout_events_strayed_total": 4,
        "clout_input_waiting_records": 55,
        "clout_partition_version": (7 << 32) + 9,
        "clout_partition_commit_age_seconds": 1.5,
        "clout_redis_users_waiting": 6,
        "clout_redis_refused_seconds": 0,
        "clout_redis_rebuilds_total": 1,
        "clout_feeds_silent": 2,
    }
    raised, settled = (("idle", "3", "day-fall", state) for state in ("raised", "settled"))
    assert found["clout_alerts_total"] == {raised: 7, settled: 2}
    assert found["clout_alerts_suppressed_total"] == {("3", "cooldown"): 5, ("3", "bound"): 0}
    assert found["clout_partition_position"] == {("3", "likes"): 104, ("3", "strays"): 0}
    health.took({3})
    assert values(health)["clout_partitions_held"] == {(): 1}


def test_what_left_is_not_shown_any_more(health: Health) -> None:
    """Nothing is said of partitions that were let go of, or of what is not known yet."""
    assert set(values(health)) == {"clout_live", "clout_partitions_held"}
    health.beat(figures={3: FIGURES._replace(committed_ms=0)})
    assert "clout_partition_commit_age_seconds" not in values(health)
    health.progress(Progress(0, 30, None))
    assert "clout_recovery_seconds_left" not in values(health)
    health.gone()
    assert "clout_events_folded_total" not in values(health)


def test_metrics_over_http(client: httpx.Client, health: Health) -> None:
    """Prometheus gets its own text format, with help and type of every metric of the table."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for name, _, doc in table():
        base = name.removesuffix("_total")
        assert f"# HELP {name} {doc}" in answer.text
        assert f"# TYPE {name} {'counter' if base != name else 'gauge'}" in answer.text
    assert len(table()) == len(KINDS)


class Nowhere:
    """A publisher whose records go nowhere."""

    transactional = False
    busy_s = 0.0

    async def begin(self) -> None: ...

    async def send(self, topic: str, partition: int, records: Records) -> None: ...

    async def commit(self, positions: dict[tuple[str, int], int], *, last: bool = False) -> dict[tuple[str, int], Written]:  # noqa: ARG002
        return {}

    async def stop(self) -> None: ...


def test_a_loop_says_how_it_stands() -> None:
    """The figures come from a real loop: they are its table's, its input's and its view's."""

    async def story() -> None:
        table, versions = Table(DEFAULT), Versions(2)
        table.counts.folded = 8
        clocks, pace = Clocks(lambda: NOW_S * 1000, lambda: 0.0, lambda: 0.0), Pace(1, 1, 1, stream_clock=False)
        shown = Shown(table, 1, "w", versions)
        view = View(None, shown, pace.now_ms(table, clocks), clocks.wall_ms)  # type: ignore[arg-type]  # nothing is written
        sender = Sender(table, Nowhere(), Outlet(1, str, {}), Book, versions, clocks)
        intake = Intake(table, 1, 4)
        intake.positions = {"likes": 3}
        loop = Loop(intake, sender, view, Start(0, {}), pace, clocks, Supply(lambda _: None))
        silent = {"cooldown": 0, "ignored": 0, "bound": 0}
        assert loop.figures() == Figures(table.counts.as_dict(), 0, 2 << 32, {"likes": 3}, 0.0, 0, 0, suppressed=silent)
        table.slot("n:ann")
        await sender.send(intake.cut(0), versions.next())
        shown.everyone()
        sender.alerted.suppressed["cooldown"] += 1
        states = ("raised", "raised", "settled")
        sender.alerted.committed([Alert("n:ann", "day-fall", state, "idle", b"") for state in states])
        found = loop.figures()
        assert (found.alerts, found.suppressed) == (
            {("day-fall", "raised", "idle"): 2, ("day-fall", "settled", "idle"): 1},
            {**silent, "cooldown": 1},
        )
        assert found._replace(alerts={}, suppressed={}) == Figures(
            table.counts.as_dict(), 0, (2 << 32) + 1, {"likes": 3}, NOW_S * 1000, 1, 1
        )

    asyncio.run(story())
