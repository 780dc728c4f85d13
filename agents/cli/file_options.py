"""Options of commands that fold files of events."""

from __future__ import annotations

import click

from streams.sources import FORMATS

format_option = click.option(
    "--format", type=click.Choice(FORMATS), default="events", show_default=True, show_envvar=True,
    help="What the files hold: events as JSON lines, SNAP's Higgs activity, Bluesky Jetstream, GH Archive.",
)  # fmt: skip
controls_option = click.option(
    "--controls", metavar="FILE", show_envvar=True,
    help="Links and facts as the topic `controls` has them, JSON one a line.",
)  # fmt: skip
