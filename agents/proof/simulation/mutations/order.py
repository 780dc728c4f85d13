"""Rules of order: what weighs by what came before it is folded as the headers tell, and a cut is one moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.proof.simulation import servers
from agents.proof.simulation.mutations.registry import Registry, instead
from streams.formats.header import Turn
from streams.model.parsed import Parsed
from streams.partition.intake import Intake
from streams.partition.loop import Loop

MUTATIONS = Registry()


@MUTATIONS.mutation("what actors remember is lost at a take-over")
def _memories_lost() -> Iterator[None]:
    def load(loaded: Any) -> Any:
        async def loading(*given: Any) -> Any:
            found = await loaded(*given)
            for column in (found.table.memory.arrays.at, found.table.memory.arrays.size):
                column[:] = 0
            return found

        return loading

    with instead(servers, "loaded", load):
        yield


@MUTATIONS.mutation("events of a turn act topic by topic, not by time")
def _topic_by_topic() -> Iterator[None]:
    with instead(Parsed, "in_time_order", lambda _: Parsed.in_order):
        yield


@MUTATIONS.mutation("blocks of a turn are folded in another order than the header tells")
def _another_order() -> Iterator[None]:
    def other(fold: Any) -> Any:
        def folding(self: Intake, blocks: Any, newest_ms: int) -> None:
            for block in sorted(blocks, key=lambda one: one.topic):
                fold(self, [block], newest_ms)
            turns = self._folded[-len(blocks) :]
            del self._folded[-len(blocks) :]
            self._folded.append(Turn(newest_ms, tuple(block for turn in turns for block in turn.blocks)))

        return folding

    with instead(Intake, "fold_all", other):
        yield


@MUTATIONS.mutation("the turns of an interval are told as one")
def _one_turn() -> Iterator[None]:
    def cut(real: Any) -> Any:
        def cutting(self: Intake, now_ms: int | None = None, *, tells: bool = False) -> Any:
            found = real(self, now_ms, tells=tells)
            blocks = tuple(block for turn in found.turns for block in turn.blocks)
            return found._replace(turns=(Turn(found.turns[-1].newest_ms, blocks),) if blocks else ())

        return cutting

    with instead(Intake, "cut", cut):
        yield


@MUTATIONS.mutation("what is folded while users are scored counts for them")
def _folded_beside() -> Iterator[None]:
    def fold(real: Any) -> Any:
        def folding(self: Any) -> bool:
            self._view.stand(None)
            return bool(real(self))

        return folding

    with instead(Loop, "_fold", fold):
        yield
