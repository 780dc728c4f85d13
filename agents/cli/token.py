"""`clout token`: who may ask the API for what; records of the topic `policies`, which holds hashes alone."""

from __future__ import annotations

import time

import click

from agents.cli.options import KAFKA, json_option, settings_options
from agents.cli.output import console, json_line, moment, safe, say, table
from agents.cli.rule_lines import Seconds
from streams.errors import CloutError, UsageError
from streams.model.tokens import SCOPES, Scope
from streams.settings import Settings

_WHEN = "the API takes it up within a second or so"


@click.group()
def token() -> None:
    """Say who may ask the API for what. A token is shown once, when it is made; `policies` keeps its hash, never the token.

    \b
    clout token add grafana --scope read --expires 365d
    clout token list
    clout token remove grafana
    """


@token.command()
@click.argument("name")
@click.option("--scope", type=click.Choice(SCOPES), default="read", show_default=True, show_envvar=True,
              help="What it allows: write also what read does, admin also channels and tokens.")  # fmt: skip
@click.option(
    "--expires", type=Seconds(), show_envvar=True, help="It ends after so long: 12h, 30d. Without it it does not."
)
@settings_options(*KAFKA)
@json_option
def add(settings: Settings, name: str, scope: Scope, expires: int | None, json: bool) -> int:
    """Make a token for NAME, and show it, alone, on stdout: this once. One that NAME has ends with it.

    NAME is of a to z, 0 to 9 and _ . -. It stands in the log of the API.

    \b
    clout token add grafana --expires 365d
    clout token add census --scope write > census.token
    """
    from agents.cli.policy_topic import known, sent
    from streams.events import Reject
    from streams.model.tokens import Token, hash_of, new_token
    from streams.policies.changes import MOST, names
    from streams.policies.records import TOKEN, encode, of_rule, parse_value

    if expires == 0:
        raise UsageError("--expires 0: it would have ended; write 12h or 30d")
    secret, now_ms = new_token(), int(time.time() * 1000)
    until_ms = None if expires is None else now_ms + expires * 1_000
    one = Token(name=name, hash=hash_of(secret), scope=scope, until=until_ms)
    if isinstance(found := parse_value(encode(one)[1]), Reject):
        raise UsageError(safe(of_rule(name[:80], found, TOKEN).message))
    before = names(known(settings).book(), TOKEN)
    if len(before | {name}) > MOST[TOKEN]:
        raise CloutError(f"there are {MOST[TOKEN]:,} tokens, which is the most; `clout token remove` ends one")
    sent(settings, [encode(one)], json=json, name=name, scope=scope, until=until_ms, token=secret)
    if not json:
        click.echo(secret)
    there = "in place of the one before" if name in before else "new"
    ends = f", until {moment(until_ms)}" if until_ms else ""
    say(safe(f"sent: token {name} ({there}), scope {scope}{ends}; {_WHEN}. Keep it: it is shown this once"))
    return 0


@token.command("list")
@settings_options(*KAFKA)
@json_option
def list_(settings: Settings, json: bool) -> None:
    """All tokens: for whom, what they allow, until when. What they are nobody knows any more.

    \b
    clout token list
    clout token list --json | jq 'select(.state == "over")'
    """
    from agents.cli.policy_topic import known

    book, now_ms = known(settings).book(), time.time() * 1000
    for mistake in book.mistakes:
        if mistake.key.startswith("token/"):
            say(safe(f"clout: {mistake}; what it was before still holds, if it was known"))
    state = {one.name: "over" if one.over(now_ms) else "good" for one in book.tokens}
    if json:
        for one in book.tokens:
            json_line({"name": one.name, "scope": one.scope, "until": one.until, "state": state[one.name]})
        return
    if not book.tokens:
        say("no tokens; `clout token add` makes one")
        return
    columns = ("token", "scope", "until", "state")
    until = {one.name: moment(one.until) if one.until else "·" for one in book.tokens}
    rows = [(one.name, one.scope, until[one.name], state[one.name]) for one in book.tokens]
    console().print(table(columns, rows, wide=columns))


@token.command()
@click.argument("name")
@settings_options(*KAFKA)
@json_option
def remove(settings: Settings, name: str, json: bool) -> int:
    """The token of NAME is good for nothing any more.

    \b
    clout token remove grafana
    """
    from agents.cli.policy_topic import known, sent
    from streams.policies.changes import removable
    from streams.policies.records import TOKEN

    if name not in removable(known(settings).book(), TOKEN):
        raise CloutError(safe(f"no token is named {name}; `clout token list` has them all"))
    sent(settings, [(f"{TOKEN}{name}".encode(), None)], json=json)
    say(safe(f"sent: token {name} is removed; {_WHEN}"))
    return 0
