"""How an application is, for who operates it, as JSON has it: of what Redis says, and of policies where they are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from agents.surroundings import watch
from agents.surroundings.finding import DOWN, WRONG
from streams.scoreboard.latency import quantiles
from streams.scoreboard.standings import OFF, WELL, source_trouble, trouble

if TYPE_CHECKING:
    from streams.policies.book import Book
    from streams.scoreboard.reader import Reader
    from streams.settings import Settings

Record = dict[str, Any]

MOST_SILENCE_MS = 30_000  #: a partition whose last word is older has nobody who works
LATEST = 8  #: deliveries


async def of_redis(reader: Reader) -> Record:
    """What there is to read. Raises redis.exceptions.RedisError."""
    return {
        "pulses": await reader.pulses(),
        "told": await reader.told(),
        "rules": await reader.rules(),
        "standings": await reader.standings.channels(),
        "deliveries": await reader.standings.latest(LATEST),
        "sources": await reader.standings.sources(),
    }


def told(settings: Settings, redis: Record, book: Book | None, why: str | None, now_ms: float) -> Record:
    """Of what was read; `why` says why policies are not known although they were asked for. Pure."""
    partitions = [_partition(number, redis["pulses"].get(number), now_ms) for number in range(settings.partitions)]
    found: Record = {
        "at": round(now_ms),
        "kafka": why,
        "workers": sorted({one["owner"] for one in partitions if one["owner"]}),
        "users": sum(one["users"] for one in partitions),
        "latency_ms": _latency(redis["pulses"]),
        "partitions": partitions,
        "rules": _rules(redis["rules"], book, now_ms),
        "gaps": None if book is None else [
            {"network": one.network, **msgspec.to_builtins(gap)} for one in book.gaps for gap in one.gaps if gap.on(now_ms)
        ],
        "silences": None if book is None else [
            msgspec.to_builtins(one) for one in book.silences if one.since <= now_ms < one.until
        ],
        "channels": _channels(redis["standings"], book, now_ms),
        "deliveries": redis["deliveries"],
        "sources": [_source(one, now_ms) for one in redis["sources"].values()],
    }  # fmt: skip
    said = watch.told(redis["told"], now_ms)
    wrong = [f"Kafka is not asked for policies: {why}"] if why else []
    wrong += _silent(partitions, wall=settings.clock == "wall")
    wrong += [f"{one.check}: {one.text}" for one in said if one.status in (WRONG, DOWN)]
    wrong += [f"policies: {mistake}" for mistake in book.mistakes] if book else []
    wrong += [f"channel {one['name']}: {one['trouble']}" for one in found["channels"] if one["trouble"]]
    wrong += [f"source {one['name']}: {one['trouble']}" for one in found["sources"] if one["trouble"]]
    return found | {"wrong": list(dict.fromkeys(wrong))}


def _partition(number: int, pulse: Record | None, now_ms: float) -> Record:
    if pulse is None:
        return {"partition": number, "owner": None, "age_ms": None, "users": 0, "model": None, "version": None}
    return {
        "partition": number,
        "owner": pulse["owner"],
        "age_ms": round(now_ms - pulse["as_of"]),
        "users": pulse["users"],
        "model": pulse.get("model"),
        "version": pulse["version"],
    }


def _silent(partitions: list[Record], *, wall: bool) -> list[str]:
    never = [str(one["partition"]) for one in partitions if one["owner"] is None]
    late = [one for one in partitions if wall and one["owner"] and one["age_ms"] > MOST_SILENCE_MS]
    found = [f"partitions {', '.join(never)} never wrote: is `clout worker` running?"] if never else []
    if late:
        names, age_s = ", ".join(str(one["partition"]) for one in late), max(one["age_ms"] for one in late) / 1000
        found.append(f"partitions {names} are silent for {age_s:,.0f} s: is `clout worker` running?")
    return found


def _latency(pulses: dict[int, Record]) -> Record:
    p50, p99 = quantiles([pulse.get("latency", {}) for pulse in pulses.values()], (0.5, 0.99))
    return {"p50": p50, "p99": p99}


def _rules(shown: Record | None, book: Book | None, now_ms: float) -> list[Record] | None:
    """In force: by the policies, else by what workers have told Redis."""
    if book is not None:
        return [
            {"name": one.name, "severity": one.severity} for one in book.rules if one.enabled and one.since <= now_ms
        ]
    if shown is None:
        return None
    return [{"name": one["name"], "severity": one.get("severity", "warning")} for one in shown["rules"]]


def _channels(standings: dict[str, Record], book: Book | None, now_ms: float) -> list[Record]:
    """Those of the policies, and those that only `clout alerting` knows, of its file."""
    known = {one.name: one for one in book.channels} if book else {}
    found = []
    for name in sorted({*known, *standings}):
        channel, standing = known.get(name), standings.get(name)
        enabled = channel.enabled if channel else bool(standing and standing["enabled"])
        why = trouble(standing, now_ms) if enabled else ""
        found.append({"name": name, "state": why or (WELL if enabled else OFF), "trouble": why, "standing": standing})
    return found


def _source(standing: Record, now_ms: float) -> Record:
    why = source_trouble(standing, now_ms)
    return {"name": standing["source"], "state": why or standing["state"], "trouble": why, "standing": standing}
