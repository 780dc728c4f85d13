"""`clout warm`: compile the core before a worker needs it."""

from __future__ import annotations

import click

from agents.cli.options import json_option
from agents.cli.output import json_line, say
from agents.cli.progress import progress
from streams.errors import CloutError


@click.command()
@json_option
def warm(json: bool) -> None:
    """Compile the core, once for each version and machine, in as many processes as there are cores.

    A worker does the same when it begins; this is for images, for tests, and for those who do not want to wait then. Whatever
    was compiled is kept in ~/.cache/clout, or in the folder that CLOUT_KERNELS names: one that only you may write to, because
    what lies in it is run. Of older versions in it those are removed that nobody has used for 30 days.

    \b
    clout warm
    CLOUT_KERNELS=/opt/clout/kernels clout warm --json
    """
    from agents.worker.steps import STEPS
    from agents.worker.warm import cores
    from agents.worker.warm import done as is_done
    from agents.worker.warm import warm as run
    from streams.fold import folder

    if not is_done():
        if advice := folder.advice():
            raise CloutError(advice)
        say(f"compiling the core: {len(STEPS)} steps in {min(cores(), len(STEPS))} processes")
    with progress("compiling", f"of {len(STEPS)}", len(STEPS), rated=False) as bar:
        done = run(lambda steps, _: bar.update(steps))
    folder.used()
    removed = [path.name for path in folder.tidy()]
    if json:
        took = {name: round(seconds, 2) for name, seconds in done.steps.items()}
        json_line(
            {
                "folder": str(done.folder),
                "compiled": done.compiled,
                "seconds": round(done.seconds, 1),
                "steps": took,
                "removed": removed,
            }
        )
        return
    if removed:
        say(f"removed what nobody has used for 30 days: {', '.join(removed)}")
    say(f"compiled in {done.seconds:.1f} s: {done.folder}" if done.compiled else f"all is compiled: {done.folder}")
