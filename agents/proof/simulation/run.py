"""Thousands of seeds, spread over the cores, and each mutation until a seed notices it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.proof.simulation import feeds
from agents.proof.simulation.again import folded_again
from agents.proof.simulation.clock import VirtualLoop
from agents.proof.simulation.faults import Faults
from agents.proof.simulation.models import both
from agents.proof.simulation.mutations import MUTATIONS
from agents.proof.simulation.noticed import noticed
from agents.proof.simulation.packed import packed
from agents.proof.simulation.process import task_of_its_process
from agents.proof.simulation.verdict import verdict
from agents.proof.simulation.world import World
from streams.fold.chunks import MOST
from streams.model import assess, chunks, engagements
from streams.partition import idle_pass, interval, outgoing, partitions
from streams.partition import loop as broker_loop
from streams.scoreboard import shown

TOGETHER = 20  # seeds a core gets at once
PATIENCE = 1_500  # seeds a mutation may live through before it counts as missed


@dataclass
class Outcome:
    """What `clout simulate` found."""

    seeds: int
    failed: dict[int, list[str]] = field(default_factory=dict)  #: seed -> what was wrong
    caught: dict[str, int] = field(default_factory=dict)  #: mutation -> the seed that noticed it
    missed: list[str] = field(default_factory=list)
    looked_for: list[str] = field(default_factory=list)  #: mutations that the seed noted for them did not notice
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Is every seed clean and every mutation caught?"""
        return not self.failed and not self.missed


def run(
    seeds: range,
    *,
    mutations: Iterable[str] = MUTATIONS,
    done: Callable[[int], None] = lambda _: None,
    cores: int | None = None,
) -> Outcome:
    """Run these seeds and prove that they can fail. `done` is told how many seeds have been run so far.

    A seed that notices a mutation has to be clean without it: those that are none of `seeds` are run for that, too.
    """
    began_s, outcome, count = time.monotonic(), Outcome(len(seeds)), 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores or os.cpu_count(), context, initializer=_quiet) as pool:
        caught: dict[Future[int | None], str] = {pool.submit(_caught, name): name for name in mutations}
        clean = [pool.submit(_failed, part) for part in _parts(seeds)]
        for part in as_completed(clean):
            ran, failed = part.result()
            count += ran
            outcome.failed |= failed
            done(count)
        for future, name in caught.items():
            _note(outcome, name, future.result())
        beyond = sorted({seed for seed in outcome.caught.values() if seed not in seeds})
        outcome.failed |= pool.submit(_failed, beyond).result()[1]
    outcome.failed = dict(sorted(outcome.failed.items()))
    outcome.seconds = time.monotonic() - began_s
    return outcome


def _note(outcome: Outcome, name: str, seed: int | None) -> None:
    if seed is None:
        outcome.missed.append(name)
    else:
        outcome.caught[name] = seed
    if seed != noticed().get(name):
        outcome.looked_for.append(name)


def _parts(seeds: range) -> Iterator[range]:
    return (seeds[at : at + TOGETHER] for at in range(0, len(seeds), TOGETHER))


def _quiet() -> None:
    logging.disable(logging.CRITICAL)  # a simulated worker that ends says so each time
    np.seterr(all="ignore")  # a mutation may compute nonsense


def _failed(seeds: Sequence[int]) -> tuple[int, dict[int, list[str]]]:
    return len(seeds), {seed: wrong for seed in seeds if (wrong := attempt(seed))}


def _caught(name: str) -> int | None:
    """A seed that notices a mutation: the one that did when it was last looked for, else the first."""
    first = noticed().get(name, 0)
    for seed in (first, *(seed for seed in range(PATIENCE) if seed != first)):
        if attempt(seed, mutation=name):
            return seed
    return None


def attempt(seed: int, say: Callable[[str], None] | None = None, mutation: str | None = None) -> list[str]:
    """What was wrong with one seed; a crash of the simulation itself is something wrong as well."""
    try:
        return simulate(seed, say, mutation)
    except Exception as error:  # noqa: BLE001 - whatever it is belongs to this seed
        return [f"the run ended with {error!r}"]


def simulate(seed: int, say: Callable[[str], None] | None = None, mutation: str | None = None) -> list[str]:
    """What went wrong with this seed; `say` is told the story. `mutation` is a rule broken in the run, and in the plain verdict.

    The second verdict folds by the rules as they are. Of each three seeds the workers of one have no room for open lines of days.
    """
    loop = VirtualLoop()
    loop.set_exception_handler(lambda *_: None)
    loop.set_task_factory(task_of_its_process)  # type: ignore[arg-type]
    faults = Faults(seed, say)
    asyncio.set_event_loop(loop)
    try:
        with both():
            with MUTATIONS[mutation]() if mutation else contextlib.nullcontext(_unchanged) as change:
                change(faults)
                with _small(), packed() if seed % 3 == 2 else contextlib.nullcontext():
                    loop.run_until_complete(World(faults).run())
                wrong = [*faults.wrong, *faults.redis.wrong, *verdict(faults)]
            return [*wrong, *folded_again(faults)]
    finally:
        _close(loop)


def _unchanged(_: Faults) -> None:
    """No rule is broken."""


@contextlib.contextmanager
def _small() -> Iterator[None]:
    """Bounds that a handful of users and seconds reach: several chunks and slices an interval, folding beside sending."""
    sizes: tuple[tuple[Any, str, Any], ...] = (
        (broker_loop, "FULL", 4),
        (broker_loop, "GLANCED", 4),
        (idle_pass, "ENOUGH", 2),
        (interval, "BEHIND_S", 10.0),  # so slow a feed would always be a backlog, and Redis hardly written
        (assess, "SLICE", 3),
        (engagements, "AT_ONCE", 2),
        (chunks, "ROOM", MOST),
        (outgoing, "CHUNK", 3),
        (shown, "CHUNK", 2),
        (shown, "AGAIN_AT_ONCE", 3),
        (partitions, "LIMITS", feeds.LIMITS),
        (partitions, "LOOK_S", 1.0),
        (partitions, "LOST_AFTER_S", 3.0),
    )
    before = [getattr(module, name) for module, name, _ in sizes]
    try:
        for module, name, size in sizes:
            setattr(module, name, size)
        yield
    finally:
        for (module, name, _), size in zip(sizes, before, strict=True):
            setattr(module, name, size)


def _close(loop: VirtualLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.close()
    asyncio.set_event_loop(None)
