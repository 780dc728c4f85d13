"""Values of records one behind another, as places in bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.fold.words import padded


class Values:
    """Value i is text[starts[i] : starts[i] + lengths[i]]; length -1: there is none. Places rise."""

    __slots__ = ("lengths", "starts", "text")

    def __init__(self, text: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int32]) -> None:
        self.text, self.starts, self.lengths = text, starts, lengths

    @classmethod
    def of(cls, values: Sequence[bytes | None]) -> Values:
        """Of values at hand."""
        return Values(*placed(values))

    def __len__(self) -> int:
        return len(self.starts)

    def value(self, i: int) -> bytes | None:
        """One of them."""
        start, n = int(self.starts[i]), int(self.lengths[i])
        return None if n < 0 else self.text[start : start + n].tobytes()


def placed(values: Sequence[bytes | None]) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32]]:
    """Values put one behind another: text, starts and lengths."""
    lengths = np.fromiter((-1 if value is None else len(value) for value in values), np.int32, len(values))
    sizes = np.maximum(lengths, 0)
    return padded(b"".join([value for value in values if value])), sizes.cumsum() - sizes, lengths
