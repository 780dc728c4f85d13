"""A user's bounded lists: topics, who engages with them most, their best objects, and whom they engaged with long ago.

A chunk (`streams.fold.chunks`) has the landmark of its weights (u32, in half-lives of the quarter window), where each of the first
three lists ends (u16, bytes from the beginning), and entries, little-endian:

    | landmark 4 | ends 3 x 2 | topics | people | objects | forgotten |
    an entry: size u16, people u8, key u32, weight f32, error f32, first and last u32 (s since epoch)
              of an object: engagements by kind, 6 x u16         of topics and objects: `streams.fold.who`     then the name

A weight is a sum of the quarter window, grown as in the row. `error` is how much of it may be somebody else's.

*topics* and *objects*: space-saving (Metwally et al., 2005) with forward decay: what is not in a full list takes the place of the
least, and its weight, as an error; what weighs more than a MOSTth of all is surely there.
*people*: an engagement tells what all earlier ones of its pair weigh, as far as the actor remembers them. So who is new in a full
list comes in only if they outweigh the least; there is no error, and it does not depend on order.
*forgotten*: whom the actor engaged with by what its memory has lost: as topics, if it knows of more with them; else only what
outweighs the least comes in, without an error: first actions weigh most. Whom somebody engages with most is this and the memory.
An undo takes weight back, not that somebody was there. 0.3 us an engagement, 0.4 an object or topic.
"""

from __future__ import annotations

import numpy as np

from streams.fold.chunks import begin_of, fit, size_of
from streams.fold.compiled import kernel, part
from streams.fold.letters import valid
from streams.fold.rounding import chance, summed
from streams.fold.rows import KINDS, MOST_NAME
from streams.fold.who import EXACT, REGISTERED, REGISTERS, knows, register, who_bytes
from streams.fold.words import load_f32, load_u16, load_u32, move, store_f32, store_u16, store_u32

TOPICS, PEOPLE, OBJECTS, FORGOTTEN = range(4)
MOST = np.array([10, 8, 8, 16], np.int64)  #: entries of each
HEAD = 10  #: bytes before the first entry
SIZE, WHO, KEY, WEIGHT, ERROR, FIRST, LAST, REST = 0, 2, 3, 7, 11, 15, 19, 23  #: places in an entry
OF_KINDS = 2 * KINDS  #: bytes
LONGEST = MOST_COUNT = 65_535  #: bytes of all, so that two bytes tell where a list ends; engagements of a kind
_MOST_WEIGHT = float(np.finfo(np.float32).max)

_U = np.uint64


@part
def bounds(a, chunk, size, sort):
    """Where a list of the chunk begins in the arena, and where it ends."""
    start = chunk + HEAD if sort == TOPICS else chunk + np.int64(load_u16(a, chunk + 2 + 2 * sort))
    end = chunk + size if sort == FORGOTTEN else chunk + np.int64(load_u16(a, chunk + 4 + 2 * sort))
    return start, end


@part
def _begun(t, slot, landmark, more):
    """The slot has a chunk, whose weights have this landmark; a new one has room for so many bytes."""
    at = begin_of(t, slot)
    if not at:
        at = fit(t, slot, HEAD + more)
        t.size[slot] = HEAD
        store_u32(t.arena, at, np.uint32(landmark))
        for sort in range(3):
            store_u16(t.arena, at + 4 + 2 * sort, np.uint16(HEAD))
        return
    steps = landmark - np.int64(load_u32(t.arena, at))
    if not steps:
        return
    store_u32(t.arena, at, np.uint32(landmark))
    entry, end = at + HEAD, at + size_of(t, slot)
    while entry < end:
        for place in (entry + WEIGHT, entry + ERROR):
            store_f32(t.arena, place, min(np.ldexp(np.float64(load_f32(t.arena, place)), -steps), _MOST_WEIGHT))
        entry += np.int64(load_u16(t.arena, entry + SIZE))


@part
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
    chunk, size = begin_of(t, slot), size_of(t, slot)
    within = at - chunk
    if count > 0:
        chunk = fit(t, slot, size + count)
        move(t.arena, chunk + within + count, t.arena, chunk + within, size - within)
    else:
        move(t.arena, chunk + within, t.arena, chunk + within - count, size - within + count)
    t.size[slot] = size + count
    for later in range(sort, 3):
        place = chunk + 4 + 2 * later
        store_u16(t.arena, place, np.uint16(np.int64(load_u16(t.arena, place)) + count))
    return chunk + within


@kernel
def _new(t, slot, sort, key, most, told, least, many, name, name_at, n):
    """An entry with this key and name in a list that has `many` and not this one; what it weighs is what the least had, or 0.

    -1: there is no room for one of weight `told`, all others weigh as much; `np.inf`: it always has room, as space-saving wants it.
    """
    error = 0.0
    if many >= most:
        error = np.float64(load_f32(t.arena, least + WEIGHT))
        if told <= error:
            return np.int64(-1)
        _widened(t, slot, sort, least, -np.int64(load_u16(t.arena, least + SIZE)))
    head = REST + (OF_KINDS if sort == OBJECTS else 0)
    at = _widened(t, slot, sort, bounds(t.arena, begin_of(t, slot), size_of(t, slot), sort)[1], head + n)
    for i in range(head):
        t.arena[at + i] = 0
    store_u16(t.arena, at + SIZE, np.uint16(head + n))
    store_u32(t.arena, at + KEY, np.uint32(key))
    if told == np.inf:
        store_f32(t.arena, at + WEIGHT, error)
        store_f32(t.arena, at + ERROR, error)
    move(t.arena, at + head, name, name_at, n)
    return at


