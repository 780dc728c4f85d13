"""The verdict on alerts sees one that is missing, one too many, a wrong id, other policies, and causes that do not add up."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from agents.proof.judged_again import differences
from streams.formats.header import Header
from streams.model.inforce import InForce
from streams.model.rules import Rule, When
from streams.model.versions import DAY_MS
from streams.policies.book import Book

T0 = 20_000 * DAY_MS
BOOK = Book((Rule(name="fall", when=When(falls=5.0), cooldown_s=0),), offset=3)
Record = dict[str, Any]


def score(version: int, points: float, day: float) -> Record:
    """A score record, `day` points from the last close."""
    delta = {"day": day}
    return {
        "user": "n:ann",
        "score": points,
        "as_of": T0 + version,
        "version": version,
        "confidence": 0.5,
        "delta": delta,
    }


def alert(version: int, state: str, episode: int, change: float) -> Record:
    """What is told of it."""
    return {
        "id": f"fall/n:ann/{T0 + episode}/{state}", "rule": "fall", "state": state, "episode": T0 + episode, "user": "n:ann",
        "version": version, "policies": 3, "change": change, "causes": [{"cause": "idle", "points": change}],
    }  # fmt: skip


HEADERS = {
    version: Header(
        generation=1, version=version, now_ms=T0 + version, positions={}, clock=T0, day=20_000, closed_ms=T0,
        half_lives_ms=(1, 2, 3), counts={}, model="plain", models=(InForce("plain", 0),), policies=3,
    )
    for version in (1, 2, 3)
}  # fmt: skip
SCORES = [score(1, 60.0, 0.0), score(2, 54.0, -6.0), score(3, 58.0, -2.0)]
ALERTS = [alert(2, "raised", 2, -6.0), alert(3, "recovered", 2, -2.0)]


def said(alerts: list[Record]) -> list[str]:
    """What is wrong with them."""
    return list(differences(SCORES, alerts, HEADERS, lambda _: BOOK))


def test_the_right_alerts_are_right() -> None:
    """Raised once, and over."""
    assert said(ALERTS) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda alerts: alerts[:1], "recovered.*: came 0 times instead of 1"),
        (lambda alerts: [*alerts, alerts[0]], "came 2 times"),
        (lambda alerts: [{**alerts[0], "id": "fall/n:ann/2"}, alerts[1]], "another id"),
        (lambda alerts: [{**alerts[0], "policies": 4}, alerts[1]], "judged under 4, the header says 3"),
        (lambda alerts: [{**alerts[0], "causes": []}, alerts[1]], "do not add up"),
    ],
)
def test_what_is_wrong_is_seen(change: Callable[[list[Record]], list[Record]], what: str) -> None:
    """And said in words."""
    found = said(change(ALERTS))
    assert found
    assert any(re.search(what, one) for one in found), found
