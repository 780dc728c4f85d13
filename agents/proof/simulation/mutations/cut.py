"""Rules of the cut: what is sent is one moment of the partition, and all of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from agents.proof.simulation.mutations.registry import Registry, instead
from streams.fold.rows import DID, GOT, MOVED
from streams.model.chunks import Copied
from streams.partition.cut import Cut
from streams.partition.intake import Intake
from streams.partition.loop import Loop
from streams.partition.sending import Sender

MUTATIONS = Registry()


def _kept(change: Callable[[Sender, Cut], Cut]) -> contextlib.AbstractContextManager[None]:
    """Keep something else than the cut."""

    def other(keep: Any) -> Any:
        return lambda self, cut, version: keep(self, change(self, cut), version)

    return instead(Sender, "_keep", other)


@MUTATIONS.mutation("rows are those of the moment of sending, not of the cut")
def _rows_of_now() -> Iterator[None]:
    def now(sender: Sender, cut: Cut) -> Cut:
        table = sender._table
        return cut._replace(
            rows=table.cells[cut.changed], memories=table.memory.copied(cut.changed[(cut.marks & DID) != 0])
        )

    with _kept(now):
        yield


@MUTATIONS.mutation("positions are those of the moment of sending, not of the cut")
def _positions_of_now() -> Iterator[None]:
    intakes: dict[Sender, Intake] = {}

    def note(made: Any) -> Any:
        def making(self: Any, intake: Intake, sender: Sender, *rest: Any, **named: Any) -> None:
            intakes[sender] = intake
            made(self, intake, sender, *rest, **named)

        return making

    with (
        instead(Loop, "__init__", note),
        _kept(lambda sender, cut: cut._replace(positions=intakes[sender].positions)),
    ):
        yield


@MUTATIONS.mutation("what changes while an interval is sent is forgotten")
def _forgotten_changes() -> Iterator[None]:
    def forgetting(send: Any) -> Any:
        async def sending(self: Any, *given: Any, **named: Any) -> Any:
            alerts = await send(self, *given, **named)
            self._table.dirty &= ~np.uint8(DID | GOT | MOVED)
            return alerts

        return sending

    with instead(Sender, "send", forgetting):
        yield


@MUTATIONS.mutation("what actors remember is not kept")
def _no_memories() -> Iterator[None]:
    def nothing(_: Sender, cut: Cut) -> Cut:
        return cut._replace(memories=Copied(cut.memories.text, np.zeros(len(cut.memories), np.int64)))

    with _kept(nothing):
        yield


@MUTATIONS.mutation("the header has no clock")
def _no_clock() -> Iterator[None]:
    with _kept(lambda _, cut: cut._replace(clock=0)):
        yield
