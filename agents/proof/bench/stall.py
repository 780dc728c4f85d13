"""`clout bench stall`: for how long the event loop does not turn while one partition does the large things it has to do.

The worker's own loop, intake, sender and view, with a broker and a Redis that swallow everything: no servers. A steady feed is
folded beside all of it.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from agents.proof.bench.gaps import Gaps
from agents.proof.bench.machine import machine, require_linux, versions
from agents.proof.bench.one_partition import OnePartition, population
from agents.proof.bench.show import Show
from streams.errors import CloutError
from streams.fold.rows import DID, GOT, SCORE
from streams.formats import engagements as packed
from streams.formats import state
from streams.model import assess
from streams.model.table import Table
from streams.model.versions import DEFAULT
from streams.partition import sending
from streams.partition.intake import Intake
from streams.scoreboard.shown import Shown

GOAL_MS = 50.0
_LONGEST_S = 300.0
_GROWN_TO = 1_500_000  # the dictionary of users is made anew at 1.4 million

#: what may keep the event loop, by the name it has in the result
_PHASES: dict[str, tuple[Any, str]] = {
    "fold": (Intake, "fold_all"),
    "show": (Shown, "call"),
    "cut": (Intake, "cut"),
    "encode packs": (packed, "encode"),
    "score and judge": (sending, "chunks"),
    "encode state": (state, "chunks"),
    "idle pass": (assess, "moved"),
}


Case = tuple[Callable[[OnePartition], None], Callable[[OnePartition], bool]]  # begin it, is it over?


def _cases(changed: int) -> dict[str, Case]:
    def commit(one: OnePartition) -> None:
        one.table.dirty[:changed] |= DID | GOT
        one.interval_over()

    def idle(one: OnePartition) -> None:
        one.board.users = 0
        one.table.cells[: len(one.table), SCORE] += 0.5
        one.interval_over()
        one.interval_over()

    def close(one: OnePartition) -> None:
        one.shift_s += 86_400.0
        one.table.dirty[:changed] |= DID | GOT
        one.interval_over()

    def everyone(one: OnePartition) -> None:
        one.board.users = 0
        one.view.lose("the benchmark says so")

    def committed(one: OnePartition) -> bool:
        return one.sender.commits > 1 and one.loop.view_caught_up

    def shown(one: OnePartition) -> bool:
        return one.board.users >= len(one.table) and one.loop.view_caught_up

    return {
        "commit": (commit, committed),
        "idle pass": (idle, shown),
        "daily close": (close, committed),
        "show everyone": (everyone, shown),
    }


def stall(users: int, changed: int, show: Show) -> dict[str, Any]:
    """Every case on a table of `users`; `commit` with so many changed rows. Raises CloutError if one does not end."""
    require_linux()
    result: dict[str, Any] = {
        "users": users,
        "changed": min(changed, users),
        "goal_ms": GOAL_MS,
        "machine": machine(),
        "versions": versions(),
        "cases": {},
    }
    for name, case in _cases(min(changed, users)).items():
        show.say(f"{name}: a table of {users:,} users")
        result["cases"][name] = asyncio.run(_run(name, case, population(users)))
    show.say(f"table growth to {_GROWN_TO:,} users")
    result["cases"]["table growth"] = _growth(max(users, _GROWN_TO))
    return result


async def _run(name: str, case: Case, table: Table) -> dict[str, Any]:
    begin, over = case
    one = OnePartition(table)
    await one.loop.commit()
    with ExitStack() as stack:
        gc.freeze()  # as a worker does once it has its partitions
        stack.callback(gc.unfreeze)
        gaps = Gaps()
        for label, (owner, function) in _PHASES.items():
            stack.enter_context(gaps.watch(label, owner, function))
        tasks = [asyncio.create_task(work) for work in (one.loop.run(), one.feed())]
        try:
            await asyncio.sleep(0.5)  # folding is under way
            begin(one)
            ticking, began_s = asyncio.create_task(gaps.tick()), time.monotonic()
            tasks.append(ticking)
            while not over(one):
                await asyncio.sleep(0.1)
                if tasks[0].done():
                    tasks[0].result()
                if time.monotonic() - began_s > _LONGEST_S:
                    raise CloutError(f"{name} did not end within {_LONGEST_S:.0f} s")
            return {"seconds": round(time.monotonic() - began_s, 2), "commits": one.sender.commits} | gaps.report()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _growth(users: int) -> dict[str, Any]:
    """The dearest addition of one user, the dictionary's growth and the matrix' among them."""
    table, took = Table(DEFAULT), np.empty(users)
    began_s = time.monotonic()
    for number, name in enumerate(_names(users)):
        before = time.perf_counter()
        table.slot(name)
        took[number] = time.perf_counter() - before
    worst = np.argsort(took)[-3:][::-1]
    return {
        "seconds": round(time.monotonic() - began_s, 2),
        "longest_ms": round(float(took.max()) * 1000, 1),
        "p99_ms": round(float(np.quantile(took, 0.99)) * 1000, 4),
        "phases": {f"user {number + 1:,}": round(float(took[number]) * 1000, 1) for number in worst.tolist()},
    }


def _names(users: int) -> Iterator[str]:
    return (f"bench:user-{number:08d}" for number in range(users))
