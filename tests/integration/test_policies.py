"""Rules on the real servers: a worker knows them before its first event, shows those in force in Redis, and hears of new ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import product
from math import floor
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from streams.broker.policies import read
from streams.formats.state import HEADER, read_header
from streams.model.gaps import Gap, Gaps
from streams.model.rules import DAY_FALL, WEEK_FALL, Rule, When, built_in
from streams.policies.records import encode, key_of
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from streams.sources import Produced
from streams.topics import POLICIES, STATE
from tests.integration.stack import PATIENCE_S, Stack
from tests.integration.test_surroundings import working

BIG = Rule(name="big", when=When(falls=10.0))


def test_rules_of_a_worker(stack: Callable[..., Stack]) -> None:
    """At the start, when they change, when Redis loses them; what cannot be used is told, and nothing stops."""
    clout = stack(partitions=2)
    clout.produce([_record(BIG), _record(Rule(name=WEEK_FALL, when=When(falls=4.0), enabled=False))])
    with working(clout) as worker:
        _until(lambda: _shown(clout) == (1, ["big", DAY_FALL]), clout)
        assert _shown_rule(clout, DAY_FALL) == built_in()[0].when.falls
        clout.produce([_record(Rule(name="low", when=When(below=40.0))), (POLICIES.name, 0, key_of("big"), None)])
        _until(lambda: _shown(clout) == (3, [DAY_FALL, "low"]), clout)
        _delete(clout)
        _until(lambda: _shown(clout) == (3, [DAY_FALL, "low"]), clout)
        clout.produce([(POLICIES.name, 0, key_of("low"), b'{"format":2}')])
        _until(lambda: _shown(clout) == (4, [DAY_FALL, "low"]), clout)
        _until(lambda: "rule low: format: policy of format 2" in worker.said, clout)
        _until(lambda: _samples(worker.url)["clout_policies_offset",] == 4, clout)
        samples = _samples(worker.url)
        assert samples["clout_policies_unusable",] == 1
        assert (samples["clout_rules", "in force"], samples["clout_rules", "off"]) == (2, 1)
        clout.produce([(POLICIES.name, 0, *encode(Gaps(network="mastodon", gaps=(Gap(since=1_783_123_200_000),))))])
        _until(lambda: "nothing comes from mastodon since 2026-07-04T00:00:00+00:00 (declared)" in worker.said, clout)
        assert worker.said.count("read policies offset=1 rules=3") == 1
        assert worker.said.index("read policies offset=1") < worker.said.index("took partitions=")


def _samples(url: str) -> dict[tuple[str, ...], float]:
    """What a worker measures, by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(httpx.get(f"{url}/metrics", timeout=PATIENCE_S).text)
        for sample in family.samples
    }


def test_lines_of_a_rule(stack: Callable[..., Stack]) -> None:
    """Three partitions count, one says where the three highest begin; whom others overtake is told once, also by a successor."""
    clout = stack(partitions=3, model="plain", lines_s=0.3, idle_s=0.3)
    top, line = Rule(name="top", when=When(top=3), cooldown_s=0), "top/3"
    clout.produce([_record(Rule(name=DAY_FALL, when=When(falls=1.5), enabled=False))])
    with working(clout) as worker:
        clout.feed(_likes("low", 3, 2) + _likes("first", 3, 5))
        _until(lambda: len(_published(clout)) == 3, clout)
        lowest = min(_published(clout).values())
        clout.produce([_record(top)])
        _until(lambda: _line(clout, line) == floor(lowest * 10) / 10, clout)
        _until(lambda: _lines_taken(clout, line) == [_line(clout, line)] * 3, clout)
        first = _line(clout, line)
        assert clout.consume("alerts") == []
        worker.process.kill()
        worker.process.wait()
    clout.feed(_likes("then", 3, 40))
    with working(clout):
        _until(
            lambda: _line(clout, line) == floor(min(_published(clout, "n:then", 40).values(), default=0) * 10) / 10,
            clout,
        )
        _until(lambda: _lines_taken(clout, line) == [_line(clout, line)] * 3, clout)
        then = _line(clout, line)
        clout.produce([(POLICIES.name, 0, key_of("top"), None)])
        _until(lambda: _line(clout, line) is None, clout)
    alerts = [alert for _, alert in clout.consume("alerts") if alert["user"].startswith("n:first")]
    assert sorted((alert["user"], alert["state"], alert["rule"]) for alert in alerts) == [
        (f"n:first{n}", "raised", "top") for n in range(3)
    ]
    assert then
    assert first
    assert all(first < alert["reference"]["score"] <= then for alert in alerts)
    assert all("out of the 3 highest" in alert["sentence"] for alert in alerts)


