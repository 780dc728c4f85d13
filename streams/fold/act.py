"""Stage 1, keyed by actor: drop repeats, update what the actor did, weigh the engagement for its target.

    weight = kind's weight * standing * attention * novelty
      standing   who they are: floor + gain * score / 100, the actor's score before the block
      attention  g / (g + acted): the more someone does, the less each action counts (selective models)
      novelty    floor + (1 - floor) * 0.5 ^ seen: each earlier engagement of the pair halves the rest

A plain loop, because what an event weighs depends on what the same actor did before, also within the block. 1.0 us an event,
most of it the walk through the actor's memory, which answers everything at once; rows and memories are asked for ahead.
"""

from __future__ import annotations

import numpy as np

from streams.fold.about import attach, attach_keys, keys_of_event
from streams.fold.chunks import begin_of, is_full, size_of
from streams.fold.compiled import kernel
from streams.fold.day_lines import TOUCHED
from streams.fold.days import late, touched
from streams.fold.hours import ACTED_THEN, ACTS, ahead_of_place, behind, mark_of
from streams.fold.memories import ID, KIND, TARGET, TS, length, name_length, remember, take_back
from streams.fold.more import facts_of, kin_at
from streams.fold.names import same
from streams.fold.packing import emit
from streams.fold.rows import (
    ACTED,
    ACTIONS,
    DID,
    DID_TS,
    ENTRY,
    FOLDED,
    FOLLOW,
    FOLLOW_KIND,
    GOT_TS,
    KIN,
    LISTED,
    LISTS,
    MORE,
    MOST_KEYS,
    PER_KIND,
    QUARTER,
    REPEATS,
    SELF_ENGAGEMENTS,
    UNDO,
    UNDO_UNKNOWN,
    UNDONE,
    WEEK,
)
from streams.fold.score import ahead_of_row, growth, score_of
from streams.fold.since import ACTED_SINCE
from streams.fold.tops import forgotten
from streams.fold.words import ahead, load_f32, load_i64, load_u64

_NOBODY = np.uint64(0)  # the target's hash in entries without a target
_MOST_PAIR = float(
    np.finfo(np.float32).max
)  # an event 22 years older than those before it: they weigh more at its time


@kernel
def before_block(cells, lines, order, landmark, decays, model, more, grown, attends, standing):
    """What needs the rows as they were before the block, (n,) each, for the events lines[order].

    `grown`: what an action adds to ACTED. `attends`: the same at the actor's newest action, if that is later: a late event
    finds its actor's attention as it was then, not decayed backwards.
    """
    for i in range(len(order)):
        if i + 6 < len(order):
            ahead_of_row(cells, np.int64(lines[order[i + 6]].slot))
        e = lines[order[i]]
        grown[i] = growth(e.ts, landmark, model.half_lives[WEEK])
        heard = cells[e.slot, DID_TS]
        attends[i] = growth(heard, landmark, model.half_lives[WEEK]) if heard > e.ts else grown[i]
        standing[i] = model.standing_floor
        if model.standing_gain != 0.0:
            row, facts = cells[e.slot], 0.0
            if row[MORE] > 0.0:
                facts = facts_of(more, row, decays)
            standing[i] += model.standing_gain / 100.0 * score_of(row, decays, model, facts)


