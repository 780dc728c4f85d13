"""Very many connections that ask for nothing, or never come to the end of asking; whoever is ended comes again."""

from __future__ import annotations

import asyncio
from itertools import cycle

from agents.api.wire import most_connections
from agents.proof.bench.apart import Result, main, over, say

#: what never becomes a request: silence, and a head without an end
HALVES = (b"", b"GET /livez HTTP/1.1\r\nhost: a\r\nx-slow: ")
AT_ONCE = 200  #: that are opened


class _One(asyncio.Protocol):
    def __init__(self, crowd: _Crowd, half: bytes) -> None:
        self._crowd, self._half = crowd, half

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._crowd.there += 1
        if isinstance(transport, asyncio.Transport) and self._half:
            transport.write(self._half)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        self._crowd.left()


class _Crowd:
    def __init__(self, port: int) -> None:
        self._port, self._halves = port, cycle(HALVES)
        self.there, self._ended, self._failed = 0, 0, 0
        self._missing = asyncio.Event()

    def left(self) -> None:
        """One was ended by the other side."""
        self.there -= 1
        self._ended += 1
        self._missing.set()

    async def fill(self, most: int) -> None:
        """Open connections until there are so many."""
        while self.there < most:
            some = [self._open() for _ in range(min(most - self.there, AT_ONCE))]
            failed = sum(isinstance(one, OSError) for one in await asyncio.gather(*some, return_exceptions=True))
            self._failed += failed
            if failed:
                await asyncio.sleep(0.1)

    async def keep(self, most: int) -> None:
        """For ever."""
        while True:
            await self._missing.wait()
            self._missing.clear()
            await self.fill(most)

    async def _open(self) -> None:
        loop, half = asyncio.get_running_loop(), next(self._halves)
        await loop.create_connection(lambda: _One(self, half), "127.0.0.1", self._port)

    async def run(self, most: int, gone_s: float) -> Result:
        """Fill, say so, keep it full until told to end; then how many are left after `gone_s` seconds."""
        await self.fill(most)
        say({"there": self.there, "failed": self._failed})
        keeping = asyncio.create_task(self.keep(most))
        await over()
        keeping.cancel()
        for _ in range(int(gone_s / 0.1)):
            if not self.there:
                break
            await asyncio.sleep(0.1)
        return {"ended": self._ended, "left": self.there, "failed": self._failed}


async def _stand(plan: Result) -> Result:
    most_connections()
    return await _Crowd(plan["port"]).run(plan["connections"], plan["gone_s"])


if __name__ == "__main__":
    main(_stand)
