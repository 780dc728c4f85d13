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


def said(alerts: list[Record], scores: list[Record] = SCORES, most: int = 1_000) -> list[str]:
    """What is wrong with them."""
    return list(differences(scores, alerts, HEADERS, lambda _: BOOK, most))


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


def of(user: str, record: Record) -> Record:
    """The same about another user."""
    return {**record, "user": user} | ({"id": record["id"].replace("n:ann", user)} if "id" in record else {})


def test_who_is_left_when_an_interval_is_full_is_judged_in_the_next() -> None:
    """Not before, not later, and somebody has to look."""
    scores = [SCORES[0], of("n:bob", SCORES[0]), SCORES[1], of("n:bob", SCORES[1]), of("n:bob", score(3, 54.0, -6.0))]
    later = of("n:bob", alert(3, "raised", 3, -6.0))
    assert said([ALERTS[0], later], scores, most=1) == []
    assert said([ALERTS[0], of("n:bob", ALERTS[0])], scores) == []
    assert any("came 1 times instead of 0" in one for one in said([ALERTS[0], of("n:bob", ALERTS[0])], scores, most=1))
    assert any("came 0 times instead of 1" in one for one in said([ALERTS[0]], scores))
    assert any("nobody looked" in one for one in said([ALERTS[0]], scores[:4], most=1))


def test_an_account_that_is_linked_is_told_that_its_alert_has_settled() -> None:
    """Once, and raised nothing more by rules of everyone."""
    linked = [*SCORES[:2], {**SCORES[2], "score": 53.0, "delta": {"day": -7.0}, "person": "person:ann"}]
    assert said([ALERTS[0], alert(3, "settled", 2, -7.0)], linked) == []
    assert any("settled" in one and "came 0 times instead of 1" in one for one in said(ALERTS[:1], linked))
