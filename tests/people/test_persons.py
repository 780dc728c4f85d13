"""Persons are the sum of their accounts, whatever came first; a link lowers nothing, and what was unlinked leaves no trace."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import offline
from streams.events import Reject
from streams.formats import state, tied
from streams.formats.packed import Packed
from streams.model.table import Table
from streams.model.versions import DAY_MS, PLAIN
from streams.partition.cut import Cut
from streams.people.controls import parse
from streams.sources.record import Produced
from streams.topics import CONTROLS
from tests.people.doings import ACCOUNTS, PERSONS, Doing, Post, doings, link, play
from tests.people.world import HOUR_MS, T0, House

NOW_MS = T0 + 5 * DAY_MS
ROWS = [f"person:{name}" for name in PERSONS]


def plain(record: dict[str, Any]) -> dict[str, Any]:
    """All that a record says but its version, and what came on a day that has closed: it may be written down elsewhere."""
    closed = "since" in record and record["since"]["at"] < record["as_of"] // DAY_MS * DAY_MS
    return {name: value for name, value in record.items() if name not in {"version", "since" if closed else ""}}


def everyone(house: House, now_ms: int = NOW_MS) -> dict[str, dict[str, Any]]:
    """All there are."""
    users = sorted(name for intake in house.intakes for name in intake.table.users)
    return {user: plain(record) for user, record in house.records(users, now_ms).items()}


def near(one: Any) -> Any:
    """The same, its floats compared to the ninth digit: they were added up in another order."""
    if isinstance(one, dict):
        return {name: near(value) for name, value in one.items()}
    return pytest.approx(one, rel=1e-9, abs=1e-7) if isinstance(one, float) else one


def with_accounts(*accounts: str, person: str = "p") -> House:
    """A house with a person."""
    house = House()
    for account in accounts:
        house.link(account, person)
    return house


@given(doings(kin=True, followers=True))
def test_a_link_never_lowers(done: list[Doing]) -> None:
    """A person's score is at least that of each of the accounts."""
    found = everyone(play(House(), done))
    for record in found.values():
        if "person" in record:
            assert found[record["person"]]["score"] >= record["score"] - 1e-8


@given(doings(), st.sampled_from(ACCOUNTS), st.integers(0, 30), st.integers(0, 30), st.booleans())
def test_unlink_takes_back_a_link(done: list[Doing], account: str, linked: int, unlinked: int, between: bool) -> None:
    """All records are to the last digit those of a world in which the account was never linked."""
    done = [one for one in done if one.user != account or one.topic != CONTROLS.name or one.value["type"] == "facts"]
    other = next(one for one in ACCOUNTS if one != account)
    done.insert(0, link(other, "p", T0))

    def world(*, once: bool) -> dict[str, dict[str, Any]]:
        house, ends = House(), sorted((min(linked, len(done)), min(unlinked, len(done))))
        for at in range(len(done) + 1):
            if once and at == ends[0]:
                house.link(account, "p", T0 + 1)
                if between:
                    house.settle()
            if once and at == ends[1]:
                house.unlink(account, T0 + 2)
            if at < len(done):
                house.give(done[at].topic, done[at].user, done[at].value)
                if at % 3 == 0:
                    house.settle()
        house.settle()
        return everyone(house)

    expected = world(once=False)
    found = world(once=True)
    if account not in expected:
        del found[account]
    assert found == expected


@settings(max_examples=100)
@given(doings(), st.randoms(use_true_random=False))
def test_any_order_ends_the_same(done: list[Doing], dice: Random) -> None:
    """Topics and partitions in any order, lines late and again: who is whose account, and every number."""
    expected, found = play(House(), done), Post(done, dice).deliver()
    assert everyone(found) == near(everyone(expected))
    assert sorted(one["reason"] for one in found.rejects) == sorted(one["reason"] for one in expected.rejects)


@given(doings(kin=True), st.randoms(use_true_random=False))
def test_between_accounts_of_a_person_nothing_counts(done: list[Doing], dice: Random) -> None:
    """From the event time on from which both are theirs; links are known first, then events come in any order."""
    latest = {one.user: one for one in done if "person" in one.value}
    events = [one for one in done if one.to]
    house = play(House(), latest.values())
    assert not house.rejects
    post = Post(events, dice)
    post.house = house
    found = everyone(post.deliver())

    def inside(one: Doing) -> bool:
        both = [latest.get(user) for user in (one.user, one.to)]
        return all(both) and both[0].value["person"] == both[1].value["person"] and one.ts >= max(x.ts for x in both)

    first = {one.value["id"]: one for one in events if "undo" not in one.value}
    undone: set[str] = set()
    wanted: dict[str, int] = dict.fromkeys(found, 0)
    for one in events:
        ref = one.value.get("ref")
        if ref in undone:
            continue
        undone |= {ref} if ref else set()
        if not inside(first.get(ref, one)):
            wanted[one.to] += -1 if ref else 1
    for user, record in found.items():
        if record.get("accounts"):
            wanted[user] = sum(wanted[account] for account in record["accounts"])
    assert {user: record["engagements"] for user, record in found.items()} == wanted