@kernel
def act(
    cells, dirty, m, days, hours, tops, text, lines, order, start, grown, attends, standing, landmarks, calendar, model, more,
    partitions, counts, out,
):  # fmt: skip
    """Fold the events lines[order[start:]] into their actors; engagements go to `out`.

    There is room for a line of `days` and of `hours` for each. Returns how far it came before the arena of memories or of lists, or
    `out`, was full.
    """
    nothing, closed_ms, today, keys = np.zeros(3), calendar.closed_ms, calendar.today, np.zeros(MOST_KEYS, np.int64)
    landmark, steps = landmarks[WEEK], np.int64(landmarks[LISTS] / model.half_lives[QUARTER])
    day_lines, line_days, line_states, hour_lines = days.line, days.day, days.state, hours.line
    for i in range(start, len(order)):
        if is_full(m) or is_full(tops) or out.so_far[0] == len(out.ends):
            return i
        if i + 12 < len(order):  # no part of its own: a call with so many arrays costs 0.2 us
            later = np.int64(lines[order[i + 12]].slot)
            ahead(m.at, later)
            ahead(m.size, later)
            ahead(m.sort, later)
            ahead(day_lines, later)
            ahead(hour_lines, later)
            ahead(dirty, later)
        if i + 6 < len(order):
            later = np.int64(lines[order[i + 6]].slot)
            ahead_of_place(hours, later, mark_of(lines[order[i + 6]].ts))
            of_later = begin_of(m, later)
            for part in range(0, min(size_of(m, later) + 64, 576), 64):
                ahead(m.arena, of_later + part)
        e = lines[order[i]]
        slot, kind = np.int64(e.slot), np.int64(e.kind)
        dirty[slot] |= DID
        # seen before? how often this target? followed before? where is the oldest of this kind, and what does `ref` name?
        at = begin_of(m, slot)
        end = at + size_of(m, slot)
        repeat, seen, followed, oldest, named, known = False, 0, False, np.int64(-1), np.int64(-1), 0
        pair, oldest_target, of_oldest = 0.0, _NOBODY, 0  # entries of its target, from the oldest of its kind on
        while at < end:
            id_key, of_kind = load_u64(m.arena, at + ID), m.arena[at + KIND] == kind
            if id_key == e.id_key:
                repeat = True
                break
            target = load_u64(m.arena, at + TARGET)
            if of_kind:
                known += 1
                if oldest < 0:
                    oldest, oldest_target, of_oldest = at, target, 0
                if named < 0 and id_key == e.ref_key:
                    named = at
            of_oldest += target == oldest_target
            if target == e.target_key:
                seen += 1
                followed |= of_kind
                age = (e.ts - load_i64(m.arena, at + TS)) / model.half_lives[QUARTER]
                pair += np.float64(load_f32(m.arena, at)) * np.exp2(min(-age, 1020.0))
            at += length(m.arena, at)
        if repeat:
            counts[REPEATS] += 1
            continue
        if e.undo:
            line = touched(days, slot, cells[slot], e.ts, calendar, model, more)
            of_oldest -= named >= 0 and load_u64(m.arena, named + TARGET) == oldest_target
            _undo(
                cells, m, days, hours, line, text, e, slot, kind, named, landmark, calendar, model, more, partitions, counts, out
            )  # fmt: skip
            if known == PER_KIND:
                _forget(m, tops, dirty, slot, oldest, of_oldest, landmarks, steps, model)
            remember(m, slot, kind, oldest, known, 0.0, e.ts, e.id_key, _NOBODY, text, 0, 0, keys, 0)
            continue
        since, line = e.ts >= closed_ms, np.int64(day_lines[slot])
        newest = max(cells[slot, DID_TS], cells[slot, GOT_TS])
        if line < 0 or (line_days[line] < today if line else not since or 0.0 < newest < closed_ms):
            line = touched(days, slot, cells[slot], e.ts, calendar, model, more)
        line_states[line] = TOUCHED
        acted = cells[slot, ACTED]
        cells[slot, ACTED] = acted + grown[i]
        if line and since:
            days.since[line, ACTED_SINCE] += grown[i]
        elif line:
            late(days, line, cells[slot], e.ts, 0, nothing, grown[i], 0.0, calendar, model)
        place = behind(hours, slot, mark_of(e.ts))
        if place >= 0:
            hours.gained[place, ACTED_THEN] += grown[i]
            hours.gained[place, ACTS] += 1.0
        cells[slot, ACTIONS] += 1.0
        cells[slot, DID_TS] = max(cells[slot, DID_TS], np.float64(e.ts))
        of_oldest += oldest_target == e.target_key
        if known == PER_KIND:
            _forget(m, tops, dirty, slot, oldest, of_oldest, landmarks, steps, model)
        n = np.int64(e.target_len)
        if n == e.actor_len and same(text, e.actor_at, text, e.target_at, n):
            counts[SELF_ENGAGEMENTS] += 1
            counts[FOLDED] += 1
            remember(m, slot, kind, oldest, known, 0.0, e.ts, e.id_key, _NOBODY, text, 0, 0, keys, 0)
            continue
        weight = model.weights[kind] * standing[i]
        if model.selective and acted > 0.0:
            weight *= attends[i] / (attends[i] + acted)
        code = kind
        if seen:
            weight *= model.novelty_floor + (1.0 - model.novelty_floor) * 0.5**seen
        if kind == FOLLOW_KIND and not followed:
            code |= FOLLOW
        if cells[slot, MORE] > 0.0 and kin_at(more, cells[slot], e.ts):
            code |= KIN
        emit(out, text, e.network_at, e.network_len, text, e.target_at, n, slot, weight, e.ts, e.ts, code, partitions)
        out.pairs[out.so_far[0] - 1] = min(pair, _MOST_PAIR)
        many = keys_of_event(text, e, keys)
        if many:
            attach(out, text, e)
        remember(m, slot, kind, oldest, known, weight, e.ts, e.id_key, e.target_key, text, e.target_at, n, keys, many)
    return len(order)


