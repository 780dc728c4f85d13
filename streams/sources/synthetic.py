"""The seeded generator: an endless, deterministic stream of records with the shapes of real data.

Drawn in batches (draw.py, objects.py), written by two f-strings each: 2.8 µs of CPU a record, 2.3 without objects, as
`tests/sources/calibrate.py` measures. Who keeps millions of records in a list does well to call `gc.freeze()` now and then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import repeat

import orjson

from streams.errors import UsageError
from streams.events import TOPIC_OF
from streams.sources.breakage import BREAKAGES, NAMES
from streams.sources.draw import BATCH, BROKEN, DUPLICATE, FIRST_BROKEN, ITSELF, LATE, MARKS, REPEAT, UNDO, VIRAL, Dice
from streams.sources.objects import NO_OBJECT
from streams.sources.record import Produced
from streams.sources.shape import Shape
from streams.sources.users import MOST_USERS
from streams.sources.vocabulary import Topics

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
_STAMP = b"\x00"  # holds the place of ts until the clock is read

_NOTED = {"late": LATE, "itself": ITSELF, "viral": VIRAL, "repeats": REPEAT}

_FIRST_NAMES = tuple(
    head + tail
    for head in ("ad", "be", "car", "dan", "el", "fi", "ga", "han", "ir", "jo", "ka", "li", "mar", "no", "ol", "ru")
    for tail in ("a", "o", "is", "na", "ra", "mi", "ta", "lia", "ko", "ren", "ela", "us", "ina", "vi", "do", "sa")
)


def name_of(user: int) -> str:
    """What a user of the generator is called, by number from 0."""
    return f"{_FIRST_NAMES[user & 255]}{user >> 8}"


class Synthetic:
    """Iterator of records; the same arguments give the same bytes (with a `clock`, the same but for `ts` and objects).

    `users` people under made-up names. Event time starts at `start_ms` and advances by `1000 / rate` ms a record; with
    `clock` (a function giving ms since epoch) a record is stamped when it is asked for, minus its lateness. `limit`
    ends the stream after so many records.

    Ids begin with the seed and with the start; with a `clock`, with the time of the making, so that a
    second live run is not taken for repeats of the first. A duplicate is the same record again, soon after. An undo
    refers to a recent event of the same actor and kind; each event is undone once at most.

    All but follows and undos have an `object` of the target, which comes, fades and is about up to five `topics` out of the
    target's own handful. It goes by nominal time (with a `clock`, from the time of the making), and is the same in every feed
    of the seed and of as many users.
    """

    def __init__(
        self,
        seed: int = 1,
        users: int = 10_000,
        rate: float | None = None,
        start_ms: int = START_MS,
        *,
        shape: Shape | None = None,
        limit: int | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        if users < 2 or users > MOST_USERS:  # one to act, one to act on
            raise UsageError(f"users: {users} is not between 2 and 2^40")
        rate = 2000.0 if rate is None else rate
        if not 0 < rate < 1e9:
            raise UsageError(f"rate: {rate} is not a number of records per second above 0")
        self.shape = shape or Shape()
        self._start_ms = start_ms
        self._limit = limit
        self._clock = clock
        born_ms = clock() if clock else start_ms
        self._dice = Dice(seed, users, born_ms, 1000.0 / rate, self.shape)
        self._topics = Topics(self.shape)
        self._id = f"{seed:x}.{born_ms:x}-"
        self._kinds = [kind for kind, _ in self.shape.kinds]
        self._counts = [0] * MARKS
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
        roles = [sum(self._counts[role::4]) for role in range(4)]
        out = {
            "records": sum(roles),
            "events": roles[0] + roles[UNDO],
            "duplicates": roles[DUPLICATE],
            "broken": roles[BROKEN],
            "undos": roles[UNDO],
        }
        for name, bit in _NOTED.items():
            out[name] = sum(self._counts[mark] for mark in range(0, FIRST_BROKEN, 4) if mark & bit)
        return out

    @property
    def broken(self) -> Counter[str]:
        """The broken records handed out so far, by what is wrong with them."""
        return Counter({name: n for name, n in zip(NAMES, self._counts[FIRST_BROKEN + BROKEN :: 4], strict=True) if n})

    def _run(self) -> Iterator[Produced]:
        handed_out, left = 0, self._limit
        while left is None or left > 0:
            n = BATCH if left is None else min(BATCH, left)
            # whole batches are drawn, so that a limit does not change what comes before it
            columns = (column.tolist()[:n] for column in self._dice.draw())
            kind, actor, target, offset_ms, lateness_ms, mark, source, object_, topics = columns
            ts = [self._start_ms + int(offset) - late for offset, late in zip(offset_ms, lateness_ms, strict=True)]
            records = self._write(handed_out, kind, actor, target, ts, mark, source, object_, topics)
            handed_out += n
            left = None if left is None else left - n
            if self._clock:
                yield from self._stamped(self._clock, records, lateness_ms, mark, source)
                continue
            for row in [row for row, m in enumerate(mark) if m & DUPLICATE]:  # duplicates and broken ones
                records[row] = _spoiled(records[row], mark[row]) if mark[row] & UNDO else records[source[row]]
            counts = self._counts
            for m, record in zip(mark, records, strict=True):
                counts[m] += 1
                yield record

    def _stamped(
        self,
        clock: Callable[[], int],
        records: list[Produced],
        lateness_ms: list[int],
        mark: list[int],
        source: list[int],
    ) -> Iterator[Produced]:
        """The records, each given its time when it is asked for."""
        for row, (topic, key, value, _) in enumerate(records):
            role = mark[row] & 3
            if role == DUPLICATE:
                record = records[source[row]]
            else:
                ts = clock() - lateness_ms[row]
                record = Produced(topic, key, value.replace(_STAMP, b"%d" % ts), ts)
                records[row] = record = _spoiled(record, mark[row]) if role == BROKEN else record
            self._counts[mark[row]] += 1
            yield record

    def _write(
        self,
        number: int,
        kind: list[int],
        actor: list[int],
        target: list[int],
        ts: list[int],
        mark: list[int],
        source: list[int],
        object_: list[int],
        topics: list[int],
    ) -> list[Produced]:
        """Records from number `number` on, as ordinary events and undos; with a clock the values await their stamp."""
        network = orjson.dumps(self.shape.network).decode()
        names = _FIRST_NAMES
        actors = [f"{names[user & 255]}{user >> 8}" for user in actor]
        targets = [f"{names[user & 255]}{user >> 8}" for user in target]
        heads = [f'","type":"{name}","network":{network},"actor":"' for name in self._kinds]
        places = [TOPIC_OF[name] for name in self._kinds]
        stamps = [_STAMP.decode()] * len(ts) if self._clock else ts
        prefix, run = f"{self.shape.network}:", self._id
        keys = [(prefix + user).encode() for user in actors]
        told = self._topics
        contents = [
            f',"object":"https://{t}.social.example/posts/{o}"{told[about]}' if o != NO_OBJECT else ""
            for t, o, about in zip(targets, object_, topics, strict=True)
        ]
        values = [
            f'{{"id":"{run}{i}{heads[k]}{a}","target":"{t}","ts":{stamp}{content}}}'.encode()
            for i, k, a, t, stamp, content in zip(
                range(number, number + len(ts)), kind, actors, targets, stamps, contents, strict=True
            )
        ]
        # tuple.__new__ makes the records at half the price of Produced(...)
        records: list[Produced] = list(
            map(tuple.__new__, repeat(Produced), zip([places[k] for k in kind], keys, values, ts, strict=True))
        )
        for row in [row for row, m in enumerate(mark) if m & 3 == UNDO]:
            value = (
                f'{{"id":"{run}{number + row}{heads[kind[row]]}{actors[row]}","ts":{stamps[row]},'
                f'"ref":"{run}{number + source[row]}","undo":true}}'
            ).encode()
            records[row] = records[row]._replace(value=value)
        return records


def _spoiled(record: Produced, mark: int) -> Produced:
    return record._replace(value=BREAKAGES[NAMES[(mark - FIRST_BROKEN) >> 2]](record.value))
