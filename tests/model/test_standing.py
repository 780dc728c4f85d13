"""Outreach, authority, audience, activity and the decade: at their limits, and what can only rise."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.events import KINDS, Kind
from streams.model.records import scored
from streams.model.standing import LEVELS, Standing, curve, decade, outreach, standing
from streams.model.style import standings
from streams.model.table import Table
from streams.model.versions import DAY_MS, DEFAULT
from streams.offline import Core, fold
from streams.sources.record import produced

NOW_MS = 1_767_225_600_000
RISES = (
    ("actions", "outreach"),
    ("acted", "activity"),
    ("followers", "audience"),
    ("actors", "audience"),
    ("quarter", "authority"),
)
AMOUNTS = st.floats(0, 1e9)


def record(**more: Any) -> dict[str, Any]:
    """What standing reads of a score record."""
    windows = {"quarter": more.pop("quarter", 0.0)}
    return {"score": 1.0, "actions": 0, "actors": 0, "followers": 0, "acted": 0.0, "windows": windows, **more}


def test_who_has_nothing() -> None:
    """Begins at the bottom of each."""
    assert standing(record()) == Standing(decade="1-10", outreach=1, authority=0.0, audience=0.0, activity=0.0)


def test_worked_by_hand() -> None:
    """Each at its half value; what is negative counts as nothing."""
    found = standing(record(score=63.2, quarter=1.5 * 25, actors=20, acted=10.0, actions=19))
    assert (found.decade, found.outreach) == ("60-70", 4)
    assert [found.authority, found.audience, found.activity] == pytest.approx([50.0, 50.0, 50.0])
    assert standing(record(actors=20, followers=180)).audience == pytest.approx(75.0)  # sqrt(180 / 20) = 3
    assert standing(record(quarter=-1e-9, followers=-3, acted=-1e-12)) == standing(record())


@pytest.mark.parametrize(
    ("score", "said"),
    [(1.0, "1-10"), (9.99, "1-10"), (10.0, "10-20"), (89.99, "80-90"), (90.0, "90-100"), (100.0, "90-100")],
)
def test_decades(score: float, said: str) -> None:
    """The last has no end before 100."""
    assert decade(score) == said


def test_levels() -> None:
    """Twelve, each 2.7 times as far as the one before, but for the first; every one begins where it says."""
    assert [outreach(least) for least in LEVELS] == list(range(1, 13))
    assert [outreach(least - 1) for least in LEVELS[1:]] == list(range(1, 12))
    assert (LEVELS[:6], LEVELS[-1], outreach(1e12)) == ((0, 2, 7, 19, 53, 143), 55_590, 12)


@given(AMOUNTS, AMOUNTS)
def test_more_is_never_less(some: float, more: float) -> None:
    """Of own actions, people, followers, weight: each number rises with what it is made of, and stays in its range."""
    for name, part in RISES:
        low, high = (getattr(standing(record(**{name: amount})), part) for amount in (some, some + more))
        assert low <= high + 1e-9  # of rounding
        assert high <= (12 if part == "outreach" else 100)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5), st.booleans()), max_size=40))
def test_outreach_never_falls(actions: list[tuple[Kind, int, bool]]) -> None:
    """Whatever somebody does and undoes, and however long nothing happens."""
    table, core, before = Table(DEFAULT), Core(), 1
    for number, (kind, who, undone) in enumerate(actions):
        done = {"network": "t", "actor": "ann", "ts": NOW_MS + number}
        events = [
            {**done, "id": f"e{number}", "target": f"u{who}"},
            {**done, "id": f"x{number}", "undo": True, "ref": f"e{number}"},
        ]
        core.fold(table, [orjson.dumps(one) for one in events[: 1 + undone]], [KINDS.index(kind)] * (1 + undone), 2**45)
        for now_ms in (NOW_MS + number, NOW_MS + number + 365 * DAY_MS):
            record = orjson.loads(scored(table, np.array([table.slot("t:ann")]), None, now_ms, 0).records[0])
            assert before <= standing(record).outreach
            before = standing(record).outreach
    assert before == outreach(len(actions))


def test_a_table_and_its_records_say_the_same() -> None:
    """But for the style, which records do not have."""
    share = {"type": "share", "network": "t", "target": "bob"}
    events = [{**share, "actor": f"u{n % 3}", "ts": NOW_MS + n, "id": f"e{n}"} for n in range(30)]
    table = fold(map(produced, events), DEFAULT, newest_ms=2**45)
    slots = np.arange(len(table))
    records = [orjson.loads(one) for one in scored(table, slots, None, NOW_MS + 1000, 0).records]
    found = standings(table, slots, NOW_MS + 1000)
    assert found == [standing(one, each.style) for one, each in zip(records, found, strict=True)]
    assert {one.style.label for one in found} == {None, "activist"}


def test_a_curve_has_no_end() -> None:
    """It comes near 100 and is 50 at its half."""
    assert (curve(0.0, 3.0, 2.0), curve(3.0, 3.0, 2.0)) == (0.0, 50.0)
    assert 99.9 < curve(1e9, 3.0, 0.5) < 100.0
    assert curve(1e300, 3.0, 2.0) == 100.0
