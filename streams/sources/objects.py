"""What the generator's users bring out, and which of it is engaged with when. Nothing is kept: all follows from hashes."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.sources.shape import Shape
from streams.sources.users import Users
from streams.sources.vocabulary import LISTS, MIXES

NO_OBJECT = -1
OLDEST_MS = 30 * 86_400_000  # older objects are as good as forgotten
_APART = 18  # from the dice of the events, which are the same with objects and without

Array = np.ndarray[Any, np.dtype[Any]]


class Objects:
    """Each user brings out objects at uneven times, one in each stretch of the user's own; the famous have the shortest.

    An engagement looks back by some time, and is with the latest object that was out then. An object is known by when it came
    out, in seconds since epoch: the same seed has the same objects, whenever a feed begins.
    """

    def __init__(self, seed: int, users: Users, shape: Shape) -> None:
        self._rng = np.random.default_rng([seed, _APART])
        self._key = self._rng.integers(1 << 63, dtype=np.uint64)
        self._users, self._shape = users, shape

    def engaged(self, target: Array, now_ms: Array, viral_ms: Array) -> tuple[Array, Array]:
        """The object of each engagement, and the code of its topics (`streams.sources.vocabulary`).

        `now_ms`: event time, ms since epoch; `viral_ms`: when the target's burst began, else below 0: a burst is about what
        came out last before it.
        """
        back_ms = self._shape.object_age_s * 1000 / 3 * (self._rng.random(len(target)) ** -2.0 - 1)  # 3 in the median
        seen_ms = np.where(viral_ms >= 0, viral_ms, now_ms - np.minimum(back_ms, OLDEST_MS))
        who = _mixed(target.astype(np.uint64) ^ self._key)
        apart_ms = self._apart_ms(target)
        phase = _part(who)
        stretches = seen_ms / apart_ms + phase
        number = np.floor(stretches)
        within = self._within(who, number)
        early = stretches - number < within  # this stretch's is not out yet: the one before
        number[early] -= 1
        within[early] = self._within(who[early], number[early])
        came_s = ((number + within - phase) * apart_ms / 1000).astype(np.int64)
        code = 1 + (who % MIXES) * LISTS + _mixed(who ^ came_s.astype(np.uint64)) % LISTS
        return came_s, code.astype(np.int64)

    def _apart_ms(self, target: Array) -> Array:
        """The mean time between two objects of a user: it grows with the square root of what others are engaged with more."""
        shape = self._shape
        fame = (1 + self._users.rank(target) / shape.target_flat) ** (shape.target_exponent / 2)
        return 1000 * np.minimum(shape.object_every_s * fame, shape.object_every_most_s)

    @staticmethod
    def _within(who: Array, number: Array) -> Array:
        """Where in its stretch an object comes out, 0 to 1."""
        return _part(_mixed(who + number.astype(np.int64).astype(np.uint64)))


def _mixed(x: Array) -> Array:
    """SplitMix64's last step: what differs in a bit differs in half of them afterwards."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = x ^ (x >> np.uint64(31))
    return mixed


def _part(hashed: Array) -> Array:
    """A hash as a number from 0, below 1."""
    part: Array = (hashed >> np.uint64(11)) * 2.0**-53
    return part
