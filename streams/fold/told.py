"""Lines of persons that have come, checked and taken apart: `streams.fold.lines` says how they look. 0.3 us a line."""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.letters import valid
from streams.fold.lines import FIXED, FRESH, GONE, MOST_FACTS_BYTES
from streams.fold.people import size_of, sound
from streams.fold.rows import DID_TS, FOR_EVER, GOT_TS, LINE, LONGEST
from streams.fold.since import KEPT_SINCE
from streams.fold.words import load_f64, load_i64, load_u16, load_u32, move

TORN, NAMELESS, ENDLESS, OUT_OF_RANGE, SKETCHY = range(1, 6)  #: what may be wrong with lines
_PERSON = np.frombuffer(b"person:", np.uint8).copy()


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


@part
def _read_columns(a, at, end, mask, columns, out):
    """Columns as `_columns` has them; returns where they end; -TORN, -ENDLESS."""
    if mask >> np.uint32(columns):
        return np.int64(-TORN)
    for column in range(columns):
        out[column] = 0.0
        if (mask >> np.uint32(column)) & np.uint32(1):
            if at + 8 > end:
                return np.int64(-TORN)
            out[column] = load_f64(a, at)
            at += 8
            if not np.isfinite(out[column]):
                return np.int64(-ENDLESS)
    return at


@kernel
def read(a, at, end, newest_ms, persons, person_ends, of, accounts, ends, numbers, steps, columns, since, places):
    """Check lines and take them apart: (how many groups, how many lines), or what is wrong with them, and -1.

    `of` (n,) is the number of each line's group, `numbers` (n, NUMBERS) and the rest are of the line, `places`
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
            numbers[lines, 2], numbers[lines, 5] = a[at + 16], load_u32(a, at + 33)
            numbers[lines, 3], numbers[lines, 4] = load_i64(a, at + 17), load_i64(a, at + 25)
            if min(numbers[lines, 0], numbers[lines, 1]) < 0 or numbers[lines, 2] > GONE | FRESH:
                return OUT_OF_RANGE, -1
            if not 0 <= numbers[lines, 3] <= numbers[lines, 4] <= FOR_EVER:
                return OUT_OF_RANGE, -1
            for window in range(3):
                steps[lines, window] = load_u32(a, at + 37 + 4 * window)
            mask, mask_since, at = load_u32(a, at + 49), load_u32(a, at + 53), at + FIXED
            at = _read_columns(a, at, end, mask, LINE, columns[lines])
            if at >= 0:
                at = _read_columns(a, at, end, mask_since, KEPT_SINCE, since[lines])
            if at < 0:
                return -at, -1
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
