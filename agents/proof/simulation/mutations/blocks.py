"""Rules of the input: no block is missing, and none is folded twice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from agents.proof.simulation.mutations.registry import Registry, instead
from streams.partition.intake import Intake
from streams.partition.loop import Loop
from streams.partition.takeover import Continuity

MUTATIONS = Registry()


def _folding(change: Callable[[Intake, Any], None]) -> contextlib.AbstractContextManager[None]:
    """Fold, but look at positions otherwise."""

    def other(fold: Any) -> Any:
        def folding(self: Intake, blocks: Any, newest_ms: int) -> None:
            for block in blocks:
                change(self, block)
                fold(self, [block], newest_ms)

        return folding

    return instead(Intake, "fold_all", other)


@MUTATIONS.mutation("a hole in the input is passed over")
def _holes_passed_over() -> Iterator[None]:
    def pass_over(intake: Intake, block: Any) -> None:
        intake.positions[block.topic] = max(intake.positions[block.topic], block.before)

    with _folding(pass_over):
        yield


@MUTATIONS.mutation("epochs are not looked at, nor what was folded already")
def _folded_again() -> Iterator[None]:
    def fold_again(intake: Intake, block: Any) -> None:
        intake.positions[block.topic] = block.before

    with (
        _folding(fold_again),
        instead(Loop, "offer", lambda offer: lambda self, b: offer(self, b._replace(epoch=self.epoch))),
    ):
        yield


@MUTATIONS.mutation("nobody looks for a lost last block")
def _no_look() -> Iterator[None]:
    with instead(Continuity, "look", lambda _: lambda *_: None):
        yield
