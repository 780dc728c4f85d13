"""What few users have beside their row. Owns the arrays of `streams.fold.more`, which kernels read, and sees to room in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from streams.fold.more import CODE, DATE, MASS, NEXT, OF_WINDOWS, More
from streams.fold.record import MOST_ENTRY
from streams.fold.rows import MORE
from streams.fold.words import SPARE
from streams.model.versions import DAY_MS, Model
from streams.model.windows import Floats

FOR_EVER = 2**62  #: ms: an account that was not unlinked
_OF_LINES = ("kin", "since", "until", "stated", "linked", "first_fact", "first_network", "tails")
_FIRST = 8  # lines, entries, codes that there is room for at first; it doubles


class Given(NamedTuple):
    """What a fact gives."""

    name: str
    mass: float  #: at its date
    date: int  #: ms


class Extras:
    """Facts, persons and networks of a table's users, by the number in column MORE."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._codes: dict[str, int] = {"": 0}
        self._entry_bytes = [0]  # by line: what its facts and networks add to a record at most
        self._free_facts: list[int] = []
        self._free_networks: list[int] = []
        self._facts: dict[int, list[Given]] = {}  # by line
        self._networks: dict[int, tuple[tuple[str, ...], list[int]]] = {}  # by line: names, and their entries
        self._counts = {"lines": 1, "facts": 1, "networks": 1}
        self._used = 0  # of the text
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
            np.zeros((_FIRST, 5)),
            np.ones(_FIRST),
            np.zeros((_FIRST, 2), np.int64),
            np.zeros(256, np.uint8),
        )

    def line(self, cells: Floats, slot: int) -> int:
        """The line of a slot, new if need be."""
        if not cells[slot, MORE]:
            cells[slot, MORE] = self._next("lines", *_OF_LINES)
            self._entry_bytes.append(0)
        return int(cells[slot, MORE])

    def account(self, line: int, kin: int, since: int, until: int) -> None:
        """It is, or was, an account of the person with the hash `kin`, from one event time up to another."""
        more = self.arrays
        more.kin[line], more.since[line], more.until[line] = kin, since, until
        more.linked[line] = until == FOR_EVER

    def ends(self, line: int, tail: bytes) -> None:
        """Records of it end with these members, `,"person":"person:ann"`."""
        start, end = self.arrays.tails[line].tolist()
        if tail != self.arrays.text[start:end].tobytes():
            self.arrays.tails[line] = self._write(tail)

    def facts(self, line: int, facts: Sequence[Given]) -> None:
        """These are its facts now."""
        if facts == self._facts.get(line, []):
            return
        self._facts[line] = list(facts)
        first = self._chained(line, "first_fact", "facts", self._free_facts, len(facts))
        for entry, fact in zip(first, facts, strict=True):
            self.arrays.facts[entry, [CODE, MASS, DATE]] = self._code(fact.name), fact.mass, fact.date
        self._measure(line)

    def networks(self, line: int, networks: Mapping[str, Sequence[float]]) -> None:
        """These are its networks now, with the sums of their windows (3,), grown as in its row."""
        names = tuple(networks)
        known, entries = self._networks.get(line, ((), []))
        if names != known:
            entries = self._chained(line, "first_network", "networks", self._free_networks, len(names))
            self._networks[line] = names, entries
            self.arrays.networks[entries, CODE] = [self._code(name) for name in names]
            self._measure(line)
        if entries:
            self.arrays.networks[entries, OF_WINDOWS:] = list(networks.values())

    def shrink(self, window: int, halvings: int) -> None:
        """The landmark of a window has moved by so many half-lives."""
        sums = self.arrays.networks[:, OF_WINDOWS + window]
        np.ldexp(sums, -halvings, out=sums)

    def most_bytes(self, lines: NDArray[np.float64]) -> int:
        """How much longer the records of these lines, (n,), are at most together."""
        some = lines[lines > 0].astype(np.intp)
        if not len(some):
            return 0
        tails = self.arrays.tails[some]
        return int((tails[:, 1] - tails[:, 0]).sum()) + sum(map(self._entry_bytes.__getitem__, some.tolist()))

    def linked(self, lines: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of these lines, (n,), are of accounts of somebody now."""
        found: NDArray[np.bool_] = self.arrays.linked[lines.astype(np.intp)] != 0
        return found

    def _measure(self, line: int) -> None:
        more, most = self.arrays, 0
        for chain, first in ((more.facts, more.first_fact), (more.networks, more.first_network)):
            for entry in _entries(chain, int(first[line])):
                start, end = more.labels[int(chain[entry, CODE])].tolist()
                most += MOST_ENTRY + 2 * (end - start)
        self._entry_bytes[line] = most

    def _chained(self, line: int, firsts: str, chain: str, free: list[int], count: int) -> list[int]:
        """A chain of so many entries for a line, in the place of the one that it has."""
        free.extend(_entries(getattr(self.arrays, chain), int(getattr(self.arrays, firsts)[line])))
        taken = [free.pop() if free else self._next(chain, chain) for _ in range(count)]
        entries = getattr(self.arrays, chain)
        for entry, after in zip(taken, [*taken[1:], 0], strict=False):
            entries[entry, NEXT] = after
        getattr(self.arrays, firsts)[line] = taken[0] if taken else 0
        return taken

    def _code(self, name: str) -> int:
        """The number of a name of a fact or a network."""
        if name not in self._codes:
            code = self._codes[name] = len(self._codes)
            if code >= len(self.arrays.half_lives):
                self._grow(2 * code, "half_lives", "labels")
            self.arrays.half_lives[code] = self._model.fact(name).half_life_d * DAY_MS
            self.arrays.labels[code] = self._write(orjson.dumps(name) + b":")
        return self._codes[name]

    def _write(self, text: bytes) -> tuple[int, int]:
        if self._used + len(text) + SPARE > len(self.arrays.text):
            self._tidy(len(text))
        start, self._used = self._used, self._used + len(text)
        self.arrays.text[start : self._used] = np.frombuffer(text, np.uint8)
        return start, self._used

    def _tidy(self, more: int) -> None:
        """Room for so much more text; what nothing names any more goes."""
        old, places = self.arrays.text, [*self.arrays.labels, *self.arrays.tails]
        kept = b"".join(old[start:end].tobytes() for start, end in places)
        self.arrays = self.arrays._replace(text=np.zeros(2 * (len(kept) + more) + SPARE, np.uint8))
        self.arrays.text[: len(kept)] = np.frombuffer(kept, np.uint8)
        self._used = 0
        for place in places:
            place[:] = self._used, self._used + place[1] - place[0]
            self._used = int(place[1])

    def _next(self, count: str, *columns: str) -> int:
        number: int = self._counts[count]
        if number >= len(getattr(self.arrays, columns[0])):
            self._grow(2 * number, *columns)
        self._counts[count] = number + 1
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
