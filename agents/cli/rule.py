"""`clout rule`: the rules by which alerts are raised, records of the topic `policies`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from agents.cli.options import json_option, settings_options
from agents.cli.output import console, json_line, safe, say, table
from agents.cli.rule_options import SETTINGS, said_options
from agents.cli.rule_trial import test
from streams.errors import CloutError, UsageError
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.model.rules import Rule
    from streams.policies.book import Policies

_WHEN = "workers take it up within a second or so"


@click.group()
def rule() -> None:
    """Say by which rules alerts are raised: of whom, at what, how loud. All workers go by them within a second or so.

    Two rules are built in, day-fall (CLOUT_ALERT_POINTS in a day) and week-fall. To add a rule of a name that is there replaces it.

    \b
    clout rule add big-fall --falls 10 --severity critical
    clout rule list
    clout rule test events.ndjson --rule big-fall
    clout rule remove big-fall
    """


rule.add_command(test)


@rule.command()
@click.argument("name", required=False)
@said_options
@click.option("--file", metavar="FILE", show_envvar=True,
              help="Many at once: JSON, an array or one a line; plain, gzip or zstd; - for stdin.")  # fmt: skip
@settings_options(*SETTINGS)
@json_option
def add(settings: Settings, name: str | None, file: str | None, json: bool, **said: Any) -> int:
    """Add the rule NAME, or replace it. It says one of --falls, --rises, --below, --percentile and --top.

    NAME is of a to z, 0 to 9 and _ . -. Rules of a FILE are as the topic has them: {"name": ..., "when": {"falls": 10}}, see
    `clout topics schema policies`. All of FILE is checked before the first is sent, also for fields that no rule has; if one is
    wrong nothing is sent, and the exit code is 1.

    \b
    clout rule add big-fall --falls 10 --severity critical
    clout rule add star-40 --user bluesky:ann --falls 40 --unit percent --within 7d --ignore idle
    clout rule add --file rules.json
    """
    from agents.cli.policy_topic import known, sent
    from agents.cli.rule_lines import body_of, checked, is_said, read
    from streams.policies.records import encode

    if file is not None:
        given = [option for option, value in said.items() if is_said(value)]
        if name is not None or given:
            raise UsageError("name either a rule and what it says, or a --file")
        rules = read(file)
    elif name is None:
        raise UsageError("name the rule: clout rule add NAME --falls 5; or give a --file")
    else:
        rules = [checked(body_of(name, **said))]
    before = known(settings)
    _fits(before, rules)
    sent(settings, [encode(one) for one in rules], json=json)
    for one in rules[:1] if name is not None else ():
        _say_added(one, before)
    if name is None:
        say(safe(f"sent: {len(rules):,} rules; workers take them up as they come"))
    return 0


def _fits(before: Policies, rules: list[Rule]) -> None:
    from streams.policies.book import MOST_RULES

    count = len({*before.built, *before.told, *(one.name for one in rules)})
    if count > MOST_RULES:
        names = len({one.name for one in rules} - set(before.told) - set(before.built))
        raise CloutError(
            f"that would be {count:,} rules, {names:,} of them new; at most {MOST_RULES:,} can be in force: remove some with "
            "`clout rule remove`. Nothing was sent"
        )


def _say_added(one: Rule, before: Policies) -> None:
    from agents.cli import rule_text

    there = "in place of the one before" if one.name in before.told else "new"
    if one.name in before.built and one.name not in before.told:
        there = "in place of the built-in one"
    what = f"{rule_text.who(one.who)}: {rule_text.when(one.when)}"
    say(safe(f"sent: rule {one.name} ({there}), {what}; {_WHEN}"))


@rule.command("list")
@settings_options(*SETTINGS)
@json_option
def list_(settings: Settings, json: bool) -> None:
    """All rules, from the topic: which are built in, switched off, or not yet in force. Stderr has what cannot be used, and gaps.

    \b
    clout rule list
    clout rule list --json | jq -c .rule > rules.ndjson
    """
    from agents.cli import gap_words, rule_text
    from agents.cli.policy_topic import known
    from agents.cli.rule_known import described

    policies, now_ms = known(settings), time.time() * 1000
    book, built = policies.book(), frozenset(policies.built)
    for line in rule_text.wrong(book):
        say(safe(f"clout: {line}"))
    for line in gap_words.on(book, now_ms):
        say(safe(f"clout: {line}"))
    if book.left_out:
        say(safe(f"clout: too many rules, not judged by: {', '.join(book.left_out)}"))
    if json:
        for one in book.rules:
            json_line(described(one, policies, now_ms))
        return
    names = ("rule", "state", "of whom", "at what", "severity", "from")
    rows = [
        (
            *(one.name, rule_text.state(one, now_ms), rule_text.who(one.who), rule_text.when(one.when), one.severity),
            rule_text.whence(one.name, built, policies.told),
        )
        for one in book.rules
    ]
    console().print(table(names, rows, wide=names))


@rule.command()
@click.argument("name")
@settings_options(*SETTINGS)
@json_option
def show(settings: Settings, name: str, json: bool) -> None:
    """All that the rule NAME says.

    \b
    clout rule show day-fall
    clout rule show day-fall --json | jq .rule
    """
    from agents.cli import rule_text
    from agents.cli.policy_topic import known
    from agents.cli.rule_known import described, named

    policies, now_ms = known(settings), time.time() * 1000
    one = named(policies, name)
    for mistake in policies.book().mistakes:
        if mistake.key == f"rule/{name}":
            say(safe(f"clout: {mistake}; what it was before still holds"))
    if json:
        json_line(described(one, policies, now_ms))
        return
    whence = rule_text.whence(name, frozenset(policies.built), policies.told)
    for what, said in rule_text.lines(one, now_ms, whence):
        click.echo(safe(f"{what:12} {said}"))


@rule.command()
@click.argument("name")
@settings_options(*SETTINGS)
@json_option
def remove(settings: Settings, name: str, json: bool) -> int:
    """Remove the rule NAME; a built-in one is switched off, also where another stands in its place. Open alerts end with it.

    \b
    clout rule remove big-fall
    clout rule remove week-fall
    """
    from msgspec.structs import replace

    from agents.cli.policy_topic import known, sent
    from agents.cli.rule_known import named
    from streams.policies.records import encode, key_of

    policies = known(settings)
    built = policies.built.get(name)
    wrong = any(mistake.key == f"rule/{name}" for mistake in policies.book().mistakes)
    if not wrong:
        named(policies, name)
    record = encode(replace(built, enabled=False)) if built else (key_of(name), None)
    sent(settings, [record], json=json)
    what = f"rule {name} is removed"
    if built:
        what = f"the built-in rule {name} is switched off; `clout rule restore {name}` brings it back"
    say(safe(f"sent: {what}; {_WHEN}"))
    return 0


@rule.command()
@click.argument("name")
@settings_options(*SETTINGS)
@json_option
def restore(settings: Settings, name: str, json: bool) -> int:
    """The built-in rule NAME is as it was, whatever was sent in its place.

    \b
    clout rule restore week-fall
    """
    from agents.cli.policy_topic import known, sent
    from streams.policies.records import key_of

    policies = known(settings)
    if name not in policies.built:
        raise UsageError(safe(f"{name} is no built-in rule; there are {', '.join(sorted(policies.built))}"))
    sent(settings, [(key_of(name), None)], json=json)
    say(safe(f"sent: the built-in rule {name} is as it was; {_WHEN}"))
    return 0
