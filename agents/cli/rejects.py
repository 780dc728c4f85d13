"""`clout rejects`: the latest records that could not be used."""

from __future__ import annotations

import asyncio
import base64
import binascii

import click
import orjson

from agents.cli.options import KAFKA, json_option, settings_options
from agents.cli.output import json_line, moment, safe, say
from agents.cli.topiclog import newest
from streams.settings import Settings
from streams.topics import REJECTS

_SHOWN = 160  # characters of a record


@click.command()
@click.option("-n", "n", type=click.IntRange(1, 10_000), default=10, show_default=True, show_envvar=True,
              help="How many of the latest.")  # fmt: skip
@settings_options(*KAFKA)
@json_option
def rejects(settings: Settings, n: int, json: bool) -> None:
    """Show the latest records that could not be used, the newest last: when, why, where they came from, what they were.

    With --json the records of the topic `rejects` as they are, one a line; `value` is the original in base64.

    \b
    clout rejects -n 20
    clout rejects -n 1000 --json | jq -r .reason | sort | uniq -c
    """
    records = asyncio.run(newest(settings, REJECTS.name, n))
    for record in records:
        if json:
            json_line(record.value)
        else:
            click.echo(_readable(record.timestamp, record.value))
    if not records:
        say("no rejects")


def _readable(at_ms: int, value: bytes) -> str:
    try:
        reject = orjson.loads(value)
        origin = f"{reject['topic']}[{reject['partition']}]@{reject['offset']}"
        head = f"{moment(at_ms)}  {reject['reason']}  {reject['path']}  {origin}"
        return f"{safe(head)}\n  {safe(reject['message'])}\n  {_original(reject)}"
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"{moment(at_ms)}  {safe(value[:_SHOWN].decode(errors='backslashreplace'))}"


def _original(reject: dict[str, object]) -> str:
    """The bytes as text: what is no text, or would move the cursor, is escaped."""
    value, size = reject["value"], reject["size"]
    if value is None:
        return "(no value)"
    try:
        text = base64.b64decode(str(value)).decode(errors="backslashreplace")
    except (ValueError, binascii.Error):
        text = str(value)
    shown = safe(text[:_SHOWN])
    return f"{shown}… ({size} bytes)" if len(text) > _SHOWN or reject["truncated"] else shown or "(empty)"
