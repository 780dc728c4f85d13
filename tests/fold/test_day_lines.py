"""Lines of days, packed and opened again: nothing is lost, no chunk is lost, and who is read does not push out who is busy."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streams.fold.day_lines import FREE_LINES, IDLE, LENT, OTHERS, REST, TOUCHED, UNIT
from streams.fold.rows import DAYS, LEDGER_DAYS, MARK_MS, WEEK
from streams.fold.since import ACTED_SINCE, CLOSE, ENTRIES, FACTS_THEN, GAINED, SINCE
from streams.model.days import Days
from tests import strategies  # noqa: F401 - its profile
from tests.strategies import T0

TODAY = 20_454
USERS = 40


@st.composite
def line(draw: st.DrawFn) -> dict[str, Any]:
    """What a line may have: few or all of its columns, any bits, no close or up to 90."""
    day, count = draw(st.integers(1, 2**32 - 1)), draw(st.integers(0, DAYS))
    dice = np.random.default_rng(draw(st.integers(0, 2**32)))
    rare, odd = draw(st.sampled_from([0.0, 0.1, 1.0])), draw(st.sampled_from([np.nan, -np.inf, -0.0, 5e-324, -1.0]))
    since = dice.normal(0, 1e3, SINCE) * (dice.random(SINCE) < rare)
    since[draw(st.integers(0, SINCE - 1))] = odd
    return {
        "day": day,
        "first": day - count + 1,
        "kept": draw(st.sampled_from([0, day, OTHERS])),
        "shown": draw(st.sampled_from([0, day, OTHERS])),
        "since": since,
        "ledger": (dice.normal(0, 1, (LEDGER_DAYS, ENTRIES)) * (dice.random((LEDGER_DAYS, ENTRIES)) < rare)).astype(
            "f4"
        ),
        "closes": dice.lognormal(0, 3, count).astype("f4"),
    }


def put(days: Days, slot: int, has: dict[str, Any]) -> None:
    """This is the line of a slot, open, now."""
    arrays, [at] = days.arrays, days.begun(np.array([slot]))
    for name in ("day", "first", "kept", "shown", "since", "ledger"):
        getattr(arrays, name)[at] = has[name]
    arrays.closes[at, _days(has) % DAYS] = has["closes"]


def _days(has: dict[str, Any]) -> NDArray[np.int64]:
    return np.arange(has["first"], has["day"] + 1)


def is_as(days: Days, slot: int, has: dict[str, Any]) -> None:
    """A slot has this, to the last bit."""
    arrays, [at] = days.arrays, days.lines(np.array([slot]))
    assert at > 0
    assert arrays.owner[at] == slot
    for name in ("day", "first", "kept", "shown"):
        assert getattr(arrays, name)[at] == has[name], name
    for name in ("since", "ledger"):
        assert getattr(arrays, name)[at].tobytes() == has[name].tobytes(), name
    assert arrays.closes[at, _days(has) % DAYS].tobytes() == has["closes"].tobytes()


def opened(days: Days) -> NDArray[np.intp]:
    """The lines of everybody who has an open one."""
    line = days.arrays.line
    return line[line > 0].astype(np.intp)


def plain(has: dict[str, Any]) -> bytes:
    """A packed line, as its module says in words."""
    bits = sum(1 << n for n, value in enumerate(has["since"]) if value.tobytes() != bytes(8))
    for place, name in ((SINCE, "kept"), (SINCE + 2, "shown")):
        bits |= (0 if has[name] == 0 else 1 if has[name] == has["day"] else 2) << place
    whole = b"".join(value.tobytes() for value in has["since"] if value.tobytes() != bytes(8))
    days = 0
    for of, entries in enumerate(has["ledger"]):
        set_ = [n for n, value in enumerate(entries) if value.tobytes() != bytes(4)]
        days |= bool(set_) << of
        whole += struct.pack("<H", sum(1 << n for n in set_)) * bool(set_) + entries[set_].tobytes()
    return struct.pack("<IIBB", has["day"], bits, days, len(has["closes"])) + whole + has["closes"].tobytes()


@given(line(), line())
def test_a_packed_line_is_what_its_module_says(has: dict[str, Any], other: dict[str, Any]) -> None:
    """Byte for byte; and it comes back, wherever somebody else had a line in between."""
    days = Days()
    put(days, 3, has)
    days.pack(opened(days))
    at = -int(days.arrays.line[3]) * UNIT
    assert days.arrays.arena[at : at + len(plain(has))].tobytes() == plain(has)
    assert days.arrays.lists[REST] * UNIT == at + -len(plain(has)) % UNIT + len(plain(has))
    put(days, 4, other)
    is_as(days, 3, has)
    is_as(days, 4, other)


@given(st.lists(st.tuples(st.integers(0, USERS - 1), st.sampled_from(["put", "read", "pack"]), line()), max_size=60))
def test_any_order_of_packing_and_opening(done: list[tuple[int, str, dict[str, Any]]]) -> None:
    """Everybody has what was put last; no line and no byte of the arena is lost."""
    days, known = Days(), dict[int, dict[str, Any]]()
    for slot, what, has in done:
        if what == "put":
            put(days, slot, has)
            known[slot] = has
        elif what == "read" and slot in known:
            is_as(days, slot, known[slot])
        elif what == "pack":
            days.pack(opened(days)[slot % 3 :: 3])
    assert len(opened(days)) + days.arrays.free[FREE_LINES] == len(days.arrays.state) - 1
    packed = [has for slot, has in known.items() if days.arrays.line[slot] < 0]
    assert sum(-(-len(plain(has)) // UNIT) for has in packed) + _unused(days) == days.arrays.lists[REST] - 1
    for slot, has in known.items():
        is_as(days, slot, has)


def _unused(days: Days) -> int:
    """UNITs of the chunks that were given back."""
    total, arrays = 0, days.arrays
    for sort in range(1, len(arrays.lists)):
        chunk = int(arrays.lists[sort])
        while chunk:
            total, chunk = total + sort, int(arrays.arena[chunk * UNIT :][:8].view(np.int64)[0])
    return total


def quiet(days: Days, slots: NDArray[np.intp]) -> None:
    """These have small lines, packed."""
    days.room(max(256, int(slots.max()) + 1))
    lines = days.begun(slots)
    days.arrays.day[lines], days.arrays.first[lines] = TODAY, TODAY - 2
    days.arrays.closes[lines] = 3.0
    days.arrays.since[lines, CLOSE] = 1.0 + slots
    days.pack(lines)


def test_lines_of_many_that_are_read_are_few() -> None:
    """Ten thousand quiet ones are read, 100 at a time: there are lines for some of them, and the busy ones keep theirs."""
    days, busy = Days(), np.arange(50)
    quiet(days, np.arange(50, 10_050))
    lines = days.begun(busy)
    days.arrays.state[lines] = TOUCHED
    open_before = len(days.arrays.state)
    for start in range(50, 10_050, 100):
        some = np.arange(start, start + 100)
        assert days.since(some)[1][:, CLOSE].tolist() == (1.0 + some).tolist()
        assert days.lines(busy).tolist() == lines.tolist()
    assert len(days.arrays.state) == open_before
    assert np.count_nonzero(days.arrays.line < 0) >= 9_000


def test_who_is_asked_for_together_is_open_together() -> None:
    """Those of them who were open already, because somebody has read them, are not packed to make room for the others."""
    days = Days()
    for first in range(0, 400, 100):
        quiet(days, np.arange(first, first + 100))
    assert days.arrays.free[FREE_LINES] < 150
    for first in (0, 50, 300, 210):
        slots = np.arange(first, first + 100)
        assert (days.lines(slots) > 0).all()
        assert days.arrays.since[days.lines(slots), CLOSE].tolist() == (1.0 + slots).tolist()


def test_what_nothing_touches_is_packed_after_the_hand_came_twice() -> None:
    """It comes by after a mark, once: what was touched since stays open. What is read meanwhile is not touched."""
    days, slots = Days(), np.arange(3)
    days.begin(T0)
    days.room_for(0)
    lines = days.begun(slots)
    days.arrays.state[lines] = TOUCHED
    for mark, still in ((1, [0, 1, 2]), (2, [0, 1])):
        days.begin(T0 + mark * MARK_MS)
        days.room_for(0)
        assert np.flatnonzero(days.arrays.line > 0).tolist() == still
        days.lines(slots[:2])
        days.arrays.state[days.arrays.line[:2]] = TOUCHED
        days.room_for(0)  # it rests until the next mark
    assert days.arrays.state[days.arrays.line[:2]].tolist() == [TOUCHED, TOUCHED]
    assert days.arrays.state[days.lines(slots)[2]] == LENT
    days.begin(T0 + 3 * MARK_MS)
    days.room_for(0)
    assert days.arrays.state[days.arrays.line[:3]].tolist() == [IDLE, IDLE, LENT]


def test_the_hand_goes_on_where_it_was() -> None:
    """However many lines there are, each is passed once, some a call."""
    days, slots = Days(), np.arange(5_000)
    days.room(5_000)
    days.arrays.state[days.begun(slots)] = TOUCHED
    days.begin(T0)
    for passed in (1_024, 2_048, 3_072, 4_096, 5_000, 5_000):
        days.room_for(0)
        assert np.count_nonzero(days.arrays.state == IDLE) == passed
    days.begin(T0 + MARK_MS)
    days.room_for(1_000)
    assert np.count_nonzero(days.arrays.line < 0) == 5_000 - np.count_nonzero(days.arrays.state == IDLE) > 4_000


@given(st.lists(line(), min_size=2, max_size=12), st.integers(0, 2), st.integers(1, 500))
def test_landmarks_move_under_packed_lines(lines: list[dict[str, Any]], window: int, halvings: int) -> None:
    """The same as under open ones."""
    found = []
    for some in (slice(0), slice(0, None, 2)):
        days = Days()
        for slot, has in enumerate(lines):
            put(days, slot, has)
        days.pack(opened(days)[some])
        days.shrink(window, halvings)
        found.append(days.arrays.since[days.lines(np.arange(len(lines)))])
    assert found[0].tobytes() == found[1].tobytes()
    assert found[0][:, CLOSE : FACTS_THEN + 1].tobytes() == b"".join(has["since"][CLOSE:].tobytes() for has in lines)
    column = [GAINED, ACTED_SINCE, GAINED + 2][window]
    assert found[0][:, column].tobytes() == np.ldexp([has["since"][column] for has in lines], -halvings).tobytes()
    assert WEEK == 1


@given(st.lists(line(), min_size=3, max_size=12), st.integers(1, 3))
def test_what_redis_has(lines: list[dict[str, Any]], of_each: int) -> None:
    """Of some what `state` has, of all others nothing, packed or open."""
    days, slots = Days(), np.arange(len(lines))
    for slot, has in enumerate(lines):
        put(days, slot, has)
    days.pack(opened(days)[::2])
    some = slots[::of_each]
    assert days.show(some) == sum(lines[slot]["kept"] != 0 for slot in some)
    for slot, has in enumerate(lines):
        is_as(days, slot, has | {"shown": has["kept"] if slot in some else 0})
