"""What a rule says, as options of a command."""

from __future__ import annotations

from typing import get_args

import click

from agents.cli.options import KAFKA, TIME, F, all_of
from agents.cli.rule_lines import Seconds
from streams.model.rules import CAUSES, Severity, Within

SETTINGS = (*KAFKA, "alert_points", "alert_cooldown_h")  #: by which the rules of the topic are known
_CAUSE = click.Choice(CAUSES)

_SAID = (
    click.option("--falls", type=float, show_envvar=True, help="The score falls by so much."),
    click.option("--rises", type=float, show_envvar=True, help="It rises by so much."),
    click.option("--unit", type=click.Choice(("points", "percent")), show_envvar=True,
                  help="Of --falls and --rises; else points."),
    click.option("--within", type=click.Choice(get_args(Within)), show_envvar=True,
                  help="How long --falls and --rises look back; else 1d, to the last daily close."),
    click.option("--below", type=float, show_envvar=True, help="The score falls below this line."),
    click.option("--percentile", type=float, show_envvar=True, help="It falls below this percentile of everyone."),
    click.option("--top", type=int, show_envvar=True, help="It falls out of the so many highest."),
    click.option("--user", multiple=True, show_envvar=True,
                  help="Of this one, network:id or person:NAME; several times for several. Without it everyone."),
    click.option("--network", show_envvar=True, help="Of users of this network."),
    click.option("--topic", show_envvar=True, help="Of those who are shown with this topic."),
    click.option("--min-score", type=float, show_envvar=True, help="Whose score was at least this before."),
    click.option("--min-confidence", type=float, show_envvar=True, help="Whose confidence is at least this, 0 to 1."),
    click.option("--ignore", multiple=True, type=_CAUSE, show_envvar=True,
                  help="Not when this is the main cause; several times for several."),
    click.option("--require", multiple=True, type=_CAUSE, show_envvar=True, help="Only when this is."),
    click.option("--severity", type=click.Choice(get_args(Severity)), show_envvar=True, help="How loud; else warning."),
    click.option("--cooldown", type=Seconds(), show_envvar=True,
                  help="Least time between two alerts about one user: 30m, 6h, 2d; else 6h."),
    click.option("--margin", type=float, show_envvar=True, help="How much better it must be for an alert to be over."),
    click.option("--urgent", is_flag=True, show_envvar=True, help="Judged at once, not when an interval ends."),
    click.option("--from", type=TIME, show_envvar=True,
                  help="In force from then on: ISO 8601 (UTC), or ms since epoch. Without it at once."),
)  # fmt: skip


def said_options(command: F) -> F:
    """Adds a flag for everything that a rule may say; what was said is what `streams.model.rules.Rule` is made of."""
    return all_of(_SAID)(command)
