"""Engagements on their way from the actor's partition to the target's: collected by partition, and read when they arrive.

A code is the kind, plus flags (FOLLOW, UNDO of `streams.fold.rows`). Weights travel as they were at `ts`; scaling for
a landmark is the receiver's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streams.fold import packing
from streams.fold.packing import Emitted
from streams.fold.packs import Places
from streams.fold.rows import KIN, LONGEST, MORE, MOST_ABOUT, UNDO
from streams.fold.words import SPARE, padded
from streams.model.users import Users

if TYPE_CHECKING:
    from streams.model.table import Table

AT_ONCE = 2_000  # engagements that are collected before they are sorted: with the longest names 1.8 MB
_NOBODY: NDArray[np.uint64] = np.empty(0, np.uint64)
_NOTHING: NDArray[np.int64] = np.empty(0, np.int64)
_NO_ABOUT: NDArray[np.int32] = np.empty(0, np.int32)
_NO_PAIRS: NDArray[np.float32] = np.empty(0, np.float32)


class Piece(NamedTuple):
    """Engagements for one partition, column by column, (n,) each."""

    names: NDArray[np.uint8]  #: the targets, each with what it is about, one behind another
    ends: NDArray[np.int64]  #: of each in `names`
    actors: NDArray[np.int32]  #: slots
    weights: NDArray[np.float32]
    times: NDArray[np.int64]  #: ms
    done: NDArray[np.int64]  #: ms, when; (0,): nothing is undone in it
    codes: NDArray[np.uint8]
    kin: NDArray[
        np.uint64
    ]  #: hashes of the persons whose accounts the actors were, 0: nobody's; (0,): none of them was one
    abouts: NDArray[np.int32]  #: how many of the bytes of each are what it is about; (0,): none is about anything
    pairs: NDArray[np.float32]  #: what earlier engagements of its pair weigh; (0,): there were none

    def part(self, lines: slice, text: slice) -> Piece:
        """Some of them, whose ends count from the beginning of this part of the names."""
        return Piece(
            self.names[text],
            self.ends[lines],
            self.actors[lines],
            self.weights[lines],
            self.times[lines],
            self.done[lines],
            self.codes[lines],
            self.kin[lines],
            self.abouts[lines],
            self.pairs[lines],
        )


class Pack:
    """Engagements for one partition, being collected; `users` are those among whom the actors are."""

    __slots__ = ("pieces", "users")

    def __init__(self, users: Users, pieces: Iterable[Piece] = ()) -> None:
        self.users, self.pieces = users, list(pieces)

    def __len__(self) -> int:
        return sum(len(piece.ends) for piece in self.pieces)

    def whole(self) -> Piece:
        """All of it as one; with spare bytes behind the names."""
        names, ends, actors, weights, times, done, codes, kin, abouts, pairs = zip(*self.pieces, strict=True)
        kin, abouts, pairs = (_each(some, ends) for some in (kin, abouts, pairs))
        if any(map(len, done)):
            done = tuple(some if len(some) else of for some, of in zip(done, times, strict=True))
        before = np.cumsum([0, *map(len, names[:-1])])
        return Piece(
            np.concatenate([*names, np.zeros(SPARE, np.uint8)]),
            np.concatenate([some + so_far for some, so_far in zip(ends, before, strict=True)]),
            *map(np.concatenate, (actors, weights, times, done, codes, kin, abouts, pairs)),
        )


def _each(some: tuple[NDArray[Any], ...], ends: tuple[NDArray[np.int64], ...]) -> tuple[NDArray[Any], ...]:
    """A column that pieces may lack, with zeros where it is lacking; if all lack it, as it is."""
    if not any(map(len, some)):
        return some
    return tuple(own if len(own) else np.zeros(len(of), own.dtype) for own, of in zip(some, ends, strict=True))


def packed(
    targets: Sequence[str],
    actors: Sequence[str],
    weights: ArrayLike,
    times: ArrayLike,
    codes: ArrayLike,
    kin: ArrayLike = _NOBODY,
    done: ArrayLike = _NOTHING,
    abouts: Sequence[str] = (),
    pairs: ArrayLike = _NO_PAIRS,
) -> Pack:
    """A pack of what is given column by column, (n,) each; without `kin` nobody is anybody's account."""
    about = [text.encode() for text in abouts]
    each: Iterable[bytes] = about or repeat(b"")
    users, texts = Users(), [target.encode() + of for target, of in zip(targets, each, strict=False)]
    users.room(len(actors), sum(len(actor.encode()) for actor in actors))
    slots = users.find(actors, adding=True).astype(np.int32)
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    names = padded(b"".join(texts))[: int(ends[-1]) if len(ends) else 0]
    return Pack(
        users,
        [
            Piece(
                names,
                ends,
                slots,
                np.asarray(weights, np.float32),
                np.asarray(times, np.int64),
                np.asarray(done, np.int64),
                np.asarray(codes, np.uint8),
                np.asarray(kin, np.uint64),
                np.array(list(map(len, about)), np.int32),
                np.asarray(pairs, np.float32),
            )
        ]
        if len(ends)
        else (),
    )


