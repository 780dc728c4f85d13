"""An event loop whose time passes only when nothing is left to do: minutes of timers run in milliseconds, the same each time."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn


class Stuck(RuntimeError):
    """Nothing is left to do and nobody waits for a time: a deadlock."""


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio's loop without a selector: it never sleeps and never touches the system."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._now_s = 0.0
        self._selector = self

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def select(self, timeout: float | None) -> list[Any]:
        """What the loop calls when it would wait: let the time pass, a little of it always, as in life."""
        if timeout is None:
            raise Stuck("nobody has anything to do any more")
        self._now_s += timeout + 1e-6
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """No file descriptors, no events."""

    def _write_to_self(self) -> NoReturn:
        raise NotImplementedError("threads have no business in a simulation")
