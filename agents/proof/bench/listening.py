"""Listeners of `/v1/stream`, and what is written for them, in one process and by one clock.

All users change so many times a second, in four batches that take turns, as four partitions would. The score of a change says
which batch it was in, so a frame says how long it took since that batch was handed to Redis; of changes that came together the
newest is told.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from typing import Any

import orjson
import redis.asyncio

from agents.proof.bench.apart import Result, main, say
from agents.proof.bench.filled_board import user_of
from agents.proof.bench.machine import cpu_s

BATCHES = 4  #: that take turns
WARM_UP_S = 2.0
LATE_S = 5.0
OPENED_S = 120.0
_AT_ONCE = 100  # connections that are opened
_FIRST, _STEP = 10.0, 0.001  # scores
_score = re.compile(rb'event: scores\ndata: [^\n]*?"score":([0-9.]+)').findall


class _Listener(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self._run, self._rest, self.opened = run, b"", False

    def data_received(self, data: bytes) -> None:
        self.opened = True
        whole, end, self._rest = (self._rest + data).rpartition(b"\n\n")
        for score in _score(whole + end):
            self._run.told(float(score))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        self._run.lost += 1


class _Run:
    def __init__(self, plan: Result) -> None:
        self._plan = plan
        self._written_s: list[float] = []  # by number of the batch
        self._took_s: list[float] = []
        self._from = sys.maxsize  # the first batch that counts: none yet
        self.lost = 0

    def told(self, score: float) -> None:
        """A frame has come."""
        number = round((score - _FIRST) / _STEP)
        if number >= self._from:
            self._took_s.append(time.perf_counter() - self._written_s[number])

    async def run(self) -> Result:
        """See the head of this module."""
        plan, loop = self._plan, asyncio.get_running_loop()
        users = [user_of(number) for number in range(plan["listeners"])]
        listeners: list[_Listener] = []
        for start in range(0, len(users), _AT_ONCE):
            some = users[start : start + _AT_ONCE]
            opened = await asyncio.gather(
                *(loop.create_connection(lambda: _Listener(self), "127.0.0.1", plan["port"]) for _ in some)
            )
            for (transport, listener), user in zip(opened, some, strict=True):
                path = f"/v1/stream?{plan['asks']}".replace("USER", user)
                transport.write(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
                listeners.append(listener)
        async with asyncio.timeout(OPENED_S):
            while not all(one.opened for one in listeners):  # noqa: ASYNC110 - before anything is measured
                await asyncio.sleep(0.1)
        say({"listeners": len(listeners)})
        await self._write(users, min(WARM_UP_S, plan["seconds"]))
        self._from, began_s = len(self._written_s), time.perf_counter()
        ours, theirs = cpu_s(0), cpu_s(plan["pid"])
        await self._write(users, plan["seconds"])
        lasted_s = time.perf_counter() - began_s
        ours, theirs = cpu_s(0) - ours, cpu_s(plan["pid"]) - theirs
        written = len(users) * (len(self._written_s) - self._from) // BATCHES
        for _ in range(int(LATE_S / 0.1)):
            await asyncio.sleep(0.1)
            if len(self._took_s) >= written:
                break
        took_s = sorted(self._took_s) or [float("nan")]
        p50_ms, p99_ms = (round(took_s[int(q * (len(took_s) - 1))] * 1000, 1) for q in (0.5, 0.99))
        return {
            "listeners": len(listeners),
            "changes": written,
            "changes_per_s": round(written / lasted_s),
            "told": len(self._took_s),
            "p50_ms": p50_ms,
            "p99_ms": p99_ms,
            "most_ms": round(took_s[-1] * 1000, 1),
            "lost": self.lost,
            "cpu_us": round(1e6 * theirs / written),
            "cpu_share": round(theirs / lasted_s, 2),
            "load_cpu_share": round(ours / lasted_s, 2),
        }

    async def _write(self, users: list[str], seconds: float) -> None:
        plan, client = self._plan, redis.asyncio.Redis.from_url(self._plan["redis"])
        began_s, every_s = time.perf_counter(), 1 / plan["a_second"] / BATCHES
        first = len(self._written_s)
        for turn in range(int(seconds / every_s)):
            await asyncio.sleep(max(began_s + turn * every_s - time.perf_counter(), 0.0))
            number = first + turn
            batch = _batch(users[number % BATCHES :: BATCHES], number)
            self._written_s.append(time.perf_counter())
            await client.xadd(plan["key"], {"batch": batch}, maxlen=1_000, approximate=True)
        await client.aclose()


def _batch(users: list[str], number: int) -> bytes:
    score = _FIRST + number * _STEP
    changes: list[Any] = [[user, score, score - BATCHES * _STEP] for user in users]
    return orjson.dumps({"partition": number % BATCHES, "as_of": int(time.time() * 1000), "users": changes})


async def _listen(plan: Result) -> Result:
    return await _Run(plan).run()


if __name__ == "__main__":
    main(_listen)