def _likes(name: str, targets: int, likes: int) -> list[Produced]:
    now_ms, made = int(time.time() * 1000), []
    for target, number in product(range(targets), range(likes)):
        actor = f"{name}a{target}-{number}"
        event = {"id": actor, "network": "n", "actor": actor, "target": f"{name}{target}", "ts": now_ms}
        made.append(Produced("likes", f"n:{actor}".encode(), orjson.dumps(event), now_ms))
    return made


def _line(clout: Stack, name: str) -> float | None:
    line = asyncio.run(read(clout.settings)).book().lines.get(name)
    return line and line.score


def _lines_taken(clout: Stack, name: str) -> list[float | None]:
    """By which line each partition has judged, as its header says."""
    headers = {}
    for partition, key, value in _state(clout):
        if key == HEADER:
            headers[partition] = read_header(value)
    return [headers[number].lines.get(name) for number in sorted(headers)]


def _state(clout: Stack) -> list[tuple[int, bytes, bytes]]:
    async def ask() -> list[tuple[int, bytes, bytes]]:
        parts = [TopicPartition(clout.settings.topic(STATE.name), n) for n in range(clout.settings.partitions)]
        consumer = AIOKafkaConsumer(bootstrap_servers=clout.settings.kafka, isolation_level="read_committed")
        await consumer.start()
        try:
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            ends, found = await consumer.end_offsets(parts), []
            for part in parts:
                while await consumer.position(part) < ends[part]:
                    records = (await consumer.getmany(part, timeout_ms=500)).get(part, [])
                    found += [(part.partition, record.key, record.value) for record in records]
            return found
        finally:
            await consumer.stop()

    return asyncio.run(ask())


def _published(clout: Stack, name: str = "n:first", likes: int = 5) -> dict[str, float]:
    """Scores of those users who have so many likes, in the topic."""
    records = dict(clout.consume("scores"))
    return {
        user: one["score"]
        for user, one in records.items()
        if user and user.startswith(name) and one["engagements"] == likes
    }


def _record(rule: Rule) -> tuple[str, int, bytes, bytes]:
    return POLICIES.name, 0, *encode(rule)


def _rules(clout: Stack) -> dict[str, Any] | None:
    async def ask() -> dict[str, Any] | None:
        async with clout._reader() as reader:
            found: dict[str, Any] | None = await reader.rules()
            return found

    return asyncio.run(ask())


def _shown(clout: Stack) -> tuple[int, list[str]] | None:
    found = _rules(clout)
    return found and (found["offset"], [rule["name"] for rule in found["rules"]])


def _shown_rule(clout: Stack, name: str) -> float:
    found = _rules(clout)
    assert found
    return next(float(rule["when"]["falls"]) for rule in found["rules"] if rule["name"] == name)


def _delete(clout: Stack) -> None:
    client: Any = connect_sync(clout.settings)
    assert client.delete(Keys(clout.settings.redis_prefix, 0).rules) == 1
    client.close()


def _until(true: Callable[[], bool], clout: Stack) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, _rules(clout)
        time.sleep(0.05)
