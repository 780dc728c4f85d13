"""Lines of persons as bytes: on the wire, and as a person's row keeps them. Groups one behind another, one a person, little-endian:

    person     u16 bytes, name         lines      u16 how many
    a line     account u16 bytes, name     link i64, version i64: the higher pair holds     flags u8: GONE, FRESH
               from i64, until i64: when it was linked and unlinked, ms     day u32: of the close that SINCE is of, 0: of none
               steps 3 u32: landmarks, in half-lives     mask u32: a bit for each of the first LINE columns of a row that is not 0
               the same u32 of the columns of SINCE, see `streams.fold.days`     those columns f64
               sketch: who engaged, as `streams.fold.people` keeps it, or a byte of 0 for nobody
               facts u16 bytes, and what `streams.formats.lines` has in them

GONE is a marker: it is no account of the person any more. It still was one at a close before that, so it has the columns, too.
FRESH: nothing of the account lies before the close.

0.15 us a line to write; `streams.fold.told` reads them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel, part
from streams.fold.hashing import partition_of
from streams.fold.names import start_of
from streams.fold.people import MOST, UNIT, size_of
from streams.fold.rows import LINE, LONGEST
from streams.fold.since import KEPT_SINCE
from streams.fold.words import load_u16, move, store_f64, store_u16, store_u32, store_u64

FIXED = 57  #: bytes of a line between the account's name and its columns
LEAST_GROUP, LEAST_LINE = 5, 2 + 1 + FIXED + 1 + 2  #: bytes at least
MOST_FACTS_BYTES = 2_048  #: of a line's
MOST_LINE = (
    4 * LONGEST + FIXED + 8 * (LINE + KEPT_SINCE) + MOST + MOST_FACTS_BYTES
)  #: bytes of a line, and of the head of its group
GONE, FRESH = 1, 2  #: flags of a line
NUMBERS = 6  #: of a line: link, version, flags, from, until, day


class Lines(NamedTuple):
    """The lines that a table's persons have, by number from 1 on, as kernels read them."""

    columns: NDArray[np.float64]  #: (n, LINE) of the account's row
    steps: NDArray[np.int64]  #: (n, 3) landmarks of the sums, in half-lives
    links: NDArray[np.int64]  #: number of the link
    versions: NDArray[np.int64]
    gone: NDArray[np.uint8]  #: a marker: it is no account of this person any more
    fresh: NDArray[np.uint8]  #: nothing of it lies before the close of `days`
    spans: NDArray[np.int64]  #: (n, 2) when it was linked and unlinked, ms
    days: NDArray[np.int64]  #: the day that begins with the close that `since` is of
    since: NDArray[np.float64]  #: (n, KEPT_SINCE) what has come since that close, see `streams.fold.days`
    facts: NDArray[np.int64]  #: (n, 2) from where to where they are in a text
    accounts: NDArray[np.int32]  #: whose it is, see `networks`
    after: NDArray[np.int32]  #: the person's next line by name of the account; 0: none
    networks: NDArray[np.int32]  #: by number of an account: the code of its network
    heads: NDArray[np.int32]  #: by number of a person in column MORE: the first line; 0: none
    stale: NDArray[np.uint8]  #: by the same: are accounts there that were not, or the other way round?
    used: NDArray[np.int64]  #: (1,) how many numbers are in use, 0 included


@part
def _name(out, at, names, number):
    start = start_of(names, number)
    n = start_of(names, number + 1) - start
    store_u16(out, at, np.uint16(n))
    move(out, at + 2, names.text, start, n)
    return at + 2 + n


@part
def _columns(out, at, mask_at, row, columns):
    """Those of the first columns that are not 0, and at `mask_at` which these are."""
    mask = np.uint32(0)
    for column in range(columns):
        if row[column] != 0.0:
            mask |= np.uint32(1) << np.uint32(column)
            store_f64(out, at, row[column])
            at += 8
    store_u32(out, mask_at, mask)
    return at


