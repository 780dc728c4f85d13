"""One partition as a worker has it, with a broker and a Redis that swallow everything, and a steady feed."""

from __future__ import annotations

import asyncio
import struct
import time

import numpy as np

from agents.proof.bench.null_servers import Scoreboard, Swallow
from streams.broker.publisher import TransactionalPublisher
from streams.clocks import Clocks
from streams.fold.rows import ACTED, ACTIONS, ACTORS, DID_TS, ENGAGEMENTS, GOT_TS, HEAD, SCORE, SUMS
from streams.formats.engagements import encode
from streams.model import assess
from streams.model.engagements import packed
from streams.model.table import Table
from streams.model.versions import DAY_MS, DEFAULT
from streams.partition.block import Block
from streams.partition.intake import Intake
from streams.partition.interval import SHARE
from streams.partition.loop import Loop
from streams.partition.sending import Outlet, Sender
from streams.partition.terms import Pace, Start, Supply
from streams.partition.turns import Turns
from streams.policies.book import Book
from streams.scoreboard.flush import Versions
from streams.scoreboard.shown import Shown
from streams.scoreboard.view import View
from streams.topics import SOURCES

_PARTITIONS = 4
_NEVER_S = 1e6
_FED_AT_ONCE, _FED_EACH_S = 50, 0.02  # 2,500 events/s, and as many engagements


class _Record:
    """As aiokafka gives one."""

    __slots__ = ("headers", "key", "offset", "value")

    def __init__(self, offset: int, value: bytes) -> None:
        self.offset, self.value, self.key, self.headers = offset, value, None, ()


def population(users: int) -> Table:
    """A table in which everybody has acted and was engaged with in the last month, and is shown as they are now."""
    table, now_ms, dice = Table(DEFAULT), int(time.time() * 1000), np.random.default_rng(1)
    table.advance(now_ms)
    slots = table.slots([f"bench:user-{number:08d}" for number in range(users)])
    rows = table.cells[:users]
    rows[:, SUMS:ENGAGEMENTS] = dice.exponential(2.0, (users, ENGAGEMENTS - SUMS))
    rows[:, [ACTED, ACTIONS, ENGAGEMENTS, ACTORS]] = 3.0
    rows[:, [DID_TS, GOT_TS]] = now_ms - dice.integers(0, 30 * DAY_MS, (users, 1))
    head, before, after = (
        b"\x01" + bytes(HEAD - 1),
        struct.pack("<fq", 1.0, now_ms),
        b"\0" + b"someone!" + b"\7\0someone",
    )
    table.memory.put(slots, [b"".join((head, before, number.to_bytes(8), after)) for number in range(users)])
    table.days.begin(now_ms)
    rows[:, SCORE] = assess.population(table, now_ms)
    return table


class OnePartition:
    """One partition as a worker has it. `shift_s` lets the clock jump."""

    def __init__(self, table: Table) -> None:
        self.table, self.shift_s, self.board = table, 0.0, Scoreboard()
        self._fed = 0
        intake = Intake(table, 0, _PARTITIONS, Turns(monotonic_s=self._monotonic_s))
        intake.positions = {topic.name: 0 for topic in SOURCES}
        clocks, versions = Clocks(self._wall_ms, self._monotonic_s, time.thread_time), Versions(1)
        pace = Pace(_NEVER_S / 2, SHARE, _NEVER_S, stream_clock=False)
        self.shown = Shown(table, 0, "bench", versions)
        self.view = View(self.board, self.shown, pace.now_ms(table, clocks), self._wall_ms)
        self.view.resume(1, "")
        publisher = TransactionalPublisher(Swallow(), "bench")
        self.sender = Sender(table, publisher, Outlet(0, str, {}), Book, versions, clocks)
        self.loop = Loop(
            intake,
            self.sender,
            self.view,
            Start(1, {}),
            pace,
            clocks,
            Supply(lambda _: None),
        )

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
            by, to = ([f"bench:user-{one:08d}" for one in some] for some in zip(*pairs, strict=True))
            n = len(pairs)
            pack = packed(to, by, np.ones(n), np.full(n, now_ms), np.zeros(n, np.uint8))
            packs = [_Record(start, record) for record in encode(pack, now_ms)]
            self.loop.offer(Block("likes", 0, start, self._fed, 1, events))
            self.loop.offer(Block("engagements", 0, start, self._fed, 1, packs))
            await asyncio.sleep(_FED_EACH_S)


def _event(number: int, actor: int, target: int, ts: int) -> bytes:
    who = f'"actor":"user-{actor:08d}","target":"user-{target:08d}"'
    return f'{{"id":"b{number}","network":"bench",{who},"ts":{ts}}}'.encode()
