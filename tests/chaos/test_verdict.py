"""The account of a chaos run can fail: whatever is lost, doubled or late in the wrong way is seen."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import msgspec
import numpy as np
import pytest

from agents.proof.chaos.persons import with_persons
from agents.proof.chaos.verdict import Record, Side, apart, compare, expected, folded, latest, of_tables
from agents.proof.documents import Documents
from streams import offline
from streams.fold.rows import ACTIONS, ENGAGEMENTS
from streams.model.influence import influence
from streams.model.table import Table
from streams.model.versions import DAY_MS, PLAIN
from streams.people.controls import HideTopic, parse
from streams.scoreboard.influences import Influences
from streams.sources import Produced, Shape, Synthetic, produced
from streams.topics import CONTROLS

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


# -- topics, people, moments -------------------------------------------------------------------------------------------

CLOSES_MS = (AS_OF_MS - DAY_MS + 25_000) % DAY_MS  # the day closes in the middle of what was fed


@pytest.fixture(scope="module")
def with_controls() -> list[Produced]:
    """What a run feeds, links and hidden topics among it."""
    return list(islice(with_persons(Synthetic(seed=7, users=50, rate=20, shape=Shape()), 7), 1_000))


@pytest.fixture
def fold(with_controls: list[Produced]) -> Table:
    """What must come of it; a new one each time."""
    return folded(with_controls, PLAIN, NEWEST_MS, CLOSES_MS)


def told(table: Table) -> Documents:
    """As Redis has it when all is written."""
    some, boards = influence(table, np.arange(len(table)), table.clock), dict[str, dict[str, float]]()
    for topic, places in Influences(table).on_boards(some).items():
        boards[topic] = dict(zip(map(str, places[1::2]), map(float, places[::2]), strict=True))
    highest = {topic: max(board.values()) for topic, board in boards.items()}
    return Documents({one.user: msgspec.json.encode(one) for one in some}, highest, boards)


def test_lists_that_are_the_same_are_exact(with_controls: list[Produced], fold: Table) -> None:
    """Of rows that hold what was fed, and of Redis that shows them. There are topics that are shown, and such as are hidden."""
    shown = told(fold)
    assert len(shown.on_topic) > 5
    said = [parse(one.value, NEWEST_MS) for one in with_controls if one.topic == CONTROLS.name]
    assert {one.hidden for one in said if isinstance(one, HideTopic)} == {True, False}
    assert any(one.hidden for one in fold.profiles.values())
    assert apart(fold, [rows_of(with_controls)], shown) == {"rows": [], "redis": []}


def rows_of(fed: list[Produced]) -> Table:
    """Rows that hold it."""
    return folded(fed, PLAIN, NEWEST_MS, CLOSES_MS)


def of_most(table: Table) -> int:
    """Who has most lists."""
    return int(np.argmax(table.tops.arrays.size[: len(table)]))


def without_lists(table: Table) -> None:
    """As a take-over that forgets them."""
    table.tops[of_most(table)] = b""


def without_one(table: Table) -> None:
    """One engagement with what somebody has is not in their lists."""
    kept = bytearray(table.tops[of_most(table)])
    kept[17:21] = np.float32(2.0**127).tobytes()  # the weight of the first topic
    table.tops[of_most(table)] = bytes(kept)


def without_hidden(table: Table) -> None:
    """Nobody hides anything."""
    for slot, profile in table.profiles.items():
        table.profiles[slot] = msgspec.structs.replace(profile, topics={})


@pytest.mark.parametrize("change", [without_lists, without_one, without_hidden])
def test_rows_without_their_lists_are_seen(
    with_controls: list[Produced], fold: Table, change: Callable[[Table], None]
) -> None:
    """Whatever of a list is gone, or another number; and topics that are shown though they are hidden."""
    other = rows_of(with_controls)
    change(other)
    assert apart(fold, [other], told(other))["rows"]


def test_documents_that_are_not_of_the_rows_are_seen(with_controls: list[Produced], fold: Table) -> None:
    """One that is missing, an older one, a place on a board that is gone, somebody on that of a topic that they hide."""
    shown, half = told(fold), told(rows_of(with_controls[:500]))
    user = max(shown.influence, key=lambda name: len(shown.influence[name]))
    topic = max(shown.on_topic, key=lambda name: len(shown.on_topic[name]))
    hider, hidden = next((fold.users[slot], one.hidden[0]) for slot, one in fold.profiles.items() if one.hidden)
    place = shown.topics.get(hidden, 1.0)
    wrong = {
        "missing": shown._replace(influence={name: one for name, one in shown.influence.items() if name != user}),
        "older": shown._replace(influence={**shown.influence, user: half.influence[user]}),
        "no board": shown._replace(on_topic={name: one for name, one in shown.on_topic.items() if name != topic}),
        "hidden": shown._replace(
            on_topic={**shown.on_topic, hidden: {hider: place}}, topics={**shown.topics, hidden: place}
        ),
        "lower": shown._replace(topics={**shown.topics, topic: 0.0}),
    }
    for name, documents in wrong.items():
        assert apart(fold, [fold], documents)["redis"], name
