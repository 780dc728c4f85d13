"""Tables with little room for open lines of days: whatever is open is packed whenever room is asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from agents.proof.simulation.mutations.registry import instead
from streams.fold.day_lines import FREE
from streams.model import days
from streams.model.days import Days


@contextlib.contextmanager
def packed() -> Iterator[None]:
    """All tables are such ones."""

    def at_once(room_for: Callable[..., Any]) -> Callable[..., Any]:
        def packing(self: Days, more: int) -> Any:
            self.pack(1 + np.flatnonzero(self.arrays.state[1:] != FREE))
            return room_for(self, more)

        return packing

    with instead(Days, "room_for", at_once), instead(days, "FIRST", lambda _: 2):
        yield