@kernel
def _forget(m, tops, dirty, slot, at, known, landmarks, steps, model):
    """The entry at `at` is about to be forgotten; from it on the memory has `known` of its target, itself included."""
    weight, ts, target = np.float64(load_f32(m.arena, at)), load_i64(m.arena, at + TS), load_u64(m.arena, at + TARGET)
    if weight == 0.0:
        return
    before, key = begin_of(m, slot), np.int64(target & np.uint64(0xFFFFFFFF))
    while before < at:  # entries of other kinds
        known += load_u64(m.arena, before + TARGET) == target
        before += length(m.arena, before)
    grown = weight * growth(ts, landmarks[LISTS], model.half_lives[QUARTER])
    if forgotten(tops, slot, steps, grown, ts, key, known > 1, m.arena, at + ENTRY, name_length(m.arena, at)):
        dirty[slot] |= LISTED


@kernel
def _undo(
    cells, m, days, hours, line, text, e, slot, kind, at, landmark, calendar, model, more, partitions, counts, out
):
    """Take back what the entry at `at` (-1: not remembered) still weighs, from its target and from the actor's own actions."""
    n = name_length(m.arena, at) if at >= 0 else 0
    if not n:  # not remembered, undone before, or for nobody
        counts[UNDO_UNKNOWN] += 1
        counts[FOLDED] += 1
        return
    weight, ts, target = load_f32(m.arena, at), load_i64(m.arena, at + TS), load_u64(m.arena, at + TARGET)
    code = kind | UNDO | (FOLLOW if kind == FOLLOW_KIND else 0)
    other = begin_of(m, slot)
    end = other + size_of(m, slot)
    while other < end:  # do they still follow, by another event?
        if other != at and load_u64(m.arena, other + TARGET) == target and m.arena[other + KIND] == kind:
            code &= ~FOLLOW
        other += length(m.arena, other)
    if cells[slot, MORE] > 0.0 and kin_at(more, cells[slot], ts):
        code |= KIN
    emit(out, text, e.network_at, e.network_len, m.arena, at + ENTRY, n, slot, -weight, ts, e.ts, code, partitions)
    attach_keys(out, m.arena, at)
    take_back(m, slot, at)
    grown = growth(ts, landmark, model.half_lives[WEEK])
    cells[slot, ACTED] -= grown
    place = behind(hours, slot, mark_of(e.ts))
    if place >= 0:
        hours.gained[place, ACTED_THEN] -= grown
    if line and e.ts >= calendar.closed_ms:
        days.since[line, ACTED_SINCE] -= grown
    elif line:
        late(days, line, cells[slot], e.ts, 0, np.zeros(3), -grown, 0.0, calendar, model)
    counts[UNDONE] += 1
