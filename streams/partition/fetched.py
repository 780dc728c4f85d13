"""Records as they were fetched: columns of places in the bytes of their batches. One of them is looked at only when it matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from streams.fold.records import varint
from streams.model.texts import Texts


class One(NamedTuple):
    """A record, taken out."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Details(Protocol):
    """Who knows the rest of records: their keys and headers."""

    def part(self, which: slice) -> Details:
        """The same of some of them."""

    def one(self, of: Fetched, i: int) -> Any:
        """A record with all it has."""


class Given(NamedTuple):
    """Of records that were at hand."""

    records: Sequence[Any]

    def part(self, which: slice) -> Given:
        """See Details."""
        return Given(self.records[which])

    def one(self, _: Fetched, i: int) -> Any:
        """See Details."""
        return self.records[i]


class Encoded(NamedTuple):
    """Of records that lie in the text as Kafka encodes them."""

    begins: NDArray[np.int64]  #: (n,) where the key's length is

    def part(self, which: slice) -> Encoded:
        """See Details."""
        return Encoded(self.begins[which])

    def one(self, of: Fetched, i: int) -> One:
        """See Details."""
        values = of.values
        text, behind = values.text, max(int(values.starts[i]), int(values.ends[i]))
        key, _ = _bytes(text, int(self.begins[i]))
        count, at = varint(text, behind, len(text))
        headers = []
        for _ in range(count):
            name, at = _bytes(text, at)
            value, at = _bytes(text, at)
            headers.append(((name or b"").decode(errors="replace"), value))
        return One(int(of.offsets[i]), key, values.get(i), headers)


def _bytes(text: NDArray[np.uint8], at: int) -> tuple[bytes | None, int]:
    """Bytes behind their length, and where they end."""
    n, at = varint(text, at, len(text))
    return None if n < 0 else text[at : at + n].tobytes(), at + max(n, 0)


class Mixed(NamedTuple):
    """Of records that come from several."""

    parts: Sequence[Fetched]
    places: NDArray[np.intp]  #: (n, 2) which part, which of it

    def part(self, which: slice) -> Mixed:
        """See Details."""
        return Mixed(self.parts, self.places[which])

    def one(self, _: Fetched, i: int) -> Any:
        """See Details."""
        part, at = self.places[i].tolist()
        return self.parts[part][at]


class Fetched(Sequence[Any]):
    """Records with .offset, .key, .value, .headers."""

    __slots__ = ("_details", "offsets", "values")

    def __init__(self, offsets: NDArray[np.int64], values: Texts, details: Details) -> None:
        self.offsets, self.values, self._details = offsets, values, details

    @classmethod
    def of(cls, records: Sequence[Any]) -> Fetched:
        """Those of records at hand, which are kept."""
        if isinstance(records, cls):
            return records
        offsets = np.fromiter((record.offset for record in records), np.int64, len(records))
        return cls(offsets, Texts.of([record.value for record in records]), Given(records))

    @classmethod
    def joined(cls, parts: Sequence[Fetched]) -> Fetched:
        """One behind another."""
        parts = [part for part in parts if len(part)]
        if len(parts) < 2:
            return parts[0] if parts else cls.of([])
        values, shifts = Texts.joined([part.values for part in parts])
        encoded = [part._details for part in parts if isinstance(part._details, Encoded)]
        details: Details
        if len(encoded) == len(parts):
            details = Encoded(np.concatenate([d.begins + by for d, by in zip(encoded, shifts, strict=True)]))
        else:
            places = [[(number, i) for i in range(len(part))] for number, part in enumerate(parts)]
            details = Mixed(parts, np.array([place for some in places for place in some]))
        return cls(np.concatenate([part.offsets for part in parts]), values, details)

    def since(self, offset: int) -> Fetched:
        """Those at `offset` and behind it."""
        if not len(self) or self.offsets[0] >= offset:
            return self
        return self[int(self.offsets.searchsorted(offset)) :]

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, which: int) -> Any: ...
    @overload
    def __getitem__(self, which: slice) -> Fetched: ...
    def __getitem__(self, which: int | slice) -> Any:
        if isinstance(which, slice):
            return Fetched(self.offsets[which], self.values[which], self._details.part(which))
        return self._details.one(self, range(len(self))[which])
