"""`clout top`: who scores highest now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import click

from agents.cli.options import REDIS, json_option, settings_options
from agents.cli.output import console, json_line, leaderboard, safe, say
from agents.cli.redis import ask, now_ms
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.scoreboard.reader import Reader


class _Wanted(NamedTuple):
    n: int
    network: str | None
    json: bool


@click.command()
@click.option(
    "-n", "n", type=click.IntRange(1, 10_000), default=10, show_default=True, show_envvar=True, help="How many."
)
@click.option("--network", metavar="NAME", show_envvar=True, help="On this network's board instead of the overall one.")
@click.option("--watch", is_flag=True, show_envvar=True, help="Look again and again until Ctrl-C.")
@click.option("--every", type=click.FloatRange(min=0.1), default=1.0, show_default=True, show_envvar=True,
              metavar="SECONDS", help="How often, with --watch.")  # fmt: skip
@settings_options(*REDIS, "clock")
@json_option
def top(settings: Settings, n: int, network: str | None, watch: bool, every: float, json: bool) -> None:
    """Show who scores highest now; with --json one score record a line, the highest first.

    Accounts of persons are on the boards of their networks only; overall the person takes their place.

    With --watch --json each look is one line: {"as_of": ms, "top": [score record, ...]}.

    \b
    clout top -n 20
    clout top --network bluesky
    clout top --watch
    """
    wanted = _Wanted(n, network, json)
    ask(settings, lambda reader: _watch(settings, reader, wanted, every) if watch else _top(settings, reader, wanted))


async def _top(settings: Settings, reader: Reader, wanted: _Wanted) -> None:
    n, network, json = wanted
    records = await reader.top(n, await now_ms(settings, reader), network)
    if json:
        for record in records:
            json_line(record)
    elif records:
        console().print(leaderboard(records))
    if not records and network is not None and (names := await reader.networks()):
        say(f"no board of the network {safe(network)}; there are: {', '.join(map(safe, names))}")
    elif not records:
        say("nobody has a score yet: is a worker running (`clout worker`), was anything fed (`clout feed`)?")


async def _watch(settings: Settings, reader: Reader, wanted: _Wanted, every_s: float) -> None:
    from rich.live import Live

    (n, network, json), screen = wanted, console()
    with Live(console=screen, auto_refresh=False, screen=screen.is_terminal, redirect_stdout=False) as live:
        while True:
            at_ms = await now_ms(settings, reader)
            records = await reader.top(n, at_ms, network)
            if json:
                json_line({"as_of": at_ms, "top": records})
            elif screen.is_terminal:
                live.update(leaderboard(records), refresh=True)
            else:
                screen.print(leaderboard(records))
            await asyncio.sleep(every_s)
