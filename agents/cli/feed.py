"""`clout feed`: events from somewhere to the topics."""

from __future__ import annotations

from typing import Any

import click

from agents.cli.feed_options import feed_options
from agents.cli.options import KAFKA, REDIS, json_option, settings_options
from streams.errors import UsageError
from streams.settings import Settings


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@feed_options
@settings_options(*dict.fromkeys((*KAFKA, *REDIS, "app", "transactions", "log_level")))
@json_option
def feed(
    settings: Settings,
    sources: tuple[str, ...],
    endpoint: tuple[str, ...],
    port: int | None,
    host: str,
    json: bool,
    **asked: Any,
) -> int:
    """Send events from SOURCE to the topics, keyed by actor, in the order given.

    SOURCE is a file (plain, gzip or zstd), - for stdin, `synthetic` for the generator, whose events happen now, or a live
    source, as `bluesky`. Of several files, and of a pattern in quotes, one is sent after another. Exit code 0 once all is
    acknowledged, 1 if the broker refused a record (the others are sent all the same) or none is an event.

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
    clout feed 'logs/*.ndjson.gz' --speed 60x
    clout feed events.ndjson --follow
    clout feed table.csv --format csv --column actor=who --value network=forum
    clout feed bluesky
    """
    from agents.feeds import registry

    live = registry.known()
    if alone := next((name for name in sources if name in live), None):
        from agents.cli import feed_live

        if len(sources) > 1:
            raise UsageError(
                f"{alone} never ends: run one `clout feed` for each live source (a file of that name: ./{alone})"
            )
        return feed_live.run(settings, feed_live.Asked(alone, endpoint, asked["limit"], host, port, json))
    from agents.cli import feed_files
    from agents.cli.feed_paths import Asked

    if endpoint or port is not None:
        raise UsageError(f"--endpoint and --port are for live sources: {', '.join(live) or 'none is installed'}")
    asked |= {"column": dict(asked["column"]), "value": dict(asked["value"])}
    return feed_files.run(settings, sources, Asked(**asked, json=json))
