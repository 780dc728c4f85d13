"""Records, ready to be sent, in arrays of bytes: what leaves by the thousand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

from streams.model.texts import Texts


class Packed(Iterable[tuple[bytes | None, bytes]]):
    """Iterates as (key, value); without `keys` none has one. A publisher that knows it takes the arrays as they are."""

    __slots__ = ("keys", "values")

    def __init__(self, keys: Texts | None, values: Texts) -> None:
        self.keys, self.values = keys, values

    @classmethod
    def of(cls, records: Sequence[tuple[bytes | None, bytes]]) -> Packed:
        """Of (key, value) pairs, all of them with a key or none."""
        values = Texts.of([value for _, value in records])
        if not records or records[0][0] is None:
            return cls(None, values)
        return cls(Texts.of([key or b"" for key, _ in records]), values)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[tuple[bytes | None, bytes]]:
        return zip(repeat(None) if self.keys is None else self.keys, self.values, strict=self.keys is not None)
