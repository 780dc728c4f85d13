"""Causes by plain sums over events add up, and a wrong cause is seen; what is taken back later leaves nobody half judged."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from agents.proof.plain_causes import Doings, wrong
from agents.proof.undone import later_moments, with_undos
from streams.model.versions import DAY_MS, PLAIN
from streams.sources.record import Produced, produced
from streams.sources.synthetic import Synthetic

T0 = 20_000 * DAY_MS
HOUR_MS = 3_600_000


def event(number: int, ts: int, kind: str = "share", **more: object) -> Produced:
    """One of ann for bob."""
    said = {"id": str(number), "type": kind, "network": "n", "actor": "ann", "target": "bob", "ts": ts}
    return produced(said | more)


def test_what_is_taken_back_is_told_apart_from_what_fades() -> None:
    """Two shares, one taken back on the second day, once more for nothing; then somebody comes, and what fades counts as fewer."""
    events = [
        event(1, T0 + HOUR_MS),
        event(2, T0 + HOUR_MS),
        event(3, T0 + DAY_MS + HOUR_MS, undo=True, ref="1"),
        event(4, T0 + DAY_MS + 2 * HOUR_MS, undo=True, ref="1"),
        event(5, T0 + 2 * DAY_MS + HOUR_MS, "like"),
    ]
    doings = Doings(events, PLAIN)
    second = doings.causes("n:bob", 0, T0 + DAY_MS + 3 * HOUR_MS, -9.0)
    assert sum(second.values()) == pytest.approx(-9.0)
    assert second["reversed"] < 3 * second["idle"] < 0.0
    assert second["earlier"] == pytest.approx(-9.0 - second["reversed"] - second["idle"])
    both = doings.causes("n:bob", 1, T0 + 2 * DAY_MS + 2 * HOUR_MS, 0.0)
    assert both["engagement"] > 0.0 > both["reversed"]
    assert "idle" not in both
    assert both["fewer"] < 0.0
    ann = doings.causes("n:ann", 0, T0 + DAY_MS + 3 * HOUR_MS, 0.0)
    assert ann["participation"] < 0.0 == ann["reversed"]


def test_an_undo_of_what_is_forgotten_takes_nothing_back() -> None:
    """Sixteen of a kind are remembered."""
    many = [event(n, T0 + n) for n in range(17)]
    for ref, taken in (("0", False), ("1", True)):
        doings = Doings([*many, event(99, T0 + 99, undo=True, ref=ref)], PLAIN)
        assert (doings.causes("n:bob", 0, T0 + HOUR_MS, 0.0)["reversed"] < 0.0) == taken


@pytest.mark.parametrize(
    ("told", "main", "right"),
    [
        ({"idle": -2.0, "reversed": -1.0}, "idle", True),
        ({"idle": -2.0004, "reversed": -1.0}, "idle", True),
        ({"idle": -2.0, "reversed": -1.0}, "reversed", False),
        ({"fewer": -2.0, "reversed": -1.0}, "fewer", False),
        ({"idle": -2.1, "reversed": -0.9}, "idle", False),
        ({"idle": -2.0}, "idle", False),
    ],
)
def test_a_wrong_cause_is_seen(told: dict[str, float], main: str, right: bool) -> None:
    """Another one, other points, one that is missing."""
    assert bool(wrong(told, {"idle": -2.0, "reversed": -1.0, "engagement": 0.0}, main, 1e-3)) != right


def test_after_the_last_event_nobody_has_part_in_two_things_at_a_moment() -> None:
    """Part of it is taken back then, at moments that are known, and some meet again; the share is what was asked for."""
    events = list(Synthetic(seed=3, users=80, rate=0.002, start_ms=T0, limit=1_000))
    events = [one for one in events if not orjson.loads(one.value).get("undo")]
    last_ms = max(one.ts for one in events)
    found = with_undos(sorted(events, key=lambda one: one.ts), 0.1)
    undone = [body for one in found if (body := orjson.loads(one.value)).get("undo")]
    assert len(undone) == pytest.approx(0.1 * len(events), rel=0.25)
    targets = {body["id"]: body.get("target") for one in found if (body := orjson.loads(one.value))}
    late = [body for one in found if one.ts > last_ms and (body := orjson.loads(one.value))]
    assert {body["ts"] for body in late} <= set(later_moments(last_ms))
    has_part = Counter(
        (body["ts"], user) for body in late for user in {body["actor"], targets[body.get("ref") or body["id"]]}
    )
    assert set(has_part.values()) == {1}
    assert {body.get("undo", False) for body in late} == {True, False}
