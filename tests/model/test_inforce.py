"""Models in force: a daily close is by the model of its moment, live, after a take-over and in Redis."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import orjson
import pytest

from streams.errors import CloutError
from streams.formats import state
from streams.formats.header import Header
from streams.model import versions
from streams.model.alerts import Judge
from streams.model.closes import history
from streams.model.explained import Close
from streams.model.inforce import InForce, Models, check, name_at, taken_over
from streams.model.ruleset import RuleSet
from streams.model.table import Table
from streams.model.versions import DAY_MS, PLAIN, Fact, Model
from streams.partition.recovered import loaded, models_from
from streams.policies.book import Book
from streams.scoreboard.closes import ledger_of, whole
from streams.scoreboard.histories import Histories
from tests.model.world import NETWORK, T0, World, cut

OTHER = replace(PLAIN, name="other", mixture=(1.0, 0.25, 0.5), half_mass=3.0, steepness=0.6, reach_per_doubling=0.2)
HOUR_MS = 3_600_000
USERS = ("bob", "eve", "zed")
SINCE_MS = T0 + 5 * DAY_MS + HOUR_MS  # when the other model takes over


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody knows the other model."""
    monkeypatch.setitem(versions.MODELS, OTHER.name, OTHER)


def test_the_model_of_a_moment() -> None:
    """The last one that was in force before it."""
    models = (InForce("a", 0), InForce("b", 100), InForce("c", 100), InForce("a", 200))
    assert [name_at(models, moment) for moment in (1, 100, 101, 200, 201)] == ["a", "a", "c", "c", "a"]


def test_a_take_over_appends() -> None:
    """Another name; never from before the one in force; what no close belongs to any more is left out."""
    one: Models = (InForce("a", 0),)
    assert taken_over((), "a", 50) == one
    assert taken_over(one, "a", 100) is one
    two = taken_over(one, "b", 100)
    assert two == (*one, InForce("b", 100))
    assert taken_over(two, "a", 40)[-1] == InForce("a", 100)
    later_ms = 100 + 92 * DAY_MS
    assert taken_over(two, "c", later_ms) == (InForce("b", 100), InForce("c", later_ms))


def test_what_cannot_go_on_is_refused() -> None:
    """A model that is not known, facts that give something else, other half-lives: what to do is said."""
    with pytest.raises(CloutError, match="by the model gone, which this Clout does not know"):
        check((InForce("gone", 0), InForce("plain", 9)), PLAIN)
    with pytest.raises(CloutError, match=r"facts give something else.*CLOUT_MODEL=plain"):
        check((InForce("plain", 0),), replace(PLAIN, name="other", other_fact=Fact(1.0, 1.0)))
    check((InForce("plain", 0), InForce("other", 3)), OTHER)
    slow = replace(PLAIN, name="slow", half_lives_d=(2.0, 7.0, 62.4))
    with pytest.raises(
        CloutError, match=r"by the model plain with half-lives.*cannot be carried over.*CLOUT_MODEL=plain"
    ):
        read(written(World()), slow)


def test_a_header_of_before_has_one_model() -> None:
    """The one it names, or without a name that of the worker."""
    header = orjson.loads(written(World())[state.HEADER])
    del header["models"]
    old = state.read_header(orjson.dumps(header))
    assert models_from(old, OTHER, SINCE_MS) == (InForce("plain", 0), InForce("other", SINCE_MS))
    assert models_from(state.read_header(orjson.dumps({**header, "model": ""})), OTHER) == (InForce("other", 0),)


def written(world: World, now_ms: int = T0) -> dict[bytes, bytes]:
    """What `state` has of all of a world."""
    table = world.table
    done = cut(table, np.arange(len(table)), now_ms)
    rows = dict(state.records(done, table.model.half_lives_ms)) | dict(done.closes)
    header = Header(
        generation=1, version=1, now_ms=now_ms, positions={}, clock=table.clock, day=table.days.today, counts={},
        closed_ms=table.days.closed_ms, half_lives_ms=table.model.half_lives_ms, model=table.model.name, models=table.models,
    )  # fmt: skip
    return {key or b"": value for key, value in [*rows.items(), state.header_record(header)]}


def read(rows: dict[bytes, bytes], model: Model, now_ms: int = 0) -> Table:
    """The table of a worker with this model that takes over now."""
    found = asyncio.run(loaded(0, rows, model))
    assert found.header
    found.table.models = models_from(found.header, model, now_ms)
    return found.table


