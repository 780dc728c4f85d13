"""Rules of daily closes: they are kept with what has come since, and Redis gets them again when they have changed."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from agents.proof.simulation.mutations.registry import Registry, instead
from streams.model.days import Days
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


@MUTATIONS.mutation("Redis gets the closes of a user once")
def _shown_once() -> Iterator[None]:
    def once(changed: Any) -> Any:
        def changing(self: Histories, slots: Any) -> Any:
            shown = self._table.days.arrays.shown[self._table.days.lines(slots)]
            return changed(self, np.asarray(slots)[shown == 0])

        return changing

    with instead(Histories, "changed", once):
        yield
