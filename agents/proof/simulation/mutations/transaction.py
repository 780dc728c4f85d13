"""Rules of the transaction: offsets, rows and engagements are seen together, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from agents.proof.simulation.faults import Faults
from agents.proof.simulation.mutations.registry import Change, Registry, instead
from agents.proof.simulation.publisher import Publisher
from streams.formats import state
from streams.partition import partitions
from streams.partition.ports import Written
from streams.topics import ENGAGEMENTS, STATE

MUTATIONS = Registry()


@MUTATIONS.mutation("offsets are committed outside the transaction, and believed")
def _offsets_early() -> Iterator[None]:
    def early(commit: Any) -> Any:
        async def committing(self: Any, positions: Any, *, last: bool = False) -> Any:
            self._process.faults.broker.offsets |= positions
            return await commit(self, positions, last=last)

        return committing

    def from_the_group(_: Any) -> Any:
        return lambda _header, logs, committed, _settings: {s: committed.get(s, at.first) for s, at in logs.items()}

    with instead(Publisher, "commit", early), instead(partitions, "positions", from_the_group):
        yield


@MUTATIONS.mutation("positions begin at the log's start")
def _from_the_start() -> Iterator[None]:
    with instead(partitions, "positions", lambda _: lambda _header, logs, *_: {s: at.first for s, at in logs.items()}):
        yield


@MUTATIONS.mutation("what is not committed is read")
def _uncommitted_is_read() -> Iterator[Change]:
    def change(faults: Faults) -> None:
        faults.committed = False

    yield change


def _outside_the_transaction(topic: str) -> contextlib.AbstractContextManager[None]:
    def plain(send: Any) -> Any:
        async def sending(self: Any, to: str, partition: int, records: Any) -> Any:
            if to != topic or self._epoch == 0:
                return await send(self, to, partition, records)
            batch = [(key, value) for key, value in records if key != state.HEADER]
            if not batch:
                return await send(self, to, partition, [(state.HEADER, value) for _, value in records])
            await self._process.step("sends outside the transaction")
            for key, value in batch:
                self._process.faults.broker.produce((to, partition), key, value)
            return None

        return lambda self, to, partition, records: sending(self, to, partition, list(records))

    return instead(Publisher, "send", plain)


@MUTATIONS.mutation("rows are kept outside the transaction")
def _rows_outside() -> Iterator[None]:
    with _outside_the_transaction(STATE.name):
        yield


@MUTATIONS.mutation("engagements are sent outside the transaction")
def _engagements_outside() -> Iterator[None]:
    with _outside_the_transaction(ENGAGEMENTS.name):
        yield


@MUTATIONS.mutation("a commit does not ask whether everything has arrived")
def _careless_commit() -> Iterator[None]:
    def careless(_: Any) -> Any:
        async def arrived(self: Any) -> Any:
            sent, self._sent, self._last = self._sent, [], {}
            found = await asyncio.gather(*sent, return_exceptions=True)
            state_end = (STATE.name, int(self._id.rpartition("-")[2])), Written(0)
            return [state_end, *(one for one in found if not isinstance(one, BaseException))]

        return arrived

    with instead(Publisher, "_arrived", careless):
        yield
