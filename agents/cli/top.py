"""`clout top`: who scores highest now, who is engaged with most for a topic, and which topics there are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import click

from agents.cli.options import REDIS, json_option, settings_options
from agents.cli.output import Table, console, json_line, leaderboard, safe, say
from agents.cli.redis import ask, now_ms
from agents.cli.top_topics import OfTopic, Topics
from streams.errors import UsageError
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.scoreboard.reader import Reader


class _Board(Protocol):
    """What is looked at."""

    async def rows(self, reader: Reader, at_ms: int) -> list[dict[str, Any]]:
        """What it shows at a moment, the highest first; JSON-ready."""

    def table(self, rows: list[dict[str, Any]]) -> Table:
        """The same for people."""

    async def nobody(self, reader: Reader) -> str:
        """Why it shows nobody."""


class _Scores(NamedTuple):
    n: int
    network: str | None

    async def rows(self, reader: Reader, at_ms: int) -> list[dict[str, Any]]:
        return await reader.top(self.n, at_ms, self.network)

    def table(self, rows: list[dict[str, Any]]) -> Table:
        return leaderboard(rows)

    async def nobody(self, reader: Reader) -> str:
        if self.network is not None and (names := await reader.networks()):
            return f"no board of the network {safe(self.network)}; there are: {', '.join(map(safe, names))}"
        return "nobody has a score yet: is a worker running (`clout worker`), was anything fed (`clout feed`)?"


@click.command()
@click.option(
    "-n", "n", type=click.IntRange(1, 10_000), default=10, show_default=True, show_envvar=True, help="How many."
)
@click.option("--network", metavar="NAME", show_envvar=True, help="On this network's board instead of the overall one.")
@click.option("--topic", metavar="NAME", show_envvar=True, help="Who is engaged with most for this topic.")
@click.option(
    "--topics", is_flag=True, show_envvar=True, help="The topics that have a board, each with its first user."
)
@click.option("--watch", is_flag=True, show_envvar=True, help="Look again and again until Ctrl-C.")
@click.option("--every", type=click.FloatRange(min=0.1), default=1.0, show_default=True, show_envvar=True,
              metavar="SECONDS", help="How often, with --watch.")  # fmt: skip
@settings_options(*REDIS, "clock")
@json_option
def top(
    settings: Settings,
    n: int,
    network: str | None,
    topic: str | None,
    topics: bool,
    watch: bool,
    every: float,
    json: bool,
) -> None:
    """Show who scores highest now; with --json one score record a line, the highest first.

    Accounts of persons are on the boards of their networks only; overall the person takes their place.

    With --topic the users with the most engagement for a topic: how much of it is left now, decayed with a half-life of 62.4
    days, and their score; capitals and # make no difference, and accounts stand for themselves. With --json
    {"rank": 1, "user": ..., "weight": ..., "score": ...} a line; a score is null while there is no record.

    With --topics the topics by the weight of their first user; with --json {"rank": 1, "topic": ..., "user": ..., "weight": ...}.

    With --watch --json each look is one line: {"as_of": ms, "top": [...]}, of lines as without it.

    \b
    clout top -n 20
    clout top --network bluesky
    clout top --topic jazz
    clout top --topics -n 50
    clout top --watch
    """
    if sum((network is not None, topic is not None, topics)) > 1:
        raise UsageError("--network, --topic and --topics are boards of their own: name one")
    board: _Board = Topics(n) if topics else OfTopic.named(topic, n) if topic is not None else _Scores(n, network)

    async def look(reader: Reader) -> None:
        await (_watch(settings, reader, board, every, json=json) if watch else _top(settings, reader, board, json=json))

    ask(settings, look)


async def _top(settings: Settings, reader: Reader, board: _Board, *, json: bool) -> None:
    rows = await board.rows(reader, await now_ms(settings, reader))
    if json:
        for row in rows:
            json_line(row)
    elif rows:
        console().print(board.table(rows))
    if not rows:
        say(await board.nobody(reader))


async def _watch(settings: Settings, reader: Reader, board: _Board, every_s: float, *, json: bool) -> None:
    from rich.live import Live

    screen = console()
    with Live(console=screen, auto_refresh=False, screen=screen.is_terminal, redirect_stdout=False) as live:
        while True:
            at_ms = await now_ms(settings, reader)
            rows = await board.rows(reader, at_ms)
            if json:
                json_line({"as_of": at_ms, "top": rows})
            elif screen.is_terminal:
                live.update(board.table(rows), refresh=True)
            else:
                screen.print(board.table(rows))
            await asyncio.sleep(every_s)
