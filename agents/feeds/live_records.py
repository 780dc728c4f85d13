"""A live source as an iterator of records: for the demo, which keeps no cursor."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import aclosing
from random import Random

from agents.feeds.tries import Tries
from streams.display_names import Named
from streams.sources import Produced
from streams.sources.live import LiveSource, Lost

_ENOUGH = 10_000  # records read ahead; then the network holds the source back


class LiveRecords:
    """Reads in a thread, over one connection after the other; iterating waits for what comes, and never ends."""

    def __init__(self, source: LiveSource) -> None:
        self._source = source
        self._queue: queue.Queue[Produced] = queue.Queue(_ENOUGH)
        self._names: deque[Named] = deque(maxlen=_ENOUGH)
        self._told = threading.Event()  # something came, or nothing can be had
        self._came, self._why = False, ""
        threading.Thread(target=asyncio.run, args=(self._read(),), daemon=True, name="live source").start()

    def lack(self, within_s: float) -> str:
        """Why nothing came from any endpoint, or nothing within this time; empty: something did."""
        self._told.wait(within_s)
        return "" if self._came else self._why or f"nothing came within {within_s:.0f} s"

    def names(self) -> list[Named]:
        """What users are called, since this was last asked."""
        return [self._names.popleft() for _ in range(len(self._names))]

    def __iter__(self) -> Iterator[Produced]:
        return self

    def __next__(self) -> Produced:
        return self._queue.get()

    async def _read(self) -> None:
        source, cursor, failures = self._source, None, 0
        tries = Tries(source.endpoints, Random())
        while True:
            before = cursor
            try:
                async with (
                    asyncio.timeout(source.stall_s) as deadline,
                    aclosing(source.events(tries.endpoint, cursor)) as batches,
                ):
                    async for batch in batches:
                        cursor, self._came = batch.cursor, True
                        self._names.extend(batch.names)
                        self._told.set()
                        for event in batch.events:
                            self._queue.put(event)  # it is full: nothing else runs in this loop
                        if source.stall_s is not None:
                            deadline.reschedule(asyncio.get_running_loop().time() + source.stall_s)
            except (Lost, TimeoutError) as error:
                failures += 1
                self._why = str(error) or "it is silent"
                if failures >= len(source.endpoints):
                    self._told.set()
            await asyncio.sleep(tries.over(time.monotonic(), gave=cursor != before))