def test_an_engagement_between_two_accounts_before_and_after() -> None:
    """It counts before the later of the two links and from the unlink on; so does what an undo takes back."""
    house = with_accounts("n:a0")
    house.link("n:a1", "p", T0 + HOUR_MS)
    house.event("like", "n:a0", "n:a1", T0 + HOUR_MS - 1)
    within = house.event("like", "n:a0", "n:a1", T0 + HOUR_MS)
    house.event("share", "n:a1", "n:a0", T0 + 2 * HOUR_MS)
    house.settle()
    house.unlink("n:a0", T0 + 3 * HOUR_MS)
    house.event("like", "n:a0", "n:a1", T0 + 3 * HOUR_MS - 1)
    after = house.event("like", "n:a0", "n:a1", T0 + 3 * HOUR_MS)
    house.settle()
    assert house.record("n:a1", NOW_MS)["engagements"] == 2
    assert house.record("n:a0", NOW_MS)["engagements"] == 0
    for ref in (within, after):
        house.event("like", "n:a0", "n:a1", T0 + 4 * HOUR_MS, undo=True, ref=ref)
    house.settle()
    assert house.record("n:a1", NOW_MS)["engagements"] == 1


@pytest.mark.parametrize("fans", [3, 8, 16, 17, 60])
def test_people_are_the_union(fans: int) -> None:
    """Exactly up to 16, then what the registers of one who knows them all say."""
    house = with_accounts("n:a0", "n:a1", "n:a2")
    for i in range(fans):
        for account in ("n:one", f"n:a{i % 3}", *([f"n:a{(i + 1) % 3}"] if i % 2 else [])):
            house.event("like", f"n:f{i}", account)
    house.settle()
    person, one = house.record("person:p"), house.record("n:one")
    assert person["actors"] == one["actors"]
    assert person["actors_error"] == one["actors_error"]
    if fans <= 16:
        assert person["actors"] == fans
    assert sum(house.record(f"n:a{i}")["actors"] for i in range(3)) > fans
    house.unlink("n:a0", T0 + 1)
    house.unlink("n:a2", T0 + 1)
    house.settle()
    assert person["actors"] > house.record("person:p")["actors"] == house.record("n:a1")["actors"] > 0


def test_networks_of_a_person() -> None:
    """What came from each, of all accounts there; together all that engagement gave."""
    house = with_accounts("n:a0", "n:a1", "m:a0")
    for target in ("n:a0", "n:a1", "m:a0"):
        house.event("like", f"{target[0]}:f0", target)
    house.settle()
    parts = house.record("person:p")["parts"]
    assert parts["networks"]["n"] == pytest.approx(2 * parts["networks"]["m"])
    assert sum(parts["networks"].values()) == pytest.approx(sum(parts["kinds"].values()), abs=1e-7)


def test_relinked_while_the_marker_is_on_its_way() -> None:
    """To another person and back: each time the line of the old link stays dead, whenever it comes."""
    house = with_accounts("n:a0")
    house.event("like", "n:f0", "n:a0")
    house.settle()
    home = house.table("n:a0")
    number = next(i for i, intake in enumerate(house.intakes) if intake.table is home)
    house.event("like", "n:f1", "n:a0")
    for other in range(3):  # the like reaches the account, and nobody cuts after that
        for to, record in house.cut(other):
            house._fold(to, "engagements", [record])
    late = house.cut(number)
    assert late
    house.link("n:a0", "q", T0 + 1)
    house.settle()
    for to, record in late:
        house._fold(to, "engagements", [record])
    house.settle()
    assert house.record("person:p")["engagements"] == 0
    assert "accounts" not in house.record("person:p")
    assert house.record("person:q")["accounts"] == ["n:a0"]
    house.link("n:a0", "p", T0 + 2)
    house.settle()
    assert house.record("person:p")["engagements"] == 2
    assert house.record("person:q")["engagements"] == 0


