"""What came behind the last marks (`streams.fold.hours`), as records of `state` have it: how many u8, then of each mark

    after what a user did    its number u32, own actions (grown) f64, how many f32
    after what they got      its number u32, weights by window (grown) 3 f64, net followers f32, engagements f32

Sums are grown for the last whole half-life before the mark: their landmarks need not be told.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import part
from streams.fold.hours import ACTED_THEN, ACTS, FOLLOWED, GAINED, GOT, MARKS, NEVER, behind
from streams.fold.rows import MARK_MS, WEEK
from streams.fold.words import load_f32, load_f64, load_u32, store_f32, store_f64, store_u32

OF_ACTED, OF_GOT = 16, 36  #: bytes of a mark
MOST = 2 + MARKS * (OF_ACTED + OF_GOT)  #: bytes of a user at most


@part
def bits(mask):
    """How many bits are set."""
    n = 0
    while mask:
        mask &= mask - np.uint64(1)
        n += 1
    return n


@part
def sized(text, at, end, size):
    """The bytes that this takes in a record; -1: it goes beyond its end, or has more marks than there are."""
    if at >= end or text[at] > MARKS or at + 1 + size * np.int64(text[at]) > end:
        return np.int64(-1)
    return 1 + size * np.int64(text[at])


@part
def _scaled(x, window, mark, step, lives):
    """A sum with a landmark of `step` half-lives, for that of its mark."""
    return np.ldexp(x, step - mark * MARK_MS // lives[window]) if x != 0.0 else x


@part
def _read(text, at, window, mark, step, lives):
    """The other way round."""
    return np.ldexp(load_f64(text, at), mark * MARK_MS // lives[window] - step)


@part
def put_acted(out, at, marks, gained, steps, lives):
    """Returns where it ends."""
    head, out[at] = at, 0
    at += 1
    for j in range(MARKS):
        if marks[j] != NEVER and (gained[j, ACTED_THEN] != 0.0 or gained[j, ACTS] != 0.0):
            store_u32(out, at, np.uint32(marks[j]))
            store_f64(out, at + 4, _scaled(gained[j, ACTED_THEN], WEEK, marks[j], steps[WEEK], lives))
            store_f32(out, at + 12, np.float32(gained[j, ACTS]))
            out[head] += 1
            at += OF_ACTED
    return at


@part
def put_got(out, at, marks, gained, steps, lives):
    """Returns where it ends."""
    head, out[at] = at, 0
    at += 1
    for j in range(MARKS):
        some = gained[j, GAINED] != 0.0 or gained[j, GOT] != 0.0 or gained[j, FOLLOWED] != 0.0
        none = gained[j, ACTED_THEN] == 0.0 and gained[j, ACTS] == 0.0  # all of it was taken back: the mark is there
        if marks[j] != NEVER and (some or none):
            store_u32(out, at, np.uint32(marks[j]))
            for window in range(3):
                scaled = _scaled(gained[j, GAINED + window], window, marks[j], steps[window], lives)
                store_f64(out, at + 4 + 8 * window, scaled)
            store_f32(out, at + 28, np.float32(gained[j, FOLLOWED]))
            store_f32(out, at + 32, np.float32(gained[j, GOT]))
            out[head] += 1
            at += OF_GOT
    return at


@part
def acted(h, slot, text, at, steps, lives):
    """Put what `put_acted` wrote in place of what is there. There is room for a line."""
    for j in range(MARKS):
        place = MARKS * np.int64(h.line[slot]) + j
        h.gained[place, ACTED_THEN] = h.gained[place, ACTS] = 0.0
    for j in range(np.int64(text[at])):
        entry = at + 1 + OF_ACTED * j
        mark = np.int64(load_u32(text, entry))
        place = behind(h, slot, mark)
        if place >= 0:
            h.gained[place, ACTED_THEN] = _read(text, entry + 4, WEEK, mark, steps[WEEK], lives)
            h.gained[place, ACTS] = load_f32(text, entry + 12)


@part
def got(h, slot, text, at, steps, lives):
    """Put what `put_got` wrote in place of what is there. There is room for a line."""
    for j in range(MARKS):
        place = MARKS * np.int64(h.line[slot]) + j
        for column in range(ACTED_THEN):
            h.gained[place, column] = 0.0
    for j in range(np.int64(text[at])):
        entry = at + 1 + OF_GOT * j
        mark = np.int64(load_u32(text, entry))
        place = behind(h, slot, mark)
        if place >= 0:
            for window in range(3):
                value = _read(text, entry + 4 + 8 * window, window, mark, steps[window], lives)
                h.gained[place, GAINED + window] = value
            h.gained[place, FOLLOWED], h.gained[place, GOT] = load_f32(text, entry + 28), load_f32(text, entry + 32)
