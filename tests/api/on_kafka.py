"""An API over topics of its own: tokens in `policies`, and what its writes come to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx

from streams.broker.admin import Admin
from streams.broker.policies import read
from streams.broker.sending import send_policies
from streams.model.tokens import Scope, Token, hash_of, new_token
from streams.policies.book import Book
from streams.policies.records import encode
from streams.settings import Settings
from tests.cli.test_with_servers import read as read_topic

PARTITIONS = 4


@dataclass
class Topics:
    """The topics of a test."""

    settings: Settings

    def create(self) -> None:
        """All of them."""
        with Admin(self.settings) as admin:
            admin.create()

    def token(self, name: str, scope: Scope, until: int | None = None) -> dict[str, str]:
        """Makes one, as `clout token add` does; the header that it goes in."""
        secret = new_token()
        self.send(*encode(Token(name=name, hash=hash_of(secret), scope=scope, until=until)))
        return {"Authorization": f"Bearer {secret}"}

    def send(self, key: bytes, value: bytes | None) -> int:
        """One record of `policies`."""
        return asyncio.run(send_policies(self.settings, [(key, value)]))

    def book(self) -> Book:
        """All of `policies`."""
        return asyncio.run(read(self.settings)).book()

    def records(self, topic: str) -> list[Any]:
        """All of a topic."""
        return read_topic(self.settings.kafka, self.settings.topic(topic))


def on(kafka: str, prefix: str, settings: Settings) -> Topics:
    """Those of a name of one's own, of a scene's settings."""
    return Topics(replace(settings, kafka=kafka, topic_prefix=prefix, partitions=PARTITIONS))


def until(ask: Callable[[], httpx.Response], good: Callable[[httpx.Response], bool]) -> httpx.Response:
    """Asks until the answer is good; a test that waits in vain is ended from outside."""
    while not good(answer := ask()):
        time.sleep(0.02)
    return answer