def test_the_later_link_wins() -> None:
    """Two persons at once: by `ts`, of the same the one that came last; what is older is refused, the same again is nothing."""
    house = House()
    house.link("n:a0", "p", T0 + 5)
    house.link("n:a0", "q", T0 + 5)
    house.settle()
    assert house.record("n:a0")["person"] == "person:q"
    for _ in range(2):
        house.link("n:a0", "q", T0 + 5)
    assert not house.table("n:a0").dirty.any()
    house.link("n:a0", "p", T0 + 4)
    house.unlink("n:a0", T0 + 4)
    house.settle()
    assert house.record("n:a0")["person"] == "person:q"
    house.event("like", "n:f0", "n:a0")
    house.settle()
    assert [one["reason"] for one in house.rejects] == ["older_control"] * 2


def masses(record: dict[str, Any], now_ms: int) -> dict[str, float]:
    """What each fact of a record gives at a moment, from its mass at its date and the half-lives of the docs."""
    days = {"lists": 365, "stars": 365, "verified": 730, "wikipedia_links": 730, "seniority": 730}
    return {
        name: fact["mass"] * 0.5 ** ((now_ms - fact["date"]) / DAY_MS / days.get(name, 365))
        for name, fact in record["facts"].items()
    }


def test_facts_are_capped_and_halve() -> None:
    """Each by itself, then all together; a person has those of all accounts, under the same caps."""
    house = with_accounts("n:a0", "m:a0")
    house.facts("n:a0", lists=3, verified=1, wikipedia_links=10**9, stars=7)
    house.facts("m:a0", lists=1, verified=1)
    house.facts("person:p", seniority=3)
    house.settle()
    given_, later = (masses(house.record("n:a0", ms), ms) for ms in (T0, T0 + 730 * DAY_MS))
    assert given_ == pytest.approx({"lists": 0.06, "verified": 0.1, "wikipedia_links": 0.5, "stars": 0.06})
    assert later == pytest.approx({"lists": 0.015, "verified": 0.05, "wikipedia_links": 0.25, "stars": 0.015})
    together = {"lists": 0.09, "verified": 0.1, "wikipedia_links": 0.5, "stars": 0.06, "seniority": 0.1}
    assert masses(house.record("person:p"), T0) == pytest.approx(together)
    assert sum(house.record("person:p")["parts"]["facts"].values()) == pytest.approx(house.record("person:p")["score"])
    house.facts("n:a1", **{f"f{i}": 10**12 for i in range(16)})
    house.settle()
    assert house.record("n:a1")["score"] == pytest.approx(30.0)
    assert sum(masses(house.record("n:a1"), T0).values()) == pytest.approx(16 * 0.2)


def test_older_and_too_many_facts_are_refused_whole() -> None:
    """Of a control with one older figure, or with one fact too many, nothing is taken."""
    house = House()
    house.facts("n:a0", T0 + 10, lists=3, verified=1)
    house.facts("n:a0", T0 + 9, stars=1, lists=7)
    house.facts("n:a0", T0 + 9, lists=None)
    assert sorted(house.record("n:a0")["facts"]) == ["lists", "verified"]
    house.facts("n:a0", T0 + 11, **{f"f{i}": 1 for i in range(14)})
    house.facts("n:a0", T0 + 12, more=1, lists=4)
    house.facts("n:a0", T0 + 13, lists=None)
    house.facts("n:a0", T0 + 14, more=1)
    house.facts("n:a0", T0 + 12, lists=5)  # it was taken away later
    house.settle()
    assert sorted(house.record("n:a0")["facts"]) == sorted(["verified", "more", *(f"f{i}" for i in range(14))])
    reasons = [one["reason"] for one in house.rejects]
    assert reasons == ["older_control", "older_control", "facts_too_many", "older_control"]


def test_followers_stated_and_by_events() -> None:
    """The later counts: events up to the date are in the number, later ones are added; without it events count alone."""
    house = with_accounts("n:a0", "m:a0")
    house.event("follow", "n:f0", "n:a0", T0)
    house.event("follow", "n:f1", "n:a0", T0 + 1)
    house.settle()
    house.facts("n:a0", T0 + 10, followers=500)
    house.facts("m:a0", T0 + 10, followers=30)
    house.event("follow", "n:f2", "n:a0", T0 + 10)
    later = house.event("follow", "n:f3", "n:a0", T0 + 11)
    house.settle()
    assert [house.record(user)["followers"] for user in ("n:a0", "m:a0", "person:p")] == [501, 30, 531]
    assert house.record("n:a0")["parts"]["reach"] > 0.0
    assert "facts" not in house.record("n:a0")  # it is reach, no fact with a mass of its own
    house.event("follow", "n:f3", "n:a0", T0 + 12, undo=True, ref=later)
    house.settle()
    house.facts("n:a0", T0 + 20, followers=7)
    house.event("follow", "n:f4", "n:a0", T0 + 21)
    house.settle()
    assert house.record("person:p")["followers"] == 38
    house.facts("n:a0", T0 + 30, followers=None)
    house.settle()
    assert house.record("person:p")["followers"] == 33
    house.facts("person:p", T0 + 40, followers=9)
    house.settle()
    assert [one["reason"] for one in house.rejects] == ["bad_fact_name"]


