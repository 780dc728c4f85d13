"""What persons' rows are made of: one line an account, which the account's row sends, absolute, whenever something has changed.

Of an account the line with the higher (link, version) holds. One that was unlinked leaves a line without content, a marker: a late
line of it is older than that.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.rows import LINE
from streams.model.extras import Given
from streams.model.memory import Copied
from streams.model.people import People
from streams.model.users import Slots
from streams.model.windows import Floats

MOST_ACCOUNTS = 64  #: of a person, those that left included
_FIRST = 8


class Told(NamedTuple):
    """Lines column by column, (n,) each."""

    accounts: list[str]
    persons: list[str]
    links: NDArray[np.int64]  #: the number of the link, see `Profile`
    versions: NDArray[np.int64]  #: of the interval in which the account was scored
    gone: NDArray[np.bool_]  #: a marker: it is no account of this person any more
    steps: NDArray[np.int64]  #: (n, 3) the landmarks of the sums, in half-lives
    columns: Floats  #: (n, LINE) of the account's row
    sketches: Copied  #: who engaged; a byte of 0: nobody
    facts: list[list[Given]]
    clock: int = 0  #: of the sender, ms

    def __len__(self) -> int:
        return len(self.accounts)

    def at(self, order: Slots) -> Told:
        """The same lines in another order."""
        each, places = list(self.sketches.each()), order.tolist()
        sketches = [each[i] for i in places]
        return Told(
            [self.accounts[i] for i in places],
            [self.persons[i] for i in places],
            self.links[order],
            self.versions[order],
            self.gone[order],
            self.steps[order],
            self.columns[order],
            Copied(
                np.frombuffer(b"".join(sketches), np.uint8), np.cumsum([len(some) for some in sketches], dtype=np.int64)
            ),
            [self.facts[i] for i in places],
            self.clock,
        )

    def between(self, start: int, end: int) -> Told:
        """Those from number `start` to `end`."""
        part, ends = slice(start, end), self.sketches.ends
        first = int(ends[start - 1]) if start else 0
        return Told(
            self.accounts[part],
            self.persons[part],
            self.links[part],
            self.versions[part],
            self.gone[part],
            self.steps[part],
            self.columns[part],
            Copied(self.sketches.text[first : int(ends[end - 1])], ends[part] - first),
            self.facts[part],
            self.clock,
        )


class Lines:
    """The lines of a table's persons, by number."""

    def __init__(self) -> None:
        self.columns: Floats = np.zeros((_FIRST, LINE))
        self.steps: NDArray[np.int64] = np.zeros((_FIRST, 3), np.int64)
        self.links: NDArray[np.int64] = np.zeros(_FIRST, np.int64)
        self.versions: NDArray[np.int64] = np.zeros(_FIRST, np.int64)
        self.gone: NDArray[np.bool_] = np.zeros(_FIRST, np.bool_)
        self.people = People()
        self.accounts: list[str] = []
        self.networks: list[str] = []  #: of the accounts
        self.facts: dict[int, list[Given]] = {}
        self.summed: dict[int, list[int]] = {}  #: by slot of a person, the lines that were summed up last
        self.known: dict[int, list[Given]] = {}  #: the same of facts
        self.refused: list[str] = []  #: by `put`, since somebody has looked
        self._of: dict[int, list[tuple[str, int]]] = {}  # by slot of a person, (account, number), sorted
        self._numbers: dict[tuple[int, str], int] = {}

    def of(self, slot: int) -> list[int]:
        """The numbers of a person's lines, by name of the account, so that sums come out the same whoever came first."""
        return [number for _, number in self._of.get(slot, ())]

    @property
    def persons(self) -> list[int]:
        """The slots of all persons who have lines."""
        return list(self._of)

    def put(self, slots: Slots, told: Told) -> Slots:
        """Keep what is newer than what is here; `slots` (n,) are the persons'. Returns whose lines have changed, ascending.

        Accounts for which a person has no place go to `refused`.
        """
        news, numbers, pairs = [], [], list(zip(told.links.tolist(), told.versions.tolist(), strict=True))
        for i, (slot, account) in enumerate(zip(slots.tolist(), told.accounts, strict=True)):
            number = self._numbers.get((slot, account))
            if number is None and not self._has_place(slot):
                if not told.gone[i]:
                    self.refused.append(account)
                continue
            if number is None:
                number = self._add(slot, account)
            elif pairs[i] <= (self.links[number], self.versions[number]):
                continue
            # two lines of one account in a pack: the pair decides here, too
            self.links[number], self.versions[number] = pairs[i]
            news.append(i)
            numbers.append(number)
            if told.facts[i]:
                self.facts[number] = told.facts[i]
            else:
                self.facts.pop(number, None)
        if not news:
            return np.empty(0, np.intp)
        chosen, places = np.array(news), np.array(numbers)
        self.gone[places] = told.gone[chosen]
        self.steps[places], self.columns[places] = told.steps[chosen], told.columns[chosen]
        each = list(told.sketches.each())
        some = [each[i] for i in news]
        text = np.frombuffer(b"".join(some) + bytes(64), np.uint8).copy()
        self.people.put(places, Copied(text, np.cumsum([len(one) for one in some])))
        return np.unique(slots[chosen])

    def told(self, slots: Sequence[int], names: Sequence[str]) -> Told:
        """All lines of these persons, a copy."""
        numbers, persons = [], []
        for slot, name in zip(slots, names, strict=True):
            own = self.of(slot)
            numbers += own
            persons += [name] * len(own)
        places = np.array(numbers, np.intp)
        return Told(
            [self.accounts[number] for number in numbers],
            persons,
            self.links[places],
            self.versions[places],
            self.gone[places],
            self.steps[places],
            self.columns[places],
            self.people.copied(places),
            [self.facts.get(number, []) for number in numbers],
        )

    def _has_place(self, slot: int) -> bool:
        """Is there a place for one more account? The oldest that left makes room."""
        own = self._of.get(slot, [])
        if len(own) < MOST_ACCOUNTS:
            return True
        left = [(self.versions[number], account, number) for account, number in own if self.gone[number]]
        if not left:
            return False
        _, account, number = min(left)
        own.remove((account, number))
        del self._numbers[slot, account]
        return True

    def _add(self, slot: int, account: str) -> int:
        number = len(self.accounts)
        if number >= len(self.links):
            size = 2 * number
            for array in (self.steps, self.links, self.versions, self.gone):
                array.resize((size, *array.shape[1:]), refcheck=False)
            self.columns.resize((size, LINE), refcheck=False)
        self.people.room(len(self.links))
        self.accounts.append(account)
        self.networks.append(account.partition(":")[0])
        self._numbers[slot, account] = number
        bisect.insort(self._of.setdefault(slot, []), (account, number))
        return number
