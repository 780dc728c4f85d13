"""Engagements on their way from the actor's partition to the target's: collected by partition, and read when they arrive.

A code is the kind, plus flags (FIRST, FOLLOW, UNDO of `streams.fold.rows`). Weights travel as they were at `ts`; scaling for
a landmark is the receiver's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from streams.fold import packs
from streams.fold.packs import Emitted, Places
from streams.fold.rows import LONGEST
from streams.fold.words import SPARE

AT_ONCE = 2_000  # engagements in a piece at most: with the longest names 0.7 MB


class Piece(NamedTuple):
    """Engagements for one partition as they travel; `names` are texts with MessagePack's heads."""

    total: int
    names: bytes
    weights: bytes  #: f32
    times: bytes  #: i64, ms
    codes: bytes  #: u8

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.names) + 13 * self.total


class Pack:
    """Engagements for one partition, being collected."""

    __slots__ = ("pieces",)

    def __init__(self, pieces: Iterable[Piece] = ()) -> None:
        self.pieces = list(pieces)

    def __len__(self) -> int:
        return sum(piece.total for piece in self.pieces)


def packed(targets: Sequence[str], weights: ArrayLike, times: ArrayLike, codes: ArrayLike) -> Pack:
    """A pack of what is given column by column, (n,) each."""
    numbers = np.asarray(weights, "<f4"), np.asarray(times, "<i8"), np.asarray(codes, np.uint8)
    pieces = []
    for start in range(0, len(targets), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        names = [msgspec.msgpack.encode(target) for target in targets[part]]
        pieces.append(Piece(len(names), b"".join(names), *(column[part].tobytes() for column in numbers)))
    return Pack(pieces)


class Outbox:
    """Where `act` puts engagements; what waits for the cut, by home partition."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.emitted = Emitted(
            np.empty(AT_ONCE * LONGEST + SPARE, np.uint8),
            np.empty(AT_ONCE, np.int64),
            np.empty(AT_ONCE, np.float32),
            np.empty(AT_ONCE, np.int64),
            np.empty(AT_ONCE, np.uint8),
            np.empty(AT_ONCE, np.int32),
            np.zeros(1, np.int64),
        )
        self._packs: dict[int, Pack] = {}
        self._lines, self._bytes = np.zeros(partitions + 1, np.int64), np.zeros(partitions + 1, np.int64)

    def collect(self) -> None:
        """Sort what was emitted by home; the order within each is kept."""
        emitted = self.emitted
        n = int(emitted.so_far[0])
        if not n:
            return
        names = np.empty(int(emitted.ends[n - 1]) + 3 * n + SPARE, np.uint8)
        columns = np.empty(n, "<f4"), np.empty(n, "<i8"), np.empty(n, np.uint8)
        packs.by_home(emitted, self.partitions, self._lines, self._bytes, names, *columns)
        emitted.so_far[0] = 0
        lines, places = self._lines.tolist(), self._bytes.tolist()
        for home in np.flatnonzero(np.diff(self._lines)).tolist():
            part = slice(lines[home], lines[home + 1])
            text = names[places[home] : places[home + 1]].tobytes()
            piece = Piece(part.stop - part.start, text, *(column[part].tobytes() for column in columns))
            self._packs.setdefault(home, Pack()).pieces.append(piece)

    def take(self) -> dict[int, Pack]:
        """What was collected, by destination, in their order; begins anew."""
        taken, self._packs = dict(sorted(self._packs.items())), {}
        return taken


class Engagements(NamedTuple):
    """A pack as received: its bytes, and where everything is in them."""

    text: NDArray[np.uint8]
    found: Places
    starts: NDArray[np.int32]  #: (n,) of the targets
    lengths: NDArray[np.int32]  #: (n,)
    newest_ms: int  #: the newest time in it; 0: it is empty

    def __len__(self) -> int:
        return int(self.found.total)

    @property
    def clock(self) -> int:
        """The sender's, ms."""
        return int(self.found.clock)

    @property
    def targets(self) -> list[str]:
        """(n,) whom they are for."""
        ends = (self.starts + self.lengths).tolist()
        return [self.text[at:end].tobytes().decode() for at, end in zip(self.starts.tolist(), ends, strict=True)]

    @property
    def weights(self) -> NDArray[np.float32]:
        """(n,)."""
        return self._column(self.found.weights, "<f4")

    @property
    def times(self) -> NDArray[np.int64]:
        """(n,) ms."""
        return self._column(self.found.times, "<i8")

    @property
    def codes(self) -> NDArray[np.uint8]:
        """(n,)."""
        return self._column(self.found.codes, "u1")

    def _column(self, at: int, kind: str) -> NDArray[Any]:
        return np.frombuffer(self.text, kind, len(self), at)
