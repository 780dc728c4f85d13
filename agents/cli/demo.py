"""`clout demo`: everything on this machine, live, in one command."""

from __future__ import annotations

import sys

import click

from streams.errors import CloutError
from streams.sources import FORMATS


@click.command(name="demo")
@click.option("--source", metavar="FILE", envvar="CLOUT_DEMO_SOURCE", help="Replay a file (plain, gz, zst; - is stdin) with its own times. [default: invented events, now]")  # fmt: skip
@click.option("--format", "form", type=click.Choice(FORMATS), default="events", show_default=True, envvar="CLOUT_DEMO_FORMAT", help="What the file holds.")  # fmt: skip
@click.option("--rate", type=click.FloatRange(0, 1e6, min_open=True), envvar="CLOUT_DEMO_RATE", help="Events a second. [default: 500; from a file 2,000]")  # fmt: skip
@click.option("--users", type=click.IntRange(2, 10_000_000), default=2_000, show_default=True, envvar="CLOUT_DEMO_USERS", help="How many invented people.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, envvar="CLOUT_DEMO_SEED", help="Another seed invents other events.")  # fmt: skip
@click.option("--for", "for_s", type=click.FloatRange(0, min_open=True), metavar="SECONDS", envvar="CLOUT_DEMO_FOR", help="Feed so long, wait until all is folded, then end. [default: until Ctrl-C]")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65_535), default=0, envvar="CLOUT_DEMO_PORT", help="Port of the page on 127.0.0.1. [default: a free one]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, envvar="CLOUT_DEMO_JSON", help="End with one JSON object on stdout: what was fed, folded, how fast, the top ten.")  # fmt: skip
def demo(
    source: str | None,
    form: str,
    rate: float | None,
    users: int,
    seed: int,
    for_s: float | None,
    port: int,
    as_json: bool,
) -> None:
    """Live scores on this machine, with nothing to install or configure.

    Starts a broker and a Redis from wheels on free loopback ports, one worker, a feed, a web page, and a leaderboard in
    this terminal. Ctrl-C ends all of it, and nothing else. CLOUT_KAFKA, CLOUT_REDIS and the like are not used.

    \b
    Examples:
      clout demo
      clout demo --rate 5000 --users 100000
      clout demo --for 20 --json | tail -1
      clout demo --source activity.txt.gz --format higgs
    """
    from agents.demo.feeding import DEFAULT_FILE_RATE, DEFAULT_RATE
    from agents.demo.run import Plan, run

    if rate is None:
        rate = DEFAULT_FILE_RATE if source else DEFAULT_RATE
    plan = Plan(
        source=source, form=form, rate=rate, users=users, seed=seed, for_s=for_s, port=port, json=as_json
    )
    try:
        code = run(plan)
    except CloutError as error:
        click.echo(f"clout demo: {error}", err=True)
        code = error.exit_code
    sys.exit(code)
