"""`clout simulate`: the worker's own loop on an in-memory Kafka and Redis, with faults at every step."""

from __future__ import annotations

import click

from agents.cli.options import json_option
from agents.cli.output import json_line, say
from agents.cli.progress import progress
from agents.worker.warm import ensure

_DEFAULT = 1_000
_TOLD = 10  # failing seeds that are described


@click.command()
@click.option("--seeds", type=click.IntRange(min=1), show_envvar=True, help=f"How many to run [default: {_DEFAULT:,}].")
@click.option(
    "--seed", type=click.IntRange(min=0), show_envvar=True, help="The first of them; alone: replay it, step by step."
)
@click.option(
    "--mutations/--no-mutations",
    default=True,
    show_default=True,
    show_envvar=True,
    help="Break each rule once; a seed must notice.",
)
@json_option
def simulate(seeds: int | None, seed: int | None, mutations: bool, json: bool) -> int:
    """Run the protocol under crashes, pauses, rebalances, failed sends and a lost Redis, and compare with a plain fold.

    Every seed is a run of its own: what is fed, who works, what fails and when. Checked are rows, Redis and `scores` user by user,
    positions and versions that never go back, rejects and alerts that come once. Each mutation is the opposite of a rule and must
    be noticed by one of the seeds. Exit code 1 when a seed fails or a mutation is missed.

    \b
    clout simulate --seeds 5000
    clout simulate --seed 1234        # the story of one seed
    """
    ensure(say)
    if seed is not None and seeds is None:
        return _replay(seed, json)
    from agents.proof.simulation.mutations import MUTATIONS
    from agents.proof.simulation.run import run

    first = seed or 0
    wanted = range(first, first + (seeds or _DEFAULT))
    with progress("simulating", "seeds", len(wanted)) as bar:
        outcome = run(wanted, mutations=MUTATIONS if mutations else (), done=bar.update)
    for failed, wrong in list(outcome.failed.items())[:_TOLD]:
        say(f"seed {failed}: {wrong[0]}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""))
    for name in outcome.missed:
        say(f"not noticed: {name}")
    if json:
        json_line(
            {
                "seeds": outcome.seeds,
                "failed": list(outcome.failed),
                "mutations": len(outcome.caught) + len(outcome.missed),
                "mutations_caught": len(outcome.caught),
                "missed": outcome.missed,
                "seconds": round(outcome.seconds, 1),
            }
        )
    else:
        tried = len(outcome.caught) + len(outcome.missed)
        say(
            f"{outcome.seeds:,} seeds, {len(outcome.failed)} failed; {len(outcome.caught)} of {tried} mutations caught; "
            f"{outcome.seconds:.0f} s"
        )
    return 0 if outcome.ok else 1


def _replay(seed: int, json: bool) -> int:
    from agents.proof.simulation.run import attempt

    wrong = attempt(seed, None if json else click.echo)
    if json:
        json_line({"seeds": 1, "failed": [seed] if wrong else [], "wrong": wrong})
    for line in wrong:
        say(line)
    if not json:
        say(f"seed {seed}: " + (f"{len(wrong)} differences" if wrong else "clean"))
    return 1 if wrong else 0