@part
def _grow(a, at, grown, seconds, by):
    """An entry weighs so much more, by something of this second; rounded by this chance."""
    store_f32(a, at + WEIGHT, min(summed(np.float64(load_f32(a, at + WEIGHT)), grown, by), _MOST_WEIGHT))
    first = np.int64(load_u32(a, at + FIRST))
    if first == 0 or seconds < first:
        store_u32(a, at + FIRST, np.uint32(seconds))
    if seconds > np.int64(load_u32(a, at + LAST)):
        store_u32(a, at + LAST, np.uint32(seconds))


@kernel
def _more_who(t, slot, sort, at, hash_):
    """Room for one more among the people behind the entry at `at`, who are `who_bytes` full; returns where the entry is now."""
    where = at + REST + (OF_KINDS if sort == OBJECTS else 0)
    count = np.int64(t.arena[at + WHO])
    if count < EXACT:
        old = who_bytes(count)
        more = who_bytes(count + 1) - old
        at = _widened(t, slot, sort, where + old, more) - old - (where - at)
        store_u16(t.arena, at + SIZE, np.uint16(np.int64(load_u16(t.arena, at + SIZE)) + more))
        return at
    known = np.empty(EXACT, np.uint64)
    for i in range(EXACT):
        known[i] = _U(load_u16(t.arena, where + 2 * i))
    for i in range(REGISTERS):
        t.arena[where + i] = 0
    for i in range(EXACT):
        register(t.arena, where, known[i])
    register(t.arena, where, hash_)
    t.arena[at + WHO] = REGISTERED
    return at


@kernel
def engaged(t, slot, landmark, grown, told, ts, kind, undo, actor, a, who_at, who_n, keys, starts, ends, many):
    """An engagement with a slot: `grown` is what it adds to the sum of the quarter window, whose landmark is given in half-lives.

    By the actor with the hash `actor` and this name in `a`, all of whose engagements weigh `told`. It is about keys[:many]: the
    object's (0: none), then topics', whose texts are `starts` to `ends` in `a`. The arena is not full.
    """
    _begun(t, slot, landmark, REST + who_n + (OF_KINDS + many * (2 + REST) + ends[many - 1] - starts[0] if many else 0))
    arena, seconds, by = t.arena, min(ts // 1000, 0xFFFFFFFF), chance(actor, ts)
    hash_ = actor >> _U(16)  # not the bits that `streams.fold.people` begins with
    start, end = bounds(arena, begin_of(t, slot), size_of(t, slot), PEOPLE)
    key = np.int64(actor & _U(0xFFFFFFFF))
    at, least, others = _seek(arena, start, end, key)
    if at < 0 and not undo:
        at = _new(t, slot, PEOPLE, key, MOST[PEOPLE], told, least, others, a, who_at, who_n)
    if at >= 0:
        alone = load_f32(arena, at + WEIGHT) == 0.0 and not undo
        _grow(arena, at, told if alone else grown, seconds, by)
    for i in range(many):
        if keys[i] == 0:
            continue
        sort, head = (OBJECTS, REST + OF_KINDS) if i == 0 else (TOPICS, REST)
        start, end = bounds(arena, begin_of(t, slot), size_of(t, slot), sort)
        at, least, others = _seek(arena, start, end, keys[i])
        if at < 0 and not undo:
            at = _new(t, slot, sort, keys[i], MOST[sort], np.inf, least, others, a, starts[i], ends[i] - starts[i])
        if at < 0:
            continue
        _grow(arena, at, grown, seconds, by)
        if i == 0:
            place = at + REST + 2 * kind
            n = np.int64(load_u16(arena, place)) + (-1 if undo else 1)
            store_u16(arena, place, np.uint16(min(max(n, 0), MOST_COUNT)))
        if undo or knows(arena, at + head, np.int64(arena[at + WHO]), hash_):
            continue
        count = np.int64(arena[at + WHO])
        if count == EXACT or who_bytes(count + 1) > who_bytes(count):
            at = _more_who(t, slot, sort, at, hash_)
        if count < EXACT:
            store_u16(arena, at + head + 2 * count, np.uint16(hash_ & _U(0xFFFF)))
            arena[at + WHO] = count + 1


@kernel
def forgotten(t, slot, landmark, grown, ts, key, known, a, at, n):
    """What a slot once did for a target, of this key and name, is no longer in its memory; `known`: which has more with them.

    Returns whether that changed the list. The arena is not full.
    """
    _begun(t, slot, landmark, REST + n)
    start, end = bounds(t.arena, begin_of(t, slot), size_of(t, slot), FORGOTTEN)
    entry, least, others = _seek(t.arena, start, end, key)
    if entry < 0:
        entry = _new(t, slot, FORGOTTEN, key, MOST[FORGOTTEN], np.inf if known else grown, least, others, a, at, n)
    if entry >= 0:
        _grow(t.arena, entry, grown, min(ts // 1000, 0xFFFFFFFF), chance(_U(key), ts))
    return entry >= 0


@kernel
def sound(text, start, end):
    """Are these lists as they are kept: entries that end where their lists end, no more than there may be, finite weights?"""
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
