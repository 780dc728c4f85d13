"""What waits to be sent to one listener: bounded, so that a slow one costs nobody else anything."""

from __future__ import annotations

import asyncio
from collections import deque

from agents.api.stream.waking import Waking

MOST_FRAMES = 1_000
MOST_BYTES = 4 * 2**20  #: frames are shared by all listeners of a filter
_AT_ONCE_BYTES = 65_536  #: what is sent in one go, about

#: why the server ends a stream, and what that means
REASONS = {
    "slow": "too much was waiting to be sent, or a send took too long; come back with the last id",
    "age": "the stream has lasted long enough; come back with the last id",
    "stopping": "the server stops; come back with the last id, to this or to another one",
}


class Mailbox:
    """Frames in their order, and beside them the newest board, which takes the place of one that was not sent yet."""

    def __init__(self, waking: Waking | None = None, *, most: int = MOST_FRAMES, most_bytes: int = MOST_BYTES) -> None:
        """`waking` is shared by all whose sends are to take turns."""
        self._waking = waking or Waking()
        self._most, self._most_bytes, self._bytes = most, most_bytes, 0
        self._frames: deque[bytes] = deque()
        self._board = b""
        self._some = False  # that nobody has waited for
        self._sleeper: asyncio.Future[None] | None = None
        self.over = ""  #: why the stream ends

    @property
    def empty(self) -> bool:
        """Is there nothing to send?"""
        return not (self._frames or self._board)

    def put(self, frame: bytes) -> None:
        """One more. When too much waits, all of it is dropped and the stream ends; a single frame may be as large as it likes."""
        if self.over:
            return
        if len(self._frames) >= self._most or (self._frames and self._bytes + len(frame) > self._most_bytes):
            self.end("slow")
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        self.wake()

    def put_board(self, frame: bytes) -> None:
        """The newest board."""
        self._board = frame
        self.wake()

    def take(self) -> bytes:
        """What is to be sent next; nothing when it is empty."""
        some, size = [], 0
        while self._frames and size < _AT_ONCE_BYTES:
            some.append(self._frames.popleft())
            size += len(some[-1])
        self._bytes -= size
        if self._board and not self._frames:
            some.append(self._board)
            self._board = b""
        return b"".join(some)  # of one alone nothing is copied

    def end(self, reason: str) -> None:
        """Nothing is sent any more but this reason, the first one that was given."""
        self._frames.clear()
        self._board, self._bytes = b"", 0
        self.over = self.over or reason
        self.wake()

    def wake(self) -> None:
        """There may be something to tell: whoever waits goes on when it is their turn."""
        if self._sleeper and not self._some:
            self._waking.call(self._sleeper)
        self._some = True

    async def wait(self, until_s: float) -> None:
        """Return when there is something, or at this time of the event loop."""
        if not self._some:
            loop = asyncio.get_running_loop()
            self._sleeper, timer = loop.create_future(), loop.call_at(until_s, self.wake)
            try:
                await self._sleeper
            finally:
                self._sleeper = None
                timer.cancel()
        self._some = False
