"""`clout alerts silence`, `silences`, `unsilence` and `ack`: what is delivered nowhere for a while; records of `policies`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from agents.cli.options import KAFKA, TIME, json_option, settings_options
from agents.cli.output import console, json_line, moment, safe, say, table
from agents.cli.rule_lines import Seconds
from streams.errors import CloutError, UsageError
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.broker.alert_log import Alert
    from streams.policies.book import Book

_WHEN = "`clout alerting` takes it up within a second or so"


@click.command()
@click.argument("name")
@click.option("--rule", multiple=True, show_envvar=True, help="Alerts by this rule; several times for several.")
@click.option("--network", multiple=True, show_envvar=True, help="About users of this network.")
@click.option("--user", multiple=True, show_envvar=True, help="About this one, network:id or person:NAME.")
@click.option("--for", type=Seconds(), show_envvar=True, help="So long: 30m, 2h, 7d.")
@click.option("--from", type=TIME, show_envvar=True, help="From then on: ISO 8601 (UTC), or ms since epoch; else now.")
@click.option("--until", type=TIME, show_envvar=True, help="Until then.")
@click.option("--why", default="", show_envvar=True, help="For people.")
@settings_options(*KAFKA)
@json_option
def silence(
    settings: Settings,
    name: str,
    rule: tuple[str, ...],
    network: tuple[str, ...],
    user: tuple[str, ...],
    why: str,
    json: bool,
    **times: int | None,
) -> int:
    """Deliver nowhere, for a while, what fits all that is said; the topic `alerts` has it all the same. NAME ends it early.

    What comes meanwhile is not told later. A silence of a name that is there replaces it.

    \b
    clout alerts silence census --network mastodon --for 2h --why "the instance moves"
    clout alerts silence ann-launch --user bluesky:ann --rule day-fall --until 2026-07-01T12:00:00Z
    """
    from agents.cli.channel_text import silence as words
    from agents.cli.places import named
    from streams.events import Reject
    from streams.model.channels import Silence
    from streams.policies.book import MOST_SILENCES
    from streams.policies.records import SILENCE, encode, of_rule, parse_value

    now_ms = int(time.time() * 1000)
    since_ms, until_ms, for_s = times["from"] or now_ms // 1000 * 1000, times["until"], times["for"]
    if (until_ms is None) == (for_s is None):
        raise UsageError("say how long: either --for 2h or --until TS")
    until_ms = since_ms + 1_000 * for_s if for_s is not None else until_ms
    assert until_ms is not None  # noqa: S101
    users = tuple(map(named, user))
    one = Silence(name=name, rules=rule, networks=network, users=users, since=since_ms, until=until_ms, why=why)
    if isinstance(found := parse_value(encode(one)[1]), Reject):
        raise UsageError(safe(of_rule(name[:80], found, SILENCE).message))
    if until_ms <= now_ms:
        raise UsageError(f"it would have ended at {moment(until_ms)}")
    book = _book(settings)
    before = {other.name for other in book.silences}
    if len(before | {name}) > MOST_SILENCES:
        raise CloutError(f"there are {MOST_SILENCES:,} silences, which is the most; `clout alerts unsilence` ends one")
    _send(settings, book, encode(one), now_ms, json)
    there = " in place of the one before" if name in before else ""
    say(safe(f"sent: silence {name}{there}, {words(one)}: until {moment(until_ms)} it is delivered nowhere; {_WHEN}"))
    return 0


@click.command()
@settings_options(*KAFKA)
@json_option
def silences(settings: Settings, json: bool) -> None:
    """All silences: on, later, and those that are over since less than 30 days; and what is acknowledged.

    \b
    clout alerts silences
    clout alerts silences --json | jq 'select(.state == "on")'
    """
    import msgspec

    from agents.cli.channel_text import silence as words
    from agents.cli.channel_text import silence_state

    book, now_ms = _book(settings), time.time() * 1000
    if json:
        for one in book.silences:
            json_line({"state": silence_state(one, now_ms), **msgspec.to_builtins(one)})
        for ack in book.acknowledged:
            json_line(msgspec.to_builtins(ack))
        return
    if not book.silences and not book.acknowledged:
        say("no silences, and nothing is acknowledged")
    if book.silences:
        columns = ("silence", "state", "of what", "from", "until", "why")
        rows = [
            (one.name, silence_state(one, now_ms), words(one), moment(one.since), moment(one.until), one.why)
            for one in book.silences
        ]
        console().print(table(columns, rows, wide=columns))
    if book.acknowledged:
        acks = [(ack.rule, ack.user, moment(ack.episode), ack.by, moment(ack.at)) for ack in book.acknowledged]
        said = ("acknowledged", "user", "episode", "by", "at")
        console().print(table(said, acks, wide=said))


@click.command()
@click.argument("name")
@settings_options(*KAFKA)
@json_option
def unsilence(settings: Settings, name: str, json: bool) -> int:
    """End the silence NAME now. What came meanwhile is not told any more.

    \b
    clout alerts unsilence census
    """
    from streams.policies.changes import removable
    from streams.policies.records import SILENCE

    book = _book(settings)
    if name not in removable(book, SILENCE):
        raise CloutError(safe(f"no silence is named {name}; `clout alerts silences` has them all"))
    _send(settings, book, (f"{SILENCE}{name}".encode(), None), int(time.time() * 1000), json)
    say(safe(f"sent: silence {name} has ended; {_WHEN}"))
    return 0


@click.command()
@click.argument("rule", required=False)
@click.argument("user", required=False)
@click.option("--id", show_envvar=True, help="The alert of this id, instead of the newest by RULE about USER.")
@click.option("--by", default="", show_envvar=True, help="Who takes care of it, for people.")
@settings_options(*KAFKA)
@json_option
def ack(settings: Settings, rule: str | None, user: str | None, by: str, json: bool, **said: str | None) -> int:
    """Somebody takes care of the newest alert by RULE about USER: it is not tried again anywhere. That it is over is told.

    \b
    clout alerts ack day-fall bluesky:ann --by bob
    clout alerts ack --id day-fall/bluesky:ann/1783123200000/raised
    """
    from agents.cli.places import named
    from streams.events import Reject
    from streams.model.channels import Acknowledged
    from streams.policies.records import ACKNOWLEDGED, encode, of_rule, parse_value

    id_ = said["id"]
    if (id_ is None) != (rule is not None and user is not None) or (id_ is not None and rule is not None):
        raise UsageError("say either RULE and USER, or --id")
    if id_ is not None:
        rule, user = _parts(id_)
    user, now_ms = named(str(user)), int(time.time() * 1000)
    alert = _newest(settings, str(rule), user, id_)
    episode = alert.body.get("episode")
    if not isinstance(episode, int):
        raise CloutError("an older version has written this alert: it has no episode that could be acknowledged")
    one = Acknowledged(rule=str(rule), user=user, episode=episode, at=now_ms, by=by)
    if isinstance(found := parse_value(encode(one)[1]), Reject):
        raise UsageError(safe(of_rule(f"{rule}/{user}", found, ACKNOWLEDGED).message))
    _send(settings, _book(settings), encode(one), now_ms, json)
    say(safe(f"sent: {rule} about {user}, raised {moment(alert.at)}, is acknowledged; {_WHEN}"))
    return 0


def _parts(id_: str) -> tuple[str, str]:
    """Rule and user of an alert's id."""
    rule, _, rest = id_.partition("/")
    user = rest.rpartition("/")[0].rpartition("/")[0]
    if not rule or not user:
        raise UsageError(safe(f"--id {id_[:80]}: an id is RULE/USER/EPISODE/STATE, as `clout alerts --json` has it"))
    return rule, user


