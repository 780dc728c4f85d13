"""`clout status`: what it makes of Redis and Kafka, and what of it is wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import pytest
from rich.console import Console

from agents.cli.status_text import parts
from agents.shapes.status import SourceStatus
from agents.surroundings.status import told
from streams.broker.admin import Admin
from streams.model.channels import Channel, Silence
from streams.model.gaps import Gap, Gaps
from streams.policies.book import Book
from streams.scoreboard.connect import connect
from streams.scoreboard.layout import Keys
from streams.settings import Settings

Ask = Callable[..., Any]
NOW_MS = 1_767_225_600_000
SETTINGS = Settings(partitions=2)
PULSE = {"owner": "w1", "as_of": NOW_MS - 1_000, "users": 3, "model": "clout-1", "version": 7, "latency": {"10": 4}}
STANDING = {"channel": "ops", "enabled": True, "waiting": 2, "dead": 1, "oldest": NOW_MS - 5_000, "open_until": None}
STANDING |= {"off": "", "last": "answered 500", "at": NOW_MS - 1_000}
TOLD = {
    "channel": "ops",
    "id": "i",
    "about": "t:a",
    "at": NOW_MS,
    "state": "failed",
    "said": "no\x1b[2J",
    "attempts": 2,
}
WELL: dict[str, Any] = {
    "pulses": {0: PULSE, 1: PULSE | {"owner": "w2"}},
    "told": {},
    "rules": {"offset": 3, "rules": [{"name": "day-fall", "severity": "warning"}]},
    "standings": {"ops": STANDING},
    "deliveries": [TOLD],
    "sources": {},
}
SOURCE = {"source": "bluesky", "network": "bluesky", "state": "reading", "endpoint": "wss://h", "instance": "i", "last": ""}
SOURCE |= {"at": NOW_MS - 1_000, "lag_ms": 400, "rate": 1_234.5, "events": 99_000, "errors": 2, "skipped": {}}
SOURCE |= {"cursor": "7", "committed": NOW_MS - 1_000, "gap": None}
BOOK = Book(channels=(Channel(name="ops", url="https://h"), Channel(name="off", url="https://h", enabled=False)))


def screen(found: dict[str, Any]) -> list[str]:
    """What a person sees."""
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    for part in parts(found):
        console.print(part)
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_all_is_well() -> None:
    """Each thing has its line; nothing is wrong, also with dead letters and what is switched off on purpose."""
    found = told(SETTINGS, WELL, BOOK, None, NOW_MS)
    assert found["wrong"] == []
    assert (found["workers"], found["users"], found["latency_ms"]["p99"]) == (["w1", "w2"], 6, 22.0)
    assert {one["name"]: one["state"] for one in found["channels"]} == {"ops": "well", "off": "off"}
    lines = screen(found)
    assert lines[0] == "workers    2 for 2 of 2 partitions, 6 users, event to score p50 22 ms, p99 22 ms"
    assert lines[1] == "           0  w1, scored as of 1.0 s ago, 3 users, clout-1, version 7"
    assert "rules      2 in force: day-fall (warning), week-fall (warning)" in lines
    assert "           ops: well; 2 waiting, the oldest since 2025-12-31T23:59:55Z, 1 dead" in lines
    assert "channels   off: off" in lines
    assert lines[-1] == "wrong      nothing"
    assert "2026-01-01T00:00:00Z  ops      failed  t:a           2  no\\x1b[2J" in lines
    assert orjson.loads(orjson.dumps(found)) == found


@pytest.mark.parametrize(
    ("redis", "book", "said"),
    [
        ({"pulses": {0: PULSE}}, BOOK, "partitions 1 never wrote: is `clout worker` running?"),
        ({"pulses": {0: PULSE, 1: PULSE | {"as_of": NOW_MS - 90_000}}}, BOOK, "partitions 1 are silent for 90 s"),
        (
            {"told": {"w1": {"at": NOW_MS, "findings": [["redis", "wrong", "it is full"]]}}},
            BOOK,
            "redis: it is full (says",
        ),
        ({"standings": {}}, BOOK, "channel ops: nobody delivers to it"),
        ({"standings": {"ops": STANDING | {"at": NOW_MS - 60_000}}}, BOOK, "channel ops: nobody delivers to it"),
        ({"standings": {"ops": STANDING | {"off": "answered 410"}}}, BOOK, "channel ops: switched off: answered 410"),
        (
            {"standings": {"ops": STANDING | {"open_until": NOW_MS + 9_000}}},
            None,
            "channel ops: left alone until 00:00:09Z",
        ),
    ],
)
def test_what_is_wrong(redis: dict[str, Any], book: Book | None, said: str) -> None:
    """One line for it, last."""
    found = told(SETTINGS, WELL | redis, book, None, NOW_MS)
    [line] = found["wrong"]
    assert line.startswith(said)
    assert screen(found)[-1] == f"wrong      {line}"


def test_channels_that_only_the_process_knows() -> None:
    """Of a file of its own: they are shown, and can be in trouble."""
    there = {"filed": STANDING | {"channel": "filed", "off": "answered 410"}, "quiet": STANDING | {"enabled": False}}
    found = told(SETTINGS, WELL | {"standings": {"ops": STANDING} | there}, BOOK, None, NOW_MS)
    states = {one["name"]: one["state"] for one in found["channels"]}
    assert states == {"ops": "well", "off": "off", "filed": "switched off: answered 410", "quiet": "off"}
    assert found["wrong"] == ["channel filed: switched off: answered 410"]


@pytest.mark.parametrize(
    ("standing", "wrong", "line"),
    [
        ({}, "", "bluesky: reading; 1,234 events/s, 0.4 s behind, 99,000 events, 2 connections lost"),
        ({"state": "stopped", "at": 1, "gap": NOW_MS - 5_000, "rate": 0.0}, "", "bluesky: stopped; 0 events/s"),
        ({"at": NOW_MS - 60_000}, "nobody has read it for 60 s: is `clout feed bluesky` running?", "bluesky: nobody has"),
        ({"state": "waiting", "last": "HTTP 502"}, "no connection: HTTP 502", "bluesky: no connection: HTTP 502"),
        ({"lag_ms": 90_000, "gap": NOW_MS - 90_000}, "90 s behind", "gap since 2025-12-31T23:58:30Z"),
    ],
)
def test_live_sources(standing: dict[str, Any], wrong: str, line: str) -> None:
    """How each stands; a source that nobody reads, or that is behind, is wrong, one that was stopped is not."""
    found = told(SETTINGS, WELL | {"sources": {"bluesky": SOURCE | standing}}, BOOK, None, NOW_MS)
    assert found["wrong"] == ([f"source bluesky: {wrong}"] if wrong else [])
    assert any(one.startswith("sources    bluesky: ") and line in one for one in screen(found))
    msgspec.convert(found["sources"], list[SourceStatus])


def test_a_note_is_not_wrong() -> None:
    """It is for a person to judge."""
    redis = WELL | {"told": {"w1": {"at": NOW_MS, "findings": [["input", "note", "nothing comes"]]}}}
    assert told(SETTINGS, redis, BOOK, None, NOW_MS)["wrong"] == []


def test_gaps_and_silences_that_are_on() -> None:
    """Not those that are over, or later."""
    gaps = (Gaps(network="mastodon", gaps=(Gap(since=NOW_MS - 1), Gap(since=NOW_MS - 9, until=NOW_MS - 8))),)
    spans = {"on": (NOW_MS - 1, NOW_MS + 1_000), "over": (1, NOW_MS), "later": (NOW_MS + 1, NOW_MS + 2)}
    silences = tuple(Silence(name=name, rules=("r",), since=at, until=end) for name, (at, end) in spans.items())
    found = told(SETTINGS, WELL, BOOK._replace(gaps=gaps, silences=silences), None, NOW_MS)
    assert ([one["network"] for one in found["gaps"]], [one["name"] for one in found["silences"]]) == (
        ["mastodon"],
        ["on"],
    )
    lines = screen(found)
    assert "gaps       nothing comes from mastodon since 2025-12-31T23:59:59.999Z (declared)" in lines
    assert "silences   on until 2026-01-01T00:00:01Z" in lines


def test_with_the_stream_clock_nobody_is_late() -> None:
    """Time is that of events: how old a score is says nothing of the worker."""
    redis = WELL | {"pulses": {0: PULSE | {"as_of": 1_000}, 1: PULSE}}
    assert told(Settings(partitions=2, clock="stream"), redis, BOOK, None, NOW_MS)["wrong"] == []


def test_on_real_servers(clout: Ask, kafka: str, redis_url: str, prefix: str) -> None:
    """Exit code 1 as long as something is wrong; without Kafka it says so, and shows what Redis has; without Redis code 3."""
    where = {"kafka": kafka, "redis": redis_url, "redis_prefix": prefix, "topic_prefix": prefix, "partitions": 1}
    with Admin(Settings.load({}, **where)) as admin:
        admin.create()
    nobody = clout("status", **where)
    assert nobody.exit_code == 1
    assert "partitions 0 never wrote" in nobody.stdout
    now_ms = round(time.time() * 1000)

    async def write() -> None:
        client, keys = connect(Settings(redis=redis_url)), Keys(prefix, 0)
        # fresh for as long as the test takes
        pulse = PULSE | {"as_of": now_ms + 600_000}
        await client.hset(keys.pulse, "0", orjson.dumps(pulse))
        await client.hset(keys.channels, "ops", orjson.dumps(STANDING | {"at": now_ms + 600_000}))
        await client.lpush(keys.deliveries, orjson.dumps(TOLD))
        await client.aclose()

    asyncio.run(write())
    assert clout("channel", "add", "ops", "--url", "https://h", **where).exit_code == 0
    well = clout("status", "--json", **where)
    assert (well.exit_code, orjson.loads(well.stdout)["wrong"]) == (0, [])
    lonely = clout("status", "--json", **where | {"kafka": "127.0.0.1:1"})
    found = orjson.loads(lonely.stdout)
    assert lonely.exit_code == 1
    assert "127.0.0.1:1" in found["kafka"]
    assert (found["gaps"], found["silences"], found["rules"]) == (None, None, None)
    assert [one["state"] for one in found["channels"]] == ["well"]
    assert "not known without Kafka" in clout("status", **where | {"kafka": "127.0.0.1:1"}).stdout
    assert clout("status", **where | {"redis": "redis://127.0.0.1:1"}).exit_code == 3
