"""Rules of a take-over: predecessors are fenced before their rows are read, and versions go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.proof.simulation.log import Broker
from agents.proof.simulation.mutations.registry import Registry, instead
from agents.proof.simulation.publisher import Publisher
from streams.partition.partitions import Partitions
from streams.scoreboard.flush import Versions

MUTATIONS = Registry()


@MUTATIONS.mutation("predecessors are not fenced")
def _unfenced() -> Iterator[None]:
    def again(initialise: Any) -> Any:
        return lambda self, producer: self._epochs.get(producer) or initialise(self, producer)

    with instead(Broker, "initialise", again):
        yield


@MUTATIONS.mutation("predecessors are fenced after their rows were read")
def _fenced_late() -> Iterator[None]:
    async def later(_: Any) -> None:
        return

    def first(begin: Any) -> Any:
        async def beginning(self: Any) -> None:
            if self._epoch == 0:
                self._epoch = self._process.faults.broker.initialise(self._id)
            await begin(self)

        return beginning

    with instead(Publisher, "start", lambda _: later), instead(Publisher, "begin", first):
        yield


@MUTATIONS.mutation("rows of a partition that comes back are believed without a look")
def _believed_rows() -> Iterator[None]:
    def untouched(recovered: Any) -> Any:
        async def recovering(self: Any, mine: set[int]) -> Any:
            ends = {number: kept.end for number, kept in self._kept.items()}

            async def same(_: Any) -> dict[int, int]:
                return ends

            self._ports.state_ends = same
            return await recovered(self, mine)

        return recovering

    with instead(Partitions, "_recovered", untouched):
        yield


@MUTATIONS.mutation("versions know no generation")
def _no_generation() -> Iterator[None]:
    def without(made: Any) -> Any:
        def making(self: Versions, generation: int) -> None:
            made(self, generation)
            self.last = 0

        return making

    with instead(Versions, "__init__", without):
        yield
