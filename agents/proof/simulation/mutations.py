"""The opposite of each rule, one at a time: a simulation that does not notice them would prove nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from agents.proof.simulation import log, publisher
from agents.proof.simulation.redis import Redis
from agents.proof.simulation.world import World
from streams.formats import state
from streams.partition import partitions
from streams.partition.cut import Cut
from streams.partition.intake import Intake
from streams.partition.loop import Loop
from streams.partition.sending import Sender
from streams.partition.takeover import Continuity
from streams.scoreboard.view import View
from streams.topics import ENGAGEMENTS, STATE

Change = Callable[[World], None]
Mutation = Callable[[], contextlib.AbstractContextManager[Change]]

MUTATIONS: dict[str, Mutation] = {}


def _mutation(what: str) -> Callable[[Callable[[], Iterator[Change | None]]], None]:
    def note(made: Callable[[], Iterator[Change | None]]) -> None:
        @contextlib.contextmanager
        def mutation() -> Iterator[Change]:
            with contextlib.contextmanager(made)() as change:
                yield change or (lambda _: None)

        MUTATIONS[what] = mutation

    return note


@contextlib.contextmanager
def _instead(owner: Any, name: str, made: Callable[[Any], Any]) -> Iterator[None]:
    """Replace a function by what `made` makes of it."""
    before = getattr(owner, name)
    setattr(owner, name, made(before))
    try:
        yield
    finally:
        setattr(owner, name, before)


# -- the transaction -----------------------------------------------------------------------------------------------------


@_mutation("offsets are committed outside the transaction, and believed")
def _m1() -> Iterator[None]:
    def early(commit: Any) -> Any:
        async def committing(self: Any, positions: Any, *, last: bool = False) -> None:
            self._process.world.broker.offsets |= positions
            await commit(self, positions, last=last)

        return committing

    def from_the_group(_: Any) -> Any:
        return lambda _found, logs, committed, _settings: {s: committed.get(s, at.first) for s, at in logs.items()}

    with _instead(publisher.Publisher, "commit", early), _instead(partitions, "positions", from_the_group):
        yield


@_mutation("positions begin at the log's start")
def _m2() -> Iterator[None]:
    with _instead(partitions, "positions", lambda _: lambda _found, logs, *_: {s: at.first for s, at in logs.items()}):
        yield


@_mutation("what is not committed is read")
def _m3() -> Iterator[Change]:
    def change(world: World) -> None:
        world.committed = False

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
                self._process.world.broker.produce((to, partition), key, value)
            return None

        return lambda self, to, partition, records: sending(self, to, partition, list(records))

    return _instead(publisher.Publisher, "send", plain)


@_mutation("rows are kept outside the transaction")
def _m4() -> Iterator[None]:
    with _outside_the_transaction(STATE.name):
        yield


@_mutation("engagements are sent outside the transaction")
def _m5() -> Iterator[None]:
    with _outside_the_transaction(ENGAGEMENTS.name):
        yield


@_mutation("a commit does not ask whether everything has arrived")
def _m6() -> Iterator[None]:
    def careless(commit: Any) -> Any:
        async def committing(self: Any, positions: Any, *, last: bool = False) -> None:
            await asyncio.gather(*self._sent, return_exceptions=True)
            self._sent = []
            await commit(self, positions, last=last)

        return committing

    with _instead(publisher.Publisher, "commit", careless):
        yield


# -- the cut -------------------------------------------------------------------------------------------------------------


def _kept(change: Callable[[Sender, Cut], Cut]) -> contextlib.AbstractContextManager[None]:
    """Keep something else than the cut."""

    def other(keep: Any) -> Any:
        return lambda self, cut, shown: keep(self, change(self, cut), shown)

    return _instead(Sender, "_keep", other)


@_mutation("rows are those of the moment of sending, not of the cut")
def _m7() -> Iterator[None]:
    def now(sender: Sender, cut: Cut) -> Cut:
        table = sender._table
        return cut._replace(
            rows=table.cells[cut.changed], memories=[table.memory[slot] for slot in cut.changed.tolist()]
        )

    with _kept(now):
        yield


@_mutation("positions are those of the moment of sending, not of the cut")
def _m8() -> Iterator[None]:
    intakes: dict[Sender, Intake] = {}

    def note(made: Any) -> Any:
        def making(self: Any, intake: Intake, sender: Sender, *rest: Any, **named: Any) -> None:
            intakes[sender] = intake
            made(self, intake, sender, *rest, **named)

        return making

    with (
        _instead(Loop, "__init__", note),
        _kept(lambda sender, cut: cut._replace(positions=intakes[sender].positions)),
    ):
        yield


@_mutation("what changes while an interval is sent is forgotten")
def _m9() -> Iterator[None]:
    def forgetting(send: Any) -> Any:
        async def sending(self: Any, *given: Any, **named: Any) -> None:
            await send(self, *given, **named)
            self._table.dirty[:] = 0

        return sending

    with _instead(Sender, "send", forgetting):
        yield


@_mutation("what actors remember is not kept")
def _m10() -> Iterator[None]:
    with _kept(lambda _, cut: cut._replace(memories=[b""] * len(cut.memories))):
        yield


@_mutation("the header has no clock")
def _m11() -> Iterator[None]:
    with _kept(lambda _, cut: cut._replace(clock=0)):
        yield


# -- take-over -----------------------------------------------------------------------------------------------------------


@_mutation("predecessors are not fenced")
def _m12() -> Iterator[None]:
    def again(initialise: Any) -> Any:
        return lambda self, producer: self._epochs.get(producer) or initialise(self, producer)

    with _instead(log.Broker, "initialise", again):
        yield


@_mutation("predecessors are fenced after their rows were read")
def _m13() -> Iterator[None]:
    async def later(_: Any) -> None:
        return

    def first(begin: Any) -> Any:
        async def beginning(self: Any) -> None:
            if self._epoch == 0:
                self._epoch = self._process.world.broker.initialise(self._id)
            await begin(self)

        return beginning

    with _instead(publisher.Publisher, "start", lambda _: later), _instead(publisher.Publisher, "begin", first):
        yield


@_mutation("rows of a partition that comes back are believed without a look")
def _m14() -> Iterator[None]:
    def untouched(recovered: Any) -> Any:
        async def recovering(self: Any, mine: set[int]) -> Any:
            ends = {number: kept.end for number, kept in self._kept.items()}

            async def same(_: Any) -> dict[int, int]:
                return ends

            self._ports.state_ends = same
            return await recovered(self, mine)

        return recovering

    with _instead(partitions.Partitions, "_recovered", untouched):
        yield


@_mutation("versions know no generation")
def _m15() -> Iterator[None]:
    def without(made: Any) -> Any:
        def making(self: Any, *given: Any, **named: Any) -> None:
            made(self, *given, **named)
            self._version = 0

        return making

    with _instead(Sender, "__init__", without):
        yield


# -- blocks --------------------------------------------------------------------------------------------------------------


def _folding(change: Callable[[Intake, Any], None]) -> contextlib.AbstractContextManager[None]:
    """Fold, but look at positions otherwise."""

    def other(fold: Any) -> Any:
        def folding(self: Intake, blocks: Any, newest_ms: int) -> None:
            for block in blocks:
                change(self, block)
                fold(self, [block], newest_ms)

        return folding

    return _instead(Intake, "fold_all", other)


@_mutation("a hole in the input is passed over")
def _m16() -> Iterator[None]:
    def pass_over(intake: Intake, block: Any) -> None:
        intake.positions[block.topic] = max(intake.positions[block.topic], block.before)

    with _folding(pass_over):
        yield


@_mutation("epochs are not looked at, nor what was folded already")
def _m17() -> Iterator[None]:
    def fold_again(intake: Intake, block: Any) -> None:
        intake.positions[block.topic] = block.before

    with (
        _folding(fold_again),
        _instead(Loop, "offer", lambda offer: lambda self, b: offer(self, b._replace(epoch=self.epoch))),
    ):
        yield


@_mutation("nobody looks for a lost last block")
def _m18() -> Iterator[None]:
    with _instead(Continuity, "look", lambda _: lambda *_: None):
        yield


# -- redis ---------------------------------------------------------------------------------------------------------------


@_mutation("redis takes any version")
def _m19() -> Iterator[None]:
    def any_version(_: Any) -> Any:
        def apply(self: Redis, flush: Any) -> int:
            self._write(flush)
            self.shown.versions[flush.partition] = flush.version
            return int(flush.after or 0)

        return apply

    with _instead(Redis, "apply", any_version):
        yield


@_mutation("calls to redis do not name the version they build on")
def _m20() -> Iterator[None]:
    with _instead(Redis, "apply", lambda apply: lambda self, flush: apply(self, replace(flush, after=None))):
        yield


@_mutation("the header always says that redis has everyone")
def _m21() -> Iterator[None]:
    with _instead(state, "Header", lambda made: lambda **named: made(**named | {"shown": True})):
        yield


@_mutation("what redis lost is not noticed")
def _m22() -> Iterator[None]:
    def deaf(lose: Any) -> Any:
        def losing(self: View, why: str) -> None:
            if why.startswith("redis has"):
                self._last = None
            else:
                lose(self, why)

        return losing

    with _instead(View, "lose", deaf):
        yield


@_mutation("calls that were dropped are not made good")
def _m23() -> Iterator[None]:
    def dropping(lose: Any) -> Any:
        def losing(self: View, why: str) -> None:
            if why.endswith("calls wait"):
                self._waiting.clear()
                self._nothing.set()
                self._something.clear()
            else:
                lose(self, why)

        return losing

    with _instead(View, "lose", dropping):
        yield
