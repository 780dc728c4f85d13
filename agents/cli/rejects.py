"""`clout rejects`: records that could not be used: the latest, one of them, back to their topics, or seen to."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from agents.cli.options import KAFKA, SINCE, json_option, settings_options
from agents.cli.output import counted, json_line, say
from agents.cli.progress import progress
from agents.cli.reject_text import described, readable, sum_up, whole
from streams.errors import CloutError
from streams.formats.rejects import DROPPED, REPLAYED
from streams.settings import Settings

if TYPE_CHECKING:
    from agents.admin.reject_log import Shown
    from agents.admin.reject_work import Tally, Told

_WRITING = (*KAFKA, "transactions")


class _ListByDefault(click.Group):
    """Without a subcommand it is `list`: `clout rejects -n 20`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` before flags."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _chosen(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags that choose rejects."""
    since = click.option("--since", type=SINCE, show_envvar=True,
                         help="Only those written since: 2h, 30m, 7d, a time in ISO 8601 (UTC), or ms since epoch.")  # fmt: skip
    reason = click.option("--reason", "reason", multiple=True, show_envvar=True,
                          help="Only those with this reason, such as ts_in_future. May be given several times.")  # fmt: skip
    return reason(since(command))


_most = click.option("-n", "n", type=click.IntRange(min=1), show_envvar=True, help="At most so many. Without it all.")
_dry = click.option("--dry-run", is_flag=True, show_envvar=True, help="Only say what would be done.")


@click.group(cls=_ListByDefault)
def rejects() -> None:
    """Show records that could not be used, and send back those whose cause has gone. Without a subcommand: `list`.

    \b
    clout rejects -n 20
    clout rejects show 'likes[3]@1234'
    clout rejects replay --reason ts_in_future --since 2h --dry-run
    """


@rejects.command("list")
@click.option("-n", "n", type=click.IntRange(1, 10_000), default=10, show_default=True, show_envvar=True,
              help="How many of the latest.")  # fmt: skip
@_chosen
@click.option("--all", "all", is_flag=True, show_envvar=True, help="Those too that were dropped.")
@settings_options(*KAFKA)
@json_option
def list_(settings: Settings, n: int, reason: tuple[str, ...], since: int | None, all: bool, json: bool) -> None:
    """Show the latest records that could not be used, the newest last: when, why, where they came from, what they were.

    With --json the records of the topic `rejects`, one a line; `value` is the original in base64. `at` is when it was written,
    `done` whether it was `replayed` or `dropped`, else null.

    \b
    clout rejects list -n 20 --reason not_json --since 2h
    clout rejects list -n 1000 --json | jq -r .reason | sort | uniq -c
    """
    from agents.admin import reject_log as log

    def wanted(shown: Shown) -> bool:
        named = not reason or (shown.kept is not None and shown.kept.reason in reason)
        return named and (all or shown.done != DROPPED)

    settings, logs = log.here(settings)
    found = asyncio.run(log.latest(settings, logs, n, wanted, since))
    for one in found:
        if json:
            json_line(described(one))
        else:
            click.echo(readable(one))
    if not found:
        say("no rejects")


@rejects.command()
@click.argument("origin")
@click.option("--raw", is_flag=True, show_envvar=True, help="The original bytes and nothing else, on stdout.")
@settings_options(*KAFKA)
@json_option
def show(settings: Settings, origin: str, raw: bool, json: bool) -> None:
    """Show everything about one reject. ORIGIN is where the record was: topic[partition]@offset, as `list` has it.

    \b
    clout rejects show 'likes[3]@1234'
    clout rejects show 'likes[3]@1234' --raw | xxd
    """
    from agents.admin import reject_log as log

    if not (parts := re.fullmatch(r"(.+)\[(\d{1,9})\]@(\d{1,18})", origin)):
        raise click.BadParameter(
            f"{origin!r}: expected topic[partition]@offset, such as likes[3]@1234", param_hint="ORIGIN"
        )
    topic, number, offset = parts[1], int(parts[2]), int(parts[3])
    names = {topic, settings.topic(topic)}

    def wanted(shown: Shown) -> bool:
        at = shown.kept and shown.kept.origin
        return bool(at and at.topic in names and (at.partition, at.offset) == (number, offset))

    settings, logs = log.here(settings)
    found: list[Shown] = []
    # the worker of its partition has rejected it, or, if it was astray, that of another
    for some in ({n: at for n, at in logs.items() if n == number}, {n: at for n, at in logs.items() if n != number}):
        found = found or asyncio.run(log.latest(settings, some, 1, wanted))
    if not found:
        raise CloutError(f"no reject {origin} (they are kept for 30 days); see `clout rejects list --all`")
    [one] = found
    if raw:
        click.get_binary_stream("stdout").write((one.kept and one.kept.value) or b"")
    elif json:
        json_line(described(one))
    else:
        for line in whole(one):
            click.echo(line)


@rejects.command()
@_chosen
@_most
@_dry
@settings_options(*_WRITING)
@json_option
def replay(
    settings: Settings, reason: tuple[str, ...], since: int | None, n: int | None, dry_run: bool, json: bool
) -> None:
    """Send rejects whose cause has gone back to their own topic: bytes unchanged, keyed as `clout feed` does it.

    Only what a worker would accept now goes back, by this machine's clock: such as `ts_in_future` after a worker's clock was
    wrong. The others stay and are told by reason. An event and the mark that says so are in one transaction: each goes back at
    most once, whatever is killed meanwhile, and of two that run at once the older ends. Needs transactions.

    Exit code 0 also if some stay: that is their right place. `clout rejects drop` marks them as seen to.

    \b
    clout rejects replay --reason ts_in_future --since 2h --dry-run
    clout rejects replay --reason ts_in_future --since 2h
    """
    from agents.admin.reject_sorting import Choice
    from agents.admin.reject_work import look

    choice = Choice(reason, since, n)
    if dry_run:
        tally = _run("looking", lambda told: look(settings, choice, REPLAYED, told))
        sum_up(tally, REPLAYED, json, dry_run=True)
    else:
        _work(settings, choice, REPLAYED, json)


@rejects.command()
@_chosen
@_most
@_dry
@click.option("--yes", is_flag=True, show_envvar=True, help="Do not ask.")
@settings_options(*_WRITING)
@json_option
def drop(
    settings: Settings, reason: tuple[str, ...], since: int | None, n: int | None, dry_run: bool, yes: bool, json: bool
) -> None:
    """Mark rejects as seen to: `list` shows them with --all only, and `replay` leaves them. Their records stay.

    On a terminal it asks first. Rejects that come while it asks are not touched. Needs transactions.

    \b
    clout rejects drop --reason not_json --since 7d --dry-run
    """
    from agents.admin.reject_sorting import Choice
    from agents.admin.reject_work import look

    choice, ends = Choice(reason, since, n), None
    if dry_run or (_somebody_there() and not yes):
        tally = _run("looking", lambda told: look(settings, choice, DROPPED, told))
        if dry_run:
            sum_up(tally, DROPPED, json, dry_run=True)
            return
        ends = tally.ends
        click.confirm(
            f"{tally.done:,} rejects ({counted(tally.reasons)}) will be marked as dropped. Go on?", abort=True, err=True
        )
    _work(settings, choice, DROPPED, json, ends)


def _somebody_there() -> bool:
    """Is there a person who could answer?"""
    return sys.stdin.isatty()


def _work(settings: Settings, choice: Any, done: str, json: bool, ends: dict[int, int] | None = None) -> None:
    """The work and its summary, also when it ends early."""
    from agents.admin.reject_work import Tally, work

    tally = Tally()
    try:
        _run("working", lambda told: work(settings, choice, done, told, tally, ends))
    finally:
        if tally.ends:
            sum_up(tally, done, json, dry_run=False)


def _run(what: str, job: Callable[[Told], Tally]) -> Tally:
    from agents.admin.reject_work import Told

    def waits() -> None:
        say("waiting for a transaction that is open in `rejects`, for half a minute at most if its worker was killed")

    with progress(what, "rejects", None) as bar:
        return job(Told(waits, bar.update))
