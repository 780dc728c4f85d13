"""How much CPU a piece of work takes, without what others do while it waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Busy(Generic[T]):
    """Awaits some work and adds up in `seconds` what its own steps took, by a clock such as `time.thread_time`."""

    def __init__(self, work: Awaitable[T], cpu_s: Callable[[], float]) -> None:
        self._work, self._cpu_s = work, cpu_s
        self.seconds = 0.0

    def __await__(self) -> Generator[Any, Any, T]:
        steps: Any = self._work.__await__()
        step, given = steps.send, None
        while True:
            began = self._cpu_s()
            try:
                awaited = step(given)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self.seconds += self._cpu_s() - began
            try:
                step, given = steps.send, (yield awaited)
            except BaseException as error:  # noqa: BLE001 - a cancellation, say: it is the work's
                step, given = steps.throw, error