def _newest(settings: Settings, rule: str, user: str, id_: str | None) -> Alert:
    """The alert that is meant. Raises CloutError if there is none, or if it is over."""
    import asyncio

    from streams.broker import alert_log
    from streams.partitioner import partition_of

    async def read() -> list[Alert]:
        here, logs = await asyncio.to_thread(alert_log.here, settings)
        mine = partition_of(user, here.partitions)

        def wanted(alert: Alert) -> bool:
            return (
                alert.user == user and alert.body.get("rule") == rule and (id_ is None or alert.body.get("id") == id_)
            )

        return await alert_log.latest(here, {mine: logs[mine]}, 1, wanted)

    found = asyncio.run(read())
    if not found:
        what = f"has the id {id_}" if id_ else f"by {rule} about {user} is there"
        raise CloutError(safe(f"no alert {what}; `clout alerts --user {user}` has those of the last 30 days"))
    if (state := found[-1].body.get("state")) != "raised":
        raise CloutError(
            safe(f"{rule} about {user} is {state} since {moment(found[-1].at)}: nothing is left to be done")
        )
    return found[-1]


def _book(settings: Settings) -> Book:
    from agents.cli.policy_topic import known

    return known(settings).book()


def _send(settings: Settings, book: Book, record: tuple[bytes, bytes | None], now_ms: int, json: bool) -> None:
    """This record, and the end of old ones."""
    from agents.cli.policy_topic import sent
    from streams.policies.changes import old

    records: list[Any] = [*((key, None) for key in old(book, now_ms) if key != record[0]), record]
    sent(settings, records, json=json, count=1)
