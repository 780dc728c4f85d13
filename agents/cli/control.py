"""`clout control`: whose accounts are one person's, facts about users, hidden topics, in `controls`; gaps, in `policies`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import click

from agents.cli.gap import gap
from agents.cli.options import KAFKA, TIME, json_option, settings_options
from agents.cli.output import json_line, safe, say
from agents.cli.progress import progress
from streams.errors import CloutError, TopicMismatch, UsageError
from streams.settings import Settings

if TYPE_CHECKING:
    from agents.cli.control_lines import Given, Read
    from streams.people.controls import Control

_file = click.option("--file", metavar="FILE", show_envvar=True,
                     help="Many at once: JSON one a line, or CSV; plain, gzip or zstd; - for stdin.")  # fmt: skip
_WHEN = "a worker takes it up within a second or so"


@click.group()
def control() -> None:
    """Say whose accounts are one person's, facts about users, which topics to hide, and that a feed is broken.

    USER is network:id, as scores have it. Of two that contradict the later counts, so to send one again changes nothing.

    \b
    clout control link bluesky:did:plc:abc ann
    clout control unlink bluesky:did:plc:abc
    clout control facts mastodon:ann followers=1200 verified=1
    clout control hide-topic bluesky:did:plc:abc jazz
    clout control gap mastodon
    """


@control.command()
@click.argument("user", required=False)
@click.argument("person", required=False)
@_file
@settings_options(*KAFKA)
@json_option
def link(settings: Settings, user: str | None, person: str | None, file: str | None, json: bool) -> int:
    """USER is an account of PERSON, a name that you choose, with or without `person:` before it.

    An account is of one person: a later link takes it to another. Lines of FILE are {"user": ..., "person": ...}, or CSV whose
    first line names the columns user and person. All of FILE is checked, and kept in memory, before the first is sent; if a
    line is wrong nothing is sent, and the exit code is 1.

    \b
    clout control link bluesky:did:plc:abc ann
    clout control link --file accounts.csv
    """
    from agents.cli.control_lines import body_of, checked, name_of

    given = _given()
    if file is not None:
        if user is not None:
            raise UsageError("name either an account and a person, or a --file")
        return _send_file(settings, file, "link", given, json)
    if user is None or person is None:
        raise UsageError("say which account is whose: clout control link USER PERSON; or give a --file")
    name = name_of(person)
    one = checked(body_of("link", user, given, person=name), given)
    return _send_one(settings, one, f"{user} is an account of person:{name}", json)


@control.command()
@click.argument("user")
@settings_options(*KAFKA)
@json_option
def unlink(settings: Settings, user: str, json: bool) -> int:
    """USER is nobody's account any more.

    \b
    clout control unlink bluesky:did:plc:abc
    clout control unlink bluesky:did:plc:abc --json
    """
    from agents.cli.control_lines import body_of, checked

    given = _given()
    one = checked(body_of("unlink", user, given), given)
    return _send_one(settings, one, f"{user} is nobody's account any more", json)


@control.command()
@click.argument("user", required=False)
@click.argument("facts", nargs=-1, metavar="[NAME=VALUE]...")
@_file
@click.option("--date", type=TIME, show_envvar=True,
              help="For when it holds: ISO 8601 (UTC), or ms since epoch. Without it now.")  # fmt: skip
@click.option("--source", show_envvar=True, help="From where it is known: at most 64 bytes of text.")
@settings_options(*KAFKA)
@json_option
def facts(
    settings: Settings,
    user: str | None,
    facts: tuple[str, ...],
    file: str | None,
    date: int | None,
    source: str | None,
    json: bool,
) -> int:
    """Tell numbers that are known of USER, an account or person:NAME. NAME= or NAME=- takes a fact away.

    Names are followers, following, lists, verified, wikipedia_links, wikipedia_views, seniority, or others of a-z, 0-9 and _;
    at most 16 a user. What is not named stays as it is.

    Lines of FILE are {"user": ..., "facts": {"followers": 1200}}, or controls as the topic has them, or CSV: a column user; date
    and source, if you like; each other column is named as a fact is. Empty cells say nothing, - takes away. --date and --source
    are for lines that have none. All of FILE is checked, and kept in memory, before the first is sent; if a line is wrong
    nothing is sent, and the exit code is 1.

    \b
    clout control facts mastodon:ann followers=1200 lists=- --source census
    clout control facts --file census.csv.gz --date 2026-06-30
    """
    from agents.cli.control_lines import body_of, checked, facts_of

    given = _given(date, source)
    if file is not None:
        if user is not None:
            raise UsageError("name either a user and facts, or a --file")
        return _send_file(settings, file, "facts", given, json)
    if user is None or not facts:
        raise UsageError("say what is known of whom: clout control facts USER NAME=VALUE; or give a --file")
    said = facts_of(facts, given)
    one = checked(body_of("facts", user, given, facts=said), given)
    told = [f"{name} taken away" if fact is None else f"{name} {fact['value']:.15g}" for name, fact in said.items()]
    return _send_one(settings, one, f"{user}: {', '.join(told)}", json)


@control.command("hide-topic")
@click.argument("user")
@click.argument("topic")
@click.option("--show", is_flag=True, show_envvar=True, help="It is shown again.")
@settings_options(*KAFKA)
@json_option
def hide_topic(settings: Settings, user: str, topic: str, show: bool, json: bool) -> int:
    """TOPIC is not shown as one of USER's, an account or person:NAME: neither with their topics nor on its board.

    Capitals and # make no difference. Of a person it is left out of what their accounts have together; accounts stay on its
    board until each hides it. At most 64 a user. Scores stay as they are.

    \b
    clout control hide-topic bluesky:did:plc:abc jazz
    clout control hide-topic person:ann jazz --show
    """
    from agents.cli.control_lines import body_of, checked
    from streams.model import about

    given = _given()
    one = checked(body_of("hide-topic", user, given, topic=topic, hidden=not show), given)
    what = f"{user}: the topic {about.topic(topic)} is {'shown again' if show else 'hidden'}"
    return _send_one(settings, one, what, json)


control.add_command(gap)


def _given(date: int | None = None, source: str | None = None) -> Given:
    from agents.cli.control_lines import Given

    return Given(int(time.time() * 1000), date, source)


def _send_one(settings: Settings, one: Control, what: str, json: bool) -> int:
    from agents.cli.control_lines import Read
    from streams.people.controls import encode

    return _send(settings, Read([encode(one)], 1, 0), f"{what}; {_WHEN}", json)


def _send_file(settings: Settings, file: str, kind: str, given: Given, json: bool) -> int:
    from agents.cli.control_lines import read

    found = read(file, kind, given)
    count = len(found.records)
    what = f"{count:,} controls of type {kind} about {found.users:,} users"
    silent = f"; {found.silent:,} {'line says' if found.silent == 1 else 'lines say'} nothing" if found.silent else ""
    return _send(settings, found, f"{what}{silent}; a worker takes them up as they come", json)


def _send(settings: Settings, found: Read, what: str, json: bool) -> int:
    """All of them, in their order; until they are acknowledged."""
    from agents.feeds.feeder import Feeder, feed
    from streams.broker.admin import Admin
    from streams.sources import Produced
    from streams.topics import CONTROLS

    with Admin(settings) as admin:  # a broker that creates topics by itself would make it with one partition
        problems = [topic.problem for topic in admin.find() if topic.topic is CONTROLS and not topic.ok]
    if problems:
        raise TopicMismatch("\n".join(problems))
    feeder = Feeder(settings, on_refused=lambda refused: say(f"clout: {refused}"))

    async def run() -> None:
        async with feeder:
            records = (Produced(CONTROLS.name, key, value, 0) for key, value in found.records)
            await feed(feeder, records, on_turn=lambda: bar.update(feeder.sent))

    with progress("sending", "controls", len(found.records)) as bar:
        try:
            asyncio.run(run())
        except (CloutError, KeyboardInterrupt):
            if len(found.records) > 1:
                arrived = f"{feeder.acked.total():,} of {len(found.records):,} have arrived"
                say(f"clout: {arrived}; send all of it again: what has arrived changes nothing")
            raise
    if json:
        json_line(
            {
                "sent": feeder.acked.total(),
                "users": found.users,
                "silent": found.silent,
                "refused": feeder.refused,
                "topic": settings.topic(CONTROLS.name),
            }
        )
    if feeder.refused:
        return 1
    say(safe(f"sent: {what}"))
    return 0
