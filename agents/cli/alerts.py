"""`clout alerts`: who was told of, when and why; and what is silent, acknowledged or dead."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from agents.cli.dead import dead
from agents.cli.options import KAFKA, SINCE, json_option, settings_options
from agents.cli.output import console, json_line, moment, safe, say
from agents.cli.silence import ack, silence, silences, unsilence
from streams.errors import UsageError
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.broker.admin import Bounds
    from streams.broker.alert_log import Alert

LATEST = 10
MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Wanted:
    users: Collection[str]
    rules: Collection[str]
    since_ms: int | None

    def __call__(self, alert: Alert) -> bool:
        return (
            (not self.users or alert.user in self.users)
            and (not self.rules or alert.body.get("rule") in self.rules)
            and (self.since_ms is None or alert.at >= self.since_ms)
        )

    @property
    def text(self) -> str:
        """In words, for when there are none."""
        words = [f"about {safe(user)}" for user in self.users] + [f"by the rule {safe(rule)}" for rule in self.rules]
        since = f" since {moment(self.since_ms)}" if self.since_ms is not None else ""
        return f" {' or '.join(words)}{since}" if words else since


@click.group(invoke_without_command=True)
@click.option("-n", "n", type=click.IntRange(0, MOST), show_envvar=True,
              help=f"How many of the latest.  [default: {LATEST}; with --since all, {MOST:,} at most]")  # fmt: skip
@click.option("--follow", is_flag=True, show_envvar=True, help="Then go on with new ones until Ctrl-C.")
@click.option("--user", "user", multiple=True, show_envvar=True,
              help="Only about this user, network:id or person:NAME. May be given several times.")  # fmt: skip
@click.option("--rule", "rule", multiple=True, show_envvar=True,
              help="Only by the rule of this name. May be given several times.")  # fmt: skip
@click.option("--since", type=SINCE, show_envvar=True,
              help="Only those raised since: 2h, 30m, 7d, a time in ISO 8601 (UTC), or ms since epoch.")  # fmt: skip
@settings_options(*KAFKA)
@json_option
def alerts(
    settings: Settings,
    n: int | None,
    follow: bool,
    user: tuple[str, ...],
    rule: tuple[str, ...],
    since: int | None,
    json: bool,
) -> None:
    """Show the latest alerts out of the topic, the newest last: whose score moved, how far, why, and by which rule.

    An alert is raised, and later recovered (the score is better again) or settled (it has stayed where it is). One about the feed
    of a network says that nothing comes of it, and later that it does again. With --json the records of the topic, one a line.
    They are kept for 30 days.

    Subcommands say what is delivered nowhere for a while, who takes care of an alert, and what could not be delivered.

    \b
    clout alerts --follow
    clout alerts --user bluesky:ann --since 7d
    clout alerts -n 100 --json | jq -r .sentence
    clout alerts silence census --network mastodon --for 2h
    """
    context = click.get_current_context()
    if context.invoked_subcommand:
        given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if given:
            raise UsageError(f"options of `clout alerts {context.invoked_subcommand}` stand behind its name")
        return
    from agents.cli.places import named

    n = n if n is not None else LATEST if since is None else MOST
    asyncio.run(_alerts(settings, n, _Wanted(tuple(map(named, user)), rule, since), follow=follow, json=json))


for _one in (silence, silences, unsilence, ack, dead):
    alerts.add_command(_one)


async def _alerts(settings: Settings, n: int, wanted: _Wanted, *, follow: bool, json: bool) -> None:
    from streams.broker import alert_log

    settings, logs = await asyncio.to_thread(alert_log.here, settings)
    logs = _of(settings, wanted.users, logs)
    found = await alert_log.latest(settings, logs, n, wanted, wanted.since_ms)
    for alert in found:
        _show(alert, json=json)
    if not follow:
        if not found:
            say(f"no alerts{wanted.text}")
        elif len(found) == MOST == n:
            say(f"the latest {MOST:,}; there may be more")
        return
    # what was read ends where this begins
    async for some in alert_log.follow(settings, {number: log.committed for number, log in logs.items()}):
        for alert in filter(wanted, some):
            _show(alert, json=json)


def _of(settings: Settings, users: Collection[str], logs: Mapping[int, Bounds]) -> dict[int, Bounds]:
    """The partitions in which alerts about these users are; all without users."""
    from streams.partitioner import partition_of

    mine = {partition_of(user, settings.partitions) for user in users} or set(logs)
    return {number: log for number, log in logs.items() if number in mine}


def _show(alert: Alert, *, json: bool) -> None:
    if json:
        json_line(alert.value)
    else:
        from agents.cli.alert_lines import Line

        console().print(Line(alert.body))
