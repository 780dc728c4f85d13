"""The clients: `Clout`, and `AsyncClout` for asyncio. They add a connection to what `calls` describes, nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from agents.client import reads
from agents.client.ask import Ask
from agents.client.calls import Async, Calls, Sync
from agents.client.errors import Refused
from agents.client.following import Following, wanted
from agents.client.stream import AsyncStream, Stream
from agents.client.way import TIMEOUT_S, Tries, Way, library
from agents.shapes.either import Leader

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

PAGE = 100
EVENTS = ("scores", "alerts")


class Clout(Calls, Sync):
    """One API, such as `Clout("http://127.0.0.1:8000")`. Methods raise `ClientError`: see `agents.client.errors`.

    What is 429 or 503 is asked again as Retry-After says, for `timeout_s` seconds at most. `http` is an `httpx.Client` of your
    own, for proxies and certificates; it stays yours to close.
    """

    def __init__(
        self, url: str, token: str | None = None, *, timeout_s: float = TIMEOUT_S, http: httpx.Client | None = None
    ) -> None:
        self._way = Way(url, token, timeout_s)
        self._own = http is None
        self._http: httpx.Client = http or library().Client(timeout=timeout_s)

    def __enter__(self) -> Clout:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._own:
            self._http.close()

    def ask(self, ask: Ask[T]) -> T:
        """The answer. Raises ClientError."""
        tries = Tries(self._way.timeout_s)
        while True:
            with self._way.asking(ask):
                answer = self._http.request(
                    ask.method, self._way.url(ask), content=ask.body, headers=self._way.headers(ask)
                )
            try:
                return ask.read(answer.status_code, answer.headers, answer.content)
            except Refused as error:
                wait_s = tries.wait_s(error)
            time.sleep(wait_s)

    def leaderboard(
        self, *, network: str | None = None, topic: str | None = None, page: int = PAGE
    ) -> Iterator[Leader]:
        """Everyone on a board, the highest first; the next `page` of so many is read when it is needed."""
        cursor: str | None = None
        while True:
            found = self.ask(reads.page(network=network, topic=topic, limit=page, cursor=cursor))
            yield from found.items
            if (cursor := found.next) is None:
                return

    def stream(
        self,
        *,
        users: Sequence[str] | None = None,
        network: str | None = None,
        topic: str | None = None,
        min_change: float | None = None,
        events: str | Sequence[str] = EVENTS,
        n: int | None = None,
        last_event_id: str = "",
    ) -> Stream:
        """Scores and alerts as they come, of those whom all that is given fits: up to 100 users, a network, a topic.

        `min_change`: a user is told once the score has moved by so many points since it was told last. `events`: `scores`,
        `alerts` and `board`, with `n` entries. `last_event_id`: `last_id` of an earlier stream, to miss nothing since. It comes
        back by itself when the connection breaks; the first has to be there within `timeout_s` seconds.
        """
        query = wanted(events, users, network, topic, min_change, n)
        return Stream(self._http, self._way, Following(query, last_event_id))


class AsyncClout(Calls, Async):
    """The same for asyncio: `await client.user(...)`, `async for event in client.stream()`."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._way = Way(url, token, timeout_s)
        self._own = http is None
        self._http: httpx.AsyncClient = http or library().AsyncClient(timeout=timeout_s)

    async def __aenter__(self) -> AsyncClout:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._own:
            await self._http.aclose()

    async def ask(self, ask: Ask[T]) -> T:
        """The answer. Raises ClientError."""
        tries = Tries(self._way.timeout_s)
        while True:
            with self._way.asking(ask):
                answer = await self._http.request(
                    ask.method, self._way.url(ask), content=ask.body, headers=self._way.headers(ask)
                )
            try:
                return ask.read(answer.status_code, answer.headers, answer.content)
            except Refused as error:
                wait_s = tries.wait_s(error)
            await asyncio.sleep(wait_s)

    async def leaderboard(
        self, *, network: str | None = None, topic: str | None = None, page: int = PAGE
    ) -> AsyncIterator[Leader]:
        """As `Clout.leaderboard`, for `async for`."""
        cursor: str | None = None
        while True:
            found = await self.ask(reads.page(network=network, topic=topic, limit=page, cursor=cursor))
            for one in found.items:
                yield one
            if (cursor := found.next) is None:
                return

    def stream(
        self,
        *,
        users: Sequence[str] | None = None,
        network: str | None = None,
        topic: str | None = None,
        min_change: float | None = None,
        events: str | Sequence[str] = EVENTS,
        n: int | None = None,
        last_event_id: str = "",
    ) -> AsyncStream:
        """As `Clout.stream`, for `async for`."""
        query = wanted(events, users, network, topic, min_change, n)
        return AsyncStream(self._http, self._way, Following(query, last_event_id))
