"""What `clout feed` can be told."""

from __future__ import annotations

import re
from typing import Any

import click

from agents.cli.options import all_of
from streams.sources import FORMATS

_SPEED = re.compile(r"(\d+(?:\.\d+)?)x?")


class Speed(click.ParamType):
    """So many times as fast: `60x`, `0.5`."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Above 0."""
        found = _SPEED.fullmatch(str(value).strip())
        if not found or float(found[1]) <= 0:
            self.fail(f"{value!r} is no speed: 60x, or 0.5", param, ctx)
        return float(found[1])


class Pair(click.ParamType):
    """`FIELD=TEXT`."""

    name = "FIELD=TEXT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Both of them."""
        field, equals, text = str(value).partition("=")
        if not (field and equals and text):
            self.fail(f"{value!r} is not {self.name}", param, ctx)
        return field, text


feed_options = all_of(
    (
        click.option("--format", type=click.Choice(FORMATS), default="events", show_default=True, show_envvar=True,
                     help="What the file holds: events as JSON lines, SNAP's Higgs activity, Bluesky Jetstream, GH Archive, a "
                          "table with named columns."),
        click.option("--column", type=Pair(), multiple=True, metavar="FIELD=NAME", show_envvar=True,
                     help="The column that has a field of the event under another name, as actor=user_name (--format csv)."),
        click.option("--value", type=Pair(), multiple=True, metavar="FIELD=TEXT", show_envvar=True,
                     help="What a field is in each row that does not say, as network=forum (--format csv)."),
        click.option("--rate", type=click.FloatRange(min=0, min_open=True), show_envvar=True,
                     help="Records a second, smoothly paced. Without it as fast as the broker takes them."),
        click.option("--realtime", is_flag=True, show_envvar=True,
                     help="Files at the pace of their events' own times; the same as --speed 1x."),
        click.option("--speed", type=Speed(), show_envvar=True, help="The same, so many times as fast: 60x."),
        click.option("--limit", type=click.IntRange(min=0), show_envvar=True, help="Stop after so many records."),
        click.option("--from-line", type=click.IntRange(min=1), show_envvar=True, metavar="N",
                     help="Begin with this line of the first file, counted from 1; a feed that broke off says with which."),
        click.option("--follow", is_flag=True, show_envvar=True,
                     help="Read on as the file grows, until Ctrl-C; also when it is replaced by a new one (tail -F)."),
        click.option("--users", type=click.IntRange(min=2), default=10_000, show_default=True, show_envvar=True,
                     help="How many users the generator has (SOURCE synthetic)."),
        click.option("--seed", type=int, default=1, show_default=True, show_envvar=True,
                     help="Another seed makes other users famous (SOURCE synthetic)."),
        click.option("--linked", type=click.FloatRange(0, 1), default=0.0, show_default=True, show_envvar=True,
                     metavar="SHARE",
                     help="This part of the users are accounts of persons with two to four accounts each (SOURCE synthetic)."),
        click.option("--endpoint", multiple=True, show_envvar=True, metavar="URL",
                     help="Where a live source is read, in place of where it usually is; several are tried in turn."),
        click.option("--port", type=click.IntRange(0, 65_535), default=None, show_envvar=True,
                     help="Serve health checks and metrics of a live source on this port of --host; 0: a free one."),
        click.option("--host", default="127.0.0.1", show_default=True, show_envvar=True,
                     help="Address that --port is opened on."),
    )
)  # fmt: skip
