"""What there is of Redis: does it take writes, may it evict, is everything of ours there, what does its clock say."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from redis.asyncio import RedisCluster
from redis.exceptions import NoPermissionError, RedisError

from agents.surroundings.finding import DOWN, NOTE, OK, WRONG, Finding
from streams.errors import CloutError
from streams.scoreboard.connect import AsyncRedis, ping
from streams.scoreboard.reader import Reader
from streams.scoreboard.refusal import refusal
from streams.scoreboard.writer import Writer
from streams.settings import Settings

MOST_CLOCK_DIFFERENCE_S = 2.0
_NEARLY_FULL = 0.9


async def look(client: AsyncRedis, settings: Settings) -> list[Finding]:
    """Redis, its memory and clock, our keys. Never raises for what a person can mend: that is a finding."""
    try:
        findings = [Finding("redis", OK, await ping(client))]
        findings += [one async for one in _server(client, settings)]
        reader = Reader(client, settings.redis_prefix, settings.redis_shards, settings.partitions)
        findings += keys(await reader.pulses(), await reader.sizes(), settings)
        findings += await clock(client)
    except CloutError as error:
        return [Finding("redis", DOWN, str(error))]
    except (RedisError, OSError) as error:
        return [Finding("redis", WRONG, f"answers, but not as it should: {error}; has another program these keys?")]
    return findings


async def _server(client: AsyncRedis, settings: Settings) -> AsyncIterator[Finding]:
    writer = Writer(client, settings.redis_prefix, settings.redis_shards, settings.partitions)
    try:
        await writer.probe()
    except (RedisError, OSError) as error:
        yield Finding("redis", WRONG, f"it {refusal(error)}", blocks=True)
    if not isinstance(client, RedisCluster):
        try:
            for finding in _memory(await client.info("memory")):
                yield finding
        except NoPermissionError:
            yield Finding(
                "redis", NOTE, "this user may not read INFO: see yourself that maxmemory-policy is noeviction"
            )


def _memory(info: Mapping[str, Any]) -> Iterator[Finding]:
    policy, most, used = (
        str(info.get("maxmemory_policy", "")),
        int(info.get("maxmemory", 0)),
        int(info.get("used_memory", 0)),
    )
    evicts = policy.startswith("allkeys")  # our keys have no expiry: volatile-* leaves them alone
    if evicts:
        when = f"when its {most / 2**20:,.0f} MiB are full" if most else "as soon as a maxmemory is set"
        yield Finding(
            "redis",
            WRONG if most else NOTE,
            f"maxmemory-policy {policy} may evict scores {when}; they are written again each time. Set it to noeviction, or "
            "give Clout a Redis of its own",
        )
    elif most and used > _NEARLY_FULL * most:
        yield Finding(
            "redis",
            NOTE,
            f"{used / 2**20:,.0f} of {most / 2**20:,.0f} MiB are used: soon it refuses writes. Raise its maxmemory",
        )


def keys(
    pulses: Mapping[int, Mapping[str, Any]], sizes: Sequence[Mapping[str, int]], settings: Settings
) -> list[Finding]:
    """Is in each key what the partitions have written? `sizes`: entries of board, users and history, by shard."""
    findings = []
    for shard, size in enumerate(sizes):
        ours = [pulse for number, pulse in pulses.items() if number % settings.redis_shards == shard]
        shown = sum(pulse.get("shown", 0) for pulse in ours)
        linked, closes = (sum(pulse.get(name, 0) for pulse in ours) for name in ("linked", "closes"))
        for name, wanted in (("board", shown - linked), ("users", shown), ("history", closes)):
            if size[name] < wanted:
                text = (
                    f"{settings.redis_prefix}:{{{shard}}}:{name} has {size[name]:,} of {wanted:,} users: it was deleted or "
                    "evicted. A running worker writes them again within seconds; without one run `clout rebuild`"
                )
                findings.append(Finding("keys", WRONG, text))
    return findings


async def clock(client: Any) -> list[Finding]:
    """How far the clock of Redis is from ours: half of the way there and back is its error."""
    before_s = time.time()
    try:
        seconds, micros = await client.time()
    except NoPermissionError:
        return [Finding("clock", NOTE, "this Redis user may not ask the time: see yourself that clocks agree")]
    except (RedisError, TypeError, ValueError):
        return []  # a cluster has no one clock
    difference_s = seconds + micros / 1e6 - (before_s + time.time()) / 2
    return [off("Redis", difference_s)]


def off(whose: str, difference_s: float) -> Finding:
    """How far another clock is ahead of this machine's."""
    if abs(difference_s) > MOST_CLOCK_DIFFERENCE_S:
        text = f"{whose} is {difference_s:+,.1f} s off this machine: synchronise both (NTP), or scores decay to a wrong now"
        return Finding("clock", WRONG, text)
    return Finding("clock", OK, f"{whose} is {difference_s * 1000:+.0f} ms off this machine")
