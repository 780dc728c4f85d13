"""One run: alerts at a steady rate, processes killed and stopped, receivers that fail and go; then each alert is counted."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.local.cluster import KafkaCluster
from agents.local.embedded import Process, child, own_folder
from agents.proof.chaos.crew import environ
from agents.proof.delivered.receiver import Receiver
from streams.broker.admin import Admin
from streams.broker.publisher import plain_producer
from streams.formats.deliveries import DEAD, Delivery, decode
from streams.model.channels import Channel
from streams.partitioner import partition_of
from streams.policies.records import encode
from streams.settings import Settings
from streams.topics import ALERTS, DELIVERIES, POLICIES

TIMEOUT_S = 1.0
PATIENCE_S = 240.0
DOWN_SHARE = 0.25  #: of the time in which nobody is there, at most two minutes
MOST_DOWN_S = 120.0
LEAST_STORM_S = 60.0  #: shorter runs do without the channel that wants few messages a minute: it holds them for one
USERS = 100
LEAST_KILLS = 2  #: however short the run
_SCHEDULE_S = (0.0, 0.5, 1.0, *[2.0] * 17)
_EACH = ("each", "ordered", "slow")  # channels to which each alert goes as a message of its own
_STORMY, _STORM = "stormy", 5  # the one that wants few messages a minute


def run(minutes: float, processes: int, rate: float, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Returns the report; `ok` says whether each alert has arrived. On the main thread. Raises DependencyDown."""
    with own_folder() as folder, KafkaCluster() as kafka:
        settings = Settings.load(
            {},
            kafka=kafka.bootstrap,
            redis="redis://127.0.0.1:1/0",  # without Redis alerts arrive all the same
            alerting_inside="127.0.0.0/8",
            session_timeout_s=6,
            partitions=4,
        )
        with Admin(settings) as admin:
            admin.create()
        say(f"seed {seed}: {minutes:g} minutes, {processes} processes, {rate:g} alerts/s")
        return asyncio.run(_Run(settings, folder, processes, seed, say).result(minutes * 60, rate))


