"""An event loop whose clock jumps to the next thing to do: minutes of waiting cost nothing and are always the same."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumps(selectors.SelectSelector):
    """Never waits: what would have been waited for is told to the loop."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found:
            if timeout is None:
                raise RuntimeError("everybody waits, and nothing will ever happen")
            self.loop.now_s += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """`loop.time()` is virtual. For code that asks nobody else for the time and opens no sockets."""

    def __init__(self) -> None:
        self.now_s = 0.0
        selector = _Jumps()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.now_s


def run(story: Coroutine[Any, Any, T]) -> T:
    """Run a story in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)
