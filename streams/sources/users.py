"""Who of the generator's users is how active, or how famous: ranks mixed up, there and back."""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np

MOST_USERS = 1 << 40
_HALF = 20  # bits: products of a number of users and half of one stay below 2^63

Array = np.ndarray[Any, np.dtype[Any]]


class Users:
    """A seeded one-to-one map of ranks to users, so that who is active and who is famous are different people."""

    def __init__(self, rng: np.random.Generator, users: int) -> None:
        self._users = users
        while True:
            self._step = int(rng.integers(1, min(users, 1 << 22)))  # times a rank it stays below 2^63
            if gcd(self._step, users) == 1:
                break
        self._start = int(rng.integers(users))
        self._back = pow(self._step, -1, users)

    def of(self, rank: Array) -> Array:
        """The users of these ranks."""
        return (rank * self._step + self._start) % self._users

    def rank(self, user: Array) -> Array:
        """The ranks of these users."""
        ahead = (user - self._start) % self._users
        high = ahead * (self._back >> _HALF) % self._users << _HALF
        rank: Array = (high + ahead * (self._back & (1 << _HALF) - 1)) % self._users
        return rank
