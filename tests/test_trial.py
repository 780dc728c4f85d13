"""Rules over history: what would have been raised, at which moment, and the same whichever way users are looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from agents.proof.plain_rules import Plain
from streams import offline, trial
from streams.fold.days import NONE
from streams.model.rules import Rule, When, Who
from streams.model.versions import DAY_MS, PLAIN
from streams.people.controls import Control
from streams.people.controls import parse as control_of
from streams.policies.book import Book
from streams.sources.record import Produced, produced
from streams.sources.synthetic import Synthetic
from streams.trial import Span, Trial
from tests.model.world import HOUR_MS, T0

DAY, WEEK = Rule(name="day", when=When(falls=0.7)), Rule(name="week", when=When(falls=3.0, within="7d"))
LOW, UP = Rule(name="low", when=When(below=50.0)), Rule(name="up", when=When(rises=3.0))
PURGE = Rule(name="purge", when=When(falls=5.0))


def said(number: int, target: str, ts: int, **more: Any) -> Produced:
    """A share by somebody of their own."""
    body = {"id": f"e{number}", "type": "share", "network": "n", "actor": f"a{number}", "target": target, "ts": ts}
    return produced(body | more)


def tried(
    rules: Iterable[Rule], events: Iterable[Produced], span: Span, controls: Iterable[Control] = ()
) -> list[dict[str, Any]]:
    """The alerts."""
    return [orjson.loads(one.value) for one in Trial(Book(tuple(rules)), PLAIN, span, 2**60).alerts(events, controls)]


def test_who_falls_silent_is_told_of() -> None:
    """On the second day, before anything else has come, by 0.7 points; the cause is that nobody engages."""
    events = [said(n, "bob", T0 + n * 60_000) for n in range(5)]
    first, *rest = tried([DAY], events, Span(silence_ms=9 * DAY_MS))
    assert (first["user"], first["state"], first["cause"]) == ("n:bob", "raised", "idle")
    assert first["reference"]["at"] == T0 + DAY_MS < first["at"] <= T0 + 2 * DAY_MS
    assert -0.8 < first["change"] <= -0.7
    assert [(one["state"], one["id"]) for one in rest][:1] == [("settled", f"day/n:bob/{first['episode']}/settled")]
    assert not tried([DAY], events, Span())


def test_a_purge_and_how_often_is_looked() -> None:
    """At the first step behind the undos; with longer steps later."""
    events = [said(n, "bob", T0 + n * 60_000) for n in range(50)]
    undone = T0 + DAY_MS + 7 * 60_000
    events += [said(n, "bob", undone, id=f"u{n}", ref=f"e{n}", undo=True) for n in range(40)]
    for every_ms, at in ((900_000, T0 + DAY_MS + 900_000), (HOUR_MS, T0 + DAY_MS + HOUR_MS)):
        (alert,) = tried([PURGE], events, Span(every_ms, silence_ms=2 * HOUR_MS))
        assert (alert["at"], alert["cause"], alert["user"]) == (at, "reversed", "n:bob")
    assert not tried([PURGE], events, Span(until_ms=undone - 1))


def test_the_last_moment_of_a_day_is_a_step() -> None:
    """A fall since the last close is largest then."""
    tried_ = Trial(Book((DAY,)), PLAIN, Span(7 * HOUR_MS, silence_ms=2 * DAY_MS), 2**60)
    moments: list[int] = []
    judged = tried_._judged
    tried_._judged = lambda now_ms: (moments.append(now_ms), judged(now_ms))[1]  # type: ignore[method-assign]
    list(tried_.alerts([said(1, "bob", T0 + 5)]))
    assert {T0 + DAY_MS - 1, T0 + 2 * DAY_MS - 1} <= set(moments)
    assert moments == sorted(set(moments))
    assert moments[-1] == T0 + 5 + 2 * DAY_MS == tried_.done.ends_ms


def test_of_persons_the_sum_is_judged() -> None:
    """The account that fell is not; the person is."""
    link = control_of(orjson.dumps({"type": "link", "user": "n:bob", "person": "p", "ts": T0 - 1}), 2**60)
    assert isinstance(link, Control)
    events = [said(n, "bob", T0 + n * 60_000) for n in range(5)]
    alerts = tried([DAY], events, Span(silence_ms=2 * DAY_MS), [link])
    assert {one["user"] for one in alerts} == {"person:p"}


def test_looking_ahead_leaves_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot move in the next hours is not scored in each step: the alerts are those of scoring everybody."""
    rules, span = (DAY, WEEK, LOW, UP), Span(silence_ms=9 * DAY_MS)
    events = list(Synthetic(seed=5, users=60, rate=0.0005, start_ms=T0, limit=300))
    fast = tried(rules, events, span)
    monkeypatch.setattr(trial, "_AHEAD_MS", 0)
    assert fast == tried(rules, events, span)
    assert {one["rule"] for one in fast} == {"day", "week", "low", "up"}


