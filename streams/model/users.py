"""Who is in a table: names by slot, and slots by name. Owns the arrays of `streams.fold.names` and sees to room in them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from streams.fold import names
from streams.fold.names import DEPTH, PAGE, PAGES, SHARE, USERS, Names
from streams.fold.words import SPARE, padded
from streams.model.texts import Texts

Slots = NDArray[np.intp]

_PAGES_STEP, _USERS_STEP, _TEXT_STEP = 32, 65_536, 1 << 20
_MOST = (
    65_535 // SHARE
)  #: bytes of a name, so that 16 bits tell where it begins; users have `streams.fold.rows.LONGEST` at most


class Users(Sequence[str]):
    """Names, in the order in which they came. Slots are never taken back, so there is no deleting."""

    __slots__ = ("arrays",)

    def __init__(self) -> None:
        self.arrays = Names(
            np.zeros(2 * PAGE, np.uint64),
            np.zeros(2, np.int32),
            np.zeros(2, np.int32),
            np.zeros(16, np.int32),
            np.zeros(257 // SHARE + 1, np.int64),
            np.zeros(257, np.uint16),
            np.zeros(4096, np.uint8),
            np.array([0, 1, 0]),
            np.zeros(PAGE, np.uint64),
            np.uint64(secrets.randbits(64)),
        )

    def room(self, more: int, text_bytes: int) -> None:
        """Room for so many more users whose names have so many bytes together. Arrays may move: take views afterwards."""
        all_, used = self.arrays, len(self)
        pages = int(all_.sizes[PAGES]) + min(more, 64) + more // 512
        if pages > len(all_.filled):
            all_.buckets.resize((pages + _PAGES_STEP) * PAGE, refcheck=False)
            all_.filled.resize(pages + _PAGES_STEP, refcheck=False)
            all_.depths.resize(pages + _PAGES_STEP, refcheck=False)
        directory = max(4 << int(all_.sizes[DEPTH]), 8 * pages)  # splits go a few bits deeper where hashes crowd
        if directory > len(all_.pages):
            all_.pages.resize(2 * directory, refcheck=False)
        if used + more + 1 > len(all_.starts):
            users = used + more + 1 + min(used + 256, _USERS_STEP)
            all_.starts.resize(users, refcheck=False)
            all_.shares.resize(users // SHARE + 1, refcheck=False)
        wanted = self._start(used) + text_bytes + SPARE
        if wanted > len(all_.text):
            all_.text.resize(wanted + min(wanted, _TEXT_STEP), refcheck=False)

    def find(self, users: Sequence[str], *, adding: bool = False) -> Slots:
        """The slot of each, shape (n,); -1 for those who have none, unless they get one (ValueError: too long a name)."""
        texts = [user.encode() for user in users]
        ends = np.fromiter(map(len, texts), np.int64, len(texts)).cumsum()
        joined = b"".join(texts)
        if adding:
            if max(map(len, texts), default=0) > _MOST:
                raise ValueError(f"a name of more than {_MOST} bytes")
            self.room(len(texts), len(joined))
        slots = np.empty(len(texts), np.intp)
        names.slots_of(self.arrays, padded(joined), ends, slots, adding)
        return slots

    def added(self, text: NDArray[np.uint8], ends: NDArray[np.int64]) -> Slots:
        """The slots (n,) of names that lie one behind another in `text`, with spare bytes behind, new if need be."""
        slots = np.empty(len(ends), np.intp)
        if len(ends):
            self.room(len(ends), int(ends[-1]))
            names.slots_of(self.arrays, text, ends, slots, True)
        return slots

    def get(self, user: str) -> int | None:
        """The slot of a user, or None."""
        slot = int(self.find([user])[0])
        return None if slot < 0 else slot

    def text(self, slot: int) -> bytes:
        """The name of a slot, UTF-8."""
        start, end = self._start(slot), self._start(slot + 1)
        return self.arrays.text[start:end].tobytes()

    def texts(self, slots: Slots) -> list[bytes]:
        """The names of slots, UTF-8."""
        text = memoryview(self.arrays.text.data)
        starts, ends = self._starts(slots).tolist(), self._starts(slots + 1).tolist()
        return [bytes(text[start:end]) for start, end in zip(starts, ends, strict=True)]

    def named(self, slots: Slots) -> Texts:
        """The names of slots, where they are: a name never changes."""
        return Texts(self.arrays.text, self._starts(slots), self._starts(slots + 1))

    def of(self, slots: Slots) -> list[str]:
        """The names of slots."""
        return [text.decode() for text in self.texts(slots)]

    def _start(self, slot: int) -> int:
        """Where in `text` the name of a slot begins."""
        return int(self.arrays.shares[slot // SHARE]) + int(self.arrays.starts[slot])

    def _starts(self, slots: Slots) -> NDArray[np.int64]:
        """The same of slots, (n,)."""
        starts: NDArray[np.int64] = self.arrays.shares[slots // SHARE] + self.arrays.starts[slots]
        return starts

    def __contains__(self, user: object) -> bool:
        return isinstance(user, str) and self.get(user) is not None

    def __len__(self) -> int:
        return int(self.arrays.sizes[USERS])

    def __iter__(self) -> Iterator[str]:
        return iter(self[:])

    @overload
    def __getitem__(self, slot: int) -> str: ...
    @overload
    def __getitem__(self, slot: slice) -> list[str]: ...
    def __getitem__(self, slot: int | slice) -> str | list[str]:
        if isinstance(slot, slice):
            return self.of(np.arange(*slot.indices(len(self))))
        if not -len(self) <= slot < len(self):
            raise IndexError(f"slot {slot}: there are {len(self)}")
        return self.text(slot % len(self)).decode()

    @property
    def nbytes(self) -> int:
        """Bytes in use."""
        pages, used = int(self.arrays.sizes[PAGES]), len(self)
        return 8 * PAGE * pages + 2 * used + 8 * used // SHARE + self._start(used)
