"""`clout alerts dead`, on a real Kafka: what of `deliveries` it shows, tries again and forgets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import orjson
import pytest
from msgspec.structs import replace

from agents.alerting.lane import Lane
from streams.broker import delivery_log
from streams.formats.deliveries import Delivery, Off, encode, home
from streams.model.channels import Channel
from streams.settings import Settings
from tests.alerts import told
from tests.cli.conftest import PARTITIONS

Ask = Callable[..., Any]

LONG_AGO_MS = 1_767_225_600_000


@pytest.fixture
def ask(on_topics: Ask) -> Ask:
    """The command."""
    return lambda *words, **more: on_topics("alerts", "dead", *words, **more)


def letter(channel: str, n: int, **more: Any) -> Delivery:
    """The n-th of a channel, dead."""
    fields: dict[str, Any] = {"state": "dead", "attempts": 7, "outcome": "answered 500", "at": LONG_AGO_MS, "due": 1}
    return Delivery(channel=channel, id=f"day-fall/t:a/{n}/raised", alert=msgspec.Raw(told("t:a", n)), **fields | more)


def sent(settings: Settings, *records: Delivery | Off | tuple[str, bytes, bytes | None]) -> None:
    """To the partition of the channel."""
    found = []
    for one in records:
        name, key, value = one if isinstance(one, tuple) else (one.channel, *encode(one))
        found.append((home(name, PARTITIONS), key, value))
    asyncio.run(delivery_log.send(settings, found))


def kept(settings: Settings) -> dict[bytes, Delivery]:
    """What the topic comes to."""
    return {key: one.one for key, one in asyncio.run(delivery_log.read(settings)).kept.items()}


def ids(done: Any) -> list[str]:
    """Of the letters shown as JSON."""
    assert done.exit_code == 0, done.output
    return [f"{one['channel']}/{one['id']}" for one in map(orjson.loads, done.stdout.splitlines())]


def test_what_is_dead_is_listed(ask: Ask, settings: Settings) -> None:
    """The latest record of a key counts: not what waits, was tried again, or was dropped; what nobody understands is told."""
    empty = ask("list")
    assert (empty.exit_code, empty.stdout, empty.stderr) == (0, "", "no dead letters\n")
    gone, again = letter("ops", 3), letter("ops", 4)
    sent(
        settings,
        letter("ops", 1), letter("mail", 1), letter("ops", 2, state="waiting"), gone, again,
        replace(again, state="waiting"), ("ops", gone.key, None), Off(channel="mail", at=1, of="x", outcome="answered 410"),
        ("ops", b"ops/x", b"{"), ("mail", b"mail/y", b'{"format":2,"channel":"mail","id":"y","at":1,"due":1}'),
    )  # fmt: skip
    assert sorted(ids(ask("list", "--json"))) == ["mail/day-fall/t:a/1/raised", "ops/day-fall/t:a/1/raised"]
    assert ids(ask("list", "--channel", "mail", "--json")) == ["mail/day-fall/t:a/1/raised"]
    shown = ask("list", "--channel", "ops")
    assert shown.stdout.splitlines()[1].split() == [
        *("ops", "day-fall/t:a/1/raised", "2026-01-01T00:00:00Z", "7", "answered", "500")
    ]
    assert "2 records of deliveries are not understood" in shown.stderr
    assert "of the channel x" in ask("list", "--channel", "x").stderr


def test_retry(ask: Ask, settings: Settings) -> None:
    """It waits again, with no attempt made, in the same partition under the same key; a process sends it at once, however old."""
    sent(settings, letter("ops", 1), letter("ops", 2), letter("mail", 1))
    done = ask("retry", "--channel", "ops", "day-fall/t:a/2/raised", "--json")
    assert orjson.loads(done.stdout) == {"sent": 1}
    now_ms = time.time() * 1000
    one = kept(settings)[letter("ops", 2).key]
    assert (one.state, one.attempts, one.alert) == ("waiting", 0, letter("ops", 2).alert)
    assert now_ms - 60_000 < one.due <= now_ms
    lane = Lane(Channel(name="ops", url="https://h"), Random(0))
    lane.put(letter("ops", 2))
    lane.put(one)
    assert lane.look(now_ms).send == [one]
    assert lane.dead == {}
    assert ask("retry", "--all").exit_code == 0
    assert {one.state for one in kept(settings).values()} == {"waiting"}
    assert asyncio.run(delivery_log.read(settings)).kept[one.key].partition == home("ops", PARTITIONS)
    assert ask("retry", "--all").exit_code == 1


def test_drop(ask: Ask, settings: Settings) -> None:
    """They are gone, and nothing else."""
    sent(settings, letter("ops", 1), letter("ops", 2), letter("mail", 1), letter("ops", 3, state="waiting"))
    assert "sent: 2 are forgotten" in ask("drop", "--channel", "ops", "--all").stderr
    assert set(kept(settings)) == {letter("mail", 1).key, letter("ops", 3).key}


def test_what_is_not_there_changes_nothing(ask: Ask, settings: Settings) -> None:
    """Nor does what is not said."""
    sent(settings, letter("ops", 1))
    for words, code, said in (
        (("drop",), 2, "either ids of alerts"),
        (("retry", "--all", "day-fall/t:a/1/raised"), 2, "either ids of alerts"),
        (("drop", "day-fall/t:a/1/raised", "other"), 1, "no dead letter has the id other"),
        (("retry", "--channel", "mail", "day-fall/t:a/1/raised"), 1, "no dead letter has the id day-fall/t:a/1/raised"),
    ):
        done = ask(*words)
        assert (done.exit_code, done.stdout) == (code, "")
        assert said in done.stderr
    assert kept(settings) == {letter("ops", 1).key: letter("ops", 1)}


def test_without_the_topic(clout: Ask, kafka: str, prefix: str) -> None:
    """What to do is said."""
    done = clout("alerts", "dead", "list", kafka=kafka, topic_prefix=prefix)
    assert done.exit_code == 1
    assert "clout topics create" in done.stderr
