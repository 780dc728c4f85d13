"""Whose topics, people and moments Redis has: they change with every engagement and cost more than a score, so they queue."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.fold.rows import QUARTER
from streams.model.influence import influence
from streams.model.influential import Influence
from streams.model.table import Table
from streams.model.users import Slots
from streams.scoreboard.layout import place_of

AT_ONCE = 100  #: users a sweep that has nobody else to write: 10 ms; who is in the queue again waits behind all others
BESIDE = 8  #: users a sweep that writes scores: at 100 they cost W1 0.7 us an event

_encode = msgspec.json.Encoder().encode


class Influences:
    """Those of one partition."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._queue: deque[int] = deque()
        self._waiting: NDArray[np.bool_] = np.zeros(0, np.bool_)  # by slot: who is in it
        self._there: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.users = 0  #: how many Redis has once it has taken the last call

    def __len__(self) -> int:
        """How many wait."""
        return len(self._queue)

    def changed(self, slots: Slots) -> None:
        """The lists of these, or what they hide, are others than Redis has."""
        if len(self._waiting) < len(self._table.dirty):
            more = np.zeros(len(self._table.dirty) - len(self._waiting), np.bool_)
            self._waiting, self._there = (np.concatenate((old, more)) for old in (self._waiting, self._there))
        new = slots[~self._waiting[slots]]
        self._waiting[new] = True
        self._queue.extend(new.tolist())

    def everyone(self) -> None:
        """Redis has none, or nobody knows whose."""
        self._there[:], self.users = False, 0
        table = self._table
        told = (table.tops.arrays.at[: len(table)] > 0) | (table.memory.arrays.at[: len(table)] > 0)
        self.changed(np.union1d(np.flatnonzero(told), table.hiders(table.profiles)))

    def some(self, now_ms: int, most: int) -> list[Influence]:
        """Those of the next in the queue, at most so many."""
        slots = np.array([self._queue.popleft() for _ in range(min(most, len(self._queue)))], np.intp)
        if not len(slots):
            return []
        self._waiting[slots] = False
        self.users += int(np.count_nonzero(~self._there[slots]))
        self._there[slots] = True
        return influence(self._table, slots, now_ms)

    def content(self, now_ms: int, *, beside: bool) -> dict[str, Any]:
        """What of a `Flush` is theirs: the next in the queue, fewer `beside` users whose scores are written."""
        found = self.some(now_ms, BESIDE if beside else AT_ONCE)
        texts = [(one.user, _encode(one)) for one in found]
        return {"influence": texts, "topics": self.on_boards(found), "off_topics": off_boards(found)}

    def on_boards(self, found: list[Influence]) -> dict[str, list[float | str]]:
        """[place, user, ...] on the board of each of their topics."""
        half_life_ms, boards = self._table.model.half_lives_ms[QUARTER], dict[str, list[float | str]]()
        for one in found:
            for topic in one.topics:
                if weight := topic.share * one.got:
                    boards.setdefault(topic.topic, []).extend((place_of(weight, one.as_of, half_life_ms), one.user))
        return boards


def off_boards(found: list[Influence]) -> dict[str, list[str]]:
    """By topic the users who hide it: said with each document, so it needs no memory of which boards they are on."""
    boards: dict[str, list[str]] = {}
    for one in found:
        for topic in one.hidden:
            boards.setdefault(topic, []).append(one.user)
    return boards
