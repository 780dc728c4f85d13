"""How the opposite of a rule is written down, and done."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from agents.proof.simulation.faults import Faults

Change = Callable[[Faults], None]
Mutation = Callable[[], contextlib.AbstractContextManager[Change]]


class Registry(dict[str, Mutation]):
    """Mutations by what they do, in words."""

    def mutation(self, what: str) -> Callable[[Callable[[], Iterator[Change | None]]], None]:
        """Note a generator that breaks a rule until it goes on; it may give what is to be changed in a run."""

        def note(made: Callable[[], Iterator[Change | None]]) -> None:
            @contextlib.contextmanager
            def mutation() -> Iterator[Change]:
                with contextlib.contextmanager(made)() as change:
                    yield change or (lambda _: None)

            self[what] = mutation

        return note


@contextlib.contextmanager
def instead(owner: Any, name: str, made: Callable[[Any], Any]) -> Iterator[None]:
    """Replace a function by what `made` makes of it."""
    before = getattr(owner, name)
    setattr(owner, name, made(before))
    try:
        yield
    finally:
        setattr(owner, name, before)