def test_an_account_with_fewer_than_no_followers_takes_none_from_the_others() -> None:
    """A number that was stated too low, and somebody who goes: the person still has those of the other account."""
    house = with_accounts("n:a0", "m:a0")
    first = house.event("follow", "n:f0", "n:a0")
    house.settle()
    house.facts("n:a0", T0 + 1, followers=0)
    house.facts("m:a0", T0 + 1, followers=30)
    house.event("follow", "n:f0", "n:a0", T0 + 2, undo=True, ref=first)
    house.settle()
    assert [house.record(user)["followers"] for user in ("n:a0", "m:a0", "person:p")] == [-1, 30, 30]


class Kept:
    """What the partitions of a house write to `state`, cut by cut."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.rows: list[dict[bytes, bytes]] = [{} for _ in house.intakes]
        for intake, rows in zip(house.intakes, self.rows, strict=True):
            intake.cut = self._keeping(intake.cut, rows)  # type: ignore[method-assign]

    def _keeping(self, cut: Any, rows: dict[bytes, bytes]) -> Any:
        def cutting(now_ms: int | None = None) -> Cut:
            found: Cut = cut(now_ms)
            rows.update((key or b"", value) for key, value in state.records(found, PLAIN.half_lives_ms))
            rows.update([*tied.records(found.tied), *found.closes])
            return found

        return cutting

    def loaded(self) -> House:
        """Another house that begins with these rows."""
        new = House()
        new._version = self.house._version
        for intake, old, rows in zip(new.intakes, self.house.intakes, self.rows, strict=True):
            table: Table = intake.table
            table.clock, table.landmarks = old.table.clock, list(old.table.landmarks)
            table.days.today, table.days.closed_ms = old.table.days.today, old.table.days.closed_ms
            if rows:
                state.load(table, Packed.of(list(rows.items())))
            tied.settle(table)
            intake.positions = dict(old.positions)
        return new


@given(doings(kin=True, followers=True), doings(kin=True, followers=True, most=12), st.booleans())
def test_what_is_kept_goes_on_the_same(done: list[Doing], more: list[Doing], settle: bool) -> None:
    """Tables made of `state`, of what each cut wrote, have the same records, and stay the same with what comes next."""
    kept = Kept(House())
    play(kept.house, done, settle=settle)
    again = kept.loaded()
    assert everyone(again) == everyone(kept.house)
    more = [
        replace(one, value={**one.value, "id": f"x{one.value['id']}"}) if one.to and "ref" not in one.value else one
        for one in more
    ]
    kept.house.rejects.clear()
    assert everyone(play(again, more)) == everyone(play(kept.house, more))
    assert again.rejects == kept.house.rejects


@given(doings())
def test_live_equals_offline(done: list[Doing]) -> None:
    """One table without a broker, controls by their time, has the same records: also who once had an account."""
    done.sort(key=lambda one: one.ts)
    house = play(House(), done, settle=True)
    events = [Produced(one.topic, one.user.encode(), orjson.dumps(one.value), one.ts) for one in done if one.to]
    told = [parse(orjson.dumps(one.value), NOW_MS) for one in done if not one.to]
    assert not any(isinstance(one, Reject) for one in told)
    table = offline.fold(events, PLAIN, newest_ms=NOW_MS, controls=told)
    found = {one.user: plain(orjson.loads(one.record)) for one in offline.scored(table, NOW_MS)}
    assert found == near(everyone(house))


def test_a_late_fact_of_a_person_is_in_the_close() -> None:
    """Of the person's own and of an account alike, when it is dated before it; what is dated later leaves the close as it was."""
    now_ms = T0 + DAY_MS + 2 * HOUR_MS

    def close_with(user: str, date: int) -> float:
        house = with_accounts("n:a0")
        house.event("share", "n:f0", "n:a0", T0 + HOUR_MS)
        house.settle()
        house.event("retweet", "n:f1", "n:a0", now_ms)
        house.settle()
        house.facts(user, date, lists=50)
        house.settle()
        record = house.record("person:p", now_ms)
        return float(record["score"] - record["delta"]["day"])

    without = close_with("n:other", T0 + 2 * HOUR_MS)
    late = close_with("person:p", T0 + 2 * HOUR_MS)
    assert late > without + 0.1
    assert close_with("n:a0", T0 + 2 * HOUR_MS) == pytest.approx(late, abs=1e-9)
    assert close_with("person:p", T0 + DAY_MS + HOUR_MS) == close_with("n:a0", T0 + DAY_MS + HOUR_MS) == without
