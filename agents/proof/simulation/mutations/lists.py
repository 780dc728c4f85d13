"""Rules of lists: they are kept, and an undo reaches them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from agents.proof.simulation.mutations.registry import Registry, instead
from streams.fold.packs import NOTHING
from streams.fold.rows import LISTED, UNDO
from streams.model.engagements import Engagements
from streams.partition import scoring
from streams.partition.sending import Sender

MUTATIONS = Registry()


@MUTATIONS.mutation("lists are not kept")
def _lists_not_kept() -> Iterator[None]:
    def unmarked(keep: Any) -> Any:
        return lambda self, cut, version: keep(self, cut._replace(marks=cut.marks & ~np.uint8(LISTED)), version)

    with instead(Sender, "_keep", unmarked):
        yield


def _received(change: Callable[[Engagements], Engagements]) -> contextlib.AbstractContextManager[None]:
    """Partitions, not the plain fold, receive something else."""

    def other(receive: Any) -> Any:
        def receiving(table: Any, packs: Sequence[Engagements]) -> Any:
            return receive(table, [change(pack) for pack in packs])

        return receiving

    return instead(scoring, "receive", other)


@MUTATIONS.mutation("an undo does not reach the lists of what it was about")
def _undo_of_nothing() -> Iterator[None]:
    def about_nothing(pack: Engagements) -> Engagements:
        if pack.found.abouts:
            about = np.frombuffer(pack.text, "<u2", len(pack), pack.found.abouts)
            about[(pack.codes & UNDO) != 0] = NOTHING
        return pack

    with _received(about_nothing):
        yield
