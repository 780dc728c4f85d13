"""What a process knows of `policies`, a worker, one that delivers, or an API: read to its end, then followed beside its work."""

from __future__ import annotations

import asyncio
import logging
import time

from agents.worker.ending import die
from streams.broker.policies import Reading, Restarted, begun
from streams.errors import CloutError, DependencyDown
from streams.policies.book import Book
from streams.settings import Settings

log = logging.getLogger("clout.policies")

LOOK_S = 5.0  # between two looks at a broker that has nothing new
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0  # between two tries


class Following:
    """Reads on until it is closed. A broker that is gone is told once; meanwhile the worker goes on with what it knows."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._policies = begun(settings)
        self._known = self._policies.book()
        self._at: int | None = None  # the next offset; None: from the start
        self._lost, self._pause_s = False, _PAUSE_S
        self._following: asyncio.Task[None] | None = None

    @property
    def book(self) -> Book:
        """What was read last, always whole."""
        return self._known

    async def open(self) -> None:
        """Return once `policies` is read to its end; a broker that does not answer is asked until it does."""
        ready = asyncio.Event()
        self._following = asyncio.create_task(self._run(ready), name="policies")
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({waiting, self._following}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._following.done():
            self._following.result()
        self._following.add_done_callback(_ended)

    async def close(self) -> None:
        """Read no further."""
        if self._following:
            self._following.cancel()
            await asyncio.wait({self._following})

    async def _run(self, ready: asyncio.Event) -> None:
        """Raises CloutError for what waiting does not mend, before it is ready; later it is tried again all the same."""
        while True:
            try:
                await self._read(ready)
            except Restarted:
                log.warning("the topic of policies ends before what was read of it: it was made anew, and is read anew")
                self._policies, self._at = begun(self._settings), None
                continue
            except DependencyDown as error:
                self._tell(error)
            except CloutError as error:
                if not ready.is_set():
                    raise
                self._tell(error)
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    async def _read(self, ready: asyncio.Event) -> None:
        """Over one connection, until it is lost."""
        began_s = time.monotonic()
        async with Reading(self._settings, self._policies, self._at) as reading:
            await reading.to_end()
            self._at = await reading.position()
            self._known = book = self._policies.book()
            if self._lost:
                log.warning("policies are read again: offset=%d", book.offset)
            if not ready.is_set():
                took_s = time.monotonic() - began_s
                log.info("read policies offset=%d rules=%d seconds=%.2f", book.offset, len(book.rules), took_s)
            self._lost, self._pause_s = False, _PAUSE_S
            ready.set()
            looked_s = time.monotonic()
            while True:
                if await reading.more():
                    self._known, looked_s = self._policies.book(), time.monotonic()
                elif time.monotonic() - looked_s > LOOK_S:
                    await reading.check()
                    looked_s = time.monotonic()
                self._at = await reading.position()

    def _tell(self, error: CloutError) -> None:
        if not self._lost:
            log.warning("policies are not read, and the rules stay as they are, until this is well: %s", error)
        self._lost = True


def _ended(following: asyncio.Task[None]) -> None:
    """Whoever judges by rules that nobody reads any more must end; only a bug comes here."""
    if not following.cancelled() and following.exception():
        die(following.exception())
