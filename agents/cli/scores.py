"""`clout score`: a user's live score, what it is made of, and with --explain what would change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from msgspec import UNSET

from agents.cli.options import REDIS, TIME, json_option, settings_options
from agents.cli.output import json_line, moment, safe, say, signed
from agents.cli.places import Account, accounts_of, in_words, named, unknown_user
from agents.cli.redis import ask, now_ms
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.scoreboard.reader import Reader, Record


class _Wanted(NamedTuple):
    as_of_ms: int | None
    explain: bool
    json: bool


@click.command()
@click.argument("users", metavar="USER...", nargs=-1, required=True)
@click.option("--as-of", type=TIME, show_envvar=True,
              help="Decayed to this time instead of now, if nothing else happens; ms since epoch or ISO 8601.")  # fmt: skip
@click.option("--explain", is_flag=True, show_envvar=True,
              help="A page on each: the parts, the history, what one more engagement would give, the score to come.")  # fmt: skip
@settings_options(*REDIS, "clock")
@json_option
def score(settings: Settings, users: tuple[str, ...], as_of: int | None, explain: bool, json: bool) -> int:
    """Show the live score of users (`network:id`), what it is made of, and their place.

    With --json one score record a line, with --explain one explanation. Unknown users are named on stderr, and the exit code is 1.

    \b
    clout score bluesky:did:plc:abc
    clout score person:ann --explain
    clout score twitter:88 twitter:677 --json | jq .score
    """
    names, wanted = tuple(map(named, users)), _Wanted(as_of, explain, json)
    return ask(settings, lambda reader: _score(settings, reader, names, wanted))


async def _score(settings: Settings, reader: Reader, users: tuple[str, ...], wanted: _Wanted) -> int:
    from streams.scoreboard.explaining import like

    at_ms = await now_ms(settings, reader) if wanted.as_of_ms is None else wanted.as_of_ms
    unknown = shown = 0
    for user, stored in zip(users, await reader.users(users), strict=True):
        if stored is None:
            unknown += 1
            say(unknown_user(user, await like(reader, user, await reader.networks())))
            continue
        if at_ms < stored["event_ts"]:
            say(
                f"clout: {moment(at_ms)} lies before the newest event of {safe(user)} ({moment(stored['event_ts'])}): "
                "the score is calculated backwards and includes what happened later"
            )
        if shown and wanted.explain and not wanted.json:
            click.echo("\n")
        await _show(reader, stored, at_ms, wanted)
        shown += 1
    return 1 if unknown else 0


async def _show(reader: Reader, stored: Record, at_ms: int, wanted: _Wanted) -> None:
    from streams.scoreboard.explaining import explanation, places_of
    from streams.scoreboard.reader import score_at

    record = score_at(stored, at_ms)
    if wanted.explain:
        from agents.cli.explain_page import show

        found = await explanation(reader, stored, at_ms)
        if wanted.json:
            show(found, json=True)
        else:
            topics = [one.topic for one in found.influence.topics] if found.influence else []
            ranks = await reader.topic_ranks(stored["user"], topics)
            show(found, await accounts_of(reader, record, at_ms), ranks)
    elif wanted.json:
        json_line(record)
    else:
        place = in_words(await places_of(reader, stored), record["user"], record.get("person", UNSET))
        click.echo(_readable(record, ", ".join(place), await accounts_of(reader, record, at_ms)))


def _readable(record: Record, place: str, accounts: Sequence[Account]) -> str:
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
    since = {"an hour ago": record["delta"].get("hour"), "the last daily close": record["delta"]["day"]}
    changes = ", ".join(f"{signed(change)} since {what}" for what, change in since.items() if change is not None)
    lines = [
        f"{safe(record['user'])}{_name(record)}  {record['score']:.2f}" + (f"  ({changes})" if changes else ""),
        f"  place    {place}",
        f"  parts    {_numbers((name, points) for points, name in earned) or 'nothing yet'}" + _floored(record),
        *_networks(record),
        f"  windows  {_numbers(record['windows'].items())}   (decayed sums of weighted engagement)",
        f"  counts   {record['engagements']:,} engagements by {_people(record)}, {record['actions']:,} own actions, "
        f"{record['followers']:,} followers",
        f"  trust    {sure}",
        f"  times    as of {moment(record['as_of'])}, newest event {moment(record['event_ts'])}, model {record['model']}",
        *_accounts(accounts),
    ]
    return "\n".join(lines)


def _name(record: Record) -> str:
    return f"  {safe(record['name'])}" if "name" in record else ""


def _accounts(accounts: Sequence[Account]) -> list[str]:
    wide = max((len(safe(one.user)) for one in accounts), default=0)
    return [
        f"  account  {safe(one.user):{wide}}  {one.score:6.2f}" + (f"  {one.place}" if one.place else "")
        for one in accounts
    ]


def _networks(record: Record) -> list[str]:
    """What a person earned where."""
    if "accounts" not in record:
        return []
    return [f"  networks {_numbers(record['parts']['networks'].items()) or 'nothing yet'}"]


def _people(record: Record) -> str:
    """How many there ever were; above sixteen they are estimated."""
    error = record.get("actors_error")
    return f"{record['actors']:,} people" if not error else f"about {record['actors']:,} people (± {error:.1%})"


def _floored(record: Record) -> str:
    return "   (below 1: floored)" if record["floored"] else ""


def _numbers(pairs: Any) -> str:
    return "  ".join(f"{safe(name)} {value:.2f}" for name, value in pairs)
