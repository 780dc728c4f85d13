"""`clout feed`: events from somewhere to the topics."""

from __future__ import annotations

import click

from agents.cli.options import KAFKA, REDIS, json_option, settings_options
from streams.errors import UsageError
from streams.settings import Settings
from streams.sources import FORMATS


@click.command()
@click.argument("source")
@click.option("--format", type=click.Choice(FORMATS), default="events", show_default=True, show_envvar=True,
              help="What the file holds: events as JSON lines, SNAP's Higgs activity, Bluesky Jetstream, GH Archive.")  # fmt: skip
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), show_envvar=True,
              help="Records a second, smoothly paced. Without it as fast as the broker takes them.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=0), show_envvar=True, help="Stop after so many records.")
@click.option("--from-line", type=click.IntRange(min=1), show_envvar=True, metavar="N",
              help="Begin with this line, counted from 1; a feed that broke off says with which.")  # fmt: skip
@click.option("--users", type=click.IntRange(min=2), default=10_000, show_default=True, show_envvar=True,
              help="How many users the generator has (SOURCE synthetic).")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, show_envvar=True,
              help="Another seed makes other users famous (SOURCE synthetic).")  # fmt: skip
@click.option("--linked", type=click.FloatRange(0, 1), default=0.0, show_default=True, show_envvar=True, metavar="SHARE",
              help="This part of the users are accounts of persons with two to four accounts each (SOURCE synthetic).")  # fmt: skip
@click.option("--endpoint", "endpoints", multiple=True, show_envvar=True, metavar="URL",
              help="Where a live source is read, in place of where it usually is; several are tried in turn.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65_535), default=None, show_envvar=True,
              help="Serve health checks and metrics of a live source on this port of --host; 0: a free one.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, show_envvar=True,
              help="Address that --port is opened on.")  # fmt: skip
@settings_options(*dict.fromkeys((*KAFKA, *REDIS, "app", "transactions", "log_level")))
@json_option
def feed(
    settings: Settings,
    source: str,
    format: str,
    rate: float | None,
    limit: int | None,
    from_line: int | None,
    users: int,
    seed: int,
    linked: float,
    endpoints: tuple[str, ...],
    port: int | None,
    host: str,
    json: bool,
) -> int:
    """Send events from SOURCE to the topics, keyed by actor, in the order given.

    SOURCE is a file (plain, gzip or zstd), - for stdin, `synthetic` for the generator, whose events happen now, or a live
    source, as `bluesky`. Exit code 0 once all is acknowledged, 1 if the broker refused a record (the others are sent all the
    same) or none is an event.

    A live source is read until Ctrl-C or SIGTERM. Events and how far it was read go to Kafka together, so whoever starts it
    again, here or elsewhere, goes on there: nothing is lost or doubled. While it is not read a gap of its network is on.

    With --linked links, and facts about accounts of every second person, go to the topic `controls` before the first event;
    --rate and --limit are about the events.

    \b
    clout feed events.ndjson
    clout feed higgs-activity_time.txt.gz --format higgs --rate 5000
    clout feed events.ndjson.gz --from-line 120001
    clout feed synthetic --rate 500 --users 2000
    clout feed synthetic --linked 0.2
    tail -F events.ndjson | clout feed -
    clout feed bluesky
    """
    from agents.feeds import registry

    if source in (live := registry.known()):
        from agents.cli import feed_live

        return feed_live.run(settings, feed_live.Asked(source, endpoints, limit, host, port, json))
    from agents.cli import feed_files

    if endpoints or port is not None:
        raise UsageError(f"--endpoint and --port are for live sources: {', '.join(live) or 'none is installed'}")
    asked = feed_files.Asked(source, format, rate, limit, from_line, users, seed, linked, json)
    return feed_files.run(settings, asked)
