"""`clout alerts dead`: deliveries that nobody tries any more, in the topic `deliveries`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import click

from agents.cli.options import KAFKA, F, json_option, settings_options
from agents.cli.output import console, json_line, moment, safe, say, table
from streams.errors import CloutError, UsageError
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.broker.delivery_log import Deliveries, Kept

_channel = click.option("--channel", show_envvar=True, help="Only of this channel.")


@click.group()
def dead() -> None:
    """Dead letters: alerts that did not arrive, however often they were tried. They stay for 30 days.

    \b
    clout alerts dead list
    clout alerts dead retry --channel ops --all
    clout alerts dead drop --channel ops day-fall/bluesky:ann/1783123200000/raised
    """


def _which(command: F) -> F:
    added: Any = click.argument("ids", nargs=-1, metavar="[ID]...")(command)
    added = click.option("--all", is_flag=True, show_envvar=True, help="All; with --channel all of it.")(added)
    return _channel(added)  # type: ignore[no-any-return]


@dead.command("list")
@_channel
@settings_options(*KAFKA)
@json_option
def list_(settings: Settings, channel: str | None, json: bool) -> None:
    """All of them, the oldest first: which alert, how often it was tried, and what came of the last attempt.

    \b
    clout alerts dead list
    clout alerts dead list --channel ops --json | jq -r .outcome
    """
    found = _read(settings)
    letters = found.of("dead", channel)
    if json:
        import msgspec

        for kept in letters:
            json_line(msgspec.json.encode(kept.one))
        return
    if not letters:
        say(safe("no dead letters" + (f" of the channel {channel}" if channel else "")))
        return
    names = ("channel", "id", "taken up", "attempts", "what came of it")
    rows = [
        (one.channel, one.id, moment(one.at // 1000 * 1000), str(one.attempts), one.outcome)
        for one in (kept.one for kept in letters)
    ]
    console().print(table(names, rows, wide=("channel", "id", "taken up", "what came of it")))


@dead.command()
@_which
@settings_options(*KAFKA)
@json_option
def retry(settings: Settings, ids: tuple[str, ...], channel: str | None, json: bool, **said: bool) -> int:
    """Try those with these IDs again, or --all: at once, and as often as the channel says. The id of the message is the same.

    A channel that its receiver has switched off is switched on first: `clout channel on NAME`.

    \b
    clout alerts dead retry --all
    clout alerts dead retry --channel ops day-fall/bluesky:ann/1783123200000/raised
    """
    from msgspec.structs import replace

    from streams.formats.deliveries import encode

    found, now_ms = _read(settings), int(time.time() * 1000)
    letters = _chosen(found, ids, channel, every=said["all"])
    # taken up anew: by its old time it would be too old to be tried at once
    again = [(kept, replace(kept.one, state="waiting", attempts=0, due=now_ms, at=now_ms)) for kept in letters]
    _send(found, [(kept.partition, *encode(one)) for kept, one in again], json)
    say(f"sent: {len(again):,} are tried again; `clout channel list` says how many wait")
    return 0


@dead.command()
@_which
@settings_options(*KAFKA)
@json_option
def drop(settings: Settings, ids: tuple[str, ...], channel: str | None, json: bool, **said: bool) -> int:
    """Forget those with these IDs, or --all. The topic `alerts` still has the alerts.

    \b
    clout alerts dead drop --channel old --all
    """
    found = _read(settings)
    letters = _chosen(found, ids, channel, every=said["all"])
    _send(found, [(kept.partition, kept.one.key, None) for kept in letters], json)
    say(f"sent: {len(letters):,} are forgotten")
    return 0


def _read(settings: Settings) -> Deliveries:
    from streams.broker import delivery_log

    found = asyncio.run(delivery_log.read(settings))
    if found.refused:
        say(f"clout: {found.refused:,} records of deliveries are not understood: has a newer version written them?")
    return found


def _chosen(found: Deliveries, ids: tuple[str, ...], channel: str | None, *, every: bool) -> list[Kept]:
    """Those that are meant. Raises UsageError for nothing, CloutError for one that is not there."""
    if bool(ids) == every:
        raise UsageError("name either ids of alerts, as `clout alerts dead list` has them, or --all")
    letters = found.of("dead", channel)
    there = {kept.one.id for kept in letters}
    if every and not letters:
        raise CloutError(safe(f"no dead letters{f' of the channel {channel}' if channel else ''}"))
    if missing := [id_ for id_ in ids if id_ not in there]:
        raise CloutError(
            safe(f"no dead letter has the id {missing[0]}; `clout alerts dead list` has them. Nothing was sent")
        )
    return letters if every else [kept for kept in letters if kept.one.id in ids]


def _send(found: Deliveries, records: list[Any], json: bool) -> None:
    from streams.broker import delivery_log

    asyncio.run(delivery_log.send(found.settings, records))
    if json:
        json_line({"sent": len(records)})