class _Run:
    def __init__(self, settings: Settings, folder: Path, processes: int, seed: int, say: Callable[[str], None]) -> None:
        self._settings, self._folder, self._say = settings, folder, say
        self._dice, self._count = Random(seed), processes
        self._receiver = Receiver(seed, TIMEOUT_S)
        self._places: dict[int, tuple[contextlib.ExitStack, Process]] = {}
        self._sent: list[dict[str, Any]] = []
        self._faults: Counter[str] = Counter()

    async def result(self, seconds: float, rate: float) -> dict[str, Any]:
        await self._receiver.start()
        self._producer = plain_producer(self._settings)
        await self._producer.start()
        try:
            await self._channels(storm=seconds >= LEAST_STORM_S)
            for number in range(self._count):
                self._start(number)
            await self._joined()
            began_s = time.monotonic()
            feeding = asyncio.create_task(self._feed(seconds, rate))
            await asyncio.gather(feeding, self._kill(seconds), self._away(seconds))
            self._receiver.sick = False
            self._say(f"{len(self._sent)} alerts sent, {self._receiver.tried} messages tried; now all is well")
            await self._arrived()
            return self._report(time.monotonic() - began_s, await self._left())
        finally:
            for stack, _ in self._places.values():
                stack.close()
            await self._producer.stop()
            await self._receiver.stop()

    async def _channels(self, *, storm: bool) -> None:
        self._names = (*_EACH, _STORMY) if storm else _EACH
        for name in self._names:
            one = Channel(
                name=name,
                url=f"http://127.0.0.1:{self._receiver.port}/{name}",
                most_a_minute=_STORM if name == _STORMY else 10_000,
                ordered=name == "ordered",
                schedule_s=_SCHEDULE_S,
                timeout_s=TIMEOUT_S,
            )
            key, value = encode(one)
            await self._producer.send_and_wait(self._settings.topic(POLICIES.name), value, key, partition=0)

    def _start(self, number: int) -> None:
        log = self._folder / f"alerting-{number}.log"
        argv = [sys.executable, "-m", "agents.cli.main", "alerting"]
        stack = contextlib.ExitStack()
        process = stack.enter_context(child(argv, log=log, env=environ(self._settings), cwd=self._folder, stop_s=5.0))
        self._places[number] = stack, process

    async def _joined(self) -> None:
        """Until the group has shared out its partitions: what is sent before that is not theirs."""
        end_s = time.monotonic() + PATIENCE_S
        logs = [self._folder / f"alerting-{number}.log" for number in self._places]
        while not all(b"took partitions=[" in log.read_bytes() for log in logs):
            if time.monotonic() > end_s:
                raise TimeoutError("the processes have not joined: " + logs[0].read_text()[-2_000:])
            await asyncio.sleep(0.1)

    async def _feed(self, seconds: float, rate: float) -> None:
        topic, partitions, began_s = self._settings.topic(ALERTS.name), self._settings.partitions, time.monotonic()
        while (passed_s := time.monotonic() - began_s) < seconds:
            while len(self._sent) < passed_s * rate:
                alert = self._alert(len(self._sent))
                key = alert["user"].encode()
                await self._producer.send(topic, orjson.dumps(alert), key, partition_of(key, partitions))
                self._sent.append(alert)
            await asyncio.sleep(0.02)
        await self._producer.flush()

    def _alert(self, number: int) -> dict[str, Any]:
        user = f"bluesky:u{self._dice.randrange(USERS)}"
        return {
            "id": f"day-fall/{user}/{number}/raised",
            "rule": "day-fall",
            "state": "raised",
            "severity": self._dice.choice(("info", "warning", "critical")),
            "user": user,
            "episode": number,
            "at": int(time.time() * 1000),
            "change": -float(number % 50),
            "sentence": f"{user} fell",
        }

    async def _kill(self, seconds: float) -> None:
        """Processes end by SIGKILL or SIGTERM, each some seconds after the one before, and come back; two at least end."""
        end_s = time.monotonic() + seconds
        for place, kind in enumerate(itertools.cycle((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))):
            if place >= LEAST_KILLS and time.monotonic() >= end_s:
                return
            await asyncio.sleep(self._dice.uniform(2.0, 6.0))
            number = self._dice.randrange(self._count)
            stack, process = self._places[number]
            process.send_signal(kind)
            await asyncio.to_thread(process.wait, 30.0)
            stack.close()
            self._faults[kind.name] += 1
            await asyncio.sleep(self._dice.uniform(0.0, 2.0))
            self._start(number)

    async def _away(self, seconds: float) -> None:
        """In the middle nobody is there for a while."""
        down_s = min(seconds * DOWN_SHARE, MOST_DOWN_S)
        await asyncio.sleep((seconds - down_s) / 2)
        self._say(f"the receiver is away for {down_s:.0f} s")
        await self._receiver.stop()
        await asyncio.sleep(down_s)
        await self._receiver.start()
        self._faults["receiver away"] += 1

    async def _arrived(self) -> None:
        """Until everything has, or patience ends."""
        wanted, end_s = {one["id"] for one in self._sent}, time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            accepted = self._receiver.accepted
            if all(wanted <= set(accepted[name]) for name in _EACH) and not any((await self._left()).values()):
                return
            await asyncio.sleep(1.0)

    async def _left(self) -> Counter[str]:
        """What `deliveries` has that waits or is dead, by `CHANNEL state`."""
        topic = self._settings.topic(DELIVERIES.name)
        consumer: Any = AIOKafkaConsumer(bootstrap_servers=self._settings.kafka, enable_auto_commit=False)
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, number) for number in range(self._settings.partitions)]
            consumer.assign(partitions)
            ends, found = await consumer.end_offsets(partitions), {}
            for tp, begin in (await consumer.beginning_offsets(partitions)).items():
                consumer.seek(tp, begin)
            while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found.update({record.key: record.value for record in records})
        finally:
            await consumer.stop()
        waiting = [decode(key, value) for key, value in found.items() if value is not None]
        return Counter(f"{one.channel} {one.state}" for one in waiting if isinstance(one, Delivery))

    def _report(self, took_s: float, left: Counter[str]) -> dict[str, Any]:
        receiver, wanted = self._receiver, [one["id"] for one in self._sent]
        lost = {name: len(set(wanted) - set(receiver.accepted[name])) for name in _EACH}
        repeated = {name: len(receiver.accepted[name]) - len(set(receiver.accepted[name])) for name in _EACH}
        stormy = receiver.accepted[_STORMY]
        result = {
            "alerts": len(wanted),
            "tried": receiver.tried,
            "failed": dict(receiver.failed),
            "faults": dict(self._faults),
            "delivered": {name: len(set(receiver.accepted[name])) for name in _EACH},
            "repeated": repeated,
            "lost": lost,
            "dead": {key: count for key, count in left.items() if key.endswith(DEAD)},
            "waiting": {key: count for key, count in left.items() if not key.endswith(DEAD)},
            "out_of_order": self._out_of_order(),
            "other_ids": sum(len(names) > 1 for names in receiver.names.values()),
            "stormy": {"messages": len(stormy), "alerts": receiver.alerts[_STORMY]},
            "seconds": round(took_s, 1),
        }
        well = not any(lost.values()) and not left and not result["out_of_order"] and not result["other_ids"]
        stormed = _STORMY not in self._names or receiver.alerts[_STORMY] >= len(wanted)
        return {**result, "ok": well and stormed and len(wanted) > 0}

    def _out_of_order(self) -> int:
        """Alerts that came to the ordered channel after a later one of the same user."""
        number = {one["id"]: place for place, one in enumerate(self._sent)}
        last: dict[str, int] = {}
        wrong, seen = 0, set()
        for id_ in self._receiver.accepted["ordered"]:
            if id_ in seen:
                continue  # a repeat
            seen.add(id_)
            user = id_.split("/")[1]
            wrong += number[id_] < last.get(user, -1)
            last[user] = max(number[id_], last.get(user, -1))
        return wrong
