"""A user's bounded lists: topics, who engages with them most, their best objects, and whom they engaged with long ago.

A chunk (`streams.fold.chunks`) has the landmark of its weights (u32, in half-lives of the quarter window), where each of the first
three lists ends (u16, bytes from the beginning), and entries, little-endian:

    | landmark 4 | ends 3 x 2 | topics | people | objects | forgotten |
    an entry: size u16, people u8, key u32, weight f32, error f32, first and last u32 (s since epoch)
              of an object: engagements by kind, 6 x u16         of topics and objects: who, see below         then the name

A weight is a sum of the quarter window, grown as in the row. `error` is how much of it may be somebody else's.

*topics* and *objects*: space-saving (Metwally et al., 2005) with forward decay: who is not in a full list takes the place of the least,
and its weight, as an error; what weighs more than a MOSTth of all is surely there.
*people*: an engagement tells what all earlier ones of its pair weigh, as far as the actor remembers them. So who is new in a full list
comes in only if they outweigh the least; there is no error, and it does not depend on order.
*forgotten*: whom the actor engaged with by what its memory has lost, if it knows of more with them. Whom somebody engages with most
is this list and the memory together.

`who` are the people behind an entry: 16 bits of the hash of each up to EXACT, then REGISTERS registers of a HyperLogLog (one standard
error 18 %), in 0, 2, 8, 16 or 32 bytes. An undo takes weight back, not that somebody was there. 0.3 us an engagement.
"""

from __future__ import annotations

import numpy as np

from streams.fold.chunks import fit
from streams.fold.compiled import kernel, part
from streams.fold.letters import valid
from streams.fold.rows import KINDS, MOST_NAME
from streams.fold.words import load_f32, load_u16, load_u32, move, store_f32, store_u16, store_u32, zeros_below

TOPICS, PEOPLE, OBJECTS, FORGOTTEN = range(4)
MOST = np.array([10, 8, 8, 16], np.int64)  #: entries of each
HEAD = 10  #: bytes before the first entry
SIZE, WHO, KEY, WEIGHT, ERROR, FIRST, LAST, REST = 0, 2, 3, 7, 11, 15, 19, 23  #: places in an entry
OF_KINDS = 2 * KINDS  #: bytes
EXACT, REGISTERS, REGISTERED = 16, 32, 255
_BITS, HIGHEST = 5, 44  #: of a hash that choose the register; the highest that one may say
_SHORT = 11  # bits of a short hash behind those
MOST_COUNT = 65_535
_MOST_WEIGHT = float(np.finfo(np.float32).max)  # what nobody sends may say more
LONGEST = 65_535  #: bytes of all, so that two bytes tell where a list ends

_U = np.uint64


@part
def start_of(t, slot, sort):
    """Where a list begins in the arena. The slot has a chunk."""
    at = t.at[slot]
    return at + HEAD if sort == TOPICS else at + np.int64(load_u16(t.arena, at + 2 + 2 * sort))


@part
def end_of(t, slot, sort):
    """And where it ends."""
    at = t.at[slot]
    return at + np.int64(t.size[slot]) if sort == FORGOTTEN else at + np.int64(load_u16(t.arena, at + 4 + 2 * sort))


@kernel
def _begun(t, slot, landmark):
    """The slot has a chunk, whose weights have this landmark."""
    if not t.at[slot]:
        at = fit(t, slot, HEAD)
        t.size[slot] = HEAD
        store_u32(t.arena, at, np.uint32(landmark))
        for sort in range(3):
            store_u16(t.arena, at + 4 + 2 * sort, np.uint16(HEAD))
        return
    at = t.at[slot]
    steps = landmark - np.int64(load_u32(t.arena, at))
    if not steps:
        return
    store_u32(t.arena, at, np.uint32(landmark))
    entry, end = at + HEAD, at + np.int64(t.size[slot])
    while entry < end:
        store_f32(t.arena, entry + WEIGHT, np.ldexp(np.float64(load_f32(t.arena, entry + WEIGHT)), -steps))
        store_f32(t.arena, entry + ERROR, np.ldexp(np.float64(load_f32(t.arena, entry + ERROR)), -steps))
        entry += np.int64(load_u16(t.arena, entry + SIZE))


