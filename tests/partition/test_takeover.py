"""Where a partition goes on, and each way in which what it rests on can turn out to be lost."""

from __future__ import annotations

from typing import Any

import pytest

from agents.worker.servers import one_and_the_same
from streams.errors import LostInput
from streams.formats.state import Header
from streams.model.table import Table
from streams.model.versions import PLAIN
from streams.partition.ports import Log, Source
from streams.partition.recovered import Recovered
from streams.partition.takeover import Continuity, positions
from streams.settings import Settings
from streams.topics import SOURCES, STATE

SETTINGS = Settings(app="mine", topic_prefix="p-")
TOPICS = (*SOURCES, STATE)
LIKES: Source = ("likes", 3)


def logs(number: int = 3, **changed: Log) -> dict[Source, Log]:
    """All topics of one number hold 100 to 200, except those that are `changed`."""
    return {(t.name, number): changed.get(t.name, Log(f"id-{t.name}", 100, 200)) for t in TOPICS}


def kept(**changed: Any) -> Recovered:
    """A header that has read everything up to 150."""
    values = {
        "generation": 1,
        "version": 1,
        "now_ms": 0,
        "positions": dict.fromkeys((t.name for t in SOURCES), 150),
        "topics": {t.name: f"id-{t.name}" for t in TOPICS},
        "clock": 0,
        "day": 0,
        "half_lives_ms": PLAIN.half_lives_ms,
        "counts": {},
    }
    return Recovered(Table(PLAIN), Header(**(values | changed)))


def starts(one: Recovered, found: dict[Source, Log], committed: dict[Source, int] | None = None) -> dict[Source, int]:
    """Where partition 3 begins."""
    return positions({3: one}, found, committed or {}, SETTINGS)


def refused(*args: Any) -> str:
    """The message with which it does not begin."""
    with pytest.raises(LostInput) as lost:
        starts(*args)
    return str(lost.value)


EMPTY = Recovered(Table(PLAIN), None)


# -- positions ---------------------------------------------------------------------------------------------------------


def test_a_first_start_reads_what_there_is() -> None:
    """Without rows and without a group every source, and only those, begins at the start of its log."""
    assert starts(EMPTY, logs()) == {(t.name, 3): 100 for t in SOURCES}
    assert starts(EMPTY, logs(), {LIKES: 0}) == {(t.name, 3): 100 for t in SOURCES}


def test_a_header_says_where() -> None:
    """The header's positions count, whatever the group says; the bounds of a log are still inside."""
    at = dict.fromkeys((t.name for t in SOURCES), 150) | {"likes": 100, "shares": 200}
    assert starts(kept(positions=at), logs(), {LIKES: 7}) == {(name, 3): offset for name, offset in at.items()}


def test_a_header_that_does_not_know_a_topic() -> None:
    """Imported rows, or a source that an older version did not read: it begins at the start of its log."""
    assert starts(kept(positions={}, topics={}), logs()) == {(t.name, 3): 100 for t in SOURCES}


@pytest.mark.parametrize("read", [1, 99, 100, 101, 500])
def test_rows_are_gone(read: int) -> None:
    """The group has read and `state` has no rows: wherever the log begins by now, they must not be counted as nobody's."""
    said = refused(EMPTY, logs(), {LIKES: read})
    assert f"p-likes[3]: the group mine has read up to {read}, and p-state[3] keeps no rows" in said
    assert "clout state import" in said
    assert "delete the topics p-state, p-engagements, p-strays and the group mine" in said


def test_a_source_was_made_anew() -> None:
    """Only the id tells when the new log is longer than the position."""
    said = refused(kept(), logs(likes=Log("another", 0, 1_000)))
    assert "p-likes[3]: the topic was deleted and made again" in said
    assert "what the old one had from 150 on" in said


def test_state_was_made_anew() -> None:
    """A new `state` with a header has been written to by the worker that did not notice yet: most rows are not in it."""
    said = refused(kept(), logs(state=Log("another", 0, 10)))
    assert "p-state[3]: the topic was deleted and made again" in said
    assert "rows that did not change since" in said


