"""Many texts in one array of bytes: what kernels write and read. A list of them would cost more than writing them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import overload

import numpy as np
from numpy.typing import NDArray

from streams.fold.words import SPARE, padded


class Texts(Sequence[bytes]):
    """Number i is text[starts[i]:ends[i]]; of -1 bytes is what there is not.

    The array itself is kept, and no view of it: whoever owns it may make room in it.
    """

    __slots__ = ("ends", "starts", "text")

    def __init__(self, text: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        """`text` has SPARE bytes behind the last one."""
        self.text, self.starts, self.ends = text, starts, ends

    @classmethod
    def between(cls, text: NDArray[np.uint8], bounds: NDArray[np.int64]) -> Texts:
        """Texts one behind another: number i from bounds[i] to bounds[i + 1]."""
        return cls(text, bounds[:-1], bounds[1:])

    @classmethod
    def of(cls, texts: Sequence[bytes | None]) -> Texts:
        """These, copied."""
        some = [text or b"" for text in texts]
        bounds = np.fromiter(chain((0,), map(len, some)), np.int64, len(some) + 1).cumsum()
        missing = np.fromiter((text is None for text in texts), np.bool_, len(some))
        return cls(padded(b"".join(some)), bounds[:-1], bounds[1:] - missing)

    @classmethod
    def joined(cls, parts: Sequence[Texts]) -> tuple[Texts, NDArray[np.int64]]:
        """Several, one behind another, and by how much the places of each have moved."""
        moved = np.cumsum([0, *(len(part.text) for part in parts[:-1])])
        starts, ends = (
            np.concatenate([places + by for places, by in zip(some, moved, strict=True)])
            for some in ([part.starts for part in parts], [part.ends for part in parts])
        )
        return cls(np.concatenate([part.text for part in parts]), starts, ends), moved

    @classmethod
    def room(cls, count: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """(text, bounds) for so many of `size` bytes together, to be filled; the first bound is set."""
        bounds = np.empty(count + 1, np.int64)
        bounds[0] = 0
        return np.empty(size + SPARE, np.uint8), bounds

    def get(self, number: int) -> bytes | None:
        """One of them, None for what there is not."""
        return None if self.ends[number] < self.starts[number] else self[number]

    @property
    def size(self) -> int:
        """Bytes together."""
        return int((self.ends - self.starts).sum())

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[bytes]:
        text = memoryview(self.text.data)
        return iter(
            [bytes(text[start:end]) for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True)]
        )

    @overload
    def __getitem__(self, number: int) -> bytes: ...
    @overload
    def __getitem__(self, number: slice) -> Texts: ...
    def __getitem__(self, number: int | slice) -> bytes | Texts:
        if isinstance(number, slice):
            return Texts(self.text, self.starts[number], self.ends[number])
        return self.text[self.starts[number] : self.ends[number]].tobytes()

    def __eq__(self, other: object) -> bool:
        """As a list of bytes."""
        return list(self) == list(other) if isinstance(other, Iterable) else NotImplemented

    __hash__ = None  # type: ignore[assignment]
