"""`clout chaos`: break everything on purpose, on servers of its own, and count what came out."""

from __future__ import annotations

import secrets

import click

from agents.cli.options import json_option
from agents.cli.output import json_line, say


@click.command()
@click.option(
    "--minutes",
    type=click.FloatRange(min=0.1),
    default=3.0,
    show_default=True,
    show_envvar=True,
    help="How long faults are injected.",
)
@click.option(
    "--brokers",
    type=click.Choice(["1", "3"]),
    default="3",
    show_default=True,
    show_envvar=True,
    help="Kafka brokers; with 3 a partition leader can be lost.",
)
@click.option(
    "--workers", type=click.IntRange(1, 8), default=3, show_default=True, show_envvar=True, help="Most workers at once."
)
@click.option(
    "--rate", type=click.FloatRange(min=1), default=300.0, show_default=True, show_envvar=True, help="Events a second."
)
@click.option(
    "--seed",
    type=int,
    default=None,
    show_envvar=True,
    help="Repeats a schedule and a feed. Not given: a new one, which is said.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="KIND",
    show_envvar=True,
    help="Only this kind of fault, such as kill or pause; repeatable.",
)
@click.option(
    "--model",
    default="plain",
    show_default=True,
    show_envvar=True,
    help="With another one than plain, scores are judged by the second verdict alone.",
)
@click.option(
    "--deliveries",
    is_flag=True,
    show_envvar=True,
    help="Break what takes alerts to their receivers instead; --rate is then of alerts, --workers of its processes.",
)
@click.option("--keep", is_flag=True, show_envvar=True, help="Keep the logs even if all is well.")
@json_option
def chaos(
    minutes: float,
    brokers: str,
    workers: int,
    rate: float,
    seed: int | None,
    only: tuple[str, ...],
    model: str,
    deliveries: bool,
    keep: bool,
    json: bool,
) -> int:
    """Kill workers, brokers and Redis under a steady feed, and count.

    Starts a Kafka, a Redis and workers of its own. Workers are killed, frozen beyond their session, stopped, added and taken
    away; brokers are stopped and killed; Redis is frozen, flushed and restarted empty; each kind at least once. In the end
    everyone's counts and scores in the rows, in Redis and in `scores` are compared with the offline fold of what was fed; so are
    lists of topics, people and objects in the rows, where they do not depend on order, and with the rows what Redis shows of them.
    What each partition has committed is folded again in the order of its commits, and must come to the same scores and alerts.
    With --deliveries: processes of `clout alerting` are killed and stopped, and receivers answer 500, redirect, are silent,
    break connections, close in mid-answer and are away for a quarter of the time, at most two minutes; each alert must arrive.
    Exit code 1 if anything is lost, doubled or different; then the logs are kept.
    """
    seed = secrets.randbelow(1 << 31) if seed is None else seed
    if deliveries:
        from agents.proof.delivered.run import run as deliver

        result = deliver(minutes, workers, rate, seed, say)
    else:
        from agents.proof.chaos.run import run

        result = run(minutes, int(brokers), workers, rate, seed, say, model=model, only=only, keep=keep)
    if json:
        json_line(result)
    else:
        say(_told(result))
    return 0 if result["ok"] else 1


def _told(result: dict[str, object]) -> str:
    return "\n".join(f"{name:14} {value}" for name, value in result.items())
