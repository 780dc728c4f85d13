"""The seeded generator: an endless, deterministic stream of records with the shapes of real data.

Drawn in batches with numpy, written by one f-string each: about 2 µs of CPU a record
(`python tests/sources/calibrate.py` measures it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import repeat
from math import gcd
from typing import Any

import numpy as np
import orjson

from streams.errors import UsageError
from streams.events import MAX_NETWORK_BYTES, TOPIC_OF
from streams.sources.breakage import BREAKAGES, NAMES
from streams.sources.record import Produced
from streams.sources.shape import Shape

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
BATCH = 4096  # records drawn together: 10 ms of work, so a live feed does not stumble
REMEMBERED = 20  # an undo lies within so many records of its actor; the engine remembers 24 per actor and topic
_HISTORY = 65_536  # pairs a repeat can go back
_STAMP = b"\x00"  # holds the place of ts until the clock is read

_DUPLICATE, _UNDO, _BROKEN = 1, 2, 3
_LATE, _ITSELF, _VIRAL, _REPEAT = 4, 8, 16, 32
_MARKS = {"late": _LATE, "itself": _ITSELF, "viral": _VIRAL, "repeats": _REPEAT}

_FIRST_NAMES = tuple(
    head + tail
    for head in ("ad", "be", "car", "dan", "el", "fi", "ga", "han", "ir", "jo", "ka", "li", "mar", "no", "ol", "ru")
    for tail in ("a", "o", "is", "na", "ra", "mi", "ta", "lia", "ko", "ren", "ela", "us", "ina", "vi", "do", "sa")
)

Array = np.ndarray[Any, np.dtype[Any]]


class Synthetic:
    """Iterator of records; the same arguments give the same bytes (with a `clock`, the same but for `ts`).

    `users` are `0..users-1` under made-up names. Event time starts at `start_ms` and advances by `1000 / rate` ms a
    record; with `clock` (a function giving ms since epoch) a record is stamped when it is asked for, minus its lateness.
    `limit` ends the stream after so many records. `run` makes the ids of another run different. A duplicate is the same
    record again, soon after; an undo refers to a recent event of the same actor and kind, each event undone once at most.
    """

    def __init__(
        self,
        seed: int = 1,
        users: int = 10_000,
        rate: float | None = None,
        start_ms: int = START_MS,
        *,
        shape: Shape | None = None,
        kinds: tuple[str, ...] | None = None,
        network: str = "demo",
        limit: int | None = None,
        clock: Callable[[], int] | None = None,
        run: str = "",
    ) -> None:
        if users < 2 or users > 1 << 40:  # noqa: PLR2004 - one to act, one to act on
            raise UsageError(f"users: {users} is not between 2 and 2^40")
        rate = 2000.0 if rate is None else rate
        if not 0 < rate < 1e9:
            raise UsageError(f"rate: {rate} is not a number of records per second above 0")
        if not network or ":" in network or len(network.encode()) > MAX_NETWORK_BYTES or not network.isprintable():
            raise UsageError(f"network: `{network}` is empty, too long, not printable or has a colon")
        self.shape = shape or Shape()
        if kinds:
            self.shape = self.shape.only(*kinds)
        self._rng = np.random.default_rng(seed)
        self._users = users
        self._ms_each = 1000.0 / rate
        self._start_ms = start_ms
        self._network = network
        self._limit = limit
        self._clock = clock
        self._id = f"{run or format(seed, 'x')}.{start_ms // 1000:x}-"
        shares = np.array([share for _, share in self.shape.kinds], float)
        self._kind_edges = np.cumsum(shares / shares.sum())
        self._kinds = [kind for kind, _ in self.shape.kinds]
        self._drawn = 0  # records before this batch
        self._actor_of = _mixer(self._rng, users)
        self._target_of = _mixer(self._rng, users)
        self._history = np.zeros((2, 0), np.int64)  # actor and target of the latest records
        self._burst = (self._pause_ms(), 0.0, 0)  # begin and end in ms from the start, the target
        self._burst = (self._burst[0], self._burst[0] + self.shape.burst_s * 1000, self._anybody())
        self._counts = [0] * 64  # by mark
        self.broken: Counter[str] = Counter()
        self._running = self._run()

    def __iter__(self) -> Iterator[Produced]:
        return self._running

    def __next__(self) -> Produced:
        return next(self._running)

    @property
    def emitted(self) -> dict[str, int]:
        """Handed out so far: `records` = `events` + `duplicates` + `broken`. Of the events, `undos` are undos, and
        `late`, `itself`, `viral`, `repeats` say how many were late, self-engagements, part of a burst, or the pair of
        an earlier record again. A worker's folded = `events`, its repeats = `duplicates`, its rejects = `broken`."""
        counts = self._counts
        roles = [sum(counts[role::4]) for role in range(4)]
        out = {
            "records": sum(roles),
            "events": roles[0] + roles[_UNDO],
            "duplicates": roles[_DUPLICATE],
            "broken": roles[_BROKEN],
            "undos": roles[_UNDO],
        }
        for name, bit in _MARKS.items():
            out[name] = sum(n for mark, n in enumerate(counts) if mark & bit and mark % 4 == 0)
        return out

    def _run(self) -> Iterator[Produced]:
        counts, clock, left = self._counts, self._clock, self._limit
        while left is None or left > 0:
            n = BATCH if left is None else min(BATCH, left)
            records, marks, sources, lateness_ms = self._batch(n)
            if left is not None:
                left -= n
            if not clock:
                for mark, record in zip(marks, records, strict=True):
                    counts[mark] += 1
                    yield record
                continue
            for row, mark in enumerate(marks):
                topic, key, value, _ = records[row]
                role = mark & 3
                if role == _DUPLICATE:
                    record = records[sources[row]]
                else:
                    ts = clock() - lateness_ms[row]
                    value = value.replace(_STAMP, b"%d" % ts)
                    if role == _BROKEN:
                        value = BREAKAGES[NAMES[sources[row]]](value)
                    records[row] = record = Produced(topic, key, value, ts)
                counts[mark] += 1
                if role == _BROKEN:
                    self.broken[NAMES[sources[row]]] += 1
                yield record

    # Drawing: columns of one batch

    def _batch(self, n: int) -> tuple[list[Produced], list[int], list[int], list[int]]:
        """`n` records; per record its mark, what its role points to (row, or breakage), and its lateness in ms.

        With a clock the values are still unstamped, and the broken ones whole.
        """
        rng, shape = self._rng, self.shape
        size = BATCH  # always the same draws, so that a limit does not change what comes before it
        actor = self._actor_of(self._zipf(size, shape.actor_exponent, shape.actor_flat))
        target = self._target_of(self._zipf(size, shape.target_exponent, shape.target_flat))
        kind = np.searchsorted(self._kind_edges, rng.random(size), side="right").clip(max=len(self._kinds) - 1)
        offset_ms = (self._drawn + np.arange(size)) * self._ms_each
        mark = np.zeros(size, np.int64)

        viral = self._bursts(offset_ms, target)
        mark[viral] = _VIRAL
        itself = np.flatnonzero(rng.random(size) < shape.itself)
        target[itself] = actor[itself]
        mark[itself] = _ITSELF
        again = self._repeats(actor, target, np.flatnonzero(rng.random(size) < shape.repeat))
        mark[again] = _REPEAT | np.where(actor[again] == target[again], _ITSELF, 0)

        role, source = self._roles(actor, kind)
        special = role > 0
        mark[special] = role[special]
        late = (rng.random(size) < shape.late) & ~special
        mark[late] |= _LATE
        late_ms = np.minimum(rng.exponential(max(shape.late_mean_ms, 1e-9), size) + 1, shape.late_max_ms)
        lateness_ms = np.where(late, late_ms, 0).astype(np.int64)
        self._history = np.concatenate([self._history, [actor, target]], axis=1)[:, -_HISTORY:]

        ts = (self._start_ms + offset_ms.astype(np.int64) - lateness_ms).tolist()
        marks, sources = mark[:n].tolist(), source.tolist()
        columns = (kind[:n].tolist(), actor[:n].tolist(), target[:n].tolist())
        records = self._write(*columns, ts[:n], marks, sources)
        self._drawn += n
        return records, marks, sources, lateness_ms.tolist()

    def _zipf(self, n: int, exponent: float, flat: float) -> Array:
        """`n` ranks from 0, by inverting the integral of `(x + flat) ** -exponent`: no table, whatever the users."""
        u, end = self._rng.random(n), self._users + flat
        if abs(exponent - 1) < 1e-6:
            x = flat * (end / flat) ** u
        else:
            power = 1 - exponent
            x = (flat**power + u * (end**power - flat**power)) ** (1 / power)
        return np.clip(x - flat, 0, self._users - 1).astype(np.int64)

    def _pause_ms(self) -> float:
        return float(self._rng.exponential(max(self.shape.burst_every_s, 1e-3))) * 1000

    def _anybody(self) -> int:
        return int(self._rng.integers(self._users))

    def _bursts(self, offset_ms: Array, target: Array) -> Array:
        """Turns part of each burst's events to its target, in place; the rows turned."""
        turned = np.zeros(len(target), bool)
        begin, end, whom = self._burst
        while begin <= offset_ms[-1]:
            first, last = np.searchsorted(offset_ms, (begin, end))
            rows = first + np.flatnonzero(self._rng.random(last - first) < self.shape.burst)
            target[rows] = whom
            turned[rows] = True
            if end > offset_ms[-1]:
                break
            begin = end + self._pause_ms()
            end, whom = begin + self.shape.burst_s * 1000, self._anybody()
        self._burst = (begin, end, whom)
        return turned

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

    def _roles(self, actor: Array, kind: Array) -> tuple[Array, Array]:
        """Each row's role (0 an ordinary event) and what it refers to; duplicates and undos take over actor and kind."""
        rng, shape, n = self._rng, self.shape, len(actor)
        role = np.searchsorted(
            np.cumsum([shape.duplicate, shape.undo, shape.broken]), rng.random(n), side="right"
        )  # 0 duplicate, 1 undo, 2 broken, 3 none
        role = (role + 1) % 4
        source = np.zeros(n, np.int64)
        distance = rng.integers(1, shape.duplicate_within + 1, n)
        undoing = role == _UNDO
        distance[undoing] = rng.geometric(1 / max(shape.undo_after, 1.0), int(undoing.sum()))
        rows = np.flatnonzero((role == _DUPLICATE) | undoing)
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
        far = (role[rows] == _UNDO) & (between > REMEMBERED)
        role[rows[far]] = 0
        broken = np.flatnonzero(role == _BROKEN)
        source[broken] = rng.integers(len(NAMES), size=len(broken))
        return role, source

    # Writing: columns to bytes

    def _write(
        self, kind: list[int], actor: list[int], target: list[int], ts: list[int], marks: list[int], sources: list[int]
    ) -> list[Produced]:
        network = orjson.dumps(self._network).decode()
        names = _FIRST_NAMES
        actors = [f"{names[user & 255]}{user >> 8}" for user in actor]
        targets = [f"{names[user & 255]}{user >> 8}" for user in target]
        heads = [f'","type":"{name}","network":{network},"actor":"' for name in self._kinds]
        topics = [TOPIC_OF[name] for name in self._kinds]
        number = self._drawn
        live = self._clock is not None
        stamps = [_STAMP.decode()] * len(ts) if live else ts
        prefix, run = f"{self._network}:", self._id
        keys = [(prefix + user).encode() for user in actors]
        values = [
            (
                f'{{"id":"{run}{i}{heads[k]}{a}","target":"{t}","ts":{stamp},'
                f'"object":"https://{t}.social.example/posts/{i % 1009}"}}'
            ).encode()
            for i, k, a, t, stamp in zip(
                range(number, number + len(ts)), kind, actors, targets, stamps, strict=True
            )
        ]
        # tuple.__new__ makes the records at half the price of Produced(...)
        records: list[Produced] = list(
            map(tuple.__new__, repeat(Produced), zip([topics[k] for k in kind], keys, values, ts, strict=True))
        )
        for row in np.flatnonzero(np.bitwise_and(marks, 3)).tolist():
            role = marks[row] & 3
            if role == _UNDO:
                value = (
                    f'{{"id":"{run}{number + row}{heads[kind[row]]}{actors[row]}","ts":{stamps[row]},'
                    f'"ref":"{run}{number + sources[row]}","undo":true}}'
                ).encode()
                records[row] = records[row]._replace(value=value)
            elif live:
                continue  # depends on the stamp
            elif role == _DUPLICATE:
                records[row] = records[sources[row]]
            else:
                breakage = NAMES[sources[row]]
                self.broken[breakage] += 1
                records[row] = records[row]._replace(value=BREAKAGES[breakage](records[row].value))
        return records


def _mixer(rng: np.random.Generator, users: int) -> Callable[[Array], Array]:
    """A seeded one-to-one map of ranks to users, so that who is active and who is famous are different people."""
    while True:
        step = int(rng.integers(1, min(users, 1 << 22)))  # times a rank it stays below 2^63
        if gcd(step, users) == 1:
            break
    start = int(rng.integers(users))
    return lambda rank: (rank * step + start) % users
