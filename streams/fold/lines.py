"""Lines of persons as bytes: on the wire, and as a person's row keeps them. Groups one behind another, one a person, little-endian:

    person     u16 bytes, name         lines      u16 how many
    a line     account u16 bytes, name     link i64, version i64: the higher pair holds     gone u8: a marker
               steps 3 u32: landmarks, in half-lives     mask u32: a bit for each of the first LINE columns of a row that is not 0
               those columns f64     sketch: who engaged, as `streams.fold.people` keeps it, or a byte of 0 for nobody
               facts u16 bytes, and what `streams.formats.lines` has in them

0.15 us a line to write, 0.3 us to read and check.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.compiled import kernel, part
from streams.fold.hashing import partition_of
from streams.fold.letters import valid
from streams.fold.people import MOST, UNIT, size_of, sound
from streams.fold.rows import DID_TS, GOT_TS, LINE, LONGEST
from streams.fold.words import load_f64, load_i64, load_u16, load_u32, move, store_f64, store_u16, store_u32, store_u64

FIXED = 33  #: bytes of a line between the account's name and its columns
LEAST_GROUP, LEAST_LINE = 5, 2 + 1 + FIXED + 1 + 2  #: bytes at least
MOST_FACTS_BYTES = 2_048  #: of a line's
MOST_LINE = 4 * LONGEST + FIXED + 8 * LINE + MOST + MOST_FACTS_BYTES  #: bytes of a line, and of the head of its group
TORN, NAMELESS, ENDLESS, OUT_OF_RANGE, SKETCHY = range(1, 6)  #: what may be wrong with lines
_PERSON = np.frombuffer(b"person:", np.uint8).copy()


class Lines(NamedTuple):
    """The lines that a table's persons have, by number from 1 on, as kernels read them."""

    columns: NDArray[np.float64]  #: (n, LINE) of the account's row
    steps: NDArray[np.int64]  #: (n, 3) landmarks of the sums, in half-lives
    links: NDArray[np.int64]  #: number of the link
    versions: NDArray[np.int64]
    gone: NDArray[np.uint8]  #: a marker: it is no account of this person any more
    facts: NDArray[np.int64]  #: (n, 2) from where to where they are in a text
    accounts: NDArray[np.int32]  #: whose it is, see `networks`
    after: NDArray[np.int32]  #: the person's next line by name of the account; 0: none
    networks: NDArray[np.int32]  #: by number of an account: the code of its network
    heads: NDArray[np.int32]  #: by number of a person in column MORE: the first line; 0: none
    stale: NDArray[np.uint8]  #: by the same: are accounts there that were not, or the other way round?
    used: NDArray[np.int64]  #: (1,) how many numbers are in use, 0 included


@part
def _name(out, at, names, number):
    start = names.starts[number]
    n = names.starts[number + 1] - start
    store_u16(out, at, np.uint16(n))
    move(out, at + 2, names.text, start, n)
    return at + 2 + n


@part
def _line(out, at, link, version, gone, steps, row):
    store_u64(out, at, np.uint64(link))
    store_u64(out, at + 8, np.uint64(version))
    out[at + 16] = gone
    for window in range(3):
        store_u32(out, at + 17 + 4 * window, np.uint32(steps[window]))
    mask, end = np.uint32(0), at + FIXED
    for column in range(LINE):
        if row[column] != 0.0:
            mask |= np.uint32(1) << np.uint32(column)
            store_f64(out, end, row[column])
            end += 8
    store_u32(out, at + 29, mask)
    return end


@part
def _facts(out, at, text, start, end):
    store_u16(out, at, np.uint16(end - start))
    move(out, at + 2, text, start, end - start)
    return at + 2 + end - start


@kernel
def homes(persons, numbers, partitions, out):
    """The partitions (n,) in which persons of these numbers live."""
    for i in range(len(numbers)):
        start = persons.starts[numbers[i]]
        out[i] = partition_of(persons.text, start, persons.starts[numbers[i] + 1] - start, partitions)


@kernel
def write(
    persons, told, links, slots, version, accounts, steps, rows, sketches, ends, facts, bounds, order, first, out
):
    """Lines from place `first` of `order` on; returns at which place it ends, since `out` is full, and how many bytes there are.

    Line i is of account `slots[i]` to person `told[i]`; its row, sketch and facts are number i of theirs, less as many markers as
    `ends` has fewer lines: those are first.
    """
    at = group = np.int64(0)
    before, markers = np.int64(-1), len(told) - len(ends)
    nothing = np.zeros(LINE)
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
        number = i - markers
        if number < 0:
            at = _line(out, at, links[i], version, 1, steps, nothing)
            out[at] = 0
            at = _facts(out, at + 1, facts, 0, 0)
            continue
        at = _line(out, at, links[i], version, 0, steps, rows[number])
        begin = ends[number - 1] if number else 0
        move(out, at, sketches, begin, ends[number] - begin)
        at = _facts(out, at + ends[number] - begin, facts, bounds[number], bounds[number + 1])
    return len(order), at


