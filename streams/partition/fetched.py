"""Records as they were fetched: columns of places in the bytes of their batches. One of them is looked at only when it matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from streams.fold.records import varint
from streams.model.values import Values, placed


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
        key, _ = _bytes(of.text, int(self.begins[i]))
        count, at = varint(of.text, int(of.starts[i]) + max(int(of.lengths[i]), 0), len(of.text))
        headers = []
        for _ in range(count):
            name, at = _bytes(of.text, at)
            value, at = _bytes(of.text, at)
            headers.append(((name or b"").decode(errors="replace"), value))
        return One(int(of.offsets[i]), key, of.value(i), headers)


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


class Fetched(Values, Sequence[Any]):
    """Records with .offset, .key, .value, .headers; value i is text[starts[i] : starts[i] + lengths[i]], -1: there is none."""

    __slots__ = ("_details", "offsets")

    def __init__(
        self,
        text: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        starts: NDArray[np.int64],
        lengths: NDArray[np.int32],
        details: Details,
    ) -> None:
        super().__init__(text, starts, lengths)
        self.offsets, self._details = offsets, details

    @classmethod
    def of(cls, records: Sequence[Any]) -> Fetched:  # type: ignore[override]
        """Those of records at hand, which are kept."""
        if isinstance(records, cls):
            return records
        text, starts, lengths = placed([record.value for record in records])
        offsets = np.fromiter((record.offset for record in records), np.int64, len(records))
        return cls(text, offsets, starts, lengths, Given(records))

    @classmethod
    def joined(cls, parts: Sequence[Fetched]) -> Fetched:
        """One behind another."""
        parts = [part for part in parts if len(part)]
        if len(parts) < 2:
            return parts[0] if parts else cls.of([])
        shifts = np.cumsum([0, *(len(part.text) for part in parts[:-1])])
        encoded = [part._details for part in parts if isinstance(part._details, Encoded)]
        details: Details
        if len(encoded) == len(parts):
            details = Encoded(np.concatenate([d.begins + by for d, by in zip(encoded, shifts, strict=True)]))
        else:
            places = [[(number, i) for i in range(len(part))] for number, part in enumerate(parts)]
            details = Mixed(parts, np.array([place for some in places for place in some]))
        return cls(
            np.concatenate([part.text for part in parts]),
            np.concatenate([part.offsets for part in parts]),
            np.concatenate([part.starts + by for part, by in zip(parts, shifts, strict=True)]),
            np.concatenate([part.lengths for part in parts]),
            details,
        )

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
            part = self.offsets[which], self.starts[which], self.lengths[which]
            return Fetched(self.text, *part, self._details.part(which))
        return self._details.one(self, range(len(self))[which])
