"""Alerts that arrive, on the real Kafka: routed, signed, tried again, told as one; over a kill -9."""

from __future__ import annotations

import base64
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from standardwebhooks import Webhook

from agents.local.embedded import Process
from streams.model.channels import Channel, Route
from streams.partitioner import partition_of
from streams.policies.records import encode
from streams.topics import ALERTS, POLICIES
from tests.alerting.receiver import Receiver, receiving
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
    with clout.worker(argv=ALERTING, **env) as process:
        yield process


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
