"""A worker knows all policies before its first event, hears of new ones, and goes on with what it knows when Kafka is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from kafka.admin import KafkaAdminClient

from agents.worker import policies as following
from agents.worker.policies import Following
from streams.broker.admin import Admin
from streams.broker.policies import read
from streams.errors import DependencyDown, TopicMismatch
from streams.model.rules import Rule, When
from streams.policies.book import Book, Policies
from streams.policies.records import encode, key_of
from streams.settings import Settings
from streams.topics import POLICIES

PATIENCE_S = 30.0
Record = tuple[bytes, bytes | None]


def rule(name: str, falls: float = 5.0, **more: Any) -> Rule:
    """A rule of this name."""
    return Rule(name=name, when=When(falls=falls), **more)


async def send(settings: Settings, *records: Record, transaction: str = "") -> None:
    """To the one partition, as given; in one transaction if it has a name."""
    options = {"transactional_id": transaction} if transaction else {}
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka.split(","), **options) as producer:
        if transaction:
            await producer.begin_transaction()
        for key, value in records:
            await producer.send_and_wait(settings.topic(POLICIES.name), value, key, partition=0)
        if transaction:
            await producer.commit_transaction()


async def until(knows: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(PATIENCE_S):
        while not knows():  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(0.02)


def falls(book: Book) -> dict[str, float | None]:
    """What each rule says of falls."""
    return {one.name: one.when.falls for one in book.rules}


def story(settings: Settings, tell: Callable[[Following], Awaitable[None]]) -> None:
    """A worker's following while it is told."""

    async def run() -> None:
        one = Following(settings)
        await one.open()
        try:
            await tell(one)
        finally:
            await one.close()

    asyncio.run(run())


@pytest.mark.parametrize("broker", ["kafka", "embedded_kafka"])
def test_rules_are_known_at_the_start_and_followed(broker: str, request: pytest.FixtureRequest, prefix: str) -> None:
    """Also by the broker in memory, and behind the marker of a transaction where there are some."""
    settings = Settings.load({}, kafka=request.getfixturevalue(broker), topic_prefix=prefix, alert_points=3.0)
    with Admin(settings) as admin:
        admin.create()
        assert {found.partitions for found in admin.find() if found.topic is POLICIES} == {1}

    async def tell(one: Following) -> None:
        assert one.book.offset == 1
        assert falls(one.book) == {"a": 7.0, "day-fall": 3.0, "week-fall": 4.0}
        marked = {"transaction": f"{prefix}x"} if broker == "kafka" else {}
        await send(settings, encode(rule("b")), (key_of("a"), None), (key_of("c"), b"{"), **marked)
        await until(lambda: "b" in falls(one.book) and "a" not in falls(one.book) and bool(one.book.mistakes))
        assert [mistake.key for mistake in one.book.mistakes] == ["rule/c"]
        assert (await read(settings)).book() == one.book

    asyncio.run(send(settings, encode(rule("a")), encode(rule("a", 7.0))))
    story(settings, tell)


def test_an_empty_topic_is_no_wait(kafka: str, prefix: str) -> None:
    """The built-in rules, by the settings."""
    settings = Settings.load({}, kafka=kafka, topic_prefix=prefix, alert_cooldown_h=2.0)
    with Admin(settings) as admin:
        admin.create()

    async def tell(one: Following) -> None:
        assert one.book.offset == -1
        assert {built.cooldown_s for built in one.book.rules} == {7_200}

    story(settings, tell)


def test_a_topic_that_is_made_anew_is_read_anew(
    kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was known stays until then; a missing topic is told once."""
    monkeypatch.setattr(following, "LOOK_S", 0.05)
    settings = Settings.load({}, kafka=kafka, topic_prefix=prefix)
    with Admin(settings) as admin:
        admin.create()

    async def tell(one: Following) -> None:
        assert set(falls(one.book)) == {"a", "b", "day-fall", "week-fall"}
        admin = KafkaAdminClient(bootstrap_servers=kafka)
        admin.delete_topics([settings.topic(POLICIES.name)])
        admin.close()
        with Admin(settings) as again:
            async with asyncio.timeout(PATIENCE_S):
                while not again.create():  # noqa: ASYNC110 - the broker needs a moment to forget it
                    await asyncio.sleep(0.1)
        assert "a" in falls(one.book)
        await send(settings, encode(rule("z")))
        await until(lambda: set(falls(one.book)) == {"z", "day-fall", "week-fall"})

    asyncio.run(send(settings, encode(rule("a")), encode(rule("b"))))
    with caplog.at_level(logging.WARNING, "clout.policies"):
        story(settings, tell)
    assert sum("policies are not read" in line for line in caplog.messages) <= 1
    assert sum("made anew" in line for line in caplog.messages) == 1


class _Gone:
    """Stands for `Reading`: a connection on which two rules come, and that is lost as often as a list says."""

    losses: int
    entered = 0

    def __init__(self, _: Settings, policies: Policies, at: int | None = None) -> None:
        self._policies, self._at = policies, at or 0

    async def __aenter__(self) -> _Gone:
        cls = type(self)
        cls.entered += 1
        if 1 < cls.entered <= 1 + cls.losses:
            raise DependencyDown("no Kafka at all")
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def position(self) -> int:
        return self._at

    async def to_end(self) -> None:
        if self._at == 0:
            self._policies.read(0, *encode(rule("first")))
            self._at = 1

    async def more(self) -> bool:
        if type(self).entered == 1:
            raise DependencyDown("no Kafka at all")
        if self._at == 1:
            self._policies.read(1, *encode(rule("later")))
            self._at = 2
            return True
        await asyncio.sleep(0.01)
        return False

    async def check(self) -> None:
        pass


def test_a_lost_connection_is_told_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """However often it is tried again; the worker goes on with what it knows, and reads on from there."""
    monkeypatch.setattr(_Gone, "losses", 3, raising=False)
    monkeypatch.setattr(following, "Reading", _Gone)
    monkeypatch.setattr(following, "_PAUSE_S", 0.01)

    async def tell(one: Following) -> None:
        assert "first" in falls(one.book)
        await until(lambda: "later" in falls(one.book))
        assert set(falls(one.book)) == {"first", "later", "day-fall", "week-fall"}

    with caplog.at_level(logging.WARNING, "clout.policies"):
        story(Settings.load({}), tell)
    assert [line.split(":")[0] for line in caplog.messages] == [
        "policies are not read, and the rules stay as they are, until this is well",
        "policies are read again",
    ]
    assert "no Kafka at all" in caplog.messages[0]


def test_at_the_start_it_waits_for_kafka_and_not_for_what_waiting_does_not_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A topic that is not there ends the worker, with a sentence."""

    class Missing(_Gone):
        entered = 0

        async def __aenter__(self) -> _Gone:
            type(self).entered += 1
            raise DependencyDown("nobody there") if type(self).entered < 3 else TopicMismatch("not there: policies[0]")

    monkeypatch.setattr(following, "Reading", Missing)
    monkeypatch.setattr(following, "_PAUSE_S", 0.01)
    with pytest.raises(TopicMismatch, match="not there"):
        story(Settings.load({}), lambda one: asyncio.sleep(0, one))  # type: ignore[arg-type,return-value]
    assert Missing.entered == 3
