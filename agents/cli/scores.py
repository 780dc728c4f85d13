"""`clout score` and `clout top`: what is on the scoreboard now."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from agents.cli.options import REDIS, TIME, json_option, settings_options
from agents.cli.output import console, json_line, leaderboard, moment, safe, say, signed
from agents.cli.redis import ask, now_ms
from streams.errors import UsageError
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.scoreboard.reader import Rank, Reader, Record


class _Seen(NamedTuple):
    record: Record  #: at the time asked for
    stored: Record
    rank: Rank | None
    network_rank: Rank | None
    percentile: float | None  #: None: unknown, and of accounts of persons, who are not counted overall


class _Wanted(NamedTuple):
    n: int
    network: str | None
    json: bool


@click.command()
@click.argument("users", metavar="USER...", nargs=-1, required=True)
@click.option("--as-of", type=TIME, show_envvar=True,
              help="Decayed to this time instead of now, if nothing else happens; ms since epoch or ISO 8601.")  # fmt: skip
@settings_options(*REDIS, "clock")
@json_option
def score(settings: Settings, users: tuple[str, ...], as_of: int | None, json: bool) -> int:
    """Show the live score of users (`network:id`), what it is made of, and their place.

    With --json one score record a line. Unknown users are named on stderr, and the exit code is 1.

    \b
    clout score bluesky:did:plc:abc
    clout score twitter:88 twitter:677 --json | jq .score
    """
    named = tuple(map(_name, users))
    return ask(settings, lambda reader: _score(settings, reader, named, as_of, json))


def _name(given: str) -> str:
    """A user's name from the command line, in UTF-8 whatever the locale says that the terminal writes."""
    try:
        return os.fsencode(given).decode() if any("\udc80" <= letter <= "\udcff" for letter in given) else given
    except UnicodeDecodeError:
        raise UsageError(f"{safe(given)} is not UTF-8, which names of users are") from None


async def _score(settings: Settings, reader: Reader, users: tuple[str, ...], as_of_ms: int | None, json: bool) -> int:
    from streams.scoreboard.reader import score_at

    at_ms = await now_ms(settings, reader) if as_of_ms is None else as_of_ms
    unknown = 0
    for user, stored in zip(users, await reader.users(users), strict=True):
        if stored is None:
            unknown += 1
            hint = "" if ":" in user else "; users are named network:id, such as bluesky:did:plc:abc"
            say(f"clout: unknown user {safe(user)}{hint}")
            continue
        if at_ms < stored["event_ts"]:
            say(
                f"clout: {moment(at_ms)} lies before the newest event of {safe(user)} ({moment(stored['event_ts'])}): "
                "the score is calculated backwards and includes what happened later"
            )
        record = score_at(stored, at_ms)
        if json:
            json_line(record)
        else:
            rank = await reader.rank(user)
            linked = rank is not None and rank.network is not None
            percentile = None if linked else await reader.percentile(stored["score"])
            click.echo(_readable(_Seen(record, stored, rank, await reader.network_rank(user), percentile)))
            for line in await _accounts(reader, record.get("accounts", []), at_ms):
                click.echo(line)
    return 1 if unknown else 0


def _readable(seen: _Seen) -> str:
    record = seen.record
    parts = {
        **record["parts"]["kinds"],
        "reach": record["parts"]["reach"],
        "participation": record["parts"]["participation"],
        **record["parts"].get("facts", {}),
    }
    earned = sorted(((points, name) for name, points in parts.items() if points >= 0.005), reverse=True)
    sure = f"confidence {record['confidence']:.0%}" + (
        ", provisional: few people are behind it" if record["provisional"] else ""
    )
    day = record["delta"]["day"]
    lines = [
        f"{safe(record['user'])}  {record['score']:.2f}"
        + ("" if day is None else f"  ({signed(day)} since the last daily close)"),
        f"  place    {_place(seen)}",
        f"  parts    {_numbers((name, points) for points, name in earned) or 'nothing yet'}" + _floored(record),
        *_networks(record),
        f"  windows  {_numbers(record['windows'].items())}   (decayed sums of weighted engagement)",
        f"  counts   {record['engagements']:,} engagements by {_people(record)}, {record['actions']:,} own actions, "
        f"{record['followers']:,} followers",
        f"  trust    {sure}",
        f"  times    as of {moment(record['as_of'])}, newest event {moment(record['event_ts'])}, model {record['model']}",
    ]
    return "\n".join(lines)


async def _accounts(reader: Reader, accounts: list[str], at_ms: int) -> list[str]:
    """A line for each account of a person, the highest first."""
    from streams.scoreboard.reader import score_at

    found = [score_at(stored, at_ms) for stored in await reader.users(accounts) if stored]
    wide = max((len(safe(record["user"])) for record in found), default=0)
    lines = []
    for record in sorted(found, key=lambda one: -one["score"]):
        own = await reader.network_rank(record["user"])
        place = f"  rank {own.rank:,} of {own.of:,} on {safe(own.network or '')}" if own else ""
        lines.append(f"  account  {safe(record['user']):{wide}}  {record['score']:6.2f}{place}")
    return lines


def _networks(record: Record) -> list[str]:
    """What a person earned where."""
    if "accounts" not in record:
        return []
    return [f"  networks {_numbers(record['parts']['networks'].items()) or 'nothing yet'}"]


def _place(seen: _Seen) -> str:
    rank, own = seen.rank, seen.network_rank
    if rank and rank.network is not None:
        places = [f"account of {safe(seen.record['person'])}" if "person" in seen.record else "account of a person"]
    else:
        places = [f"rank {rank.rank:,} of {rank.of:,}" if rank else "no rank"]
    if seen.percentile is not None:
        places.append(f"above {seen.percentile:.1f} % of those engaged with in 90 days")
    if own:
        places.append(f"rank {own.rank:,} of {own.of:,} on {safe(own.network or '')}")
    return ", ".join(places)


def _people(record: Record) -> str:
    """How many there ever were; above sixteen they are estimated."""
    error = record.get("actors_error")
    return f"{record['actors']:,} people" if not error else f"about {record['actors']:,} people (± {error:.1%})"


def _floored(record: Record) -> str:
    return "   (below 1: floored)" if record["floored"] else ""


def _numbers(pairs: Any) -> str:
    return "  ".join(f"{safe(name)} {value:.2f}" for name, value in pairs)


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
