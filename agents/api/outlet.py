"""Where writes go: the topics `controls` and `policies`, and nowhere else. A worker, or whoever goes by them, does the rest."""

from __future__ import annotations

import asyncio
from typing import Any

from agents.api.keys import Keys
from streams.broker.admin import Admin
from streams.broker.sending import send
from streams.errors import TopicMismatch
from streams.partitioner import partition_of
from streams.settings import Settings
from streams.topics import CONTROLS, POLICIES, Topic

KNOWN_WITHIN_S = 1.0  #: so long an answer waits until this process has read what it sent

Sent = dict[str, Any]


class Outlet:
    """One connection at a time: writes are few. Its methods raise DependencyDown, NotAllowed or TopicMismatch."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings, self._keys, self._turn, self._looked = settings, keys, asyncio.Lock(), False

    async def control(self, key: bytes, value: bytes) -> Sent:
        """Where it is: `topic`, `partition`, `offset`."""
        partition = partition_of(key, self._settings.partitions)
        return await self._send(CONTROLS, partition, [(key, value)])

    async def policies(self, *records: tuple[bytes, bytes | None]) -> Sent:
        """The same of policies, the last of them. What asks this process next finds them, unless Kafka takes longer."""
        sent = await self._send(POLICIES, 0, records)
        await self._keys.reaches(sent["offset"], KNOWN_WITHIN_S)
        return sent

    async def _send(self, to: Topic, partition: int, records: Any) -> Sent:
        async with self._turn:
            if not self._looked:  # a broker that creates topics by itself would make them as it likes
                await asyncio.to_thread(self._check)
                self._looked = True
            offset = await send(self._settings, to, partition, records)
        return {"topic": self._settings.topic(to.name), "partition": partition, "offset": offset}

    def _check(self) -> None:
        with Admin(self._settings) as admin:
            problems = [found.problem for found in admin.find() if found.topic in (CONTROLS, POLICIES) and not found.ok]
        if problems:
            raise TopicMismatch("\n".join(problems))