def test_the_end_of_a_log_is_lost() -> None:
    """The same topic, but shorter than what was read: new records would be taken for known ones."""
    said = refused(kept(), logs(likes=Log("id-likes", 100, 149)))
    assert "p-likes[3]: it has been read up to 150 and now ends at 149" in said


def test_retention_was_faster() -> None:
    """What was to be read next is deleted."""
    said = refused(kept(), logs(likes=Log("id-likes", 151, 200)))
    assert "the next record to read is 150, and retention has deleted what is below 151" in said
    assert "delete the topics p-state" in said


# -- while they are held -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["engagements", "state"])
def test_a_topic_is_made_anew_under_a_worker(name: str) -> None:
    """Any topic that changes its id ends the worker, `state` too; a longer log does not."""
    watch = Continuity(SETTINGS)
    watch.ids(logs())
    watch.ids(logs(likes=Log("id-likes", 150, 900)))
    with pytest.raises(LostInput, match=rf"p-{name}\[3\]: the topic was deleted and made again while a worker"):
        watch.ids(logs(**{name: Log("another", 100, 200)}))


def test_a_lost_last_block() -> None:
    """A block that was handed out and has not arrived after 30 s of looks will never arrive."""
    watch = Continuity(SETTINGS)
    for now_s in (0, 10, 20, 29):
        watch.look(LIKES, 150, 160, 160, 160, now_s)
    with pytest.raises(
        LostInput, match=r"p-likes\[3\]: a block was handed out and never arrived .* at 150 of 160 for 30"
    ):
        watch.look(LIKES, 150, 160, 160, 160, 30)


def test_a_client_that_fetches_nothing() -> None:
    """Committed records that the client does not bring in 30 s are not on their way."""
    watch = Continuity(SETTINGS)
    for now_s in (0, 10, 20, 29):
        watch.look(LIKES, 150, 150, 155, 160 + now_s, now_s)
    with pytest.raises(LostInput, match=r"p-likes\[3\]: the broker has committed records .* at 155 of 199 for 39 s"):
        watch.look(LIKES, 150, 150, 155, 199, 39)


def test_whatever_moves_is_well() -> None:
    """Always behind, but never at the same place for so long; and sources do not mix."""
    watch = Continuity(SETTINGS)
    for now_s in range(0, 200, 10):
        watch.look(LIKES, 100 + now_s // 20, 400, 300 + now_s // 20, 500, now_s)
        watch.look(("shares", 3), 100 + now_s // 10 % 2, 400, 400, 400, now_s)


def test_who_has_caught_up_starts_anew() -> None:
    """Behind at the same place twice, with a moment in between at which it was not: transactions that ended and began."""
    watch = Continuity(SETTINGS)
    for now_s in range(0, 200, 10):
        wanted = 150 if now_s % 30 == 20 else 160
        watch.look(LIKES, 150, wanted, wanted, 160, now_s)


def test_looks_that_did_not_come_do_not_count() -> None:
    """A broker that was away for minutes, or a process that was stopped: patience is whole again."""
    watch = Continuity(SETTINGS)
    for now_s in (0, 10, 100, 120, 129, 200, 220):
        watch.look(LIKES, 150, 160, 155, 160, now_s)
    with pytest.raises(LostInput, match="for 30 s"):
        watch.look(LIKES, 150, 160, 155, 160, 230)


# -- what the group gives ----------------------------------------------------------------------------------------------


def test_the_same_numbers_of_every_topic() -> None:
    """Whoever holds the same numbers of all topics, or none of any, may begin with them."""
    assert one_and_the_same({"likes": {0, 2}, "shares": {0, 2}}) == {0, 2}
    assert one_and_the_same({"likes": set(), "shares": set()}) == set()


@pytest.mark.parametrize("other", [set(), {0}, {1, 2}, {0, 1, 2}])
def test_a_number_that_is_torn_apart(other: set[int]) -> None:
    """Rows of a number live where all of its input arrives: anything else ends the worker, which says what it was given."""
    with pytest.raises(LostInput) as lost:
        one_and_the_same({"likes": {0, 1}, "shares": other})
    assert f"likes: [0, 1], shares: {sorted(other)}" in str(lost.value)
    assert "CLOUT_APP" in str(lost.value)
