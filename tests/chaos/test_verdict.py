"""The account of a chaos run can fail: whatever is lost, doubled or late in the wrong way is seen."""

from __future__ import annotations

from itertools import islice

import pytest

from agents.proof.chaos.verdict import Record, Side, compare, expected, latest, of_tables
from streams import offline
from streams.fold.rows import ACTIONS, ENGAGEMENTS
from streams.model.table import Table
from streams.model.versions import PLAIN
from streams.sources import Produced, Shape, Synthetic, produced

AS_OF_MS = 1_767_312_000_000  # a day after the beginning of the history
NEWEST_MS = 2**60


def history() -> list[Produced]:
    """A small past with repeats, undos and broken records."""
    return list(islice(Synthetic(seed=7, users=50, rate=20, shape=Shape()), 1_000))


@pytest.fixture(scope="module")
def fed() -> list[Produced]:
    """What a run fed."""
    return history()


@pytest.fixture(scope="module")
def wanted(fed: list[Produced]) -> dict[str, Record]:
    """What must come out of it."""
    return expected(fed, PLAIN, NEWEST_MS, AS_OF_MS)


def rows(fed: list[Produced]) -> Table:
    """Rows that hold what was fed, as the offline fold makes them."""
    return offline.fold(fed, PLAIN, newest_ms=NEWEST_MS)


def like(number: int) -> Produced:
    """One more event between two people nobody else knows."""
    return produced(
        {"id": f"more-{number}", "type": "like", "network": "n", "actor": "a", "target": "t", "ts": AS_OF_MS - 5_000}
    )


def judged(wanted: dict[str, Record], found: dict[str, Record]) -> Side:
    """Compare at the common time."""
    return compare(wanted, found, PLAIN, AS_OF_MS)


def test_the_same_is_exact(fed: list[Produced], wanted: dict[str, Record]) -> None:
    """Rows that hold what was fed are neither lost, doubled nor different."""
    assert len(wanted) > 40
    assert judged(wanted, of_tables([rows(fed)], AS_OF_MS)) == Side(0, 0, 0, [])


def test_users_may_lie_in_any_partition(fed: list[Produced], wanted: dict[str, Record]) -> None:
    """Everyone's record is found, in whichever table it is."""
    first, others = dict(list(wanted.items())[:20]), dict(list(wanted.items())[20:])
    assert judged(wanted, {**others, **first}).ok


def test_a_record_of_another_time_is_decayed(wanted: dict[str, Record], fed: list[Produced]) -> None:
    """A record that was written hours ago says the same as one of now."""
    long_ago = of_tables([rows(fed)], AS_OF_MS - 7_200_000)
    assert any(abs(long_ago[user]["score"] - wanted[user]["score"]) > 1e-3 for user in wanted)
    assert judged(wanted, long_ago).ok


def test_a_lost_event_is_seen(fed: list[Produced]) -> None:
    """An event that was fed and has no effect costs its actor an action and its target an engagement and a person."""
    side = judged(expected([*fed, like(1)], PLAIN, NEWEST_MS, AS_OF_MS), of_tables([rows(fed)], AS_OF_MS))
    assert (side.lost, side.doubled, side.differ) == (3, 0, 2)
    assert [example["user"] for example in side.examples] == ["n:a", "n:t"]


def test_a_doubled_event_is_seen(fed: list[Produced]) -> None:
    """An event that counted twice is one action and one engagement too many."""
    side = judged(
        expected([*fed, like(1)], PLAIN, NEWEST_MS, AS_OF_MS), of_tables([rows([*fed, like(1), like(2)])], AS_OF_MS)
    )
    assert (side.lost, side.doubled, side.differ) == (0, 2, 2)


def test_an_engagement_alone_is_seen(fed: list[Produced], wanted: dict[str, Record]) -> None:
    """One engagement less and one more, of different users, do not make up for each other."""
    table = rows(fed)
    table.cells[3, ENGAGEMENTS] -= 1
    table.cells[4, ENGAGEMENTS] += 1
    table.cells[5, ACTIONS] += 2
    side = judged(wanted, of_tables([table], AS_OF_MS))
    assert (side.lost, side.doubled, side.differ) == (1, 3, 0)


def test_a_wrong_weight_is_seen(fed: list[Produced], wanted: dict[str, Record]) -> None:
    """Right counts with a wrong sum are a score that differs."""
    table = rows(fed)
    table.cells[3, 3:6] += 1e-3 * table.cells[3, 3:6].max()
    side = judged(wanted, of_tables([table], AS_OF_MS))
    assert (side.lost, side.doubled, side.differ) == (0, 0, 1)


def test_a_missing_user_and_a_stranger_are_seen(wanted: dict[str, Record]) -> None:
    """A user without a record has lost everything; one whom nobody fed has everything too much."""
    user = max(wanted, key=lambda name: wanted[name]["engagements"])
    record = wanted[user]
    there = {name: other for name, other in wanted.items() if name != user}
    total = record["engagements"] + record["actions"] + record["actors"]
    assert total > 0
    assert judged(wanted, there)[:3] == (total, 0, 1)
    assert judged(there, wanted)[:3] == (0, total, 1)


def test_a_version_that_does_not_rise_is_counted() -> None:
    """The highest version of a user is the latest; an older or equal one after it is a step back."""
    records = [("u", {"version": version}) for version in (1, 3, 2, 3, 4)] + [("v", {"version": 1})]
    assert latest(records) == ({"u": {"version": 4}, "v": {"version": 1}}, 2)
