"""Records, ready to be sent, in arrays of bytes: what leaves by the thousand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.model.texts import Texts


class Packed(Iterable[tuple[Any, bytes]]):
    """Iterates as (key or None, value). A publisher that knows it takes the arrays as they are. What has -1 bytes is none."""

    __slots__ = ("keys", "values")

    def __init__(self, keys: Texts | None, values: Texts) -> None:
        """Without `keys` none has one."""
        self.keys = keys or Texts(values.text, values.starts, values.starts - 1)
        self.values = values

    @classmethod
    def of(cls, records: Sequence[tuple[bytes | None, bytes | None]]) -> Packed:
        """Of (key, value) pairs; a value of None deletes what has the key."""
        return cls(Texts.of([key for key, _ in records]), Texts.of([value for _, value in records]))

    def where(self, mask: NDArray[np.bool_]) -> Packed:
        """Some of them, (n,) says which."""
        keys, values = self.keys, self.values
        return Packed(*(Texts(some.text, some.starts[mask], some.ends[mask]) for some in (keys, values)))

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Bytes of each key and value together, (n,)."""
        return self.keys.ends - self.keys.starts + self.values.ends - self.values.starts

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[tuple[Any, bytes]]:
        keys: Iterable[bytes | None] = self.keys
        if (missing := self.keys.ends < self.keys.starts).any():
            keys = (None if none else key for key, none in zip(self.keys, missing.tolist(), strict=True))
        return zip(keys, self.values, strict=True)
