"""Topics that are filled once and drained many times: what a run leaves behind is deleted, the events stay."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from agents.proof.bench import preload as feed
from agents.proof.bench.fold import Fold
from agents.proof.bench.servers import Servers, admin_client, names
from agents.proof.bench.show import Show
from agents.proof.bench.workloads import Make
from agents.proof.policies import say
from streams.broker.admin import Admin
from streams.errors import DependencyDown
from streams.model.rules import Rule
from streams.settings import Settings
from streams.topics import CONTROLS, EVENTS, SCORES

_GONE_S = 30.0


class Stage:
    """Filled event topics on running servers."""

    def __init__(self, settings: Settings, fold: Fold, rules: Sequence[Rule] = ()) -> None:
        """`rules` are said before each run."""
        self._settings, self.fold, self._runs, self._rules = settings, fold, 0, rules
        self._events = {settings.topic(topic.name) for topic in (*EVENTS, CONTROLS)}

    def fresh(self, **overrides: Any) -> Settings:
        """Settings for one run: nobody has read the events yet, and every other topic is empty."""
        self._runs += 1
        named = self._settings
        settings = replace(
            named, app=f"{named.app}-{self._runs}", redis_prefix=f"{named.redis_prefix}-{self._runs}", **overrides
        )
        with admin_client(settings) as client:
            left = self._left(client)
            if left:
                client.delete_topics(left)
            until_s = time.monotonic() + _GONE_S
            while self._left(client):
                if time.monotonic() > until_s:
                    raise DependencyDown(f"Kafka does not delete topics: {', '.join(self._left(client))}")
                time.sleep(0.1)
            scores = {
                "num_partitions": settings.partitions,
                "replication_factor": settings.replication,
                "configs": SCORES.config | {"message.timestamp.type": "LogAppendTime"},  # the broker says when
            }
            client.create_topics({settings.topic(SCORES.name): scores}, wait_for_metadata=True)
        with Admin(settings) as admin:
            admin.create()
        if self._rules:
            say(settings, self._rules)
        return settings

    def _left(self, client: Any) -> list[str]:
        prefix = self._settings.topic_prefix
        return [name for name in client.list_topics() if prefix in name and name not in self._events]


@contextlib.contextmanager
def stage(
    running: Servers, make: Make, events: int, show: Show, rules: Sequence[Rule] = (), **overrides: Any
) -> Iterator[Stage]:
    """Topics filled with `events` records of a feed, and with rules."""
    with names(running, **overrides) as settings:
        fold = Fold()
        with show.bar(f"feeding {events:,} events", events) as bar:
            asyncio.run(feed.preload(settings, make(events), bar, fold))
        yield Stage(settings, fold, rules)
