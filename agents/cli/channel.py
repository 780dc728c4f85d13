"""`clout channel`: where alerts go, records of the topic `policies`, and whether they arrive."""

from __future__ import annotations

import time
from typing import Any

import click

from agents.cli.channel_options import said_options
from agents.cli.channel_test import test
from agents.cli.options import KAFKA, REDIS, json_option, settings_options
from agents.cli.output import console, json_line, safe, say, table
from streams.errors import CloutError, UsageError
from streams.settings import Settings

_LOOK = (*KAFKA, *REDIS, "channels")
_WHEN = "`clout alerting` takes it up within a second or so"


@click.group()
def channel() -> None:
    """Say where alerts go: webhooks, mail, and what Apprise knows; which alerts, when not. `clout alerting` delivers them.

    Secrets are named, as in secret:ops; what they are is where `clout alerting` runs: CLOUT_SECRET_OPS, or the file ops in
    CLOUT_SECRETS.

    \b
    clout channel add ops --url https://hooks.example.org/clout --sign secret:ops --severity warning
    clout channel test ops
    clout channel list
    clout channel remove ops
    """


channel.add_command(test)


@channel.command()
@click.argument("name", required=False)
@said_options
@click.option("--file", metavar="FILE", show_envvar=True, help="Many at once: a TOML file of [[channel]] tables.")
@settings_options(*KAFKA)
@json_option
def add(settings: Settings, name: str | None, file: str | None, json: bool, **said: Any) -> int:
    """Add the channel NAME, or replace it; what waits for it then goes to the new one.

    NAME is of a to z, 0 to 9 and _ . -. Tables of a FILE have the fields of `clout topics schema policies`. All of FILE is
    checked before the first is sent, also for fields that no channel has; if one is wrong nothing is sent.

    \b
    clout channel add ops --url https://hooks.example.org/clout --sign secret:ops --severity warning
    clout channel add pager --url https://events.pagerduty.com/v2/enqueue --body pagerduty --key secret:pagerduty
    clout channel add mail --kind email --url smtp://mail.example.org:587 --sender clout@example.org --to ann@example.org
    clout channel add chat --url secret:chat-url --body slack --quiet 22:00-07:00 --zone Europe/Berlin --group 1m
    clout channel add --file channels.toml
    """
    from agents.alerting.channel_file import read
    from agents.cli.channel_lines import body_of, checked
    from agents.cli.policy_topic import known, sent
    from agents.cli.rule_lines import is_said
    from streams.policies.book import MOST_CHANNELS
    from streams.policies.records import encode

    if file is not None:
        if name is not None or any(map(is_said, said.values())):
            raise UsageError("name either a channel and what it says, or a --file")
        made = read(file, file)
    elif name is None or not said["url"]:
        raise UsageError(
            "name the channel and where it goes: clout channel add NAME --url https://...; or give a --file"
        )
    else:
        made = (checked(body_of(name, **said)),)
    if not made:
        raise CloutError(safe(f"no channels in {file}: it holds [[channel]] tables"))
    before = {one.name for one in known(settings).book().channels}
    if len(both := before | {one.name for one in made}) > MOST_CHANNELS:
        raise CloutError(f"that would be {len(both):,} channels; there are at most {MOST_CHANNELS}. Nothing was sent")
    sent(settings, [encode(one) for one in made], json=json)
    for one in made:
        there = "in place of the one before" if one.name in before else "new"
        say(safe(f"sent: channel {one.name} ({there}); {_WHEN}"))
    return 0


@channel.command("list")
@settings_options(*_LOOK)
@json_option
def list_(settings: Settings, json: bool) -> None:
    """All channels, of the topic and of CLOUT_CHANNELS, and how they stand: what waits, what is dead, what is left alone and why.

    `elsewhere` are those of a file that `clout alerting` has and this command has not.

    \b
    clout channel list
    clout channel list --json | jq 'select(.state != "well")'
    """
    from agents.cli import channel_text
    from agents.cli.channel_known import ELSEWHERE, look

    known, now_ms = look(settings), time.time() * 1000
    for mistake in known.book.mistakes:
        if mistake.key.startswith("channel/"):
            say(safe(f"clout: {mistake}; what it was before still holds, if it was known"))
    if json:
        for one in known.book.channels:
            json_line(known.described(one, now_ms))
        for name, stands in known.elsewhere().items():
            said = channel_text.standing_state(stands, now_ms)
            json_line({"name": name, "from": ELSEWHERE, "state": said, "standing": stands, "channel": None})
        return
    if not known.book.channels and not known.elsewhere():
        say("no channels: nobody hears of alerts; `clout channel add` adds one")
        return
    names = ("channel", "kind", "where", "for", "waiting", "dead", "state")
    rows = []
    for one in known.book.channels:
        standing = known.standing(one.name) or {}
        figures = (f"{standing[name]:,}" if standing else "·" for name in ("waiting", "dead"))
        about = channel_text.where(one), channel_text.route(one.route)
        rows.append((one.name, one.kind, *about, *figures, known.state(one, now_ms)))
    for name, stands in known.elsewhere().items():
        figures = (f"{stands[which]:,}" for which in ("waiting", "dead"))
        rows.append((name, stands["kind"], ELSEWHERE, "·", *figures, channel_text.standing_state(stands, now_ms)))
    console().print(table(names, rows, wide=("channel", "kind", "where", "for", "state")))


@channel.command()
@click.argument("name")
@settings_options(*_LOOK)
@json_option
def show(settings: Settings, name: str, json: bool) -> None:
    """All that the channel NAME says, and how it stands.

    \b
    clout channel show ops
    """
    from agents.cli.channel_known import look
    from agents.cli.channel_text import lines

    known, now_ms = look(settings), time.time() * 1000
    one = known.named(name)
    if json:
        json_line(known.described(one, now_ms))
        return
    for what, said in lines(one, known.standing(name), now_ms, f"of {known.whence(name)}"):
        click.echo(safe(f"{what:12} {said}"))


@channel.command()
@click.argument("name")
@settings_options(*KAFKA)
@json_option
def remove(settings: Settings, name: str, json: bool) -> int:
    """Remove the channel NAME. What waits for it stays in `deliveries` for 30 days, and goes out if it is added again.

    \b
    clout channel remove ops
    """
    from agents.cli.policy_topic import known, sent
    from streams.policies.changes import removable
    from streams.policies.records import CHANNEL

    if name not in removable(known(settings).book(), CHANNEL):
        raise CloutError(safe(f"no channel in policies is named {name}; `clout channel list` has them all"))
    sent(settings, [(f"{CHANNEL}{name}".encode(), None)], json=json)
    say(safe(f"sent: channel {name} is removed; {_WHEN}"))
    return 0


@channel.command()
@click.argument("name")
@settings_options(*KAFKA)
@json_option
def on(settings: Settings, name: str, json: bool) -> int:
    """The channel NAME is tried again, after its receiver has said (410) that there is nobody. Dead letters stay dead.

    \b
    clout channel on ops
    clout alerts dead retry --channel ops --all
    """
    import asyncio

    from streams.broker import delivery_log

    found = asyncio.run(delivery_log.read(settings))
    if name not in found.off:
        raise CloutError(
            safe(f"the channel {name} is not switched off by its receiver; `clout channel list` says how it is")
        )
    asyncio.run(delivery_log.send(found.settings, [(found.off[name], name.encode(), None)]))
    if json:
        json_line({"sent": 1})
    say(safe(f"sent: channel {name} is tried again; {_WHEN}"))
    return 0
