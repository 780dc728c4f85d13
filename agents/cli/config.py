"""`clout config`: the effective settings."""

from __future__ import annotations

import os
from dataclasses import fields

import click
from click.core import ParameterSource

from agents.cli.options import EVERYTHING, json_option, settings_options
from agents.cli.output import console, json_line, table
from streams.settings import Settings, variable_of


@click.command()
@settings_options(*EVERYTHING)
@json_option
def config(settings: Settings, json: bool) -> None:
    """Show the effective settings, secrets hidden.

    Each has a CLOUT_* variable and, where it matters, a flag; a flag beats the variable. All problems are reported at once.

    \b
    clout config
    CLOUT_KAFKA=broker:9092 clout config --json | jq .CLOUT_KAFKA
    """
    shown = settings.shown()
    if json:
        json_line(shown)
        return
    docs = {variable_of(field.name): field for field in fields(Settings)}
    rows = [
        (name, str(value), _origin(name, docs[name].name), docs[name].metadata["doc"].replace("`", ""))
        for name, value in shown.items()
    ]
    names = ("setting", "value", "from", "what it is")
    console().print(table(names, rows, wide=names))


def _origin(variable: str, name: str) -> str:
    if click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE:
        return "flag"
    return "environment" if os.environ.get(variable) else "default"
