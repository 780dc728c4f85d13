"""The stream as an iterator that comes back by itself: what was not received whole is sent again, nothing is missed or doubled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any

from agents.client.ask import Ask
from agents.client.errors import Refused, Unreachable, refused
from agents.client.events import Event
from agents.client.following import MEDIA_TYPE, SILENT_S, Following
from agents.client.way import Tries, Way

if TYPE_CHECKING:
    import httpx

_OK = 200


class _Follower:
    """What both have in common."""

    def __init__(self, way: Way, following: Following) -> None:
        self._way, self._following = way, following

    @property
    def last_id(self) -> str:
        """The cursor behind the event that was handed out last: whoever begins with it as `last_event_id` misses nothing."""
        return self._following.last_id

    def _request(self) -> tuple[Ask[bytes], dict[str, Any]]:
        """What is asked next, and the arguments for the connection."""
        ask = self._following.ask()
        timeout_s = self._way.timeout_s
        timeout = (timeout_s, max(SILENT_S, timeout_s), timeout_s, timeout_s)  # connect, read, write, pool
        headers = {**self._way.headers(ask), "accept": MEDIA_TYPE, "accept-encoding": "identity"}
        return ask, {"method": "GET", "url": self._way.url(ask), "headers": headers, "timeout": timeout}


class Stream(_Follower):
    """Events as they come. Ends only when it is closed, or the API refuses it for good."""

    def __init__(self, http: httpx.Client, way: Way, following: Following) -> None:
        super().__init__(way, following)
        self._http = http
        self._events: Generator[Event, None, None] = self._run()

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._events.close()

    def _run(self) -> Generator[Event, None, None]:
        following, tries = self._following, Tries(self._way.timeout_s)
        while True:
            ask, request = self._request()
            try:
                with self._way.asking(ask), self._http.stream(**request) as answer:
                    if answer.status_code != _OK:
                        raise refused(answer.status_code, answer.headers, answer.read())
                    following.opened(answer.headers.get("content-type", ""))
                    for chunk in answer.iter_bytes():
                        yield from following.feed(chunk)
            except Refused as error:
                if reset := following.refused(error):
                    yield reset
                following.give_up(error, tries.left_s)
            except Unreachable as error:
                following.give_up(error, tries.left_s)
            time.sleep(following.wait_s())


class AsyncStream(_Follower):
    """The same for `async for`."""

    def __init__(self, http: httpx.AsyncClient, way: Way, following: Following) -> None:
        super().__init__(way, following)
        self._http = http
        self._events: AsyncGenerator[Event, None] = self._run()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        return await anext(self._events)

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the connection."""
        await self._events.aclose()

    async def _run(self) -> AsyncGenerator[Event, None]:
        following, tries = self._following, Tries(self._way.timeout_s)
        while True:
            ask, request = self._request()
            try:
                with self._way.asking(ask):
                    async with self._http.stream(**request) as answer:
                        if answer.status_code != _OK:
                            raise refused(answer.status_code, answer.headers, await answer.aread())
                        following.opened(answer.headers.get("content-type", ""))
                        async for chunk in answer.aiter_bytes():
                            for event in following.feed(chunk):
                                yield event
            except Refused as error:
                if reset := following.refused(error):
                    yield reset
                following.give_up(error, tries.left_s)
            except Unreachable as error:
                following.give_up(error, tries.left_s)
            await asyncio.sleep(following.wait_s())
