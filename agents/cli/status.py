"""`clout status`: one screen for who operates it: what runs, what is silent, what arrives, and what is wrong."""

from __future__ import annotations

import click

from agents.cli.options import KAFKA, REDIS, json_option, settings_options
from agents.cli.output import console, json_line
from streams.settings import Settings


@click.command()
@settings_options(*KAFKA, *REDIS, "channels", "clock")
@json_option
def status(settings: Settings, json: bool) -> int:
    """Show what runs and how it is: workers and their partitions, rules, gaps, silences, channels, the latest deliveries.

    Exit code 1 if something is wrong: each such line says what. Without Kafka it shows what Redis says, and that; without
    Redis exit code 3. `clout doctor` looks deeper.

    \b
    clout status
    clout status --json | jq .wrong
    """
    from agents.cli.status_look import look
    from agents.cli.status_text import parts

    found = look(settings)
    if json:
        json_line(found)
    else:
        screen = console()
        for part in parts(found):
            screen.print(part)
    return 1 if found["wrong"] else 0
