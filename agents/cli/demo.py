"""`clout demo`: everything on this machine, live, in one command."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from agents.cli.output import safe, say
from streams.errors import UsageError
from streams.sources import FORMATS

if TYPE_CHECKING:
    from agents.feeds.live_records import LiveRecords

_MOST_AGO_S = 86_400
_REACHED_S = 15.0  # so long a live source is waited for


@click.command(name="demo")
@click.option("--source", metavar="FILE", show_envvar=True,
              help="bluesky: what happens there now. Or replay a file (plain, gz, zst; - is stdin) with its own times.  [default: "
                   "invented events]")  # fmt: skip
@click.option("--endpoint", multiple=True, show_envvar=True, metavar="URL",
              help="Where a live source is read, in place of where it usually is.")  # fmt: skip
@click.option("--format", type=click.Choice(FORMATS), default="events", show_default=True, show_envvar=True,
              help="What the file holds.")  # fmt: skip
@click.option("--rate", type=click.FloatRange(0, 1e6, min_open=True), metavar="N", show_envvar=True,
              help="Events a second.  [default: 500, from a file 2,000]")  # fmt: skip
@click.option("--users", type=click.IntRange(2, 10_000_000), default=2_000, metavar="N", show_default=True, show_envvar=True,
              help="How many invented people.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, metavar="N", show_default=True, show_envvar=True,
              help="Another seed invents other events.")  # fmt: skip
@click.option("--for", "for_s", type=click.FloatRange(0, min_open=True), metavar="SECONDS", show_envvar=True,
              envvar="CLOUT_DEMO_FOR",
              help="Feed so long, wait until all is folded, then end.  [default: until Ctrl-C]")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65_535), default=0, metavar="N", show_envvar=True,
              help="Port of the page on 127.0.0.1.  [default: a free one]")  # fmt: skip
@click.option("--again", "again_s", type=click.FloatRange(0), default=900.0, metavar="SECONDS", show_default=True, show_envvar=True,
              envvar="CLOUT_DEMO_AGAIN", help="Begin the story anew after so long, with empty servers; 0: never.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, envvar="CLOUT_DEMO_JSON", show_envvar=True,
              help="End with one JSON object on stdout: what was fed and folded, how fast, the top ten.")  # fmt: skip
def demo(
    source: str | None,
    endpoint: tuple[str, ...],
    format: str,
    rate: float | None,
    users: int,
    seed: int,
    for_s: float | None,
    port: int,
    again_s: float,
    as_json: bool,
) -> int:
    """Live scores on this machine, with nothing else to install or to configure.

    Starts a broker and a Redis from wheels on free loopback ports, one worker, a feed, a web page, and a leaderboard in
    this terminal. Somebody has been silent for a week, after 20 s a day closes, and soon after somebody else
    falls, because a purge takes back what machines gave; so there are alerts, each with its cause.
    Ctrl-C ends all of it, and nothing else. CLOUT_KAFKA, CLOUT_REDIS and the like are not looked at;
    CLOUT_MODEL, CLOUT_PARTITIONS and CLOUT_ALERT_* are.

    \b
    Examples:
      clout demo
      clout demo --rate 5000 --users 100000
      clout demo --for 20 --json | tail -1
      clout demo --source activity.txt.gz --format higgs
      clout demo --source bluesky
    """
    from agents.demo.run import run
    from agents.demo.story import DEFAULT_FILE_RATE, DEFAULT_RATE, Plan

    live = _live(source, endpoint) if source else None
    if source and live is None and source in _sources():
        source = None
    if rate is None:
        rate = DEFAULT_FILE_RATE if source else DEFAULT_RATE
    plan = Plan(
        source=source,
        format=format,
        live=live,
        rate=rate,
        users=users,
        seed=seed,
        for_s=for_s,
        port=port,
        json=as_json,
        closes_ms=0,  # when it begins
        again_s=None if source or for_s or as_json or not again_s else again_s,
        began_s=_began_s(os.environ.get("CLOUT_DEMO_BEGAN"), time.time()),  # set by deploy/demo
    )
    return run(plan)


def _sources() -> list[str]:
    from agents.feeds import registry

    return list(registry.known())


def _live(source: str, endpoints: tuple[str, ...]) -> LiveRecords | None:
    """What comes from a live source; None for a file, and when nothing can be had, which is said."""
    from agents.feeds import registry
    from agents.feeds.live_records import LiveRecords

    if source not in _sources():
        if endpoints:
            raise UsageError(f"--endpoint is for live sources: {', '.join(_sources()) or 'none is installed'}")
        return None
    records = LiveRecords(registry.opened(source, endpoints))
    if why := records.lack(_REACHED_S):
        say(safe(f"clout: {source} cannot be reached from here ({why}); the demo shows invented events instead"))
        return None
    return records


def _began_s(text: str | None, now_s: float) -> float:
    """When deploy/demo was started, s since epoch; now, if that is no time within the last day."""
    try:
        began_s = float(text or now_s)
    except ValueError:
        return now_s
    return began_s if now_s - _MOST_AGO_S < began_s <= now_s else now_s
