"""What a channel says, as options of a command."""

from __future__ import annotations

from typing import get_args

import click

from agents.cli.options import F, all_of
from agents.cli.rule_lines import Seconds
from streams.model.channels import DAYS, Body, Kind
from streams.model.rules import Severity

_SEVERITIES = get_args(Severity)
NOTHING = "nothing"

_SAID = (
    click.option("--url", show_envvar=True,
                  help="Where to: https://..., smtp://host:587, or secret:NAME, if the URL is one."),
    click.option("--kind", type=click.Choice(get_args(Kind)), show_envvar=True, help="What it is; else webhook."),
    click.option("--body", type=click.Choice(get_args(Body)), show_envvar=True,
                  help="What a webhook says; else cloudevents."),
    click.option("--sign", multiple=True, metavar="secret:NAME", show_envvar=True,
                  help="Webhooks are signed with this secret; several times for several."),
    click.option("--token", metavar="secret:NAME", show_envvar=True, help="For the header Authorization: Bearer."),
    click.option("--key", metavar="secret:NAME", show_envvar=True, help="PagerDuty's routing key."),
    click.option("--to", multiple=True, show_envvar=True, help="Mail: to whom; several times for several."),
    click.option("--sender", show_envvar=True, help="Mail: from whom."),
    click.option("--user", show_envvar=True, help="Mail: login."),
    click.option("--password", metavar="secret:NAME", show_envvar=True, help="Mail: its password."),
    click.option("--rule", multiple=True, show_envvar=True,
                  help="Only alerts by this rule; several times for several."),
    click.option("--severity", type=click.Choice(_SEVERITIES), show_envvar=True, help="Only what is at least so loud."),
    click.option("--network", multiple=True, show_envvar=True, help="Only about users of this network."),
    click.option("--about-user", multiple=True, show_envvar=True, help="Only about this one, network:id."),
    click.option("--quiet", metavar="HH:MM-HH:MM", show_envvar=True,
                  help="Hours in which alerts wait; then they are told as one."),
    click.option("--zone", show_envvar=True, help="Time zone of --quiet, as Europe/Berlin; else UTC."),
    click.option("--day", multiple=True, type=click.Choice(DAYS), show_envvar=True,
                  help="--quiet begins on this day; without it on each."),
    click.option("--but", type=click.Choice((*_SEVERITIES, NOTHING)), show_envvar=True,
                  help="What is so loud is told in quiet hours too; else critical."),
    click.option("--group", type=Seconds(), show_envvar=True,
                  help="What comes within so long of the first is told as one: 30s, 5m."),
    click.option("--most-a-minute", type=int, show_envvar=True,
                  help="Messages; what comes beyond them is told as one; else 30."),
    click.option("--ordered", is_flag=True, show_envvar=True, help="Of one user one after the other."),
    click.option("--schedule", metavar="SPAN,...", show_envvar=True,
                  help="Waits before each attempt; then it is dead; else 0,5s,5m,30m,2h,5h,10h."),
    click.option("--timeout", type=float, metavar="SECONDS", show_envvar=True,
                  help="An attempt that takes longer has failed; else 10."),
    click.option("--off", is_flag=True, show_envvar=True, help="Switched off: nothing goes there."),
)  # fmt: skip


def said_options(command: F) -> F:
    """Adds a flag for everything that a channel may say."""
    return all_of(_SAID)(command)
