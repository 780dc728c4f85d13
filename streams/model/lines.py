"""What persons' rows are made of: one line an account, which the account's row sends, absolute, whenever something has changed.

Of an account the line with the higher (link, version) holds. One that was unlinked leaves a line without content, a marker: a late
line of it is older than that. Owns the arrays of `streams.fold.lines`, and sees to room in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold import persons
from streams.fold.lines import Lines as Arrays
from streams.fold.persons import MOST_ACCOUNTS, REFUSED
from streams.fold.rows import LINE, MORE
from streams.fold.since import KEPT_SINCE
from streams.model.people import People
from streams.model.scraps import Scraps
from streams.model.users import Slots, Users
from streams.model.windows import Floats

__all__ = ["MOST_ACCOUNTS", "Lines", "Told"]
_FIRST = 8
_OF_LINES = (
    "columns",
    "steps",
    "links",
    "versions",
    "gone",
    "fresh",
    "spans",
    "days",
    "since",
    "facts",
    "accounts",
    "after",
)


class Names(NamedTuple):
    """Names one behind another, with spare bytes behind them; number i ends at ends[i]."""

    text: NDArray[np.uint8]
    ends: NDArray[np.int64]


class Told(NamedTuple):
    """Lines that came in a record, which has been checked."""

    text: NDArray[np.uint8]  #: the record
    persons: Names
    of: Slots  #: (n,) number of the line's person
    accounts: Names  #: (n,)
    numbers: NDArray[
        np.int64
    ]  #: (n, NUMBERS), see `streams.fold.lines`; the version is of the interval in which it was scored
    steps: NDArray[np.int64]  #: (n, 3) the landmarks of the sums, in half-lives
    columns: Floats  #: (n, LINE) of the account's row
    since: Floats  #: (n, KEPT_SINCE) what has come since the last close, see `streams.fold.since`
    places: NDArray[np.int64]  #: (n, 3) in `text`, where the sketch and the facts begin, and where these end
    clock: int = 0  #: of the sender, ms

    def __len__(self) -> int:
        return len(self.of)

    def facts(self, i: int) -> bytes:
        """Those of a line, as they were sent."""
        start, end = self.places[i, 1:].tolist()
        return self.text[start:end].tobytes()


class Lines:
    """The lines of a table's persons, by number from 1 on. A person is known here by the number in column MORE."""

    def __init__(self, code: Callable[[str], int]) -> None:
        """`code` gives the code of a network."""
        self._code = code
        self.people, self.names, self.facts = People(), Users(), Scraps()
        self.facts_changed: set[int] = set()  #: persons, since they were summed up
        self.ahead: set[int] = set()  #: slots of persons who are to be summed up when the next day begins
        self.day = 0  #: the last one that began for them
        self.arrays = Arrays(
            np.zeros((_FIRST, LINE)),
            np.zeros((_FIRST, 3), np.int64),
            np.zeros(_FIRST, np.int64),
            np.zeros(_FIRST, np.int64),
            np.zeros(_FIRST, np.uint8),
            np.zeros(_FIRST, np.uint8),
            np.zeros((_FIRST, 2), np.int64),
            np.zeros(_FIRST, np.int64),
            np.zeros((_FIRST, KEPT_SINCE)),
            np.zeros((_FIRST, 2), np.int64),
            np.zeros(_FIRST, np.int32),
            np.zeros(_FIRST, np.int32),
            np.zeros(_FIRST, np.int32),
            np.zeros(_FIRST, np.int32),
            np.zeros(_FIRST, np.uint8),
            np.ones(1, np.int64),
        )

    def put(self, of: Slots, told: Told, closed_ms: int) -> NDArray[np.int64]:
        """Keep what is newer than what is here; `of` (n,) are the persons' numbers in column MORE, the last close was then.

        Returns under which number each is kept now, (n,), OLDER, or REFUSED where a person has no place for the account.
        """
        accounts = self._accounts(told.accounts)
        self._room("links", int(self.arrays.used[0]) + len(told), *_OF_LINES)
        self.reaching(of)
        self.people.room(len(self.arrays.links))
        taken, done = np.empty(len(told), np.int64), 0
        while done < len(told):
            done = persons.take(
                *(self.arrays, self.people.room_for_one(), self.names.arrays, of, accounts),
                *(told.text, told.numbers, told.steps, told.columns, told.since, told.places, closed_ms, done, taken),
            )
        self._keep_facts(of, told, taken)
        return taken

    def reaching(self, of: Slots) -> Arrays:
        """The arrays, which know of all these persons; who has no line yet has head 0."""
        self._room("heads", int(of.max(initial=0)) + 1, "heads", "stale")
        return self.arrays

    def persons(self, cells: Floats) -> Slots:
        """The slots of all persons who have lines; `cells` are the rows of the table."""
        of = cells[:, MORE].astype(np.intp)
        some = np.flatnonzero((of > 0) & (of < len(self.arrays.heads)))
        return some[self.arrays.heads[of[some]] > 0]

    def of(self, person: int) -> list[int]:
        """The numbers of a person's lines that hold, markers left out, by name of the account."""
        found, number = [], int(self.arrays.heads[person])
        while number:
            if not self.arrays.gone[number]:
                found.append(number)
            number = int(self.arrays.after[number])
        return found

    def facts_of(self, number: int) -> bytes:
        """Those of a line, as they were sent."""
        start, end = self.arrays.facts[number].tolist()
        return self.facts.text[start:end].tobytes()

    def refused(self, told: Told, taken: NDArray[np.int64]) -> list[str]:
        """The accounts for which there was no place."""
        text, ends = told.accounts
        bounds = [0, *ends.tolist()]
        return [text[bounds[i] : bounds[i + 1]].tobytes().decode() for i in np.flatnonzero(taken == REFUSED).tolist()]

    def _accounts(self, names: Names) -> Slots:
        """Their numbers, new if need be; then their networks are looked at."""
        known = len(self.names)
        numbers = self.names.added(*names)
        if len(self.names) > known:
            self._room("networks", len(self.names), "networks")
            for number, name in enumerate(self.names.of(np.arange(known, len(self.names))), known):
                self.arrays.networks[number] = self._code(name.partition(":")[0])
        return numbers

    def _keep_facts(self, of: Slots, told: Told, taken: NDArray[np.int64]) -> None:
        """Of the lines that were taken; most have none, or those that they had."""
        places, sizes = self.arrays.facts[np.maximum(taken, 0)], told.places[:, 2] - told.places[:, 1]
        some = (taken > 0) & ((sizes > 0) | (places[:, 1] > places[:, 0]))
        for i in np.flatnonzero(some).tolist():
            number, facts = int(taken[i]), told.facts(i)
            if facts != self.facts_of(number):
                start = self.facts.add(facts, self.arrays.facts)
                self.arrays.facts[number] = start, start + len(facts)
                self.facts_changed.add(int(of[i]))

    def _room(self, one: str, wanted: int, *columns: str) -> None:
        if wanted > len(getattr(self.arrays, one)):
            for name in columns:
                array = getattr(self.arrays, name)
                array.resize((2 * wanted, *array.shape[1:]), refcheck=False)
