"""Stage 2, keyed by target: engagements into the rows of those engaged with. Sums commute: order does not matter.

1.5 us an engagement, 2.6 with an object and two topics, most of it the row, the sketch of who engaged and the lists, which are
asked for ahead.
"""

from __future__ import annotations

import numpy as np

from streams.fold.about import read as read_about
from streams.fold.chunks import begin_of, size_of
from streams.fold.chunks import is_full as no_room
from streams.fold.compiled import kernel, part
from streams.fold.day_lines import TOUCHED
from streams.fold.days import late, touched
from streams.fold.hashing import name_key
from streams.fold.hours import FOLLOWED, ahead_of_place, behind, mark_of
from streams.fold.hours import GAINED as GAINED_THEN
from streams.fold.hours import GOT as GOT_THEN
from streams.fold.more import kin_at
from streams.fold.names import add, bucket_of, find, guess, tag_of
from streams.fold.packs import NOTHING
from streams.fold.people import REGISTERED, REGISTERS, UNIT, is_full, people_of
from streams.fold.people import add as meet
from streams.fold.rows import (
    ACTORS,
    DID_TS,
    ENGAGEMENTS,
    FOLLOW,
    FOLLOWERS,
    GOT,
    GOT_TS,
    KIND_BITS,
    LISTED,
    LISTS,
    MET,
    MORE,
    MOST_KEYS,
    QUARTER,
    SELF_ENGAGEMENTS,
    SUMS,
    UNDO,
    UNSEEN,
)
from streams.fold.score import ahead_of_row, growth
from streams.fold.since import FOLLOWERS_SINCE, GAINED, OF_UNDO, REVERSED
from streams.fold.tops import engaged
from streams.fold.words import ahead, load_f32, load_i64, load_u16, load_u64

_PLAIN = np.uint64(0)  # seed of the hashes of people: everywhere the same


@kernel
def _people_of_pack(names, a, found, starts, lengths, slot_of, keys):
    """Fill in, (names,) each: the slots of who was engaged with (-1: they were not), added if need be; hashes of who did it."""
    tags = np.empty(found.names, np.uint64)
    for k in range(found.names):
        slot_of[k], keys[k] = -1, 0
    for i in range(found.total):
        slot_of[load_u16(a, found.targets + 2 * i)] = 0
        keys[load_u16(a, found.actors + 2 * i)] = 1
    for k in range(found.names):
        at, n = np.int64(starts[k]), np.int64(lengths[k])
        if keys[k]:
            keys[k] = name_key(a, at, n, _PLAIN)
        if slot_of[k] == 0:
            tags[k] = tag_of(name_key(a, at, n, names.seed))
            ahead(names.buckets, bucket_of(names, tags[k]))
    for k in range(found.names):
        if k + 6 < found.names and slot_of[k + 6] == 0:
            ahead(names.starts, max(guess(names, tags[k + 6]), 0))
        if slot_of[k] == 0:
            at, n = np.int64(starts[k]), np.int64(lengths[k])
            slot, bucket = find(names, tags[k], a, at, n)
            slot_of[k] = slot if slot >= 0 else add(names, tags[k], bucket, a, at, n)


@part
def _of_one_person(more, row, kin, ts):
    return kin != _PLAIN and kin == kin_at(more, row, ts)


