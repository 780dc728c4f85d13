"""Rules over daily closes: each alert once, as judging at every moment would have it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.model.dates import date, day
from streams.model.explained import Close
from streams.model.hindsight import told, why_not
from streams.model.rules import Rule, When, Who

FIRST = day("2026-03-01")


def closes(*scores: float, model: str = "clout-1") -> list[Close]:
    """One a day."""
    return [Close(date=date(FIRST + n), score=score, model=model) for n, score in enumerate(scores)]


def rule(who: Who | None = None, cooldown_s: int = 0, **when: Any) -> Rule:
    """A rule with this `when`."""
    return Rule(name="tested", who=who or Who(), when=When(**when), cooldown_s=cooldown_s)


def days(one: Rule, some: Sequence[Close]) -> list[tuple[str, int]]:
    """States, each with the number of its day."""
    return [(alert.state, day(alert.date) - FIRST) for alert in told(one, some)]


@pytest.mark.parametrize(
    ("when", "scores", "expected"),
    [
        #                       day 0   1   2   3   4
        ({"falls": 5.0}, (60, 54, 58, 58, 58), [("raised", 1), ("recovered", 2)]),
        ({"falls": 5.0}, (60, 54, 53, 53, 53), [("raised", 1), ("settled", 2)]),
        ({"falls": 5.0}, (60, 55.1, 51, 47, 43), []),
        ({"falls": 10.0, "unit": "percent"}, (60, 54, 54, 60), [("raised", 1), ("settled", 2)]),
        ({"rises": 5.0}, (40, 46, 46, 42), [("raised", 1), ("settled", 2)]),
        ({"below": 50.0}, (52, 49, 50.5, 51, 49), [("raised", 1), ("recovered", 3), ("raised", 4)]),
        ({"below": 50.0}, (49, 48, 47), []),
    ],
)
def test_what_is_told(when: dict[str, Any], scores: tuple[float, ...], expected: list[tuple[str, int]]) -> None:
    """Raised once where the rule begins to hold, and over where it is better by the margin or the time has passed."""
    assert days(rule(**when), closes(*scores)) == expected


def test_a_week_is_compared_with_the_close_six_days_before_the_last() -> None:
    """Seven closes back; a shorter history is compared with nothing."""
    slow = closes(*(60 - n * 0.6 for n in range(10)))
    found = list(told(rule(falls=4.0, within="7d"), slow))
    assert [(one.state, one.compared) for one in found] == [("raised", date(FIRST))]
    assert found[0].date == date(FIRST + 7)
    assert days(rule(falls=1.0, within="30d"), slow) == []


def test_cooldown_and_least_score_and_model() -> None:
    """Not again within the cooldown, not for who was lower before, not between two models where that is ignored."""
    up_and_down = closes(60, 50, 60, 50, 60, 50)
    assert [n for state, n in days(rule(falls=5.0), up_and_down) if state == "raised"] == [1, 3, 5]
    assert [n for state, n in days(rule(falls=5.0, cooldown_s=4 * 86_400), up_and_down) if state == "raised"] == [1, 5]
    assert days(rule(Who(min_score=61.0), falls=5.0), up_and_down) == []
    changed = [*closes(60), Close(date=date(FIRST + 1), score=50.0, model="other")]
    one = rule(falls=5.0)
    assert days(one, changed) == [("raised", 1)]
    assert days(Rule(name="tested", when=one.when, ignore=("model",)), changed) == []


def test_what_closes_cannot_tell() -> None:
    """Said, with what can be tried instead."""
    assert why_not(rule(falls=2.0)) == ""
    assert "1d" in why_not(rule(falls=2.0, within="1h"))
    assert "below" in why_not(rule(percentile=95.0))
    assert "below" in why_not(rule(top=10))


@given(
    st.lists(st.floats(1, 100), max_size=40),
    st.sampled_from(
        [{"falls": 3.0}, {"rises": 3.0}, {"below": 50.0}, {"falls": 20.0, "unit": "percent", "within": "7d"}]
    ),
    st.integers(0, 10 * 86_400),
)
def test_raised_and_over_take_turns(scores: list[float], when: dict[str, Any], cooldown_s: int) -> None:
    """Whatever the closes are: what is raised is over before it is raised again, and no sooner than the cooldown."""
    found = days(rule(cooldown_s=cooldown_s, **when), closes(*scores))
    assert [state == "raised" for state, _ in found] == [n % 2 == 0 for n in range(len(found))]
    raised = [number for state, number in found if state == "raised"]
    assert all((b - a) * 86_400 >= cooldown_s for a, b in pairwise(raised))
