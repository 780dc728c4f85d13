"""Topics that are hidden: off documents and boards, whoever hides them, however often; what is kept, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from streams.events import NEWEST_MS
from streams.fold.rows import LISTED, TIED, UNSEEN
from streams.formats import tied
from streams.model.influence import influence
from streams.model.influential import MOST_HIDDEN, Influence, merged
from streams.model.profiles import Profile
from streams.model.table import Table
from streams.model.versions import DAY_MS, PLAIN
from streams.people.controls import HideTopic
from streams.people.links import apply
from streams.scoreboard.influences import Influences
from tests.people.world import T0, House

NOW_MS = T0 + 3 * DAY_MS
ANN, BOB = "n:ann", "n:bob"


def about(house: House, *topics: str, of: str = ANN) -> House:
    """Three people on two days engage with somebody's content about these topics, the first of them most."""
    for day in (0, 1):
        for fan in range(3):
            for n, topic in enumerate(topics):
                for _ in range(len(topics) - n):
                    house.event("like", f"n:f{fan}{topic}", of, T0 + day * DAY_MS + fan, topics=[topic])
    house.settle()
    return house


def known(house: House, user: str = ANN) -> Influence:
    """The document of a user."""
    table = house.table(user)
    (found,) = influence(table, np.array([table.slot(user)]), NOW_MS)
    return found


def topics(found: Influence) -> list[str]:
    """Those of a document."""
    return [one.topic for one in found.topics]


def test_what_is_hidden_is_left_out_and_comes_back() -> None:
    """However the topic is written; shares of the rest stay as they are, and so does the score."""
    house = about(House(), "jazz", "rock")
    before, score = known(house), house.record(ANN, NOW_MS)["score"]
    assert topics(before) == ["jazz", "rock"]
    assert before.hidden == []
    house.hide(ANN, "#JAZZ", T0 + 5)
    house.settle()
    found = known(house)
    assert found.topics == before.topics[1:]
    assert found.hidden == ["jazz"]
    assert house.record(ANN, NOW_MS)["score"] == score
    house.hide(ANN, "Jazz", T0 + 6, hidden=False)
    house.settle()
    assert known(house) == before
    assert not house.rejects


def test_a_hidden_topic_gives_its_place_to_the_next() -> None:
    """Ten are shown of ten that a list has: with one hidden the others stay."""
    names = [f"t{n}" for n in range(10)]
    house = about(House(), *names)
    house.hide(ANN, "t4")
    house.settle()
    assert topics(known(house)) == [name for name in names if name != "t4"]


@pytest.mark.parametrize("hidden", [True, False])
def test_the_later_counts(hidden: bool) -> None:
    """An older one that contradicts is refused with its moment; one of the same moment that comes later counts."""
    house = House()
    house.hide(ANN, "jazz", T0 + 5, hidden=hidden)
    house.hide(ANN, "jazz", T0 + 4, hidden=not hidden)
    house.settle()
    assert (known(house).hidden == ["jazz"]) == hidden
    assert [(one["reason"], one["path"]) for one in house.rejects] == [("older_control", "$.ts")]
    house.hide(ANN, "jazz", T0 + 5, hidden=not hidden)
    house.settle()
    assert (known(house).hidden == ["jazz"]) != hidden


def test_a_user_hides_so_many_topics_at_most() -> None:
    """One more is refused, and the bound is named; who shows one again may hide another. What was shown long ago is forgotten."""
    table = Table(PLAIN)
    said = [HideTopic(ANN, f"t{n}", T0 + n) for n in range(MOST_HIDDEN + 1)]
    *taken, refused = apply(table, said)
    assert taken == [None] * MOST_HIDDEN
    assert refused
    assert (refused.reason, refused.path) == ("topics_too_many", "$.topic")
    assert "64" in refused.message
    assert apply(table, [HideTopic(ANN, "t3", T0 + 99, hidden=False), said[-1]]) == [None, None]
    shown = [HideTopic(ANN, f"s{n}", T0 + n, hidden=False) for n in range(2 * MOST_HIDDEN)]
    assert apply(table, shown) == [None] * len(shown)
    profile = table.profiles[table.slot(ANN)]
    assert len(profile.hidden) == MOST_HIDDEN
    assert len(profile.topics) == 2 * MOST_HIDDEN
    assert "s0" not in profile.topics
    assert f"s{2 * MOST_HIDDEN - 1}" in profile.topics


