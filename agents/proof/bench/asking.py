"""A load of HTTP requests out of a process of its own: connections stay open, requests are made before, answers are hardly read.

Closed: each connection asks again as soon as it is answered. Open: so many a second, each on a connection that is free; how
long it took counts from the moment it was due, so one that had to wait for a connection is not forgiven.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from agents.proof.bench.apart import Result, apart, main
from agents.proof.bench.machine import cpu_s

Headers = dict[str, str]

CONNECTIONS = 16
LATE_S = 5.0  #: so long the last answers of an open load are waited for
_LOOK_S = 0.01


def ask(
    port: int,
    paths: Sequence[str],
    seconds: float,
    *,
    rate: float = 0.0,
    connections: int = CONNECTIONS,
    headers: Sequence[Headers] = (),
) -> Result:
    """Ask the API on loopback for these paths in random order, path n with headers n; `rate` 0 is a closed load.

    Returns `statuses`, `seconds`, `per_s`, `p50_ms`, `p99_ms`, `most_ms`, `load_cpu_share` of this load itself, `not_asked`
    (at this rate, for want of a free connection) and `failed` (requests without an answer, connections that were lost).
    """
    plan = {
        "port": port,
        "paths": list(paths),
        "headers": list(headers),
        "seconds": seconds,
        "rate": rate,
        "connections": connections,
    }
    with apart("asking", plan) as load:
        return load.result()


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._due_s = 0.0
        self._head = b""
        self._to_come = -1  # of the body; -1: the head is not there yet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._load.free(self)

    def ask(self, request: bytes, due_s: float) -> None:
        self._due_s = due_s
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._to_come < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            self._to_come = _length(self._head[:end]) - (len(self._head) - end - 4)
        else:
            self._to_come -= len(data)
        if self._to_come <= 0:
            status, self._head, self._to_come = int(self._head[9:12]), b"", -1
            self._load.answered(status, time.perf_counter() - self._due_s)
            self._load.free(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        self._load.lost()

    def close(self) -> None:
        self._transport.close()


class _Load:
    def __init__(self, plan: Result) -> None:
        self._plan, self._draw = plan, random.Random(1)
        headers = plan["headers"] or [{}]
        self._requests = [_request(path, headers[n % len(headers)]) for n, path in enumerate(plan["paths"])]
        self._free: deque[_Connection] = deque()
        self._waiting: deque[float] = deque()  # when they were due
        self._asked, self._unasked, self._lost, self._over = 0, 0, 0, False
        self._statuses: Counter[int] = Counter()
        self._took_s: list[float] = []

    def free(self, connection: _Connection) -> None:
        """A connection has nothing to do."""
        if self._waiting:
            self._ask(connection, self._waiting.popleft())
        elif self._plan["rate"] or self._over or not self._asked:
            self._free.append(connection)
        else:
            self._ask(connection, time.perf_counter())

    def answered(self, status: int, took_s: float) -> None:
        """One more answer."""
        self._statuses[status] += 1
        self._took_s.append(took_s)

    def lost(self) -> None:
        """A connection is gone before its time."""
        self._lost += not self._over

    def _ask(self, connection: _Connection, due_s: float) -> None:
        self._asked += 1
        connection.ask(self._draw.choice(self._requests), due_s)

    async def run(self) -> Result:
        """See `ask`."""
        loop, plan = asyncio.get_running_loop(), self._plan
        opened = [
            (await loop.create_connection(lambda: _Connection(self), "127.0.0.1", plan["port"]))[1]
            for _ in range(plan["connections"])
        ]
        began_s, cpu_before_s = time.perf_counter(), cpu_s(0)
        await (self._paced(began_s) if plan["rate"] else self._as_fast_as_it_goes())
        lasted_s, cpu = time.perf_counter() - began_s, cpu_s(0) - cpu_before_s
        answers = len(self._took_s)
        self._over = True
        for connection in opened:
            connection.close()
        took_s = sorted(self._took_s) or [float("nan")]
        p50_ms, p99_ms = (round(took_s[int(q * (len(took_s) - 1))] * 1000, 2) for q in (0.5, 0.99))
        return {
            "statuses": {str(status): count for status, count in sorted(self._statuses.items())},
            "seconds": round(lasted_s, 2),
            "answers": answers,
            "per_s": round(answers / lasted_s),
            "p50_ms": p50_ms,
            "p99_ms": p99_ms,
            "most_ms": round(took_s[-1] * 1000, 2),
            "not_asked": self._unasked,
            "load_cpu_share": round(cpu / lasted_s, 2),
            "failed": self._lost + self._asked - answers if plan["rate"] else self._lost,
        }

    async def _as_fast_as_it_goes(self) -> None:
        while self._free:
            self._ask(self._free.popleft(), time.perf_counter())
        await asyncio.sleep(self._plan["seconds"])
        await self._answers(1)  # of a machine that is very slow

    async def _paced(self, began_s: float) -> None:
        rate, due = self._plan["rate"], 0
        while due < rate * self._plan["seconds"]:
            now_s = time.perf_counter()
            while due < rate * self._plan["seconds"] and (due_s := began_s + due / rate) <= now_s:
                due += 1
                if self._free:
                    self._ask(self._free.popleft(), due_s)
                else:
                    self._waiting.append(due_s)
            await asyncio.sleep(max(began_s + due / rate - time.perf_counter(), 0.0))
        await self._answers(due)
        self._unasked = len(self._waiting)  # the rate was not held
        self._waiting.clear()
        await self._answers(self._asked)

    async def _answers(self, count: int) -> None:
        """Wait until there are so many, at most `LATE_S`."""
        for _ in range(int(LATE_S / _LOOK_S)):
            if len(self._took_s) >= count:
                break
            await asyncio.sleep(_LOOK_S)


def _request(path: str, headers: Headers) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "host: 127.0.0.1", "accept: */*", "user-agent: clout-bench"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _length(head: bytes) -> int:
    """How long the body is: what has none (304) says nothing."""
    lower = head.lower()
    at = lower.find(b"content-length:")
    return int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def _ask(plan: Result) -> Result:
    return await _Load(plan).run()


if __name__ == "__main__":
    main(_ask)
