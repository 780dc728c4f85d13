"""The whole board, pushed while somebody asks for it: looked up once for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import time

from redis.exceptions import RedisError

from agents.api.leaders import Leaders
from agents.api.stream.frames import event
from agents.api.stream.mailbox import Mailbox

LEAST_GAP_S = 0.25  # between two looks
LONGEST_GAP_S = 1.0  # also without any change: rates fall, partitions go silent


class Boards:
    """`moved` is called when there may be a new one, `run` is the task that looks. `note` goes out with each board."""

    def __init__(self, leaders: Leaders, note: str = "") -> None:
        self._leaders, self._note = leaders, {"note": note} if note else {}
        self._asked: dict[Mailbox, int] = {}
        self._some, self._moved = asyncio.Event(), asyncio.Event()

    def attach(self, box: Mailbox, n: int) -> None:
        """It gets boards of n entries, the first one soon."""
        self._asked[box] = n
        self._some.set()
        self._moved.set()

    def detach(self, box: Mailbox) -> None:
        """No more for it."""
        self._asked.pop(box, None)

    def moved(self) -> None:
        """Something was written."""
        self._moved.set()

    async def run(self) -> None:
        """Look whenever something moved, at most every 250 ms and at least each second; not while nobody asks."""
        while True:
            while not self._asked:
                self._some.clear()
                await self._some.wait()
            began_s = time.monotonic()
            self._moved.clear()
            with contextlib.suppress(RedisError, OSError):  # that Redis is down is told by who reads changes
                await self._tell()
            await asyncio.sleep(max(0.0, began_s + LEAST_GAP_S - time.monotonic()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, began_s + LONGEST_GAP_S - time.monotonic())):
                    await self._moved.wait()

    async def _tell(self) -> None:
        most = max(self._asked.values())
        board = await self._leaders.look(most)
        made: dict[int, bytes] = {}
        for box, n in self._asked.items():
            if n <= most:  # who has come meanwhile and wants more gets the next one
                made[n] = made.get(n) or event("board", {**board, "top": board["top"][:n], **self._note})
                box.put_board(made[n])
