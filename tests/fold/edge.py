"""Arrays at the end of what may be read: one byte too many, and the process is gone."""

from __future__ import annotations

import ctypes
import mmap
import sys

import numpy as np
from numpy.typing import NDArray

from streams.fold.words import SPARE

PAGE = mmap.PAGESIZE


class Edge:
    """A place for bytes between two pages that nobody may read. Where pages cannot be locked, a place like any other."""

    def __init__(self, pages: int = 64) -> None:
        self._map = mmap.mmap(-1, (pages + 2) * PAGE)
        whole = np.frombuffer(self._map, np.uint8)
        self.locked = _lock(whole[:PAGE]) and _lock(whole[-PAGE:])
        self._open = whole[PAGE:-PAGE]
        self.behind = bytes(SPARE)  #: what lies behind the data: a kernel must not care
        self.left = False  #: data begin where the first page ends, instead of ending where the last page begins

    def hold(self, data: bytes) -> NDArray[np.uint8]:
        """The data and SPARE bytes, in the place of what was held before."""
        n = len(data) + SPARE
        if n > len(self._open):
            self.__init__(2 * n // PAGE + 1)  # type: ignore[misc]
        held = self._open[:n] if self.left else self._open[-n:]
        held[: len(data)] = np.frombuffer(data, np.uint8)
        held[len(data) :] = np.frombuffer(self.behind, np.uint8)
        return held

    def padded(self, data: bytes) -> NDArray[np.uint8]:
        """In the stead of `streams.fold.words.padded`: cannot be written to."""
        held = self.hold(data)[:]
        held.flags.writeable = False
        return held


def _lock(page: NDArray[np.uint8]) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return not libc.mprotect(ctypes.c_void_p(page.ctypes.data), ctypes.c_size_t(len(page)), 0)