@kernel
def kept(users, slots, persons, lines, people, accounts, facts, out, bounds):
    """What `state` keeps of these persons: key and value in turn, see `streams.formats.tied`.

    `persons` are their numbers in column MORE. Returns how far it came before `out` was full.
    """
    at = np.int64(0)
    for i in range(len(slots)):
        number, n = np.int64(lines.heads[persons[i]]), 0
        while number:
            n, number = n + 1, np.int64(lines.after[number])
        if at + (n + 1) * MOST_LINE > len(out):
            return i
        out[at] = ord("l")
        start = users.starts[slots[i]]
        size = users.starts[slots[i] + 1] - start
        move(out, at + 1, users.text, start, size)
        at = bounds[2 * i + 1] = at + 1 + size
        at = _name(out, at, users, slots[i])
        store_u16(out, at, np.uint16(n))
        at, number = at + 2, np.int64(lines.heads[persons[i]])
        while number:
            at = _name(out, at, accounts, lines.accounts[number])
            at = _line(
                out,
                at,
                lines.links[number],
                lines.versions[number],
                lines.gone[number],
                lines.steps[number],
                lines.columns[number],
            )
            size = size_of(np.int64(people.known[number])) - 1
            out[at] = people.known[number]
            move(out, at + 1, people.arena, np.int64(people.at[number]) * UNIT, size)
            at = _facts(out, at + 1 + size, facts, lines.facts[number, 0], lines.facts[number, 1])
            number = np.int64(lines.after[number])
        bounds[2 * i + 2] = at
    return len(slots)


@part
def _named(a, at, end, person):
    """Where a name ends that is well written, of a person or not; -1: it is not."""
    if at + 2 > end:
        return np.int64(-1)
    n, at = np.int64(load_u16(a, at)), at + 2
    if n < 1 or n > LONGEST or at + n > end or not valid(a, at, at + n):
        return np.int64(-1)
    alike = n >= len(_PERSON)
    for i in range(len(_PERSON)):
        if alike and a[at + i] != _PERSON[i]:
            alike = False
    return at + n if alike == person else np.int64(-1)


@kernel
def read(a, at, end, newest_ms, persons, person_ends, of, accounts, ends, numbers, steps, columns, places):
    """Check lines and take them apart: (how many groups, how many lines), or what is wrong with them, and -1.

    `of` (n,) is the number of each line's group, `numbers` (n, 3) are its link, its version and whether it is a marker, `places`
    (n, 3) where its sketch and its facts begin, and where these end. There is room for whatever the bytes may hold.
    """
    groups = lines = 0
    name_at = account_at = np.int64(0)
    while at < end:
        start = at + 2
        at = _named(a, at, end, True)
        if at < 0:
            return NAMELESS, -1
        move(persons, name_at, a, start, at - start)
        name_at = person_ends[groups] = name_at + at - start
        if at + 2 > end:
            return TORN, -1
        count, at = np.int64(load_u16(a, at)), at + 2
        if count == 0:
            return TORN, -1
        for _ in range(count):
            start = at + 2
            at = _named(a, at, end, False)
            if at < 0:
                return NAMELESS, -1
            move(accounts, account_at, a, start, at - start)
            account_at = ends[lines] = account_at + at - start
            if at + FIXED > end:
                return TORN, -1
            of[lines], numbers[lines, 0], numbers[lines, 1] = groups, load_i64(a, at), load_i64(a, at + 8)
            numbers[lines, 2] = a[at + 16]
            if numbers[lines, 0] < 0 or numbers[lines, 1] < 0 or a[at + 16] > 1:
                return OUT_OF_RANGE, -1
            for window in range(3):
                steps[lines, window] = load_u32(a, at + 17 + 4 * window)
            mask, at = load_u32(a, at + 29), at + FIXED
            if mask >> np.uint32(LINE):
                return TORN, -1
            for column in range(LINE):
                columns[lines, column] = 0.0
                if (mask >> np.uint32(column)) & np.uint32(1):
                    if at + 8 > end:
                        return TORN, -1
                    columns[lines, column] = load_f64(a, at)
                    at += 8
                    if not np.isfinite(columns[lines, column]):
                        return ENDLESS, -1
            if max(columns[lines, DID_TS], columns[lines, GOT_TS]) > newest_ms:
                return OUT_OF_RANGE, -1
            if at >= end:
                return TORN, -1
            size = size_of(np.int64(a[at]))
            if at + size + 2 > end:
                return TORN, -1
            if a[at] and not sound(a, at, at + size):
                return SKETCHY, -1
            places[lines, 0], at = at, at + size
            size, at = np.int64(load_u16(a, at)), at + 2
            if at + size > end or size > MOST_FACTS_BYTES:
                return TORN, -1
            places[lines, 1], places[lines, 2] = at, at + size
            at, lines = at + size, lines + 1
        groups += 1
    return groups, lines
