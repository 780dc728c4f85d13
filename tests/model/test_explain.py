"""Explanations: parts that add up, one more engagement beside the real fold, the way to the next multiple of ten."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.events import KINDS, Kind
from streams.fold.rows import ACTED, WEEK
from streams.formats.engagements import local
from streams.model.engagements import packed
from streams.model.explain import AVERAGE, SELECTIVE, Past, Person, explain, gained, next_decade, one_more, weight
from streams.model.explained import Close, Explanation
from streams.model.receiving import receive
from streams.model.score import hill, mass_for, participation, terms
from streams.model.versions import DAY_MS, DEFAULT, PLAIN, Model
from tests.model.explained import NOW_MS, houses, models, records
from tests.model.world import SELECTIVE as ONLY_SELECTIVE
from tests.model.world import STANDING, T0, World


@given(st.data(), models, st.integers(0, 400 * DAY_MS))
def test_parts_add_up(data: st.DataObject, model: Model, elapsed_ms: int) -> None:
    """To the score before its floor, at any moment: kinds, reach, participation and facts; networks and windows to the kinds."""
    for record in records(data.draw(houses(model))):
        found = explain(record, model, NOW_MS + elapsed_ms, Past(0, [], {}))
        kinds, facts = sum(found.parts.kinds.values()), found.parts.facts or {}
        unfloored = float(hill(found.mass, model))
        assert kinds + found.parts.reach + found.parts.participation + sum(facts.values()) == pytest.approx(
            unfloored, abs=1e-6
        )
        assert found.score == pytest.approx(max(unfloored, 1.0), abs=1e-9)
        assert sum(found.parts.networks.values()) == pytest.approx(kinds, abs=1e-6)
        assert found.windows.day + found.windows.week + found.windows.quarter == pytest.approx(kinds, abs=1e-6)


@given(st.data(), models)
def test_an_explanation_is_json(data: st.DataObject, model: Model) -> None:
    """It comes back as it was from JSON, with the names of the record it explains."""
    closes = [
        Close(date="2026-01-01", score=39.5, model="plain"),
        Close(date="2026-01-02", score=40.0, model="clout-1"),
    ]
    for record in records(data.draw(houses(model))):
        found = explain(record, model, NOW_MS, Past(0, closes, {}))
        assert msgspec.json.decode(msgspec.json.encode(found), type=Explanation) == found
        assert found.history == closes
        assert (found.user, found.as_of, found.model) == (record["user"], NOW_MS, model.name)
        assert ("accounts" in msgspec.to_builtins(found)) == ("accounts" in record)


def engaged(world: World, person: Person) -> None:
    """Somebody `zed` who scores and acted just so, by what is in their row."""
    model, table = world.table.model, world.table
    zed = table.slots(["net:zed"])[0]
    given = mass_for(person.score, model) - float(participation(person.acted, model))
    receive(table, local(packed(["net:zed"], ["net:fan"], [given / sum(model.mixture)], [T0], [0]), T0))
    table.cells[zed, ACTED] = person.acted / table.decays(T0)[WEEK]
    record = world.record("zed")
    assert (record["score"], record["acted"]) == pytest.approx(tuple(person), abs=1e-5)


@pytest.mark.parametrize("person", [AVERAGE, SELECTIVE, Person(80.0, 7.0)], ids=str)
@pytest.mark.parametrize("model", [DEFAULT, PLAIN, ONLY_SELECTIVE, STANDING], ids=lambda model: model.name)
@pytest.mark.parametrize("kind", KINDS)
def test_one_more_is_what_the_fold_gives(kind: Kind, model: Model, person: Person) -> None:
    """That event, folded: what it weighs, and the points that the score rises by, also after a quiet week."""
    for days in (0, 7):
        world = World(model)
        for number, (before, actor) in enumerate((("share", "ann"), ("like", "cat"), ("follow", "dan"))):
            world.did(before, actor, "bob", T0 - days * DAY_MS - number)
        engaged(world, person)
        record = world.record("bob")
        told = one_more(record, model, T0)
        weighs = world.did(kind, "zed", "bob")
        assert weighs == pytest.approx(weight(kind, person, model), rel=1e-5)
        for said, of in ((told.average, AVERAGE), (told.selective, SELECTIVE)):
            assert (said.score, said.acted) == tuple(of)
            if of == person:
                assert world.record("bob")["score"] - record["score"] == pytest.approx(said.points[kind], abs=1e-5)


@given(st.data())
def test_one_more_is_exact_where_nothing_else_counts(data: st.DataObject) -> None:
    """With the model `plain` anybody new gives the same: that event after any history, for everyone on a network."""
    house = data.draw(houses(PLAIN))
    kind = data.draw(st.sampled_from(KINDS))
    there = [one for one in records(house) if one["user"][:2] in ("n:", "m:")]
    assume(there)
    record = data.draw(st.sampled_from(there))
    told = one_more(record, PLAIN, NOW_MS)
    house.event(kind, f"{record['user'][0]}:new", record["user"], NOW_MS)
    house.settle()
    after = house.record(record["user"], NOW_MS)["score"]
    assert after - record["score"] == pytest.approx(told.average.points[kind], abs=1e-6)
    assert told.average.points == told.selective.points


def test_who_is_selective_gives_more() -> None:
    """Under the default model; and a retweet gives more than a like."""
    world = World(DEFAULT)
    world.did("like", "ann", "bob")
    told = one_more(world.record("bob"), DEFAULT, T0)
    assert all(told.selective.points[kind] > told.average.points[kind] > 0 for kind in KINDS)
    assert told.average.points["retweet"] > told.average.points["like"]


@given(st.data(), models)
def test_the_way_to_the_next_ten(data: st.DataObject, model: Model) -> None:
    """Its mass reaches it exactly; so many engagements do, and one less does not."""
    for record in records(data.draw(houses(model))):
        found = next_decade(record, model, NOW_MS)
        mass, followers = terms(record, model, NOW_MS).mass, record["followers"]
        if found is None:
            assert record["score"] >= 90
            continue
        assert found.score == 10 * (int(record["score"] // 10) + 1)
        assert hill(mass + found.mass, model) == pytest.approx(found.score, abs=1e-9)
        assert found.points == pytest.approx(found.score - record["score"], abs=1e-7)  # records have eight decimals
        assert list(found.engagements) == list(KINDS)
        for kind, n in found.engagements.items():
            assert (
                gained(kind, n, AVERAGE, followers, model)
                >= found.mass
                > gained(kind, n - 1, AVERAGE, followers, model)
            )


def test_nobody_reaches_a_hundred() -> None:
    """From 90 on there is no next multiple of ten, and one more engagement still gives something."""
    world = World(DEFAULT)
    receive(world.table, local(packed(["net:bob"], ["net:fan"], [5_000.0], [T0], [0]), T0))
    record = world.record("bob")
    assert record["score"] > 90
    assert next_decade(record, DEFAULT, T0) is None
    assert one_more(record, DEFAULT, T0).average.points["like"] > 0


@given(st.floats(0.001, 99.999))
def test_mass_for_is_the_curve_the_other_way(wanted: float) -> None:
    """The mass of a score has that score."""
    assert float(hill(mass_for(wanted, DEFAULT), DEFAULT)) == pytest.approx(wanted, rel=1e-9)
