"""Short texts that are replaced now and then: one behind another, found by the places that their owners keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.fold import tails
from streams.fold.words import SPARE

Places = NDArray[np.int64]  #: (n, 2) from where to where each is


class Scraps:
    """The texts. What no place names any more goes when room is made."""

    __slots__ = ("text", "used")

    def __init__(self) -> None:
        self.text: NDArray[np.uint8] = np.zeros(256, np.uint8)
        self.used = 0

    def add(self, text: NDArray[np.uint8] | bytes, *named: Places) -> int:
        """Put bytes behind the others; `named` are all places there are, which may move. Returns where it begins."""
        if self.used + len(text) + SPARE > len(self.text):
            old, kept = self.text, sum(int((places[:, 1] - places[:, 0]).sum()) for places in named)
            self.text, self.used = np.zeros(2 * (kept + len(text)) + SPARE, np.uint8), 0
            for places in named:
                self.used = int(tails.together(old, places, self.text, self.used))
        start, self.used = self.used, self.used + len(text)
        self.text[start : self.used] = np.frombuffer(text, np.uint8) if isinstance(text, bytes) else text
        return start
