"""Rules on the real servers: a worker knows them before its first event, shows those in force in Redis, and hears of new ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from streams.model.gaps import Gap, Gaps
from streams.model.rules import DAY_FALL, WEEK_FALL, Rule, When, built_in
from streams.policies.records import encode, key_of
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from streams.topics import POLICIES
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
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(httpx.get(f"{worker.url}/metrics", timeout=PATIENCE_S).text)
            for sample in family.samples
        }
        assert samples["clout_policies_offset",] == 4
        assert samples["clout_policies_unusable",] == 1
        assert (samples["clout_rules", "in force"], samples["clout_rules", "off"]) == (2, 1)
        clout.produce([(POLICIES.name, 0, *encode(Gaps(network="mastodon", gaps=(Gap(since=1_783_123_200_000),))))])
        _until(lambda: "nothing comes from mastodon since 2026-07-04T00:00:00+00:00 (declared)" in worker.said, clout)
        assert worker.said.count("read policies offset=1 rules=3") == 1
        assert worker.said.index("read policies offset=1") < worker.said.index("took partitions=")


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