@kernel
def receive(
    cells,
    dirty,
    names,
    people,
    days,
    hours,
    tops,
    more,
    a,
    found,
    starts,
    lengths,
    landmarks,
    calendar,
    model,
    first,
    slots,
    counts,
):
    """Fold the engagements from number `first` on of the pack `found` (see `packs.places`) in `a`; their targets go to `slots`.

    There is room for all names, and for a line of `days` and of `hours` for each.
    Returns how far it came before the arena of `people` or of `tops` was full.
    Between two accounts of one person nothing counts.
    """
    slot_of, keys, grown = np.empty(found.names, np.int64), np.empty(found.names, np.uint64), np.empty(3)
    about_keys, about_starts, about_ends = np.empty((3, MOST_KEYS), np.int64)
    steps = np.int64(landmarks[LISTS] / model.half_lives[QUARTER])
    to_lists = growth(landmarks[QUARTER], landmarks[LISTS], model.half_lives[QUARTER])
    _people_of_pack(names, a, found, starts, lengths, slot_of, keys)
    closed_ms, today, hour_lines = calendar.closed_ms, calendar.today, hours.line
    day_lines, line_days, line_states = days.line, days.day, days.state
    for i in range(first, found.total):
        if is_full(people) or no_room(tops):
            return i
        if i + 12 < found.total:  # no part of its own: a call with so many arrays costs 0.2 us
            later = slot_of[load_u16(a, found.targets + 2 * (i + 12))]
            ahead(people.at, later)
            ahead(people.known, later)
            ahead(day_lines, later)
            ahead(hour_lines, later)
            ahead(tops.at, later)
            ahead(tops.size, later)
        if i + 6 < found.total:
            later = slot_of[load_u16(a, found.targets + 2 * (i + 6))]
            ahead(dirty, later)
            ahead_of_row(cells, later)
            ahead_of_place(hours, later, mark_of(load_i64(a, found.times + 8 * (i + 6))))
            register = keys[load_u16(a, found.actors + 2 * (i + 6))] & np.uint64(REGISTERS - 1)
            listed = begin_of(tops, later)
            for part in range(0, min(size_of(tops, later), 576), 64):
                ahead(tops.arena, listed + part)
            within = np.int64(register) if people.known[later] == REGISTERED else 0
            ahead(people.arena, np.int64(people.at[later]) * UNIT + within)
        slot = slots[i] = slot_of[load_u16(a, found.targets + 2 * i)]
        weight, ts = np.float64(load_f32(a, found.weights + 4 * i)), load_i64(a, found.times + 8 * i)
        code = np.int64(a[found.codes + i])
        sign, column = -1.0 if code & UNDO else 1.0, SUMS + 3 * (code & KIND_BITS)
        row = cells[slot]
        if row[MORE] > 0.0:
            if found.kin and _of_one_person(more, row, load_u64(a, found.kin + 8 * i), ts):
                counts[SELF_ENGAGEMENTS] += 1
                continue
            if code & FOLLOW and not code & UNDO and ts <= more.stated[np.int64(row[MORE])]:
                code &= ~FOLLOW  # the number that was stated knows of it
        done = load_i64(a, found.done + 8 * i) if found.done else ts
        since, place = done >= closed_ms, behind(hours, slot, mark_of(done))
        line, newest = np.int64(day_lines[slot]), max(row[DID_TS], row[GOT_TS])
        if line < 0 or (line_days[line] < today if line else not since or 0.0 < newest < closed_ms):
            line = touched(days, slot, row, done, calendar, model, more)
        line_states[line] = TOUCHED
        to = REVERSED if code & UNDO else GAINED + 3 * (code & KIND_BITS)
        for window in range(3):
            grown[window] = weight * growth(ts, landmarks[window], model.half_lives[window])
            row[column + window] += grown[window]
            if place >= 0:
                hours.gained[place, GAINED_THEN + window] += grown[window]
            if line and since:
                days.since[line, to + window] += grown[window]
        row[ENGAGEMENTS] += sign
        if place >= 0:
            hours.gained[place, GOT_THEN] += sign
            hours.gained[place, FOLLOWED] += sign if code & FOLLOW else 0.0
        if code & FOLLOW:
            row[FOLLOWERS] += sign
            if line and since:
                days.since[line, FOLLOWERS_SINCE] += sign
        if line and not since:
            entry, followers = OF_UNDO if code & UNDO else code & KIND_BITS, sign if code & FOLLOW else 0.0
            late(days, line, row, done, entry, grown, 0.0, followers, calendar, model)
        row[GOT_TS] = max(row[GOT_TS], np.float64(ts))
        mark = GOT | UNSEEN | LISTED
        actor = load_u16(a, found.actors + 2 * i)
        about = np.int64(load_u16(a, found.abouts + 2 * i)) if found.abouts else NOTHING
        many = (
            read_about(a, starts[about], lengths[about], about_keys, about_starts, about_ends)
            if about != NOTHING
            else 0
        )
        pair = np.float64(load_f32(a, found.pairs + 4 * i)) if found.pairs else 0.0
        if pair > 0.0:
            pair *= growth(ts, landmarks[LISTS], model.half_lives[QUARTER])
        engaged(
            tops,
            slot,
            steps,
            grown[QUARTER] * to_lists,
            grown[QUARTER] * to_lists + pair,
            ts,
            code & KIND_BITS,
            code & UNDO,
            keys[actor],
            a,
            starts[actor],
            lengths[actor],
            about_keys,
            about_starts,
            about_ends,
            many,
        )
        if not code & UNDO and meet(people, slot, keys[actor]):
            row[ACTORS] = people_of(people, slot)
            mark |= MET
        dirty[slot] |= mark
    return found.total
