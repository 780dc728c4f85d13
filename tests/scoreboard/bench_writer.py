"""How fast the writer is: `python -m tests.scoreboard.bench_writer [users in Redis] [calls in flight]`.

Prints, for each way to hand the users over, users/s and µs of CPU for each user, client and server. No test: times are
of this machine and this moment, to be compared within one run.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson

from streams.scoreboard.changes import Changes
from streams.scoreboard.connect import connect
from streams.scoreboard.flush import Flush
from streams.scoreboard.layout import bin_of
from streams.scoreboard.writer import Writer
from tests.scoreboard.servers import serving

CHUNK, CALLS = 500, 200
Users = list[tuple[str, float, bytes]]
encode = msgspec.msgpack.encode

ONE_BY_ONE = """
local z, h = {}, {}
for i = 1, #ARGV, 3 do
  z[#z+1] = ARGV[i+1]; z[#z+1] = ARGV[i]; h[#h+1] = ARGV[i]; h[#h+1] = ARGV[i+2]
end
redis.call('ZADD', KEYS[1], unpack(z)) redis.call('HSET', KEYS[2], unpack(h))"""
TRIPLES = """
local z, h = {}, {}
for i, t in ipairs(cmsgpack.unpack(ARGV[1])) do
  z[2*i-1] = t[2]; z[2*i] = t[1]; h[2*i-1] = t[1]; h[2*i] = t[3]
end
redis.call('ZADD', KEYS[1], unpack(z)) redis.call('HSET', KEYS[2], unpack(h))"""
WAYS: dict[str, tuple[str, Callable[[Users], list[Any]]]] = {
    "one ARGV item a value": (ONE_BY_ONE, lambda users: [value for user in users for value in user]),
    "MessagePack triples": (TRIPLES, lambda users: [encode([(u, s, str(r, "utf-8")) for u, s, r in users])]),
}


async def measure(port: int, pid: int, population: int, in_flight: int) -> None:
    """Run every way once to warm up and once to measure."""
    client: Any = connect(f"redis://127.0.0.1:{port}/0")
    writer, rnd = Writer(client, "bench", 1, 4), random.Random(1)
    names = [f"bluesky:did:plc:{rnd.getrandbits(96):024x}" for _ in range(population)]
    base = {name: min(99.0, 1 + rnd.lognormvariate(3.4, 0.5)) for name in names}
    record, version = orjson.dumps({"record": "x" * 437}), 0

    async def run(name: str, call: Callable[[Users], Any]) -> None:
        chunks = [
            [(u, min(100.0, base[u] + 0.2 * rnd.random()), record) for u in rnd.sample(names, CHUNK)]
            for _ in range(CALLS)
        ]
        left = iter(chunks)

        async def one() -> None:
            for users in left:
                await call(users)

        at = time.perf_counter(), time.process_time(), cpu_s(pid)
        await asyncio.gather(*(one() for _ in range(in_flight)))
        took, own, server = (
            b - a for a, b in zip(at, (time.perf_counter(), time.process_time(), cpu_s(pid)), strict=True)
        )
        n = CHUNK * CALLS
        line = (
            f"{name:24} {n / took:9,.0f} users/s   client {own / n * 1e6:5.2f} µs   server {server / n * 1e6:5.2f} µs"
        )
        sys.stdout.write(line + "\n")

    def flush(users: Users) -> Any:
        nonlocal version
        version += 1
        bins = {bin_of(score): version for _, score, _ in users}
        updates = orjson.dumps([[user, score] for user, score, _ in users])
        return writer.write(Flush(version % 4, version, {"event_ts": version}, Changes.of(users), bins, updates))

    for _ in range(2):
        for name, (script, arguments) in WAYS.items():
            sha = await client.script_load(script)
            await run(name, lambda users, a=arguments, s=sha: client.evalsha(s, 2, "{0}b", "{0}u", *a(users)))  # type: ignore[misc]
        await run("Writer.write, all of it", flush)
    await writer.close()


def cpu_s(pid: int) -> float:
    """CPU time of a process so far (Linux)."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / 100


def main() -> None:
    """On the Redis and the Valkey that are here."""
    population, in_flight = (int(a) for a in (*sys.argv[1:3], *("120000", "3")[len(sys.argv) - 1 :]))
    for kind in ("redis", "valkey"):
        with tempfile.TemporaryDirectory() as folder, serving(kind, Path(folder)) as server:
            sys.stdout.write(f"{kind}: {population:,} users, {CHUNK} a call, {in_flight} calls in flight\n")
            asyncio.run(measure(server.port, server.pid, population, in_flight))


if __name__ == "__main__":
    main()
