"""Rules of the seam to the compiled core: it goes on where a kernel came to, and hands over all there is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from agents.proof.simulation.mutations.registry import Registry, instead
from streams.fold.rows import MET
from streams.formats import state
from streams.formats.packed import Packed
from streams.model import acting, receiving
from streams.model.engagements import Outbox

MUTATIONS = Registry()


def _kernel(module: Any, name: str, change: Callable[[Any], Any]) -> contextlib.AbstractContextManager[None]:
    """Another kernel of that name, as the module calls it."""
    return instead(
        module, "kernels", lambda kernels: SimpleNamespace(**{**vars(kernels), name: change(getattr(kernels, name))})
    )


@MUTATIONS.mutation("an event is left out when a kernel had no room left")
def _left_out() -> Iterator[None]:
    def skipping(act: Any) -> Any:
        return lambda *given: min(act(*given) + 1, len(given[8]))

    with _kernel(acting, "act", skipping):
        yield


@MUTATIONS.mutation("engagements are forgotten when there is no room for more")
def _forgotten_outbox() -> Iterator[None]:
    def forgetting(collect: Any) -> Any:
        def collecting(self: Outbox, users: Any) -> None:
            if self.emitted.so_far[0] == len(self.emitted.ends):
                self.emitted.so_far[0] = 0
            collect(self, users)

        return collecting

    with instead(Outbox, "collect", forgetting):
        yield


@MUTATIONS.mutation("the last engagement of a pack is not folded")
def _last_of_a_pack() -> Iterator[None]:
    def shorter(receive: Any) -> Any:
        def receiving_less(*given: Any) -> Any:
            found = given[9]
            given[-2][:] = 0
            done = receive(*given[:9], found._replace(total=max(found.total - 1, 1)), *given[10:])
            return max(done, found.total) if done >= found.total - 1 else done

        return receiving_less

    with _kernel(receiving, "receive", shorter):
        yield


@MUTATIONS.mutation("who was engaged with by whom is forgotten at a take-over")
def _forgotten_people() -> Iterator[None]:
    def forgetting(load: Any) -> Any:
        def loading(table: Any, rows: Packed, written: int = state.FORMAT) -> None:
            load(table, Packed.of([(key, value) for key, value in rows if key[:1] != state.MET_KEY]), written)

        return loading

    with instead(state, "load", forgetting):
        yield


@MUTATIONS.mutation("that somebody new engaged is not marked")
def _nobody_new() -> Iterator[None]:
    def blind(receive: Any) -> Any:
        def receiving_blindly(cells: Any, dirty: Any, *rest: Any) -> Any:
            done = receive(cells, dirty, *rest)
            dirty &= ~np.uint8(MET)
            return done

        return receiving_blindly

    with _kernel(receiving, "receive", blind):
        yield
