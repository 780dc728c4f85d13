"""Stage 1, keyed by actor: drop repeats, update what the actor did, weigh the engagement for its target.

A plain loop, because what an event weighs depends on what the same actor did before, also within the block. It costs about
4 to 5 us an event on the machine that the README names.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streams.events import KIND_INDEX, Event
from streams.fold.rows import ACTED, ACTIONS, DID, DID_TS, WEEK, WIDTH
from streams.model import assess, memory, windows
from streams.model.engagements import FIRST, FOLLOW, UNDO, Pack
from streams.model.table import Table

_FOLLOW_KIND = KIND_INDEX["follow"]


def act(
    table: Table,
    events: Sequence[Event],
    kinds: Sequence[int],
    slots: Sequence[int],
    pack: Pack,
) -> None:
    """Fold a block of events, given with their kinds and their actors' slots, into the actors' rows.

    Engagements are appended to `pack`. Counts go to `table.counts`. Standing is the actor's score at the newest
    event time of the block, before the block.
    """
    if not events:
        return
    model, counts, half_life_ms = table.model, table.counts, table.model.half_lives_ms[WEEK]
    times = np.fromiter((e.ts for e in events), np.int64, len(events))
    table.advance(int(times.max()))
    index = np.asarray(slots, dtype=np.intp)
    landmark_ms = table.landmarks[WEEK]
    grown = windows.growth(times, landmark_ms, half_life_ms).tolist()
    standing = _standing(table, index)
    # a late event finds its actor's attention as it was at the actor's newest action, not decayed backwards
    heard = np.maximum(times, table.cells[index, DID_TS].astype(np.int64))
    attention = windows.growth(heard, landmark_ms, half_life_ms).tolist()
    weights, selective, floor = model.weights, model.selective, model.novelty_floor
    memories, cells = table.memory, table.cells.reshape(-1).data
    counted = [True] * len(events)

    to, weighs, at, how = pack.targets.append, pack.weights.append, pack.times.append, pack.codes.append

    names = [event.target.encode() for event in events]
    keys = memory.id_keys([event.id for event in events], kinds)
    needles = memory.target_keys(names)
    remember, entry = memory.remember, memory.ENTRY.pack

    together = zip(events, kinds, slots, keys, names, needles, grown, standing, attention, strict=True)
    for i, (event, kind, slot, key, name, needle, g, stands, attends) in enumerate(together):
        remembered, target = memories[slot], event.target
        if remembered.find(key) >= 0:  # `in` raises and clears an error first: 400 ns
            counts.repeats += 1
            counted[i] = False
            continue
        if event.undo:
            counted[i] = False
            memories[slot] = _undo(table, event, kind, slot, key, pack)
            continue
        acted_at = slot * WIDTH + ACTED
        acted = cells[acted_at]
        cells[acted_at] = acted + g
        if target == event.actor:
            counts.self_engagements += 1
            counts.folded += 1
            memories[slot] = remember(remembered, kind, memory.entry(0.0, event.ts, key, kind))
            continue
        weight = weights[kind] * stands
        if selective and acted > 0.0:
            weight *= attends / (attends + acted)
        code = kind
        seen = remembered.count(needle)
        if seen:
            weight *= floor + (1.0 - floor) * 0.5**seen
            if kind == _FOLLOW_KIND and remembered.find(memory.BYTE[kind] + needle) < 0:
                code |= FOLLOW
        else:
            code |= FIRST | FOLLOW if kind == _FOLLOW_KIND else FIRST
        to(f"{event.network}:{target}")
        weighs(weight)
        at(event.ts)
        how(code)
        memories[slot] = remember(remembered, kind, entry(weight, event.ts, key, kind, needle, len(name)) + name)

    acted_now = index[counted]
    flat = table.cells.reshape(-1)
    np.add.at(flat, acted_now * WIDTH + ACTIONS, 1.0)
    np.maximum.at(flat, acted_now * WIDTH + DID_TS, times[counted].astype(np.float64))
    table.dirty[index] |= DID


def _standing(table: Table, slots: np.ndarray) -> list[float]:
    """How much who they are adds to what they do: floor + gain * score / 100, per event."""
    model = table.model
    if not model.standing_gain:
        return [model.standing_floor] * len(slots)
    scores = assess.scores(table, slots, table.clock)
    weighed: list[float] = (model.standing_floor + model.standing_gain / 100.0 * scores).tolist()
    return weighed


def _undo(table: Table, event: Event, kind: int, slot: int, key: bytes, pack: Pack) -> bytes:
    """Take back what `event.ref` still weighs, from its target and from the actor's own actions. Returns the new memory."""
    remembered = table.memory[slot]
    found = memory.find(remembered, memory.id_key(event.ref or "", kind))
    own = memory.entry(0.0, event.ts, key, kind)
    if found is None or not found.target:
        table.counts.undo_unknown += 1
        table.counts.folded += 1
        return memory.remember(remembered, kind, own)
    remembered = memory.undone(remembered, found)
    needle = found.target_key
    code = kind | UNDO
    if remembered.find(needle) < 0:
        code |= FIRST
    if kind == _FOLLOW_KIND and remembered.find(memory.BYTE[kind] + needle) < 0:
        code |= FOLLOW
    name = f"{event.network}:{found.target.decode()}"
    pack.targets.append(name)
    pack.weights.append(-found.weight)
    pack.times.append(found.ts)
    pack.codes.append(code)
    grown = windows.growth(found.ts, table.landmarks[WEEK], table.model.half_lives_ms[WEEK])
    table.cells[slot, ACTED] -= float(grown)
    table.counts.undone += 1
    return memory.remember(remembered, kind, own)
