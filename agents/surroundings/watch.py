"""The surroundings of one worker, looked at every few seconds beside its loops; what is found is logged once, and told."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from redis.exceptions import RedisError

from agents.surroundings import alerts, kafka, policies, redis
from agents.surroundings.finding import OK, Finding
from agents.surroundings.inside import Inside
from streams.partition.figures import Figures
from streams.policies.book import Book
from streams.scoreboard.connect import AsyncRedis
from streams.scoreboard.writer import Writer
from streams.settings import Settings

log = logging.getLogger("clout.surroundings")

LOOK_S = 3.0  # between two looks at Redis and at what the partitions say
KAFKA_S = 30.0  # between two looks at the topics: counts and ids are looked at more often by who holds the partitions


class Surroundings:
    """Looks again and again; `told` hears all findings each time. On the main loop; Kafka is asked in a thread."""

    def __init__(
        self,
        settings: Settings,
        client: AsyncRedis,
        owner: str,
        figures: Callable[[], Mapping[int, Figures]],
        told: Callable[[tuple[Finding, ...]], None],
        book: Callable[[], Book],
        *,
        surplus: bool = False,  # topics may have more partitions than they should: the worker drains
    ) -> None:
        self._surplus = surplus
        self._settings, self._client, self._owner = settings, client, owner
        self._figures, self._told = figures, told
        self._writer = Writer(client, settings.redis_prefix, settings.redis_shards, settings.partitions)
        self._inside = Inside()
        self._alerts, self._rules, self._book = alerts.Kept(settings, self._writer), policies.Shown(self._writer), book
        self._of_kafka: tuple[float, list[Finding]] = (0.0, [])
        self._said: dict[str, Finding] = {}
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin. On the main loop."""
        self._looking = asyncio.create_task(self._run(), name="surroundings")

    def stop(self) -> None:
        """Look no longer."""
        if self._looking:
            self._looking.cancel()

    async def look(self) -> tuple[Finding, ...]:
        """One look: all findings, those that are well too."""
        figures = self._figures()
        found = {finding.text: finding for finding in self._inside.look(figures, time.time() * 1000)}
        found |= {finding.text: finding for finding in await redis.look(self._client, self._settings)}
        found |= {finding.text: finding for finding in await self._kafka()}
        found |= {finding.text: finding for finding in policies.look(self._book(), time.time() * 1000)}
        return tuple(found.values())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                findings = await self.look()
                self._say(findings)
                self._told(findings)
                bad = [finding for finding in findings if finding.status != OK]
                await self._writer.tell(self._owner, time.time() * 1000, [list(finding[:3]) for finding in bad])
                await self._rules.look(self._figures(), self._book(), time.time() * 1000)
                await self._alerts.look(self._figures())
            except (RedisError, OSError) as error:  # said by the findings, as soon as they can tell what it is
                log.debug("a look failed: error=%r", error)

    async def _kafka(self) -> list[Finding]:
        looked_s, findings = self._of_kafka
        if not looked_s or time.monotonic() - looked_s > KAFKA_S:
            findings = await asyncio.to_thread(kafka.look, self._settings, surplus=self._surplus)
            self._of_kafka = time.monotonic(), findings
        return findings

    def _say(self, findings: tuple[Finding, ...]) -> None:
        """Each once, and once more when it has gone; figures in a text may change meanwhile."""
        now = {_kind(finding): finding for finding in findings if finding.status != OK}
        for kind, finding in now.items():
            if kind not in self._said:
                log.warning("%s: %s", finding.check, finding.text)
        for kind, finding in self._said.items():
            if kind not in now:
                log.warning("%s: no longer so: %s", finding.check, finding.text)
        self._said = now


def _kind(finding: Finding) -> str:
    return finding.check + re.sub(r"[-+]?\d[\d.,]*", "#", finding.text)


def told(entries: Mapping[str, Any], now_ms: float) -> list[Finding]:
    """What workers have told lately (`Reader.told`), as findings that name the worker."""
    return [
        Finding(check, status, f"{text} (says worker {owner})")
        for owner, entry in sorted(entries.items())
        if now_ms - entry["at"] < 10 * LOOK_S * 1000
        for check, status, text in entry["findings"]
    ]
