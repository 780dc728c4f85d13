"""`clout alerts`: whose score fell."""

from __future__ import annotations

from typing import Any

import click
import orjson

from agents.cli.options import REDIS, json_option, settings_options
from agents.cli.output import json_line, moment, safe, say
from agents.cli.redis import ask
from streams.scoreboard.reader import Reader
from streams.scoreboard.tail import LONGEST_BLOCK_MS
from streams.settings import Settings


@click.command()
@click.option("-n", "n", type=click.IntRange(0, 1_000), default=10, show_default=True, show_envvar=True,
              help="How many of the latest.")  # fmt: skip
@click.option("--follow", is_flag=True, show_envvar=True, help="Then go on with new ones until Ctrl-C.")
@settings_options(*REDIS)
@json_option
def alerts(settings: Settings, n: int, follow: bool, json: bool) -> None:
    """Show the latest alerts, the newest last: whose score fell below its last daily close, and who recovered.

    The same alerts, for 30 days, are in the Kafka topic `alerts`.

    \b
    clout alerts --follow
    clout alerts -n 100 --json | jq -r .user
    """
    ask(settings, lambda reader: _alerts(reader, n, follow, json))


async def _alerts(reader: Reader, n: int, follow: bool, json: bool) -> None:
    cursor = await reader.alerts_end()  # before the latest are read: one may come twice, none is missed
    latest = (await reader.alerts(n))[::-1] if n else []
    for alert in latest:
        _show(alert, json)
    if not follow:
        if not latest:
            say("no alerts")
        return
    seen = {alert["id"] for alert in latest}
    while True:
        for entry in await reader.alerts_after(cursor, block_ms=LONGEST_BLOCK_MS):
            cursor = entry.cursor
            alert = orjson.loads(entry.payload)
            if alert["id"] not in seen:
                _show(alert, json)
            seen.discard(alert["id"])


def _show(alert: dict[str, Any], json: bool) -> None:
    if json:
        json_line(alert)
        return
    click.echo(
        f"{moment(alert['at'])}  {alert['state']:9}  {safe(alert['user'])}  {alert['score']:.2f}, "
        f"{-alert['fall']:+.2f} since the daily close of {alert['close']:.2f}"
    )
