"""`clout rebuild`: Redis written again from the rows."""

from __future__ import annotations

import click

from agents.cli.options import KAFKA, REDIS, json_option, settings_options
from agents.cli.output import json_line, say
from agents.cli.progress import progress
from streams.settings import Settings


@click.command()
@settings_options(*KAFKA, *REDIS, "app", "model", "transactions")
@json_option
def rebuild(settings: Settings, json: bool) -> None:
    """Write every user's score to Redis again, and wait until it is done.

    Workers notice by themselves when Redis was emptied or restored; this is for when you want to be sure. Running workers
    are asked to write everyone, beside their work; when none runs, it is done here from the committed rows. Safe at any
    time and as often as you like: nothing but the view in Redis changes, and readers see old records until the new ones come.

    \b
    clout rebuild --redis redis://new-cache:6379/0
    """
    from agents.admin.rebuild import rebuild as run

    with progress("rebuilding", "users", settings.partitions) as bar:
        done = run(settings, bar.update)
    if json:
        json_line({"users": done.users, "by": done.by})
    else:
        say(
            f"{done.users:,} users written again {'by the running workers' if done.by == 'workers' else 'from the committed rows'}"
        )
