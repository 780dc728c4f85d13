"""Who ever engaged with somebody: exact while they are few, an estimate with a known error when they are many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import islice

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streams.fold import people
from streams.fold.hashing import name_key
from streams.fold.people import EXACT, MOST, REGISTERED, UNIT
from streams.fold.rows import ACTORS
from streams.fold.words import padded
from streams.model.people import People
from streams.model.table import Table
from streams.model.versions import PLAIN
from streams.offline import fold
from streams.sources import open_source
from tests.oracle import estimate
from tests.sources.conftest import real  # noqa: F401 - the fixture


def met(table: Table, slot: int, name: str) -> bool:
    """Somebody engages with a slot; is that news?"""
    text = name.encode()
    key = name_key(padded(text), 0, len(text), np.uint64(0))
    return bool(people.add(table.people.room_for_one(), slot, np.uint64(key)))


def tell(registers: NDArray[np.uint8], keys: NDArray[np.uint64]) -> None:
    """Registers are told of people with these hashes: the plain way."""
    rest = (keys >> np.uint64(8)).tolist()
    ranks = np.array([(bits & -bits).bit_length() or 57 for bits in rest], np.uint8)
    np.maximum.at(registers, (keys & np.uint64(255)).astype(int), ranks)


def sketch(names: list[str], slot: int = 0) -> tuple[Table, int]:
    """A table with one who was engaged with by these, and how many were news."""
    table = Table(PLAIN)
    return table, sum(met(table, slot, name) for name in names)


@settings(deadline=None)  # the first call loads kernels
@given(st.lists(st.integers(0, 40), max_size=60), st.randoms())
def test_nobody_counts_twice_and_order_does_not_matter(numbers: list[int], dice: object) -> None:
    """Up to 16 people each is counted, once, however often they come; more are the same estimate in any order."""
    names = [f"net:{number}" for number in numbers]
    one, news = sketch(names)
    shuffled = [*names]
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    other, _ = sketch(shuffled + names)
    distinct = len(set(names))
    count = people.people_of(one.people.arrays, 0)
    assert count == people.people_of(other.people.arrays, 0)
    if distinct <= EXACT:
        assert count == news == distinct
    else:
        assert count > EXACT
        assert one.people[0] == other.people[0]


def test_the_estimate_is_the_textbooks() -> None:
    """Registers and estimate are those of the plain statement, from 17 people to a million."""
    arrays, random = People().room_for_one(), np.random.default_rng(7)
    for n in (17, 100, 640, 5_000, 1_000_000):
        registers = np.zeros(256, np.uint8)
        keys = random.integers(0, 2**64, n, np.uint64)
        tell(registers, keys)
        estimated = float(people.estimated(padded(registers.tobytes()), 0, people.REGISTERS, people.HIGHEST))
        assert estimated == pytest.approx(estimate(registers.tolist()), rel=1e-9)
        if n <= 5_000:
            slot = n % 97
            for key in keys:
                people.add(arrays, slot, key)
                if people.is_full(arrays):
                    arrays.arena.resize(len(arrays.arena) + 4096, refcheck=False)
            at = int(arrays.at[slot]) * UNIT
            assert arrays.arena[at : at + 256].tolist() == registers.tolist()


def test_the_error_is_what_is_said() -> None:
    """One standard error of 6.5 %, over populations of all sizes; no jump where counting ends and estimating begins."""
    random, errors = np.random.default_rng(11), []
    for n in (17, 20, 40, 100, 300, 640, 1_500, 10_000):
        for _ in range(40):
            keys = random.integers(0, 2**64, n, np.uint64)
            registers = np.zeros(256, np.uint8)
            tell(registers, keys)
            errors.append(
                float(people.estimated(padded(registers.tobytes()), 0, people.REGISTERS, people.HIGHEST)) / n - 1
            )
    assert np.sqrt(np.mean(np.square(errors))) < 1.15 * people.ERROR
    assert abs(np.mean(errors)) < 0.02


def test_it_costs_nothing_for_whom_few_engaged_with() -> None:
    """Nobody: nothing. One: 8 bytes. Chunks that were outgrown are used again."""
    table = Table(PLAIN)
    empty = table.people.nbytes
    for slot in range(200):
        met(table, slot, "net:ann")
    assert table.people.nbytes - empty == 200 * 8
    for person in range(40):
        for slot in range(200):
            met(table, slot, f"net:{person}")
    grown = table.people.nbytes
    for slot in range(200, 256):
        for person in range(9):
            met(table, slot, f"net:{person}")
    assert table.people.nbytes == grown
    assert all(people.people_of(table.people.arrays, slot) == 9 for slot in range(200, 256))


def test_as_it_is_kept() -> None:
    """A sketch out and in again knows the same people."""
    for n in (1, 2, 3, 16, 17, 300):
        table, _ = sketch([f"net:{number}" for number in range(n)])
        kept = table.people[0]
        assert len(kept) == (MOST if n > EXACT else 1 + 8 * n)
        assert (kept[0] == REGISTERED) == (n > EXACT)
        other = Table(PLAIN)
        text = padded(kept)
        assert people.sound(text, 0, len(kept))
        people.put(other.people.room_for_one(), 3, text, 0)
        assert other.people[3] == kept
        assert not met(other, 3, "net:0")
        assert met(other, 3, "net:somebody new") or n > EXACT


def test_real_people_are_counted_as_well(real: Callable[[str], str]) -> None:  # noqa: F811
    """Of the first 150,000 events around the Higgs: few are exact, of many the error is what is said."""
    events = [*islice(open_source(real("higgs/higgs-activity_time.txt.gz"), "higgs"), 150_000)]
    table, seen = fold(events, PLAIN, newest_ms=2**45), defaultdict(set)
    for event in (orjson.loads(one.value) for one in events):
        if event["actor"] != event["target"]:
            seen[f"twitter:{event['target']}"].add(event["actor"])
    exact = np.array([len(seen[user]) for user in table.users])
    told, few = table.cells[: len(table), ACTORS], exact <= EXACT
    assert told[few].tolist() == exact[few].tolist()
    errors = told[~few] / exact[~few] - 1
    assert len(errors) > 500
    assert np.sqrt(np.mean(errors**2)) < 1.15 * people.ERROR
