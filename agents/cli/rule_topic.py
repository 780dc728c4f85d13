"""The topic `policies` for the command: what it holds, and sending to it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from aiokafka.errors import KafkaError

from agents.cli.rule_text import IN_FORCE, state
from agents.terminal import safe
from streams.broker.admin import Admin
from streams.broker.allowed import denied
from streams.broker.diagnosis import down
from streams.broker.policies import read
from streams.broker.publisher import plain_producer
from streams.errors import CloutError, TopicMismatch
from streams.model.rules import Rule
from streams.policies.book import Policies
from streams.rights import WRITE
from streams.settings import Settings
from streams.topics import POLICIES

_TOGETHER = 1_000  # on their way at once


def known(settings: Settings) -> Policies:
    """All policies there are. Raises TopicMismatch when the topic is not as it must be."""
    with Admin(settings) as admin:  # a broker that creates topics by itself would make it as it likes
        problems = [topic.problem for topic in admin.find() if topic.topic is POLICIES and not topic.ok]
    if problems:
        raise TopicMismatch("\n".join(problems))
    return asyncio.run(read(settings))


def named(policies: Policies, name: str) -> Rule:
    """The rule of that name. Raises CloutError when there is none."""
    for rule in policies.book().rules:
        if rule.name == name:
            return rule
    raise CloutError(safe(f"no rule is named {name}; `clout rule list` has them all"))


def described(rule: Rule, policies: Policies, now_ms: float) -> dict[str, Any]:
    """For JSON."""
    found = state(rule, now_ms)
    return {
        "name": rule.name,
        "state": "later" if rule.enabled and found != IN_FORCE else found,
        "built_in": rule.name in policies.built and rule.name not in policies.told,
        "offset": policies.told.get(rule.name),
        "rule": msgspec.to_builtins(rule),
    }


def send(settings: Settings, records: list[tuple[bytes, bytes | None]]) -> int:
    """All of them, in their order; until they are acknowledged. Returns the offset of the last.

    Raises DependencyDown when the broker has gone, NotAllowed when it denies this user the topic.
    """
    return asyncio.run(_send(settings, records))


async def _send(settings: Settings, records: list[tuple[bytes, bytes | None]]) -> int:
    topic, arrived, offset = settings.topic(POLICIES.name), 0, -1
    producer = plain_producer(settings)
    try:
        await producer.start()
        try:
            for start in range(0, len(records), _TOGETHER):
                some = records[start : start + _TOGETHER]
                sent = [await producer.send(topic, value, key, partition=0) for key, value in some]
                offset = (await asyncio.gather(*sent))[-1].offset
                arrived += len(sent)
        finally:
            await producer.stop()
    except (KafkaError, OSError) as error:
        said = f"Kafka at {settings.kafka} does not take the policies ({type(error).__name__})"
        if len(records) > 1:
            said += f"; {arrived:,} of {len(records):,} have arrived: send all of it again, what has arrived changes nothing"
        if not_allowed := denied(error, WRITE, topic):
            raise not_allowed from None
        raise await asyncio.to_thread(down, settings, said) from None
    return offset
