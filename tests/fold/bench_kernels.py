"""What kernels cost, each through its seam: `python -m tests.fold.bench_kernels`. The heads of modules have what it printed.

With `topics` behind it each event has an object and two topics.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.broker.batches import _Batch, columns
from streams.broker.filled import Batch
from streams.fold.rows import DID, GOT, LISTED
from streams.formats import engagements as wire
from streams.formats import state
from streams.formats.packed import Packed
from streams.model import assess
from streams.model.acting import act
from streams.model.alerts import Judge
from streams.model.engagements import Outbox
from streams.model.parsed import Parsed
from streams.model.receiving import receive
from streams.model.records import Rows, scored
from streams.model.rules import Rule, When, Who, built_in
from streams.model.ruleset import RuleSet
from streams.model.table import Table
from streams.model.versions import DEFAULT
from streams.partition.intake import Intake
from streams.policies.book import Book
from streams.scoreboard.changes import Changes

NOW_MS, USERS, EVENTS, ROUNDS = 1_767_225_600_000, 100_000, 1_000, 100
ABOUT = "topics" in sys.argv


#: the built-in ones, 1,000 that name a user who is there, and 8,998 that name nobody
MANY = Book(
    tuple(
        sorted(
            (
                *built_in(),
                *(
                    Rule(
                        name=f"r{n:05d}",
                        who=Who(users=(f"net:user{n:06d}" if n < 1_000 else f"net:nobody{n}",)),
                        when=When(falls=5.0),
                    )
                    for n in range(9_998)
                ),
            ),
            key=lambda rule: rule.name,
        )
    )
)


def event(n: int, dice: random.Random) -> bytes:
    """Some 110 bytes, who does what skewed as on a network."""
    actor, target = (int(USERS * dice.random() ** 3) for _ in range(2))
    who = f'"actor":"user{actor:06d}","target":"user{target:06d}"'
    about = ""
    if ABOUT:
        topics = ",".join(f'"topic{(target * 7 + k) % 300}"' for k in range(2))
        about = f',"object":"https://net.example/user{target:06d}/post/{n // 20_000}","topics":[{topics}]'
    return f'{{"id":"event-{n:09d}","network":"net",{who},"ts":{NOW_MS + n}{about}}}'.encode()


def fetched(values: list[bytes]) -> _Batch:
    """A batch as the client has it."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for offset, value in enumerate(values):
        builder.append(offset, NOW_MS, None, value, [])
    return _Batch(builder.build())


took: dict[str, list[float]] = {}


@contextmanager
def timed(name: str, count: int) -> Iterator[None]:
    """What `count` things together take."""
    began_s = time.perf_counter()
    yield
    took.setdefault(name, []).append((time.perf_counter() - began_s) / count * 1e6)


def through(table: Table, dice: random.Random, first: int, parsed: Parsed, out: Outbox) -> None:
    """A block of events through both stages, and what 500 who changed give."""
    batch = fetched([event(first + n, dice) for n in range(EVENTS)])
    with timed("records", EVENTS):
        read, _ = columns(batch)
    with timed("parse", EVENTS):
        parsed.add(read.values, 0, NOW_MS + 10**9)
    with timed("actors", EVENTS):
        parsed.find_actors(table, 0, 1, 0)
    order = parsed.in_order()
    with timed("act", EVENTS):
        act(table, parsed, order, out)
    parsed.clear()
    packs = out.take().values()
    with timed("packs, joined", EVENTS):
        records = [record for pack in packs for record in wire.encode(pack, NOW_MS)]
    with timed("packs, read", EVENTS):
        arrived = [wire.decode(record) for record in records]
    with timed("receive", EVENTS):
        receive(table, arrived)
    table.changed()
    some = np.array(sorted(dice.sample(range(USERS), 500)))
    table.dirty[some] = DID | GOT | np.where(table.tops.arrays.at[some] > 0, LISTED, 0).astype(np.uint8)
    cut = Intake(table, 0, 1).cut()
    with timed("score alone", 500):
        assess.scores(table, some, NOW_MS)
    with timed("record, with its score", 500):
        done = scored(table, some, Rows(cut.rows, cut.decays, cut.known), NOW_MS + 10**6, 1 << 32)
    rules = RuleSet(table)
    rules.follow(Book(), NOW_MS)
    judge = Judge(table, rules)
    with timed("alerts", 500):
        judge.judge(done, cut.marks, NOW_MS, 1 << 32)
    many = RuleSet(table)
    many.follow(MANY, NOW_MS)
    judge = Judge(table, many)
    with timed("alerts, 10,000 rules of which 1,000 match", 500):
        judge.judge(done, cut.marks, NOW_MS, 1 << 32)
    changes = Changes(table.users.named(some), done.scores, np.ones(500, np.bool_), done.records)
    with timed("lists", 500):
        changes.records(), changes.places(), changes.updates(np.zeros(500), np.zeros(500), 0.1, 0, NOW_MS)
    with timed("batch, of records", 500):
        Batch(0, 900_000, transactional=True).fill(Packed(table.users.named(some), done.records), 0, NOW_MS)
    with timed("kept, written", 1_000):
        kept = list(state.chunks(cut, DEFAULT.half_lives_ms, 2_000))
    other = Table(DEFAULT)
    with timed("kept, read", sum(map(len, kept))):
        for rows in kept:
            state.load(other, rows)


def main() -> None:
    """Blocks of events through both stages, and out; then names and marks of a table."""
    dice, table, parsed, out = random.Random(1), Table(DEFAULT), Parsed(), Outbox(4)
    names = [f"net:user{n:06d}" for n in range(USERS)]
    for start in range(0, USERS, 1_000):
        with timed("names, added", 1_000):
            table.slots(names[start : start + 1_000])
    for number in range(ROUNDS):
        through(table, dice, number * EVENTS, parsed, out)
        found = dice.sample(names, 1_000)
        with timed("names, found", 1_000):
            table.users.find(found)
        table.dirty[:USERS:1_000] = DID
        with timed("marks, of 100,000 users, in all", 1):
            table.changed()
    for name, each in took.items():
        print(f"{name:42s} {sorted(each)[len(each) // 2]:7.3f} us")


if __name__ == "__main__":
    main()
