"""Rules of daily closes: they are kept with what has come since, and Redis gets them again when they have changed."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from agents.proof.simulation.mutations.registry import Registry, instead
from streams.fold import record
from streams.formats import state
from streams.model import acting, closes, inforce, receiving
from streams.model.days import Days
from streams.model.hours import Hours
from streams.model.inforce import InForce
from streams.model.table import Table
from streams.partition import intake
from streams.scoreboard.histories import Histories

MUTATIONS = Registry()


@MUTATIONS.mutation("daily closes are not kept")
def _not_kept() -> Iterator[None]:
    with instead(intake, "closes", lambda module: SimpleNamespace(lacking=module.lacking, cut=lambda *_: [])):
        yield


@MUTATIONS.mutation("what has come since a close is not kept")
def _without_since() -> Iterator[None]:
    with instead(Days, "since", lambda since: lambda self, slots: (0 * since(self, slots)[0], since(self, slots)[1])):
        yield


@MUTATIONS.mutation("closes are by the model of now")
def _model_of_now() -> Iterator[None]:
    with instead(closes, "name_at", lambda _: lambda models, _: models[-1].name):
        yield


@MUTATIONS.mutation("a header has one model")
def _one_model() -> Iterator[None]:
    with instead(inforce, "taken_over", lambda _: lambda _, name, __: (InForce(name, 0),)):
        yield


@MUTATIONS.mutation("what has come in an hour is not kept")
def _without_an_hour() -> Iterator[None]:
    with instead(Hours, "lately", lambda lately: lambda self, slots: lately(self, 0 * slots)):
        yield


@MUTATIONS.mutation("Redis gets the closes of a user once")
def _shown_once() -> Iterator[None]:
    def once(changed: Any) -> Any:
        def changing(self: Histories, slots: Any) -> Any:
            shown = self._table.days.arrays.shown[self._table.days.lines(slots)]
            return changed(self, np.asarray(slots)[shown == 0])

        return changing

    with instead(Histories, "changed", once):
        yield


@MUTATIONS.mutation("a close is filled in after the change")
def _after_the_change() -> Iterator[None]:
    before: dict[int, Any] = {}

    def late(calendar: Any) -> Any:
        def of_the_block_before(table: Table) -> Any:
            now = calendar(table)
            return before.pop(id(table), now) if before.setdefault(id(table), now).today < now.today else now

        return of_the_block_before

    with instead(acting, "calendar", late), instead(receiving, "calendar", late):
        yield


@MUTATIONS.mutation("days that closed before a take-over are skipped")
def _skipped() -> Iterator[None]:
    def load(loaded: Any) -> Any:
        def loading(table: Table, *rest: Any) -> None:
            loaded(table, *rest)
            arrays = table.days.arrays
            np.maximum(arrays.day, table.days.today, out=arrays.day, where=arrays.day > 0)

        return loading

    with instead(state, "load", load):
        yield


@MUTATIONS.mutation("what closed days gave is not kept")
def _not_booked() -> Iterator[None]:
    with instead(Days, "booked", lambda booked: lambda self, line: 0 * booked(self, line)):
        yield


@MUTATIONS.mutation("packed lines do not have what closed days gave")
def _packed_without_a_ledger() -> Iterator[None]:
    def forgetting(pack: Any) -> Any:
        def packing(self: Days, lines: Any) -> None:
            self.arrays.ledger[lines] = 0.0
            pack(self, lines)

        return packing

    with instead(Days, "pack", forgetting):
        yield


@MUTATIONS.mutation("records do not say what has come since a close")
def _not_said() -> Iterator[None]:
    with instead(record, "write", lambda write: lambda *given: write(*given[:12], 0 * given[12], *given[13:])):
        yield
