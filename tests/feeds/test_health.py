"""How a live source stands: in Redis, in metrics, in health checks, on the screen of the command."""

from __future__ import annotations

import logging
import signal
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import httpx
import msgspec
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agents.cli.status_look import look
from agents.feeds.behind import PATIENCE_MS, Behind
from agents.feeds.shown import Shown
from agents.feeds.standing import Figures
from agents.feeds.tries import LONGEST_S, LONGEST_WAIT_S, Tries
from agents.local.embedded import child, free_port
from agents.shapes.sources import SourceStanding
from streams.scoreboard.connect import connect
from streams.scoreboard.layout import Keys
from streams.scoreboard.standings import Standings
from streams.settings import Settings
from tests.feeds.contract import run
from tests.feeds.jetstream import Faults, Instance, messages, serving_apart
from tests.feeds.scripted import made
from tests.integration.test_live_source import environ, until


def test_it_is_shown_until_it_is_stopped(redis_url: str, prefix: str) -> None:
    """In the hash of the first shard, as the API says that it is."""

    async def story() -> None:
        settings = Settings.load({}, redis=redis_url, redis_prefix=prefix)
        client, figures = connect(settings), Figures("bluesky", "bluesky")
        keys = Keys(prefix, 0)
        figures.lost("no connection: refused")
        shown = Shown(client, keys, figures, lambda: 1_700.0)
        await shown.once()
        standing = (await Standings(client, keys).sources())["bluesky"]
        found = msgspec.convert(standing, SourceStanding)
        assert (found.state, found.last, found.errors, found.at) == ("waiting", "no connection: refused", 1, 1_700)
        figures.state, figures.newest_ms, figures.events = "stopped", 1_200, 7
        await shown.last()
        standing = (await Standings(client, keys).sources())["bluesky"]
        assert (standing["state"], standing["lag_ms"], standing["events"]) == ("stopped", 500, 7)
        await client.aclose()

    run(story())


def test_without_redis_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """And nothing is waited for."""

    async def story() -> None:
        client = connect(Settings.load({}, redis=f"redis://127.0.0.1:{free_port()}/0"))
        shown = Shown(client, Keys("x", 0), Figures("bluesky", "bluesky"), lambda: 1.0)
        with caplog.at_level(logging.WARNING, "clout.feed"):
            await shown.once()
            await shown.once()
        assert caplog.text.count("redis does not take how the source stands") == 1
        await client.aclose()

    run(story())


def test_the_rate_is_that_of_lately() -> None:
    """It follows what comes within ten seconds or so, and falls when nothing does."""
    figures = Figures("s", "n")
    for second in range(60):
        figures.events += 500
        figures.tick(second)
    assert 480 < figures.rate <= 500
    for second in range(60, 120):
        figures.tick(second)
    assert figures.rate < 5


def test_as_a_process(kafka: str, redis_url: str, prefix: str, tmp_path: Path) -> None:
    """The port that it says has health and metrics; `clout status` tells of it, and that it was stopped."""
    settings = replace(made(kafka, prefix), redis=redis_url, redis_prefix=prefix)
    log = tmp_path / "feed.log"
    instance = Instance(messages(50), Faults(refuse=[(503, {"Retry-After": "0"}, "")]))
    argv = [sys.executable, "-m", "agents.cli.main", "feed", "bluesky", "--port", "0", "--json"]
    with serving_apart(instance) as url, child([*argv, "--endpoint", url], log=log, env=environ(settings)) as process:
        until(process, log, lambda: "http://" in log.read_text())
        address = next(word for word in log.read_text().split() if word.startswith("http://")).rstrip("/")
        with httpx.Client(base_url=address, trust_env=False) as client:
            until(process, log, lambda: client.get("/readyz").status_code == 200)
            until(process, log, lambda: value(client, "clout_source_commits_total") > 0)
            assert client.get("/livez").status_code == 200
            assert value(client, "clout_source_events_total") > 20
            assert value(client, "clout_source_reading") == 1
            assert value(client, "clout_source_lag_seconds") > 0
            assert value(client, "clout_source_lost_total") == 1
            assert value(client, "clout_source_skipped_total") > 0
        until(process, log, lambda: bool(look(settings)["sources"]))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    (source,) = look(settings)["sources"]
    assert (source["name"], source["state"], source["trouble"]) == ("bluesky", "stopped", "")
    summary = orjson.loads(log.read_text().splitlines()[-1])
    assert summary["fed"] == summary["events"] == source["standing"]["events"]
    assert summary["errors"] == {"the server answers HTTP 503 (text/plain) in place of a websocket": 1}


def value(client: httpx.Client, name: str) -> float:
    """The sum of a metric."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


T0 = 1_783_123_200_000


def test_a_gap_begins_when_nothing_can_be_had_for_long() -> None:
    """With the newest that was read; a break that is short is none. It ends when the source has caught up."""
    behind = Behind(None, T0, T0)
    behind.heard(T0, T0)
    behind.lost(T0 + 1_000)
    assert behind.look(T0 + 1_000 + PATIENCE_MS) is None
    assert behind.look(T0 + 1_001 + PATIENCE_MS) == T0
    back_ms = T0 + 10 * PATIENCE_MS
    for second in range(20):  # it comes nearer to now by a minute and more each second
        behind.heard(T0 + second * 30_000, back_ms + second * 1_000)
        assert behind.look(back_ms) == (
            T0 if back_ms + second * 1_000 - (T0 + second * 30_000) >= PATIENCE_MS else None
        )
    assert behind.gap is None


def test_a_source_that_begins_behind_is_in_a_gap() -> None:
    """Of what an earlier process read; one that never read anything has none."""
    behind = Behind(None, T0, T0 + 2 * PATIENCE_MS)
    behind.heard(T0 + 1_000, T0 + 2 * PATIENCE_MS)
    assert behind.gap == T0
    nothing = Behind(None, 0, T0)
    assert nothing.look(T0 + 100 * PATIENCE_MS) is None
    assert nothing.stopped(T0) is None


@pytest.mark.parametrize("off_ms", [-3_600_000, 3_600_000])
def test_a_clock_that_is_wrong_is_no_gap_for_ever(off_ms: int) -> None:
    """A source that comes no nearer to now is as near as it gets."""
    behind = Behind(T0, T0, T0)
    for second in range(40):
        behind.heard(T0 + off_ms + second * 1_000, T0 + second * 1_000)
    assert behind.gap is None


def test_tries() -> None:
    """Pauses grow, with dice, and each failure that gave nothing leads to the next endpoint; what gave something is kept."""
    tries = Tries(("a", "b", "c"), Random(1), "b")
    assert tries.endpoint == "b"
    pauses = [tries.over(0.0, gave=False) for _ in range(12)]
    assert tries.endpoint == "b"
    assert all(0 < pause <= LONGEST_S for pause in pauses)
    assert pauses[-1] > 10 * pauses[0]
    assert tries.over(0.0, gave=True) < 1
    assert tries.endpoint == "b"
    assert tries.over(0.0, gave=True, wait_s=50) == 50
    assert tries.over(20.0, gave=False, wait_s=10_000) < 50  # of another endpoint nobody said so
    assert tries.endpoint == "c"
    assert Tries(("a",), Random(1)).over(0.0, gave=False, wait_s=10_000) == LONGEST_WAIT_S
