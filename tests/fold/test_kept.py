"""Rows of `state` as kernels write and read them, beside the format's plain statement with `struct`."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

import numpy as np
import pytest

from streams.errors import CloutError
from streams.fold import kept
from streams.fold.chunks import MOST
from streams.fold.hours import COLUMNS, MARKS, NEVER
from streams.fold.rows import (
    ACTED,
    ACTIONS,
    DID,
    DID_TS,
    ENGAGEMENTS,
    ENTRY,
    GOT,
    HEAD,
    KEPT,
    LISTED,
    MARK_MS,
    MET,
    MOVED,
    PUBLISHED,
    SCORE,
    SUMS,
)
from streams.fold.since import ACTED_SINCE, KEPT_SINCE
from streams.formats import state
from streams.formats.packed import Packed
from streams.model import windows
from streams.model.closes import known
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS, DEFAULT
from tests.fold.test_people import met
from tests.fold.test_record import NAMES, NOW_MS, filled
from tests.model import lists
from tests.model.lists import Kept, who_bytes

LIVES = DEFAULT.half_lives_ms
Pair = tuple[bytes, bytes]


def memory(count: int, name: bytes) -> bytes:
    """So many likes of one target."""
    entry = struct.pack("<fqQBQH", 1.5, NOW_MS, 7, 0, 9, len(name)) + name
    return bytes((count, 0, 0, 0, 0, 0)) + count * entry


def listed(number: int) -> bytes:
    """Lists of all sorts: none, one entry, people up to the registers, full ones with the longest names."""
    many = (0, 1, 3, 99)[number % 4]
    some: list[list[Kept]] = []
    for sort, most in enumerate(lists.MOST):
        who = (0, 1, 2, 5, 16, 255)[(number + sort) % 6] if sort in (0, 2) else 0
        entry = Kept(
            "", 0, 1.5, 0.25, 7, number, who, bytes(who_bytes(who)), (1, 0, 0, 0, 0, number) if sort == 2 else ()
        )
        longest = "x" * (128, 321, 256, 256)[sort]
        some.append([entry._replace(name=f"{n}{longest}"[: len(longest)], key=n + 1) for n in range(min(many, most))])
    return lists.write(27, some) if many else b""


def table_of(names: list[str]) -> Table:
    """Rows of all sorts, some with memories: none, short, the longest there is; and with lists."""
    table = filled(DEFAULT, names)
    table.cells[: len(names), PUBLISHED] = 5.0
    longest = bytes((16,) * 6) + b"".join(
        struct.pack("<fqQBQH", 1.0, NOW_MS, n, kind, n, 256) + b"x" * 256 for kind in range(6) for n in range(16)
    )
    assert len(longest) <= MOST
    for slot in range(len(names)):
        table.memory[slot] = (b"", memory(1, b"net:bob"), memory(16, "é".encode() * 128), longest, memory(0, b""))[
            slot % 5
        ]
        table.tops[slot] = listed(slot)
        something_lately(table, slot, (slot + 3) % 4)
        for person in range((1, 2, 3, 9, 16, 17, 400)[slot % 7]):
            met(table, slot, f"net:{person}")
    return table


def something_lately(table: Table, slot: int, marks: int) -> None:
    """They did and got something behind so many of the last marks."""
    if not marks:
        return
    hours, last = table.hours.room_for(1), table.clock // MARK_MS
    line = int(hours.used[0])
    hours.line[slot], hours.owner[line], hours.used[0] = line, slot, line + 1
    for back in range(MARKS):
        place = MARKS * line + (last - back) % MARKS
        hours.marks[place] = last - back if back < marks else NEVER
        hours.gained[place] = np.arange(COLUMNS) * (slot + 0.5) * (back + 1.25)


class Rows:
    """What a cut says of these users."""

    def __init__(self, table: Table, slots: Slots, marks: list[int]) -> None:
        self.changed, self.marks = slots, np.array(marks, np.uint8)
        self.rows, self.names, self.landmarks = table.cells[slots], table.users, tuple(table.landmarks)
        self.memories = table.memory.copied(slots[(self.marks & DID) != 0])
        self.people = table.people.copied(slots[(self.marks & MET) != 0])
        self.tops = table.tops.copied(slots[(self.marks & LISTED) != 0])
        self.known = known(table, slots, NOW_MS)
        self.lately = table.hours.lately(slots)


def plain(table: Table, slot: int, mark: int) -> list[Pair]:
    """The records of one user, by the text of the format."""
    row, name = table.cells[slot].tolist(), table.users[slot].encode()
    steps = [at // life for at, life in zip(table.landmarks, LIVES, strict=True)]
    days, sinces = table.days.since(np.array([slot]))
    day, since, found = int(days[0]), sinces[0, :KEPT_SINCE].tolist() if days[0] else [0.0] * KEPT_SINCE, []
    acted, got = lately(table, slot, steps)
    if mark & DID:
        columns = (row[c] for c in (ACTED, ACTIONS, DID_TS, SCORE, PUBLISHED))
        found.append(
            (
                b"d" + name,
                struct.pack("<II6d", steps[1], day, *columns, since[ACTED_SINCE]) + acted + table.memory[slot],
            )
        )
    if mark & GOT:
        columns = [*row[SUMS:KEPT], *(0.0 if n == ACTED_SINCE else value for n, value in enumerate(since))]
        there = [(n, value) for n, value in enumerate(columns) if value != 0]
        head = struct.pack("<4IQ", *steps, day, sum(1 << n for n, _ in there))
        found.append((b"g" + name, head + struct.pack(f"<{len(there)}d", *(value for _, value in there)) + got))
    if mark & MET:
        found.append((b"p" + name, table.people[slot]))
    if mark & LISTED:
        found.append((b"t" + name, table.tops[slot]))
    return found


def lately(table: Table, slot: int, steps: list[int]) -> tuple[bytes, bytes]:
    """What somebody did and got behind the last marks, as their records have it."""
    did, got = [], []
    [marks], [gained] = table.hours.lately(np.array([slot]))
    for mark, (*sums_of, followed, engaged, acted, acts) in zip(marks.tolist(), gained.tolist(), strict=True):
        if mark != NEVER:
            of = zip((0, 1, 2, 1), (*sums_of, acted), strict=True)
            sums = [math.ldexp(x, steps[w] - mark * MARK_MS // LIVES[w]) for w, x in of]
            did += [struct.pack("<Idf", mark, sums[3], acts)] if acts or acted else []
            if sums_of[0] or followed or engaged or not (acts or acted):  # or all of it was taken back
                got.append(struct.pack("<I3d2f", mark, *sums[:3], followed, engaged))
    return (bytes((len(did),)) + b"".join(did), bytes((len(got),)) + b"".join(got))


USERS = [*NAMES, *(f"net{n % 3}:{'x' * (n % 40)}{n}" for n in range(200))]


@pytest.mark.parametrize("most", [1, 7, 1_000])
def test_rows_are_written_as_the_format_says(most: int) -> None:
    """Byte for byte, whatever changed of whom, in parts of any size; who only moved has no record."""
    table = table_of(USERS)
    slots = np.random.default_rng(3).permutation(len(USERS))
    some = (DID, GOT | MET, DID | GOT, MOVED, DID | GOT | MET, DID | LISTED, LISTED, DID | GOT | MET | LISTED)
    marks = [some[n % len(some)] for n in range(len(USERS))]
    found = [pair for part in state.chunks(Rows(table, slots, marks), LIVES, most) for pair in part]
    assert found == [
        pair for slot, mark in zip(slots.tolist(), marks, strict=True) for pair in plain(table, slot, mark)
    ]
    assert list(state.records(Rows(table, slots, marks), LIVES)) == found


def again(records: list[Pair], later_d: int) -> Table:
    """A table that loads these, so many days later."""
    after = Table(DEFAULT)
    after.clock = NOW_MS + later_d * DAY_MS
    after.landmarks = [windows.landmark(after.clock, life) for life in LIVES]
    state.load(after, Packed.of(records))
    return after


@pytest.mark.parametrize("later_d", [0, 8, 300])
def test_rows_come_back(later_d: int) -> None:
    """Names, memories and counts as they were; sums are exactly those of other landmarks. An arena too small grows by the way."""
    table = table_of(USERS)
    records = [pair for slot in range(len(USERS)) for pair in plain(table, slot, DID | GOT | MET | LISTED)]
    records = [(key, value) for key, value in records if value]  # who has no lists has no record of them
    after = again(records, later_d)
    assert list(after.users) == USERS
    assert [after.memory[slot] for slot in range(len(USERS))] == [table.memory[slot] for slot in range(len(USERS))]
    assert [after.people[slot] for slot in range(len(USERS))] == [table.people[slot] for slot in range(len(USERS))]
    assert [after.tops[slot] for slot in range(len(USERS))] == [table.tops[slot] for slot in range(len(USERS))]
    there, back = table.hours.lately(np.arange(len(USERS))), after.hours.lately(np.arange(len(USERS)))
    assert (back.marks == there.marks).all()
    some = there.marks != NEVER
    moved = [table.landmarks[w] // LIVES[w] - after.landmarks[w] // LIVES[w] for w in range(3)]
    wanted = np.ldexp(there.gained[some], np.array([*moved, 0, 0, moved[1], 0]))
    assert back.gained[some] == pytest.approx(wanted, rel=1e-6)
    for column in range(KEPT):
        window = 1 if column == ACTED else (column - SUMS) % 3
        decayed = column == ACTED or SUMS <= column < ENGAGEMENTS
        life = LIVES[window]
        moved = table.landmarks[window] // life - after.landmarks[window] // life if decayed else 0
        wanted = np.ldexp(table.cells[: len(USERS), column], moved)
        assert after.cells[: len(USERS), column].tolist() == wanted.tolist(), column


def test_the_later_record_wins_and_the_higher_version_knows_what_was_published() -> None:
    """Of one user: what is gone in the later record is 0; score and version are those of the highest version."""
    table = table_of(["net:ann"])
    table.cells[0, :KEPT] = 7.0
    (did, got), table.cells[0, PUBLISHED] = plain(table, 0, DID | GOT), 9.0
    table.cells[0, SUMS:ENGAGEMENTS], table.cells[0, SCORE] = 0.0, 44.0
    newer = plain(table, 0, GOT)[0]
    for order in ([did, got, newer], [got, newer, did]):
        row = again(order, 0).cells[0]
        assert row[[SCORE, PUBLISHED]].tolist() == [44.0, 9.0]
        assert not row[SUMS:ENGAGEMENTS].any()
        assert row[ACTIONS] == 7.0


DAMAGE: list[tuple[str, bytes, Callable[[bytes], bytes]]] = [
    ("lacks bytes of its head", b"d", lambda v: v[:55]),
    ("more marks than there are", b"d", lambda v: v[:56] + b"\x06" + bytes(6 * 16) + v[57:]),
    ("marks beyond its end", b"d", lambda v: v[:56] + b"\x05"),
    ("a memory that lacks a byte", b"d", lambda v: v[:-1]),
    ("a memory that counts wrongly", b"d", lambda v: v[:57] + b"\x02" + v[58:]),
    ("a memory of an unknown kind", b"d", lambda v: v[: 57 + HEAD + 20] + b"\x06" + v[57 + HEAD + 21 :]),
    ("a name longer than the memory", b"d", lambda v: v[: 57 + HEAD + 29] + b"\xff\xff" + v[57 + HEAD + ENTRY :]),
    ("nobody at all", b"p", lambda _: b""),
    ("fewer than it says", b"p", lambda v: v[:-1]),
    ("more than may be", b"p", lambda _: b"\x11" + bytes(17 * 8)),
    ("a register too many", b"p", lambda _: b"\xff" + bytes(257)),
    ("a register that says too much", b"p", lambda _: b"\xff" + b"\x3a" * 256),
    ("no number of marks", b"g", lambda v: v[:-1]),
    ("more marks than it has", b"g", lambda v: v[:-1] + b"\x01"),
    ("nothing at all", b"g", lambda _: b""),
    ("lacks a byte", b"g", lambda v: v[:-1]),
    ("lacks a column", b"g", lambda v: v[:-8]),
    ("a column too many", b"g", lambda v: v + bytes(8)),
    ("a column that there is not", b"g", lambda v: v[:23] + b"\xff" + v[24:]),
    ("no lists at all", b"t", lambda _: b""),
    ("lists that lack a byte", b"t", lambda v: v[:-1]),
    ("a list that ends beyond the end", b"t", lambda v: v[:8] + b"\xff\xff" + v[10:]),
    ("an entry without a size", b"t", lambda v: v[:10] + bytes(2) + v[12:]),
    ("an entry that weighs nothing that there is", b"t", lambda v: v[:17] + b"\0\0\xc0\x7f" + v[21:]),
]


@pytest.mark.parametrize(("sort", "change"), [d[1:] for d in DAMAGE], ids=[d[0] for d in DAMAGE])
def test_a_damaged_record_is_named_and_nothing_is_put(sort: bytes, change: Callable[[bytes], bytes]) -> None:
    """Every length is checked before it is used, in whatever record it stands."""
    table = table_of(["net:ann", "net:bob", "net:carl"])
    records = [pair for slot in range(3) for pair in plain(table, slot, DID | GOT | MET | LISTED) if pair[1]]
    at = next(i for i, (key, _) in enumerate(records) if key == sort + b"net:bob")
    records[at] = records[at][0], change(records[at][1])
    after = Table(DEFAULT)
    with pytest.raises(CloutError, match=f"damaged record: key b'{sort.decode()}net:bob'"):
        state.load(after, Packed.of(records))
    assert len(after) == 0


@pytest.mark.parametrize("key", [b"", b"xnet:ann"])
def test_a_record_of_an_unknown_sort_is_refused(key: bytes) -> None:
    """Also one without a key."""
    with pytest.raises(CloutError, match="unknown sort"):
        state.load(Table(DEFAULT), Packed.of([(key, bytes(60))]))


def test_a_name_that_is_no_text_is_refused() -> None:
    """Half a character at the end of one key and the other half at the beginning of the next are none either."""
    table = table_of(["net:ann"])
    value = plain(table, 0, DID)[0][1]
    with pytest.raises(CloutError, match="damaged record"):
        state.load(Table(DEFAULT), Packed.of([(b"dnet:\xc3", value), (b"d\xa9net:", value)]))


def test_random_bytes_are_refused_or_read() -> None:
    """Whatever a value is: nothing is read beyond its end."""
    random = np.random.default_rng(5)
    table = table_of(USERS[:9])
    values = [value for slot in range(9) for _, value in plain(table, slot, DID | GOT | MET | LISTED)]
    for n in range(3_000):
        value = bytearray(values[n % len(values)][: random.integers(0, 600)])
        for at in random.integers(0, max(len(value), 1), 3) if value else ():
            value[at] = random.integers(0, 256)
        try:
            state.load(Table(DEFAULT), Packed.of([((b"d", b"g", b"p", b"t")[n % 4] + b"net:ann", bytes(value))]))
        except CloutError:
            continue


def test_sizes_of_the_format() -> None:
    """56 bytes before marks and a memory, 24 before 25 columns, and 23 more for what has come since a close."""
    assert (
        struct.calcsize("<II6d"),
        struct.calcsize("<4IQ"),
        KEPT - SUMS + KEPT_SINCE,
    ) == (kept.DID_HEAD, kept.GOT_HEAD, kept.COLUMNS)


def test_a_name_that_is_too_long_is_damage() -> None:
    """Nobody's name has more than 321 bytes: a record of one who has is named, and nothing is put."""
    table, after = table_of(["x" * 321]), Table(DEFAULT)
    [(key, value)] = [pair for pair in plain(table, 0, DID) if pair[1]]
    state.load(after, Packed.of([(key, value)]))
    assert list(after.users) == ["x" * 321]
    with pytest.raises(CloutError, match="damaged record: key b'dxxx"):
        state.load(after, Packed.of([(key + b"x", value)]))
    assert len(after) == 1
