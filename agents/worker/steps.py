"""What is compiled before a worker begins: a tiny piece of real work for each group of kernels, with the types of the product.

A step is a function without arguments. It imports what it needs itself, and calls what the product calls, so that a kernel gets
the very types that it will get later. Steps run in any order, each in any process; the dear ones first, so that all end together.
`tests/worker/test_warm.py` says which kernel no step runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.model.table import Table

#: name -> the work, dear ones first
STEPS: dict[str, Callable[[], None]] = {}

_USERS = ["net:ada", "net:ben"]
_NOW_MS = 1_767_225_600_000


def _step(work: Callable[[], None]) -> Callable[[], None]:
    STEPS[work.__name__] = work
    return work


def _table() -> Table:
    from streams.model.table import Table
    from streams.model.versions import DEFAULT  # all models have the same types

    return Table(DEFAULT)


@_step
def parse() -> None:
    """Values of records, to events."""
    from streams.model.parsed import Parsed
    from streams.model.texts import Texts

    event = b'{"id":"1","network":"net","actor":"ada","target":"ben","ts":%d}' % _NOW_MS
    Parsed().add(Texts.of([event]), 0, _NOW_MS)


@_step
def act() -> None:
    """Stage 1. An event of zeros is enough."""
    import numpy as np

    from streams.model.acting import act
    from streams.model.engagements import Outbox
    from streams.model.parsed import Parsed

    act(_table(), Parsed(), np.arange(1), Outbox(1))


@_step
def receive() -> None:
    """Stage 2, from what was emitted to rows."""
    from streams.formats.engagements import local
    from streams.model.engagements import Outbox, packed
    from streams.model.receiving import receive

    receive(_table(), local(packed(_USERS, _USERS, [1.0, 1.0], [_NOW_MS, _NOW_MS], [0, 0]), _NOW_MS))
    out = Outbox(1)
    out.emitted.so_far[0] = 1
    for column in (out.emitted.ends, out.emitted.homes, out.emitted.actors, out.emitted.codes):
        column[0] = 0
    out.collect(_table())


@_step
def names() -> None:
    """Finding users, and adding them."""
    _table().slots(_USERS)


@_step
def actors() -> None:
    """Finding the actors of events."""
    from streams.model.parsed import Parsed

    Parsed().find_actors(_table(), 0, 1, 0)


@_step
def alerts() -> None:
    """Who is to be told, and what the rows keep of it."""
    import numpy as np

    from streams.fold.published import noted
    from streams.model.alerts import Judge
    from streams.model.episodes import Episode
    from streams.model.gaps import Gap, Gaps
    from streams.model.rules import Rule, When, Who
    from streams.model.ruleset import RuleSet
    from streams.model.silence import Silence
    from streams.policies.book import Book

    table = _table()
    slots, rules = table.slots(_USERS), RuleSet(table)
    of = [Rule(name="r", who=who, when=When(falls=1.0)) for who in (Who(network="n"), Who(topic="t"), Who(users=("n:a",)))]
    rules.follow(Book(tuple(of), gaps=(Gaps(network="net", gaps=(Gap(since=1),)),)), _NOW_MS)
    Judge(table, rules).dry(slots, np.ones(2), _NOW_MS)
    table.days.begin(_NOW_MS)
    Silence(table, rules).look(0, 2, _NOW_MS)
    table.episodes.put(table.cells, 0, Episode(1, 1, 0, 1.0))
    table.episodes.drop(table.cells, 0, 1)
    noted(table.cells, slots, np.ones(2), 1, table.cells[slots], table.changed()[1])


@_step
def lists() -> None:
    """What goes to Redis."""
    import numpy as np

    from streams.model.texts import Texts
    from streams.scoreboard.changes import Changes
    from streams.scoreboard.networks import Networks

    table = _table()
    slots = table.slots(_USERS)
    Networks().of(table.users.named(slots))
    changes = Changes(table.users.named(slots), np.ones(2), np.ones(2, np.bool_), Texts.of([b"{}", b"{}"]))
    changes.places(), changes.records(), changes.updates(np.zeros(2), np.zeros(2), 0.1, 0, _NOW_MS)


@_step
def memories() -> None:
    """Memories as `state` has them, in and out."""
    import numpy as np

    memory = _table().memory
    slots = np.arange(len(_USERS))
    memory.put(slots, [b"", b""])
    memory.copied(slots)


@_step
def scores() -> None:
    """The scores of rows."""
    from streams.model.assess import scores

    scores(_table(), slice(2), 0)


@_step
def records() -> None:
    """Score records of rows, alerts, and what of them goes to Redis."""
    import numpy as np

    from streams.fold.published import noted
    from streams.model.alerts import Judge
    from streams.model.records import scored
    from streams.model.ruleset import RuleSet
    from streams.scoreboard.changes import Changes

    table = _table()
    done = scored(table, table.slots(_USERS), None, _NOW_MS, 1)
    Judge(table, RuleSet(table)).judge(done, np.zeros(2, np.uint8), _NOW_MS, 1)
    noted(table.cells, done.slots, done.scores, 1, table.cells[:2], np.zeros(2, np.uint8))
    changes = Changes(table.users.named(done.slots), done.scores, np.ones(2, np.bool_), done.records)
    changes.places(), changes.records(), changes.updates(np.zeros(2), np.zeros(2), 0.1, 0, _NOW_MS)


@_step
def days() -> None:
    """Daily closes: taken of users who change, and read."""
    from streams.model import closes

    table = _table()
    slots = table.slots(_USERS)
    table.days.begin(_NOW_MS)
    closes.touch(table, slots, _NOW_MS)
    closes.facts_then(table, slots)
    closes.known(table, slots, _NOW_MS), table.hours.lately(slots), table.days.since(slots), closes.last(table, slots)
    table.days.hundredths(0, closes.calendar(table), table.constants)
    table.days.pack(table.days.begun(slots))
    table.days.shrink(0, 1)
    table.days.lines(slots)
    table.days.show(slots)


@_step
def rows_of_state() -> None:
    """Rows as `state` has them, out and in, and the batches that they travel in."""
    import numpy as np

    from streams.broker.filled import Batch
    from streams.fold import people
    from streams.fold.rows import DID, GOT, LISTED, MET
    from streams.fold.tops import HEAD
    from streams.formats import state
    from streams.formats.packed import Packed
    from streams.partition.intake import Intake

    intake = Intake(_table(), 0, 1)
    table, slots = intake.table, intake.table.slots(_USERS)
    for slot in slots.tolist():
        people.add(table.people.room_for_one(), slot, np.uint64(1))
    table.tops.put(slots, [bytes(4) + bytes((HEAD, 0)) * 3] * len(slots))
    table.dirty[slots] = DID | GOT | MET | LISTED
    people.estimated(np.zeros(people.REGISTERS, np.uint8), 0, people.REGISTERS, people.HIGHEST)
    lives = table.model.half_lives_ms
    for packed in state.chunks(intake.cut(0), lives, 2):
        read = Packed.of(list(packed))  # as a take-over has them: its arrays are of another type
        for some in (packed, read):
            Batch(0, 1 << 16, transactional=True).fill(some, 0, _NOW_MS)
        state.load(_table(), read)


@_step
def persons() -> None:
    """Rows of persons, of the lines of their accounts."""
    import numpy as np

    from streams.fold import people
    from streams.fold.rows import TIED
    from streams.formats import tied
    from streams.model.scraps import Scraps
    from streams.offline import Core
    from streams.people.controls import Link
    from streams.people.links import apply

    Scraps().add(bytes(256), np.zeros((1, 2), np.int64))
    table = _table()
    apply(table, [Link(_USERS[0], "ada", _NOW_MS)])
    people.add(table.people.room_for_one(), 0, np.uint64(1))
    Core().sum_up(table)
    tied.load(_table(), list(tied.records(tied.cut(table, np.arange(2), np.full(2, TIED, np.uint8)))))


@_step
def batches() -> None:
    """The records of a fetched batch, and one of them."""
    from aiokafka.record.default_records import DefaultRecordBatchBuilder

    from streams.broker.batches import _Batch, columns

    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 16)
    builder.append(0, _NOW_MS, None, b"{}", [])
    fetched, _ = columns(_Batch(builder.build()))
    assert fetched[0].value == b"{}"  # noqa: S101


@_step
def marks() -> None:
    """Who has changed, and whom Redis lacks."""
    table = _table()
    table.owed(0)
    table.changed()