@kernel
def _seek(a, start, end, key):
    """(the entry with this key, that with the least weight, how many there are); -1: there is none."""
    found, least, low, many, at = np.int64(-1), np.int64(-1), 0.0, 0, start
    while at < end:
        if np.int64(load_u32(a, at + KEY)) == key:
            found = at
        weight = np.float64(load_f32(a, at + WEIGHT))
        if least < 0 or weight < low:
            least, low = at, weight
        many += 1
        at += np.int64(load_u16(a, at + SIZE))
    return found, least, many


@kernel
def _widened(t, slot, sort, at, count):
    """Room for `count` bytes more (fewer: closed) at `at`, in a list; returns where that is now."""
    within, chunk = at - t.at[slot], t.at[slot]
    if count > 0:
        chunk = fit(t, slot, t.size[slot] + count)
        move(t.arena, chunk + within + count, t.arena, chunk + within, t.size[slot] - within)
    else:
        move(t.arena, chunk + within, t.arena, chunk + within - count, t.size[slot] - within + count)
    t.size[slot] += count
    for later in range(sort, 3):
        place = chunk + 4 + 2 * later
        store_u16(t.arena, place, np.uint16(np.int64(load_u16(t.arena, place)) + count))
    return chunk + within


@kernel
def _entry(t, slot, sort, key, most, told, name, name_at, n):
    """The entry with this key, new if need be, whose weight is what it had before: of a new one that of the least, or 0.

    -1: there is no room for one of weight `told`: all others weigh as much. `told` < 0: it is never new; `np.inf`: it always has room.
    """
    found, least, many = _seek(t.arena, start_of(t, slot, sort), end_of(t, slot, sort), key)
    if found >= 0 or told < 0.0:
        return found
    error = 0.0
    if many >= most:
        error = np.float64(load_f32(t.arena, least + WEIGHT))
        if told <= error:
            return np.int64(-1)
        _widened(t, slot, sort, least, -np.int64(load_u16(t.arena, least + SIZE)))
    head = REST + (OF_KINDS if sort == OBJECTS else 0)
    at = _widened(t, slot, sort, end_of(t, slot, sort), head + n)
    for i in range(head):
        t.arena[at + i] = 0
    store_u16(t.arena, at + SIZE, np.uint16(head + n))
    store_u32(t.arena, at + KEY, np.uint32(key))
    if told == np.inf:  # space-saving
        store_f32(t.arena, at + WEIGHT, error)
        store_f32(t.arena, at + ERROR, error)
    move(t.arena, at + head, name, name_at, n)
    return at


@part
def _grow(a, at, grown, seconds):
    """An entry weighs so much more, by something of this second."""
    store_f32(a, at + WEIGHT, min(max(np.float64(load_f32(a, at + WEIGHT)) + grown, 0.0), _MOST_WEIGHT))
    first = np.int64(load_u32(a, at + FIRST))
    if first == 0 or seconds < first:
        store_u32(a, at + FIRST, np.uint32(seconds))
    if seconds > np.int64(load_u32(a, at + LAST)):
        store_u32(a, at + LAST, np.uint32(seconds))


@kernel
def who_bytes(count):
    """Bytes of `who`, of so many people or REGISTERED."""
    if count < 2:
        return 2 * count
    return 8 if count <= 4 else 16 if count <= 8 else 32


@kernel
def _register(a, at, hash_):
    """Tell registers of a hash, or of its last 16 bits."""
    place, rest = at + np.int64(hash_ & _U(REGISTERS - 1)), hash_ >> _U(_BITS)
    rank = min(np.int64(zeros_below(rest)) + 1, HIGHEST) if rest else _SHORT + 1
    if a[place] < rank:
        a[place] = rank


