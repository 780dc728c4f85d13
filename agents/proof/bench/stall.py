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
from agents.proof.bench.null_servers import NullScoreboard, Swallow
from agents.proof.bench.show import Show
from streams.broker.publisher import TransactionalPublisher
from streams.clocks import Clocks
from streams.errors import CloutError
from streams.formats import engagements as packed
from streams.formats import state
from streams.model import assess, days, engagements, memory
from streams.model.alerts import FallRule
from streams.model.table import (
    ACTED,
    ACTIONS,
    ACTORS,
    DID,
    DID_TS,
    ENGAGEMENTS,
    GOT,
    GOT_TS,
    SHOWN,
    SUMS,
    Table,
)
from streams.model.versions import DAY_MS, DEFAULT
from streams.partition import sending
from streams.partition.block import Block
from streams.partition.intake import Intake
from streams.partition.interval import SHARE
from streams.partition.loop import Loop, Pace, Start
from streams.partition.sending import Sender
from streams.partition.turns import Turns
from streams.scoreboard.view import View
from streams.topics import SOURCES

GOAL_MS = 50.0
_PARTITIONS = 4
_NEVER_S = 1e6
_FED_AT_ONCE, _FED_EACH_S = 50, 0.02  # 2,500 events/s, and as many engagements
_LONGEST_S = 300.0
_GROWN_TO = 1_500_000  # the dictionary of users is made anew at 1.4 million

#: what may keep the event loop, by the name it has in the result
_PHASES: dict[str, tuple[Any, str]] = {
    "fold": (Intake, "fold_all"),
    "glance": (Sender, "glance"),
    "cut": (Intake, "cut"),
    "split packs": (engagements, "split"),
    "encode packs": (packed, "encode"),
    "score and judge": (sending, "chunks"),
    "encode state": (state, "records"),
    "idle pass": (assess, "moved"),
    "take closes": (days, "taken"),
}


class _Record:
    """As aiokafka gives one."""

    __slots__ = ("headers", "key", "offset", "value")

    def __init__(self, offset: int, value: bytes) -> None:
        self.offset, self.value, self.key, self.headers = offset, value, None, ()


def population(users: int) -> Table:
    """A table in which everybody has acted and was engaged with in the last month, and is shown as they are now."""
    table, now_ms, dice = Table(DEFAULT), int(time.time() * 1000), np.random.default_rng(1)
    table.advance(now_ms)
    for number in range(users):
        table.add(f"bench:user-{number:08d}")
    rows = table.cells[:users]
    rows[:, SUMS:ENGAGEMENTS] = dice.exponential(2.0, (users, ENGAGEMENTS - SUMS))
    rows[:, [ACTED, ACTIONS, ENGAGEMENTS, ACTORS]] = 3.0
    rows[:, [DID_TS, GOT_TS]] = now_ms - dice.integers(0, 30 * DAY_MS, (users, 1))
    some = memory.entry(1.0, now_ms, bytes(8), 0, memory.target_key(b"someone"), b"someone")
    table.memory[:] = [memory.remember(b"", 0, some[:12] + number.to_bytes(8) + some[20:]) for number in range(users)]
    table.day = now_ms // DAY_MS
    rows[:, SHOWN] = assess.population(table, now_ms)
    return table


class _Partition:
    """One partition as a worker has it. `shift_s` lets the clock jump."""

    def __init__(self, table: Table) -> None:
        self.table, self.shift_s, self.board = table, 0.0, NullScoreboard()
        self._fed = 0
        intake = Intake(table, 0, _PARTITIONS, Turns(monotonic_s=self._monotonic_s))
        intake.positions = {topic.name: 0 for topic in SOURCES}
        self.view = View(self.board, 0)
        self.sender = Sender(
            table,
            0,
            TransactionalPublisher(Swallow(), "bench"),
            self.view,
            FallRule(),
            topic=str,
            topic_ids={},
            generation=1,
            closed=0,
            owner="bench",
            wall_ms=self._wall_ms,
            cpu_s=time.thread_time,
        )
        self.loop = Loop(
            intake,
            self.sender,
            self.view,
            Start(1, {}),
            Pace(_NEVER_S / 2, SHARE, _NEVER_S, stream_clock=False),
            Clocks(self._wall_ms, self._monotonic_s, time.thread_time),
            lambda _: None,
        )
        self.loop.resume(everyone=False)

    def _wall_ms(self) -> float:
        return time.time() * 1000

    def _monotonic_s(self) -> float:
        return time.monotonic() + self.shift_s

    def interval_over(self) -> None:
        """The open interval is due; so is the idle pass after two calls."""
        self.shift_s += _NEVER_S / 2

    async def feed(self) -> None:
        """A steady feed of events by, and engagements with, whoever is there."""
        dice, users = np.random.default_rng(2), len(self.table)
        while True:
            start, now_ms = self._fed, int(self._wall_ms())
            self._fed += _FED_AT_ONCE
            pairs = dice.integers(0, users, (_FED_AT_ONCE, 2)).tolist()
            events = [_Record(start + n, _event(start + n, a, b, now_ms)) for n, (a, b) in enumerate(pairs)]
            pack = engagements.Pack()
            for a, _ in pairs:
                pack.targets.append(f"bench:user-{a:08d}")
                pack.weights.append(1.0)
                pack.times.append(now_ms)
                pack.codes.append(engagements.FIRST)
            packs = [_Record(start, record) for record in packed.encode(pack, now_ms)]
            self.loop.offer(Block("likes", 0, start, self._fed, 1, events))
            self.loop.offer(Block("engagements", 0, start, self._fed, 1, packs))
            await asyncio.sleep(_FED_EACH_S)


def _event(number: int, actor: int, target: int, ts: int) -> bytes:
    who = f'"actor":"user-{actor:08d}","target":"user-{target:08d}"'
    return f'{{"id":"b{number}","network":"bench",{who},"ts":{ts}}}'.encode()


Case = tuple[Callable[[_Partition], None], Callable[[_Partition], bool]]  # begin it, is it over?


def _cases(changed: int) -> dict[str, Case]:
    def commit(one: _Partition) -> None:
        one.table.dirty[:changed] |= DID | GOT
        one.interval_over()

    def idle(one: _Partition) -> None:
        one.board.users = 0
        one.table.cells[: len(one.table), SHOWN] += 0.5
        one.interval_over()
        one.interval_over()

    def close(one: _Partition) -> None:
        one.table.day -= 1
        one.interval_over()

    def everyone(one: _Partition) -> None:
        one.board.users = 0
        one.view.lose("the benchmark says so")

    def committed(one: _Partition) -> bool:
        return one.sender.commits > 1 and one.loop.view_caught_up

    def closed(one: _Partition) -> bool:
        return one.board.closes >= len(one.table) and committed(one)

    def shown(one: _Partition) -> bool:
        return one.board.users >= len(one.table) and one.loop.view_caught_up

    return {
        "commit": (commit, committed),
        "idle pass": (idle, shown),
        "daily close": (close, closed),
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
    one = _Partition(table)
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
        table.add(name)
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
