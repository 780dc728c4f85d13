"""`clout rebuild` on real servers: whatever was done to Redis, everyone is as the rows say, with and without workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
from click.testing import CliRunner
from redis import Redis

from agents.admin import rebuild
from agents.cli.main import cli
from streams.scoreboard.connect import connect
from streams.scoreboard.layout import Keys
from streams.scoreboard.names import numeric_id
from streams.sources import Produced
from tests.integration.stack import Stack
from tests.integration.test_restart import exact, history, until


def spoil(clout: Stack, events: list[Produced]) -> None:
    """Half the users say nonsense, the others are gone, the histogram is wrong; the pulses look right."""
    keys, redis = Keys(clout.settings.redis_prefix, 0), Redis.from_url(clout.settings.redis)
    users = sorted({event.key.decode() for event in events})
    assert redis.hdel(keys.users, *users[::2])
    assert redis.zrem(keys.board, *users[::2])
    assert redis.delete(keys.search, keys.ids) == 2
    for user in users[1::2]:
        redis.hset(keys.users, user, b'{"score":100}')
        redis.zadd(keys.board, {user: 100.0})
    for number in range(clout.settings.partitions):
        redis.delete(keys.spread(number))


def rebuilt(clout: Stack, by: str) -> int:
    """How many users `clout rebuild` says it wrote."""
    done = CliRunner().invoke(cli, ["rebuild", "--json"], env=clout.environ())
    assert done.exit_code == 0, done.output
    said = orjson.loads(done.stdout)
    assert said["by"] == by
    users: int = said["users"]
    return users


def whole(clout: Stack, events: list[Produced], users: int) -> None:
    """Everyone's record is exact and everyone is on the board; in the histogram is, once, who was engaged with."""
    exact(clout, events)
    keys, redis = Keys(clout.settings.redis_prefix, 0), Redis.from_url(clout.settings.redis)
    spread = [redis.hgetall(keys.spread(number)) for number in range(clout.settings.partitions)]
    engaged = sum(orjson.loads(record)["engagements"] > 0 for record in redis.hvals(keys.users))
    assert sum(int(count) for bins in spread for count in bins.values()) == engaged > 0
    assert redis.zcard(keys.board) == redis.hlen(keys.ids) == redis.zcard(keys.search) / 2 == users
    assert all(
        redis.hget(keys.ids, numeric_id(user.decode(), clout.settings.app)) == user for user in redis.hkeys(keys.users)
    )
    assert min(int(name) for bins in spread for name in bins) >= 0


def test_workers_are_asked(stack: Callable[..., Stack]) -> None:
    """Beside a running worker, which goes on folding: everyone is written again, twice in a row too."""
    clout = stack(model="plain", clock="stream", idle_s=0.5)
    events = history(4_000, seed=31)
    with clout.worker():
        clout.feed(events[:3_000])
        clout.settled(3_000)
        for _ in range(2):
            spoil(clout, events[:3_000])
            whole(clout, events[:3_000], rebuilt(clout, "workers"))
        clout.feed(events[3_000:])
        clout.settled(4_000)
        exact(clout, events)


def test_committed_rows_when_no_worker_runs(stack: Callable[..., Stack]) -> None:
    """From `state` alone; a worker that starts afterwards finds nothing to mend and counts on."""
    clout = stack(model="plain", clock="stream")
    events = history(4_000, seed=32)
    with clout.worker():
        clout.feed(events[:3_000])
        clout.settled(3_000)
    before = {number: pulse["complete"] for number, pulse in clout.pulses().items()}
    spoil(clout, events[:3_000])
    users = rebuilt(clout, "rows")
    whole(clout, events[:3_000], users)
    assert {number: pulse["complete"] for number, pulse in clout.pulses().items()} == before
    with clout.worker() as worker:
        clout.feed(events[3_000:])
        clout.settled(4_000)
        exact(clout, events)
        assert b"redis lost or restored" not in worker.log.read_bytes()  # type: ignore[attr-defined]


def test_a_worker_that_takes_over_in_between_writes_everyone(stack: Callable[..., Stack]) -> None:
    """A rebuild has begun and written nothing: whoever takes the partition then does not believe what the pulse said before."""
    clout = stack(model="plain", clock="stream")
    events = history(2_000, seed=33)
    with clout.worker():
        clout.feed(events)
        clout.settled(2_000)
    keys, redis = Keys(clout.settings.redis_prefix, 0), Redis.from_url(clout.settings.redis)
    for user in redis.hkeys(keys.users):  # nobody is missing, so nothing but the pulse tells
        redis.hset(keys.users, user, b'{"score":100}')

    async def begin() -> None:
        client = connect(clout.settings)
        for number in range(clout.settings.partitions):
            await rebuild._lower(client, clout.settings, number)
        await client.aclose()

    asyncio.run(begin())
    with clout.worker():
        until(lambda: all(pulse["complete"] for pulse in clout.pulses().values()))  # everyone it knows is in Redis
        exact(clout, events)