def test_alerts_are_those_of_plain_rules_over_the_offline_fold() -> None:
    """Everybody's scores at each step and at the closes, folded anew each time, and rules judged one by one."""
    rules = (DAY, WEEK, LOW, Rule(name="high", when=When(falls=0.8), who=Who(min_score=60.0)))
    events = sorted(Synthetic(seed=5, users=60, rate=0.0005, start_ms=T0, limit=300), key=lambda one: one.ts)
    every_ms, days = 6 * HOUR_MS, 14
    found = [
        (one["at"], one["user"], one["rule"], one["state"], one["episode"])
        for one in tried(rules, events, Span(every_ms, until_ms=T0 + days * DAY_MS))
    ]
    ends = T0 + days * DAY_MS
    steps = sorted({*range(T0 + every_ms, ends + 1, every_ms), *range(T0 + DAY_MS - 1, ends, DAY_MS)})
    at = {ms: _scores(events, ms) for ms in {*steps, *range(T0, ends, DAY_MS)}}
    wanted: list[tuple[Any, ...]] = []
    users: dict[str, Plain] = {}
    for step in steps:
        close = step // DAY_MS * DAY_MS
        before = {1: at[close], 7: at.get(close - 6 * DAY_MS, {})}
        for user, score in at[step].items():
            plain = users.setdefault(user, Plain())
            begun = max(one for one in [0, *steps] if one < step)
            touched = any(user in _touched(one) for one in events if begun <= one.ts < step)
            if not touched and (abs(score - plain.published) < 0.1 or not plain.published):
                continue
            known = {rule: before[7 if rule is WEEK else 1].get(user, NONE) for rule in rules}
            wanted += [(step, user, *one) for one in plain.judged(rules, step, score, known.__getitem__)]
    assert sorted(found) == sorted(wanted)
    assert len(found) > 30, len(found)


def _scores(events: list[Produced], ms: int) -> dict[str, float]:
    """Of those who were there then."""
    table = offline.fold([one for one in events if one.ts < ms], PLAIN, newest_ms=2**60)
    return {one.user: one.score for one in offline.scored(table, ms)} if len(table) else {}


def _touched(one: Produced) -> set[str]:
    event = orjson.loads(one.value)
    return {f"{event['network']}:{event['actor']}", f"{event['network']}:{event.get('target', '')}"}


@pytest.mark.parametrize("within", ["7d", "30d"])
def test_days_on_which_nothing_came_have_a_cause(within: Any) -> None:
    """Whoever is silent, in between or since, has faded: nothing of it is of what came before."""
    whom = Who(users=("n:bob", "n:ann", "n:eve"))
    rule = Rule(name="r", when=When(falls=2.0, within=within), who=whom, cooldown_s=0)
    events = [said(n, "bob", T0 + n * 60_000) for n in range(9)] + [
        said(n, "ann", T0 + n * DAY_MS) for n in range(9, 30)
    ]
    events += [said(n, "eve", T0 + n * 7 * HOUR_MS) for n in (30, 31, 32, 44, 45)]
    alerts = tried([rule], sorted(events, key=lambda one: one.ts), Span(3 * HOUR_MS, silence_ms=40 * DAY_MS))
    raised = {one["user"]: one for one in alerts if one["state"] == "raised"}
    assert set(raised) >= {"n:bob", "n:eve"}
    for one in raised.values():
        causes = {cause["cause"]: cause["points"] for cause in one["causes"]}
        assert abs(causes.get("earlier", 0.0)) < (1e-3 if within == "7d" else 99.0), one
    assert [cause["cause"] for cause in raised["n:bob"]["causes"]] == ["idle"]