@part
def _line(out, at, numbers, steps, row, since, closed_ms):
    store_u64(out, at, np.uint64(numbers[0]))
    store_u64(out, at + 8, np.uint64(numbers[1]))
    out[at + 16] = numbers[2]
    store_u64(out, at + 17, np.uint64(numbers[3]))
    store_u64(out, at + 25, np.uint64(numbers[4]))
    store_u32(out, at + 33, np.uint32(numbers[5]))
    for window in range(3):
        store_u32(out, at + 37 + 4 * window, np.uint32(steps[window]))
    # who left before the last close is in none to come
    whole = not numbers[2] & GONE or numbers[4] >= closed_ms
    end = _columns(out, at + FIXED, at + 49, row, LINE if whole else 0)
    return _columns(out, end, at + 53, since, KEPT_SINCE if whole else 0)


@part
def _facts(out, at, text, start, end):
    store_u16(out, at, np.uint16(end - start))
    move(out, at + 2, text, start, end - start)
    return at + 2 + end - start


@kernel
def homes(persons, numbers, partitions, out):
    """The partitions (n,) in which persons of these numbers live."""
    for i in range(len(numbers)):
        start = start_of(persons, numbers[i])
        out[i] = partition_of(persons.text, start, start_of(persons, numbers[i] + 1) - start, partitions)


@kernel
def write(
    persons,
    told,
    numbers,
    slots,
    accounts,
    steps,
    rows,
    since,
    sketches,
    ends,
    facts,
    bounds,
    closed_ms,
    order,
    first,
    out,
):
    """Lines from place `first` of `order` on; returns at which place it ends, since `out` is full, and how many bytes there are.

    Line i is of account `slots[i]` to person `told[i]`, and has `numbers` (n, NUMBERS), a row, and what has come since the close.
    Markers are first: they have no sketch and no facts, so those are fewer. The last close was at `closed_ms`.
    """
    at = group = np.int64(0)
    before, markers = np.int64(-1), len(told) - len(ends)
    for k in range(first, len(order)):
        i = order[k]
        if at + MOST_LINE > len(out):
            return k, at
        if told[i] != before:
            before = told[i]
            group = _name(out, at, persons, before)
            store_u16(out, group, np.uint16(0))
            at = group + 2
        store_u16(out, group, np.uint16(load_u16(out, group) + 1))
        at = _name(out, at, accounts, slots[i])
        at = _line(out, at, numbers[i], steps, rows[i], since[i], closed_ms)
        number = i - markers
        if number < 0:
            out[at] = 0
            at = _facts(out, at + 1, facts, 0, 0)
            continue
        begin = ends[number - 1] if number else 0
        move(out, at, sketches, begin, ends[number] - begin)
        at = _facts(out, at + ends[number] - begin, facts, bounds[number], bounds[number + 1])
    return len(order), at


@kernel
def kept(users, slots, persons, lines, people, accounts, facts, closed_ms, out, bounds):
    """What `state` keeps of these persons: key and value in turn, see `streams.formats.tied`.

    `persons` are their numbers in column MORE. Returns how far it came before `out` was full.
    """
    at, numbers = np.int64(0), np.empty(NUMBERS, np.int64)
    for i in range(len(slots)):
        number, n = np.int64(lines.heads[persons[i]]), 0
        while number:
            n, number = n + 1, np.int64(lines.after[number])
        if at + (n + 1) * MOST_LINE > len(out):
            return i
        out[at] = ord("l")
        start = start_of(users, slots[i])
        size = start_of(users, slots[i] + 1) - start
        move(out, at + 1, users.text, start, size)
        at = bounds[2 * i + 1] = at + 1 + size
        at = _name(out, at, users, slots[i])
        store_u16(out, at, np.uint16(n))
        at, number = at + 2, np.int64(lines.heads[persons[i]])
        while number:
            at = _name(out, at, accounts, lines.accounts[number])
            numbers[0], numbers[1], numbers[5] = lines.links[number], lines.versions[number], lines.days[number]
            numbers[2] = (GONE if lines.gone[number] else 0) | (FRESH if lines.fresh[number] else 0)
            numbers[3], numbers[4] = lines.spans[number, 0], lines.spans[number, 1]
            at = _line(out, at, numbers, lines.steps[number], lines.columns[number], lines.since[number], closed_ms)
            size = size_of(np.int64(people.known[number])) - 1
            out[at] = people.known[number]
            move(out, at + 1, people.arena, np.int64(people.at[number]) * UNIT, size)
            at = _facts(out, at + 1 + size, facts, lines.facts[number, 0], lines.facts[number, 1])
            number = np.int64(lines.after[number])
        bounds[2 * i + 2] = at
    return len(slots)