def three_days(model: Model) -> World:
    """bob has events of one day, eve of two: she has a line; zed, too, and one of them came late."""
    world = World(model)
    for ref, user in enumerate((*USERS, *USERS)):
        world.did("share", f"fan{ref}", user, T0 + HOUR_MS)
    world.did("follow", "fan9", "eve", T0 + DAY_MS + HOUR_MS)
    world.did("reply", "fan8", "zed", T0 + DAY_MS + HOUR_MS)
    return world


def goes_on(world: World) -> None:
    """Eve changes after the take-over; what zed gets lies before it, and some closes."""
    world.did("like", "fan7", "eve", T0 + 6 * DAY_MS + HOUR_MS)
    world.did("share", "fan6", "zed", T0 + 4 * DAY_MS - HOUR_MS)
    world.later(T0 + 8 * DAY_MS)


def closes_of(table: Table, user: str) -> list[Close]:
    """Of one user of the table."""
    return list(history(table, table.slot(f"{NETWORK}:{user}")))


def by_both() -> dict[str, list[Close]]:
    """The closes there are to be: of a world of either model those of its time."""
    worlds = {model.name: three_days(model) for model in (PLAIN, OTHER)}
    for world in worlds.values():
        world.later(SINCE_MS)
        goes_on(world)
    found = {}
    for user in USERS:
        old, new = (closes_of(worlds[name].table, user) for name in ("plain", "other"))
        found[user] = [one for one in old if one.date < "2026-01-06"] + [one for one in new if one.date >= "2026-01-06"]
    return found


def taken(now_ms: int = SINCE_MS) -> World:
    """Rows of a plain world, taken over under the other model."""
    before = three_days(PLAIN)
    world = World(OTHER)
    world.table = read(written(before, T0 + 3 * DAY_MS), OTHER, now_ms)
    world.later(now_ms)
    return world


def same(found: list[Close], wanted: list[Close], near: float) -> None:
    """The same days, by the same models, as near as this."""
    assert [(one.date, one.model) for one in found] == [(one.date, one.model) for one in wanted]
    assert [one.score for one in found] == pytest.approx([one.score for one in wanted], abs=near)


def test_closes_of_then_are_by_the_model_of_then() -> None:
    """Whoever is quiet, has changed since or gets something late, with or without a line: before the take-over by the old model."""
    wanted, world = by_both(), taken()
    goes_on(world)
    for user in USERS:
        same(closes_of(world.table, user), wanted[user], 1e-4)


def test_changes_are_since_the_close_of_then() -> None:
    """`delta` of a record is its score less that close, by whichever model that was."""
    world = taken()
    for user in USERS:
        last, record = closes_of(world.table, user)[-1], world.record(user, SINCE_MS)
        assert (last.date, last.model) == ("2026-01-05", "plain")
        assert record["delta"]["day"] == pytest.approx(record["score"] - last.score, abs=1e-4)


def test_redis_has_closes_by_the_model_of_then() -> None:
    """Those that it keeps, and those that follow from the record by the pulse's models."""
    wanted, world = by_both(), taken()
    goes_on(world)
    table = world.table
    slots = np.array([table.slot(f"{NETWORK}:{user}") for user in USERS])
    records = {user: world.record(user, T0 + 8 * DAY_MS) for user in USERS}
    kept = {name: orjson.loads(text) for name, text in Histories(table).changed(slots)}
    pulse = {
        "closed_ms": table.days.closed_ms,
        "models": [{"name": m.name, "since_ms": m.since_ms} for m in table.models],
    }
    for user in USERS:
        same(whole(records[user], kept.get(f"{NETWORK}:{user}"), pulse), wanted[user], 0.0051)


def test_another_model_is_no_fall() -> None:
    """Nobody is told about until a day has closed by the new model; then whoever falls."""
    world = taken()
    slots, rules = np.array([world.table.slot(f"{NETWORK}:bob")]), RuleSet(world.table)
    rules.follow(Book(), T0)
    judge = Judge(world.table, rules)
    assert not judge.dry(slots, np.ones(1), SINCE_MS)
    world.later(T0 + 6 * DAY_MS + 1)
    assert judge.dry(slots, np.ones(1), T0 + 6 * DAY_MS + 1)


def test_who_has_no_close_yet_has_no_ledger_of_closed_days() -> None:
    """Then all that somebody has came on one day, and the record tells it."""
    assert ledger_of(None) is None
    assert ledger_of({"from": "2026-01-01", "steps": []}) is None
    assert ledger_of({"from": "2026-01-01", "steps": [4125]}) == {}
    assert ledger_of({"from": "2026-01-01", "steps": [4125], "ledger": {"2026-01-01": {"to": 1.0}}}) == {"2026-01-01": {"to": 1.0}}
