"""The dice behind the generator: who does what to whom, when, in batches of numpy columns. No text, no clock."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streams.sources.breakage import NAMES
from streams.sources.objects import NO_OBJECT, Objects
from streams.sources.shape import Shape
from streams.sources.users import Users
from streams.sources.vocabulary import NO_TOPICS

BATCH = 4096  # records drawn together: 10 ms of work, so a live feed does not stumble
REMEMBERED = 14  # an undo lies within so many records of its actor; the engine remembers 16 per actor and topic
_HISTORY = 65_536  # pairs a repeat can go back
_NUMBERS = 1009  # of a feed without objects of their own: they are numbered in a circle

# A record's mark: its role in the two lowest bits, then what is noted of ordinary events, or how it is broken
DUPLICATE, UNDO, BROKEN = 1, 2, 3
LATE, ITSELF, VIRAL, REPEAT = 4, 8, 16, 32
FIRST_BROKEN = 64  # + 4 * breakage + BROKEN
MARKS = FIRST_BROKEN + 4 * len(NAMES)

Array = np.ndarray[Any, np.dtype[Any]]


class Columns(NamedTuple):
    """`BATCH` records. `kind` counts in the shape's kinds; `offset_ms` is nominal time from the start, `lateness_ms`
    what to subtract; `source` is the row that a duplicate or an undo refers to. `object` is the target's, by number (`NO_OBJECT`:
    none), `topics` the code of what it is about (`streams.sources.vocabulary`)."""

    kind: Array
    actor: Array
    target: Array
    offset_ms: Array
    lateness_ms: Array
    mark: Array
    source: Array
    object: Array
    topics: Array


class Dice:
    """Draws batch after batch; all randomness comes from the seed. Objects go by event time, from `start_ms` on."""

    def __init__(self, seed: int, users: int, start_ms: int, ms_each: float, shape: Shape) -> None:
        self._rng = np.random.default_rng(seed)
        self._users = users
        self._start_ms, self._ms_each = start_ms, ms_each
        self._shape = shape
        shares = np.array([share for _, share in shape.kinds], float)
        self._kind_edges = np.cumsum(shares / shares.sum())
        self._drawn = 0  # records before this batch
        self._active = Users(self._rng, users)
        self._famous = Users(self._rng, users)
        self._objects = Objects(seed, self._famous, shape)
        self._no_content = [place for place, (kind, _) in enumerate(shape.kinds) if kind == "follow"]
        self._history = np.zeros((2, 0), np.int64)  # actor and target of the latest records
        self._burst = self._next_burst(0.0)

    def draw(self) -> Columns:
        """The next `BATCH` records."""
        rng, shape, n = self._rng, self._shape, BATCH
        actor = self._active.of(self._zipf(n, shape.actor_exponent, shape.actor_flat))
        target = self._famous.of(self._zipf(n, shape.target_exponent, shape.target_flat))
        kind = np.searchsorted(self._kind_edges, rng.random(n), side="right").clip(max=len(self._kind_edges) - 1)
        offset_ms = (self._drawn + np.arange(n)) * self._ms_each
        mark = np.zeros(n, np.int64)

        began_ms = self._bursts(offset_ms, target)
        mark[began_ms >= 0] = VIRAL
        itself = np.flatnonzero(rng.random(n) < shape.itself)
        target[itself] = actor[itself]
        mark[itself] = 0
        mark[self._repeats(actor, target, np.flatnonzero(rng.random(n) < shape.repeat))] = REPEAT

        role, source, borrowed = self._roles(actor, kind)
        mark[borrowed] &= ~REPEAT  # another actor now, so another pair
        mark[actor == target] |= ITSELF
        late = rng.random(n) < shape.late
        mark[late] |= LATE
        late &= role == 0
        late_ms = np.minimum(rng.exponential(max(shape.late_mean_ms, 1e-9), n) + 1, shape.late_max_ms)
        mark = np.where(role == 0, mark, role)
        broken = np.flatnonzero(role == BROKEN)
        mark[broken] += FIRST_BROKEN + 4 * rng.integers(len(NAMES), size=len(broken))

        lateness_ms = np.where(late, late_ms, 0).astype(np.int64)
        began_ms[(mark & VIRAL) == 0] = -1
        object_, topics = self._content(kind, target, offset_ms - lateness_ms, began_ms)
        self._history = np.concatenate([self._history, [actor, target]], axis=1)[:, -_HISTORY:]
        self._drawn += n
        return Columns(kind, actor, target, offset_ms, lateness_ms, mark, source, object_, topics)

    def _content(self, kind: Array, target: Array, when_ms: Array, began_ms: Array) -> tuple[Array, Array]:
        """Which object of its target an event is with, and its topics; a follow is with the target itself."""
        if not self._shape.objects:
            numbers = (self._drawn + np.arange(len(kind))) % _NUMBERS
            return numbers, np.full(len(kind), NO_TOPICS)
        viral_ms = np.where(began_ms < 0, -1, self._start_ms + began_ms)
        object_, topics = self._objects.engaged(target, self._start_ms + when_ms, viral_ms)
        object_[np.isin(kind, self._no_content)] = NO_OBJECT
        return object_, topics

    def _zipf(self, n: int, exponent: float, flat: float) -> Array:
        """`n` ranks from 0, by inverting the integral of `(x + flat) ** -exponent`: no table, whatever the users."""
        u, end = self._rng.random(n), self._users + flat
        if abs(exponent - 1) < 1e-6:
            x = flat * (end / flat) ** u
        else:
            power = 1 - exponent
            x = (flat**power + u * (end**power - flat**power)) ** (1 / power)
        return np.clip(x - flat, 0, self._users - 1).astype(np.int64)

    def _next_burst(self, after_ms: float) -> tuple[float, float, int]:
        """Begin and end in ms from the start, and the target: anybody may go viral."""
        shape, rng = self._shape, self._rng
        begin_ms = after_ms + float(rng.exponential(max(shape.burst_every_s, 1e-3))) * 1000
        return begin_ms, begin_ms + shape.burst_s * 1000, int(rng.integers(self._users))

    def _bursts(self, offset_ms: Array, target: Array) -> Array:
        """Turns part of each burst's events to its target, in place; when the burst of each row began, -1 where there is none."""
        began_ms = np.full(len(target), -1.0)
        while self._burst[0] <= offset_ms[-1]:
            begin_ms, end_ms, whom = self._burst
            first, last = np.searchsorted(offset_ms, (begin_ms, end_ms))
            rows = first + np.flatnonzero(self._rng.random(last - first) < self._shape.burst)
            target[rows] = whom
            began_ms[rows] = begin_ms
            if end_ms > offset_ms[-1]:
                break
            self._burst = self._next_burst(end_ms)
        return began_ms

    def _repeats(self, actor: Array, target: Array, rows: Array) -> Array:
        """Gives `rows` the pair of an earlier record, in place; the rows that had one to go back to.

        Distances follow Higgs: a tenth within some 20 records, half within 4,400.
        """
        known = self._history.shape[1]
        back = np.maximum(_HISTORY ** (self._rng.random(len(rows)) ** 0.4), 1).astype(np.int64)
        origin = known + rows - back
        rows, origin = rows[origin >= 0], origin[origin >= 0]
        pointer = np.arange(known + len(actor))
        pointer[known + rows] = origin
        while not np.array_equal(further := pointer[pointer], pointer):  # a repeat of a repeat
            pointer = further
        origin = pointer[known + rows]
        actors, targets = np.concatenate([self._history, [actor, target]], axis=1)[:, origin]
        actor[rows], target[rows] = actors, targets
        return rows

    def _roles(self, actor: Array, kind: Array) -> tuple[Array, Array, Array]:
        """Each row's role (0 an ordinary event), the row it refers to, and the rows that took over another's actor and kind.

        Duplicates and undos refer to ordinary events before them in the batch; one that finds none is ordinary itself.
        """
        rng, shape, n = self._rng, self._shape, len(actor)
        edges = np.cumsum([shape.duplicate, shape.undo, shape.broken])
        role = (np.searchsorted(edges, rng.random(n), side="right") + 1) % 4
        source = np.zeros(n, np.int64)
        distance = rng.integers(1, shape.duplicate_within + 1, n)
        undoing = role == UNDO
        distance[undoing] = rng.geometric(1 / max(shape.undo_after, 1.0), int(undoing.sum()))
        rows = np.flatnonzero((role == DUPLICATE) | undoing)
        origin = rows - distance[rows]
        good = (origin >= 0) & (role[origin] == 0)
        _, first = np.unique(origin, return_index=True)  # each event is undone or doubled once at most
        good &= np.isin(np.arange(len(rows)), first)
        role[rows[~good]] = 0
        rows, origin = rows[good], origin[good]
        source[rows] = origin
        actor[rows], kind[rows] = actor[origin], kind[origin]

        # An undo too far behind, counted in records of its actor, becomes an ordinary event of that actor.
        place = actor * n + np.arange(n)
        order = np.sort(place)
        between = np.searchsorted(order, place[rows]) - np.searchsorted(order, place[origin])
        far = (role[rows] == UNDO) & (between > REMEMBERED)
        role[rows[far]] = 0
        return role, source, rows