@kernel
def _met(t, slot, sort, at, key):
    """Somebody with this hash is behind the entry at `at`, too; returns where that is now."""
    where = at + REST + (OF_KINDS if sort == OBJECTS else 0)
    count, hash_ = np.int64(t.arena[at + WHO]), key >> _U(16)  # not the bits that `streams.fold.people` begins with
    short = hash_ & _U(0xFFFF)
    if count == REGISTERED:
        _register(t.arena, where, hash_)
        return at
    for i in range(count):
        if _U(load_u16(t.arena, where + 2 * i)) == short:
            return at
    if count == EXACT:
        known = np.empty(EXACT, np.uint64)
        for i in range(EXACT):
            known[i] = _U(load_u16(t.arena, where + 2 * i))
        for i in range(REGISTERS):
            t.arena[where + i] = 0
        for i in range(EXACT):
            _register(t.arena, where, known[i])
        _register(t.arena, where, hash_)
        t.arena[at + WHO] = REGISTERED
        return at
    more = who_bytes(count + 1) - who_bytes(count)
    if more:
        within = where - at
        old = who_bytes(count)
        at = _widened(t, slot, sort, where + old, more) - old - within
        where = at + within
        store_u16(t.arena, at + SIZE, np.uint16(np.int64(load_u16(t.arena, at + SIZE)) + more))
    store_u16(t.arena, where + 2 * count, np.uint16(short))
    t.arena[at + WHO] = count + 1
    return at


@kernel
def engaged(t, slot, landmark, grown, told, ts, kind, undo, actor, a, who_at, who_n, keys, starts, ends, many):
    """An engagement with a slot: `grown` is what it adds to the sum of the quarter window, whose landmark is given in half-lives.

    By the actor with the hash `actor` and this name in `a`, all of whose engagements weigh `told`; it is about keys[:many], of which
    the first is the object's (0: none) and the others are topics', whose texts are `starts` to `ends` in `a`. The arena is not full.
    """
    _begun(t, slot, landmark)
    seconds = min(ts // 1000, 0xFFFFFFFF)
    at = _entry(t, slot, PEOPLE, np.int64(actor & _U(0xFFFFFFFF)), MOST[PEOPLE], -1.0 if undo else told, a, who_at, who_n)
    if at >= 0:
        if load_f32(t.arena, at + WEIGHT) == 0.0 and not undo:
            grown_here = told
        else:
            grown_here = grown
        _grow(t.arena, at, grown_here, seconds)
    for i in range(many):
        if keys[i] == 0:
            continue
        sort = OBJECTS if i == 0 else TOPICS
        at = _entry(t, slot, sort, keys[i], MOST[sort], -1.0 if undo else np.inf, a, starts[i], ends[i] - starts[i])
        if at < 0:
            continue
        _grow(t.arena, at, grown, seconds)
        if i == 0:
            place = at + REST + 2 * kind
            count = np.int64(load_u16(t.arena, place)) + (-1 if undo else 1)
            store_u16(t.arena, place, np.uint16(min(max(count, 0), MOST_COUNT)))
        if not undo:
            _met(t, slot, sort, at, actor)


@kernel
def forgotten(t, slot, landmark, grown, ts, key, known, a, at, n):
    """What a slot once did for a target, of this key and name, is no longer in its memory; `known`: which has more with them.

    Returns whether that changed the list. The arena is not full.
    """
    if not known and not t.at[slot]:
        return False
    _begun(t, slot, landmark)
    entry = _entry(t, slot, FORGOTTEN, key, MOST[FORGOTTEN], np.inf if known else -1.0, a, at, n)
    if entry >= 0:
        _grow(t.arena, entry, grown, min(ts // 1000, 0xFFFFFFFF))
    return entry >= 0


@kernel
def sound(text, start, end):
    """Are these lists as they are kept: entries that end where their lists end, no more of them than there may be, finite weights?"""
    if start == end:
        return True
    if end - start < HEAD or end - start > LONGEST:
        return False
    at = start + HEAD
    for sort in range(4):
        last = end if sort == FORGOTTEN else start + np.int64(load_u16(text, start + 4 + 2 * sort))
        head, many = REST + (OF_KINDS if sort == OBJECTS else 0), 0
        if last > end:
            return False
        while at < last:
            if at + head > last:
                return False
            size, count = np.int64(load_u16(text, at + SIZE)), np.int64(text[at + WHO])
            who = head + who_bytes(count)
            if not who <= size <= who + MOST_NAME or at + size > last or EXACT < count < REGISTERED:
                return False
            weight, error = load_f32(text, at + WEIGHT), load_f32(text, at + ERROR)
            if not (0.0 <= weight < np.inf and 0.0 <= error < np.inf) or not valid(text, at + who, at + size):
                return False
            at, many = at + size, many + 1
        if at != last or many > MOST[sort]:
            return False
    return True
