"""What few users have beside their row. Owns the arrays of `streams.fold.more`, which kernels read, and sees to room in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from streams.fold import names, tails
from streams.fold import persons as kernels
from streams.fold.digits import MOST_ESCAPED
from streams.fold.lines import Lines as LineArrays
from streams.fold.more import CODE, DATE, MASS, NEXT, OF_SINCE, OF_WINDOWS, More
from streams.fold.record import MOST_ENTRY
from streams.fold.rows import FOR_EVER, MORE
from streams.model.given import Given, as_told
from streams.model.scraps import Scraps
from streams.model.texts import Texts
from streams.model.users import Slots, Users
from streams.model.versions import DAY_MS, Model
from streams.model.windows import Floats

_OF_LINES = ("kin", "since", "until", "stated", "linked", "first_fact", "first_network", "tails")
_FIRST = 8  # lines, entries, codes that there is room for at first; it doubles


class Extras:
    """Facts, persons and networks of a table's users, by the number in column MORE, which is that of a line here."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._codes: dict[str, int] = {"": 0}
        self._free_facts: list[int] = []
        self._facts: dict[int, list[Given]] = {}  # by line
        self._counts = {"lines": 1, "facts": 1}
        self._scraps = Scraps()
        self._networks_used = np.ones(1, np.int64)
        self.persons = Users()  #: of whom somebody is or was an account, by number
        self.told: dict[int, bytes] = {}  #: by line: its facts as they are told
        # by line: what facts and networks add to a record at most, bytes; the number of the person, -1: none, and of the link
        self._fact_bytes, self._network_bytes = np.zeros(_FIRST, np.int64), np.zeros(_FIRST, np.int64)
        self.person, self.link = np.full(_FIRST, -1), np.zeros(_FIRST, np.int64)
        self.arrays = More(
            np.zeros(_FIRST, np.uint64),
            np.zeros(_FIRST, np.int64),
            np.zeros(_FIRST, np.int64),
            np.zeros(_FIRST, np.int64),
            np.zeros(_FIRST, np.uint8),
            np.zeros(_FIRST, np.int32),
            np.zeros(_FIRST, np.int32),
            np.zeros((_FIRST, 2), np.int64),
            np.zeros((_FIRST, 4)),
            np.zeros((_FIRST, 8)),
            np.ones(_FIRST),
            np.zeros((_FIRST, 2), np.int64),
            self._scraps.text,
        )

    def lines(self, cells: Floats, slots: Slots) -> Slots:
        """The lines (n,) of slots, new if need be."""
        new = np.unique(slots[cells[slots, MORE] == 0])
        if len(new):
            first = self._counts["lines"]
            self._counts["lines"] = after = first + len(new)
            cells[new, MORE] = np.arange(first, after)
            if after > len(self.arrays.kin):
                self._grow(2 * after, *_OF_LINES)
                for column in (self._fact_bytes, self._network_bytes, self.link, self.person):
                    column.resize(2 * after, refcheck=False)
            self.person[first:after] = -1
        found: Slots = cells[slots, MORE].astype(np.intp)
        return found

    def line(self, cells: Floats, slot: int) -> int:
        """The line of a slot, new if need be."""
        return int(self.lines(cells, np.array([slot]))[0])

    def number_of(self, person: str) -> int:
        """The number of a person among `persons`, new if need be."""
        return int(self.numbers_of([person])[0])

    def numbers_of(self, persons: Sequence[str]) -> Slots:
        """The same of several."""
        return self.persons.find(persons, adding=True)

    def accounts(self, lines: Slots, persons: Slots, links: NDArray[np.int64]) -> None:
        """They are, or were, accounts of the persons of these numbers. `links` (n, 3): from and up to which event time, number."""
        more, since, until = self.arrays, links[:, 0], links[:, 1]
        names.keys_of(self.persons.arrays, persons, more.kin, lines)
        more.since[lines], more.until[lines], self.link[lines] = since, until, links[:, 2]
        more.linked[lines] = now = until == FOR_EVER
        self.person[lines] = persons = np.where(now, persons, -1)
        size = tails.MOST_TAIL * len(lines) + MOST_ESCAPED * self.persons.named(persons[now]).size
        text, bounds = Texts.room(len(lines), size)
        tails.tails_of_accounts(self.persons.arrays, persons, text, bounds)
        self._end(lines, text, bounds)

    def stated(self, lines: Slots, dates: Sequence[int]) -> None:
        """Numbers of followers were stated at these dates; 0: none was."""
        self.arrays.stated[lines] = dates

    def connect(self, lines: Slots, theirs: LineArrays, accounts: Users) -> None:
        """These persons have networks, and records that end, as their lines `theirs` say; `accounts` are the names."""
        wanted = int(self._networks_used[0]) + int(theirs.used[0])
        if wanted > len(self.arrays.networks):
            self._grow(2 * wanted, "networks")
        more = self.arrays
        chains = more.first_network, more.networks, self._networks_used, more.labels
        kernels.connect(lines, theirs, *chains, self._network_bytes)
        text, bounds = Texts.room(len(lines), int(tails.tail_bytes(lines, theirs, accounts.arrays)))
        tails.tails_of_persons(lines, theirs, accounts.arrays, text, bounds)
        self._end(lines, text, bounds)

    def facts(self, line: int, facts: Sequence[Given]) -> None:
        """These are its facts now."""
        if facts == self._facts.get(line, []):
            return
        self._facts[line], self.told[line] = list(facts), as_told(facts)
        self._free_facts.extend(_entries(self.arrays.facts, int(self.arrays.first_fact[line])))
        taken = [self._free_facts.pop() if self._free_facts else self._next_fact() for _ in facts]
        most = 0
        for entry, after, fact in zip(taken, [*taken[1:], 0], facts, strict=False):
            code = self.code(fact.name)
            self.arrays.facts[entry, [CODE, NEXT, MASS, DATE]] = code, after, fact.mass, fact.date
            most += MOST_ENTRY + 2 * int(self.arrays.labels[code, 1] - self.arrays.labels[code, 0])
        self.arrays.first_fact[line] = taken[0] if taken else 0
        self._fact_bytes[line] = most

    def shrink(self, window: int, halvings: int) -> None:
        """The landmark of a window has moved by so many half-lives."""
        for first in (OF_WINDOWS, OF_SINCE):
            sums = self.arrays.networks[:, first + window]
            np.ldexp(sums, -halvings, out=sums)

    def most_bytes(self, lines: NDArray[np.float64]) -> int:
        """How much longer the records of these lines, (n,), are at most together."""
        some = lines[lines > 0].astype(np.intp)
        if not len(some):
            return 0
        ends = self.arrays.tails[some]
        return int((ends[:, 1] - ends[:, 0]).sum() + self._fact_bytes[some].sum() + self._network_bytes[some].sum())

    def linked(self, lines: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of these lines, (n,), are of accounts of somebody now."""
        found: NDArray[np.bool_] = self.arrays.linked[lines.astype(np.intp)] != 0
        return found

    def code(self, name: str) -> int:
        """The number of a name of a fact or a network."""
        if name not in self._codes:
            code = self._codes[name] = len(self._codes)
            if code >= len(self.arrays.half_lives):
                self._grow(2 * code, "half_lives", "labels")
            self.arrays.half_lives[code] = self._model.fact(name).half_life_d * DAY_MS
            label = orjson.dumps(name) + b":"
            start = self._write(label)
            self.arrays.labels[code] = start, start + len(label)
        return self._codes[name]

    def known_code(self, name: str) -> int:
        """The same, without making one; 0: it has none."""
        return self._codes.get(name, 0)

    def _end(self, lines: Slots, text: NDArray[np.uint8], bounds: NDArray[np.int64]) -> None:
        self.arrays.tails[lines] = 0  # what they were may go
        start = self._write(text[: bounds[-1]])
        self.arrays.tails[lines, 0], self.arrays.tails[lines, 1] = start + bounds[:-1], start + bounds[1:]

    def _write(self, text: NDArray[np.uint8] | bytes) -> int:
        start = self._scraps.add(text, self.arrays.labels, self.arrays.tails)
        if self._scraps.text is not self.arrays.text:
            self.arrays = self.arrays._replace(text=self._scraps.text)
        return start

    def _next_fact(self) -> int:
        number = self._counts["facts"]
        if number >= len(self.arrays.facts):
            self._grow(2 * number, "facts")
        self._counts["facts"] = number + 1
        return number

    def _grow(self, size: int, *columns: str) -> None:
        larger = {}
        for name in columns:
            old = getattr(self.arrays, name)
            larger[name] = np.zeros((size, *old.shape[1:]), old.dtype)
            larger[name][: len(old)] = old
        self.arrays = self.arrays._replace(**larger)


def _entries(chain: Floats, entry: int) -> list[int]:
    found = []
    while entry:
        found.append(entry)
        entry = int(chain[entry, NEXT])
    return found