def test_what_is_hidden_is_kept() -> None:
    """A record of `state` there and back; one that was written before topics could be hidden is read as it was."""
    table, other = Table(PLAIN), Table(PLAIN)
    assert apply(table, [HideTopic(ANN, "jazz", T0), HideTopic(ANN, "rock", T0, hidden=False)]) == [None, None]
    slots, marks = table.changed()
    records = list(tied.records(tied.cut(table, slots, marks)))
    tied.load(other, records)
    tied.settle(other)
    assert other.profiles[other.slot(ANN)] == table.profiles[table.slot(ANN)]
    older = b"\x99\x07\x01\xa8person:p\xa8person:p\x07\x09\x80\x00\x90"  # nine fields
    tied.load(other, [(b"cn:old", older)])
    assert other.profiles[other.slot("n:old")] == Profile(7, 1, "person:p", "person:p", 7, 9)


def test_a_person_hides_what_its_accounts_have_together() -> None:
    """Its own document says so; the accounts keep theirs, and what an account hides another may still bring."""
    house = House()
    for account in (ANN, BOB):
        house.link(account, "p")
        about(house, "jazz", "rock", of=account)
    house.hide("person:p", "jazz")
    house.hide(ANN, "rock")
    house.settle()
    own, accounts = known(house, "person:p"), [known(house, account) for account in (ANN, BOB)]
    assert (own.topics, own.hidden) == ([], ["jazz"])
    assert [topics(one) for one in accounts] == [["jazz"], ["jazz", "rock"]]
    together = merged("person:p", accounts, PLAIN.half_lives_ms[-1], own.hidden)
    assert topics(together) == ["rock"]
    assert together.hidden == ["jazz"]
    assert topics(merged("person:p", accounts, PLAIN.half_lives_ms[-1])) == ["jazz", "rock"]


def test_a_document_is_written_again_by_what_is_hidden() -> None:
    """The cut tells of whoever hides or shows a topic, also who has no lists; and of nobody for links and facts."""
    house = House(partitions=1)
    intake, table = house.intakes[0], house.intakes[0].table
    house.link(ANN, "p")
    house.facts(BOB, lists=3)
    assert not len(intake.cut().retold)
    house.hide(BOB, "jazz", T0 + 1)
    house.hide("person:q", "jazz", T0 + 1)
    cut = intake.cut()
    assert set(table.users.of(cut.retold)) == {BOB, "person:q"}
    assert all(mark & TIED and not mark & LISTED for mark in cut.marks)
    house.hide(BOB, "jazz", T0 + 2, hidden=False)
    assert table.users.of(intake.cut().retold) == [BOB]
    assert table.dirty[table.slot(BOB)] & UNSEEN


def test_everyone_who_hides_something_is_written_anew() -> None:
    """And is taken off the boards of what they hide, wherever they may be on one."""
    house = about(House(partitions=1), "jazz", "rock")
    house.hide(ANN, "jazz")
    house.hide("person:p", "rock")
    house.settle()
    table = house.intakes[0].table
    shown = Influences(table)
    shown.everyone()
    content = shown.content(NEWEST_MS, beside=False)
    assert {ANN, "person:p"} <= {user for user, _ in content["influence"]}
    assert content["off_topics"] == {"jazz": [ANN], "rock": ["person:p"]}
    assert list(content["topics"]) == ["rock"]
    assert content["topics"]["rock"][1::2] == [ANN]