class Outbox:
    """Where `act` puts engagements; what waits for the cut, by home partition."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.emitted = Emitted(
            np.empty(AT_ONCE * (LONGEST + MOST_ABOUT) + SPARE, np.uint8),
            np.empty(AT_ONCE, np.int64),
            np.empty(AT_ONCE, np.int32),
            np.empty(AT_ONCE, np.float32),
            np.empty(AT_ONCE, np.int32),
            np.empty(AT_ONCE, np.float32),
            np.empty(AT_ONCE, np.int64),
            np.empty(AT_ONCE, np.int64),
            np.empty(AT_ONCE, np.uint8),
            np.empty(AT_ONCE, np.int32),
            np.zeros(1, np.int64),
        )
        self._packs: dict[int, Pack] = {}
        self._lines, self._bytes = np.zeros(partitions + 1, np.int64), np.zeros(partitions + 1, np.int64)

    def collect(self, table: Table) -> None:
        """Sort what was emitted by home; the order within each is kept. The actors are those of the table."""
        emitted = self.emitted
        n = int(emitted.so_far[0])
        if not n:
            return
        names = np.empty(int(emitted.ends[n - 1]) + SPARE, np.uint8)
        ends, actors, weights = np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.float32)
        times, done = np.empty((2, n), np.int64)
        codes, abouts, pairs = np.empty(n, np.uint8), np.empty(n, np.int32), np.empty(n, np.float32)
        columns = names, ends, actors, weights, times, done, codes
        packing.by_home(emitted, self.partitions, self._lines, self._bytes, *columns, abouts, pairs)
        all_ = Piece(*columns, _NOBODY, abouts if abouts.any() else _NO_ABOUT, pairs if pairs.any() else _NO_PAIRS)
        if ((of_kin := all_.codes & KIN) != 0).any():
            line = table.cells[actors, MORE].astype(np.intp)
            all_ = all_._replace(kin=np.where(of_kin, table.extras.arrays.kin[line], np.uint64(0)))
        if not (all_.codes & UNDO).any():
            all_ = all_._replace(done=_NOTHING)
        emitted.so_far[0] = 0
        lines, places = self._lines.tolist(), self._bytes.tolist()
        for home in np.flatnonzero(np.diff(self._lines)).tolist():
            part = slice(lines[home], lines[home + 1])
            piece = all_.part(part, slice(places[home], places[home + 1]))
            self._packs.setdefault(home, Pack(table.users)).pieces.append(piece)

    def take(self) -> dict[int, Pack]:
        """What was collected, by destination, in their order; begins anew."""
        taken, self._packs = dict(sorted(self._packs.items())), {}
        return taken


class Engagements(NamedTuple):
    """A pack as received: its bytes, and where everything is in them."""

    text: NDArray[np.uint8]
    found: Places
    starts: NDArray[np.int32]  #: (names,) of the names
    lengths: NDArray[np.int32]  #: (names,)
    newest_ms: int  #: the newest time in it; 0: it is empty

    def __len__(self) -> int:
        return int(self.found.total)

    @property
    def clock(self) -> int:
        """The sender's, ms."""
        return int(self.found.clock)

    @property
    def names(self) -> list[str]:
        """(names,) of all who are in it, each once."""
        ends = (self.starts + self.lengths).tolist()
        return [self.text[at:end].tobytes().decode() for at, end in zip(self.starts.tolist(), ends, strict=True)]

    @property
    def targets(self) -> list[str]:
        """(n,) whom they are for."""
        names = self.names
        return [names[number] for number in self._column(self.found.targets, "<u2").tolist()]

    @property
    def actors(self) -> list[str]:
        """(n,) who did it."""
        names = self.names
        return [names[number] for number in self._column(self.found.actors, "<u2").tolist()]

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
