"""A channel that has failed again and again is left alone for a while, then tried with one message. Pure."""

from __future__ import annotations

FAILURES = 5  #: one after the other, until it opens
FIRST_MS, LONGEST_MS = 30_000, 600_000  #: how long it is open


class Breaker:
    """Of one channel whose longest wait between attempts is `longest_ms`: it is not left alone for longer."""

    def __init__(self, longest_ms: float = LONGEST_MS) -> None:
        self._first_ms, self._longest_ms = min(FIRST_MS, longest_ms), min(LONGEST_MS, longest_ms)
        self.failures = 0  #: one after the other
        self.until_ms = 0.0  #: nothing is tried before
        self._asked_ms = 0.0  # its receiver asks to be left alone until then
        self._lasts_ms = self._first_ms
        self.open = False

    def room(self, now_ms: float, on_the_way: int, most: int) -> int:
        """How many messages may begin now."""
        if now_ms < self.until_ms:
            return 0
        return max((1 if self.open else most) - on_the_way, 0)

    def succeeded(self) -> None:
        """A message was delivered. What its receiver has asked for holds all the same."""
        self.failures, self.until_ms, self._lasts_ms, self.open = 0, self._asked_ms, self._first_ms, False

    def failed(self, now_ms: float, wait_ms: float = 0.0) -> None:
        """A message was not; its receiver asks to be left alone for `wait_ms`."""
        self.failures += 1
        others = now_ms < self.until_ms  # others that were on the way when it opened
        if not others and (self.open or self.failures >= FAILURES):
            self.open, self.until_ms = True, now_ms + self._lasts_ms
            self._lasts_ms = min(2 * self._lasts_ms, self._longest_ms)
        if wait_ms:
            self._asked_ms = max(self._asked_ms, now_ms + wait_ms)
            self.until_ms = max(self.until_ms, self._asked_ms)
