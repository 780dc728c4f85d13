"""Alerts that arrive, on the real Kafka: routed, signed, tried again, told as one; over a kill -9."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from standardwebhooks import Webhook

from agents.local.embedded import Process
from streams.broker.admin import Admin
from streams.model.channels import Channel, Route, Silence
from streams.partitioner import partition_of
from streams.policies.records import encode
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from streams.topics import ALERTS, POLICIES
from tests.alerting.receiver import Got, Receiver, receiving
from tests.integration.stack import PATIENCE_S, Stack

ALERTING = (sys.executable, "-m", "agents.cli.main", "alerting")
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


def alert(number: int, user: str = "bluesky:ann", state: str = "raised", severity: str = "warning") -> dict[str, Any]:
    """As a worker writes it, as far as routing and templates look at it."""
    return {
        "id": f"day-fall/{user}/{number}/{state}",
        "rule": "day-fall",
        "state": state,
        "severity": severity,
        "user": user,
        "episode": number,
        "at": int(time.time() * 1000),
        "score": 40.0,
        "change": -float(number),
        "cause": "reversed",
        "causes": [],
        "sentence": f"{user} fell {number} points",
    }


def send(clout: Stack, *alerts: dict[str, Any]) -> None:
    """To the topic, as a worker does."""
    partitions = clout.settings.partitions
    clout.produce(
        (ALERTS.name, partition_of(one["user"].encode(), partitions), one["user"].encode(), orjson.dumps(one))
        for one in alerts
    )


@contextmanager
def alerting(clout: Stack, **env: str) -> Iterator[Process]:
    """The process, once it has its partitions."""
    env = {"CLOUT_ALERTING_INSIDE": "127.0.0.0/8"} | env
    with clout.worker(argv=(*ALERTING, "--port", "0"), **env) as process:
        yield process


def url(process: Process) -> str:
    """Of its checks and metrics."""
    said = process.log.read_text()  # type: ignore[attr-defined]
    return next(line for line in said.splitlines() if line.startswith("http://"))


def samples(process: Process) -> dict[tuple[str, ...], float]:
    """What it measures, by name and labels."""
    text = httpx.get(f"{url(process)}/metrics", timeout=PATIENCE_S).text
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def until(found: Callable[[], Any], what: Callable[[], object]) -> None:
    """Wait for a condition."""
    end_s = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < end_s, what()
        time.sleep(0.02)


def ids(receiver: Receiver) -> list[str]:
    """Of the events that came."""
    return [orjson.loads(one.body)["id"] for one in receiver.got]


def test_a_webhook_arrives_signed(stack: Callable[..., Stack]) -> None:
    """By route; signed so that the reference library accepts it."""
    clout = stack(partitions=2)
    with receiving() as receiver:
        ops = Channel(name="ops", url=f"{receiver.url}/hook", sign=("secret:ops",), route=Route(severity="warning"))
        clout.produce([(POLICIES.name, 0, *encode(ops))])
        with alerting(clout, CLOUT_SECRET_OPS=SECRET):
            send(clout, alert(1), alert(2, severity="info"), alert(3, user="mastodon:bob"))
            until(lambda: len(receiver.got) == 2, lambda: receiver.got)
        for one in receiver.got:
            assert Webhook(SECRET).verify(one.body, one.headers)["specversion"] == "1.0"
        assert sorted(ids(receiver)) == ["day-fall/bluesky:ann/1/raised", "day-fall/mastodon:bob/3/raised"]


def test_what_waits_survives_and_is_not_told_twice(stack: Callable[..., Stack]) -> None:
    """Over a kill -9, under the same id; policies that come meanwhile are gone by; metrics and Redis say how it stands."""
    clout, well = stack(partitions=2), False

    def answer(_: Got) -> web.Response:
        return web.Response(status=204 if well else 503)

    with receiving(answer) as receiver:
        ops = Channel(name="ops", url=receiver.url, schedule_s=(0.0, 0.2, *[0.5] * 18))
        clout.produce([(POLICIES.name, 0, *encode(ops))])
        with alerting(clout) as process:
            send(clout, alert(1))
            until(lambda: len(receiver.got) >= 2, lambda: receiver.got)
            until(lambda: samples(process).get(("clout_deliveries_waiting", "ops")) == 1, lambda: samples(process))
            process.kill()
            process.wait(60)
        silence = Silence(name="bob", users=("mastodon:bob",), until=4_000_000_000_000)
        clout.produce([(POLICIES.name, 0, *encode(silence))])
        tried, well = len(receiver.got), True
        with alerting(clout) as process:
            send(clout, alert(2, user="mastodon:bob"), alert(3))
            until(
                lambda: samples(process).get(("clout_deliveries_total", "ops", "delivered")) == 2, lambda: ids(receiver)
            )
            until(
                lambda: samples(process).get(("clout_deliveries_total", "ops", "silenced")) == 1,
                lambda: samples(process),
            )
            until(lambda: shown(clout).get("delivered") == 2, lambda: shown(clout))
            assert httpx.get(f"{url(process)}/readyz").json() == {"status": "ready"}
    assert sorted(ids(receiver)[tried:]) == ["day-fall/bluesky:ann/1/raised", "day-fall/bluesky:ann/3/raised"]
    assert len({one.headers["webhook-id"] for one in receiver.got}) == 2
    assert (shown(clout)["waiting"], shown(clout)["dead"]) == (0, 0)


def shown(clout: Stack) -> dict[str, Any]:
    """How the channel stands, as Redis has it."""
    with connect_sync(clout.settings) as redis:
        value = redis.hget(Keys(clout.settings.redis_prefix, 0).channels, "ops")
    return orjson.loads(value) if value else {}


def test_a_broker_without_transactions(embedded_kafka: str, redis_url: str, prefix: str, tmp_path: Path) -> None:
    """The demo's: alerts arrive there, too."""
    clout = Stack(embedded_kafka, redis_url, prefix, tmp_path, partitions=2, transactions=False)
    with receiving() as receiver:
        clout.produce([(POLICIES.name, 0, *encode(Channel(name="ops", url=receiver.url)))])
        with alerting(clout):
            send(clout, alert(1), alert(2, user="mastodon:bob"))
            until(lambda: len(receiver.got) == 2, lambda: receiver.got)
    with Admin(clout.settings) as admin:
        assert all(topic.ok for topic in admin.find())
