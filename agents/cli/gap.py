"""`clout control gap`: a feed is broken, or is well again; a record in `policies`."""

from __future__ import annotations

import time

import click

from agents.cli.options import KAFKA, TIME, json_option, settings_options
from agents.cli.output import safe, say
from streams.errors import CloutError, UsageError
from streams.settings import Settings


@click.command()
@click.argument("network")
@click.option("--from", type=TIME, show_envvar=True,
              help="Since when nothing comes: ISO 8601 (UTC), or ms since epoch. Without it now.")  # fmt: skip
@click.option("--until", type=TIME, show_envvar=True, help="Until when. Without it it goes on.")
@click.option("--end", is_flag=True, show_envvar=True, help="The gap that is on ends, now or at --until.")
@settings_options(*KAFKA)
@json_option
def gap(settings: Settings, network: str, end: bool, json: bool, **times: int | None) -> int:
    """Nothing comes from NETWORK because its feed is broken: what fades of its users meanwhile raises no alert, now or later.

    Scores stay as they are, and what is taken back, links and facts still raise alerts. A record in `policies`, which holds the
    newest 16 gaps of the network. To send one that began at the same moment replaces it.

    \b
    clout control gap mastodon --from 2026-07-01T06:00:00Z
    clout control gap mastodon --end
    clout control gap mastodon --from 2026-06-01T06:00:00Z --until 2026-06-03T18:00:00Z
    """
    from agents.cli import gap_words
    from agents.cli.policy_topic import known, sent
    from streams.policies.records import GAP, encode

    from_ms, until_ms = times["from"], times["until"]
    if end and from_ms is not None:
        raise UsageError("say either --from or --end")
    now_ms, book = int(time.time() * 1000), known(settings).book()
    for mistake in book.mistakes:
        if mistake.key == f"{GAP}{network}":
            raise CloutError(safe(f"{mistake}: what is there would be lost. Nothing was sent"))
    before = gap_words.of(book, network)
    if end:
        gaps = gap_words.ended(before, network, until_ms, now_ms)
    else:
        gaps = gap_words.begun(before, network, from_ms, until_ms, now_ms)
    sent(settings, [encode(gaps)], json=json)
    newest = gaps.gaps[0] if end or from_ms is None else next(one for one in gaps.gaps if one.since == from_ms)
    say(safe(f"sent: {gap_words.words(network, newest)}; workers take it up within a second or so"))
    return 0
