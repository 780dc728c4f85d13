"""The schema of policies beside what a worker takes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from streams.events import Reject
from streams.model.gaps import Gap, Gaps
from streams.model.rules import Rule, When, Who, built_in
from streams.policies.records import encode, key_of, key_of_gaps, parse
from streams.schemas import values
from streams.topics import POLICIES
from tests.schemas.test_values import wrong

SCHEMA = values.document(POLICIES)
ASK = wrong(SCHEMA)
GOOD: dict[str, Any] = {"type": "rule", "name": "a", "when": {"falls": 5}}


@pytest.mark.parametrize(
    "rule",
    [
        *built_in(),
        Rule(
            name="x",
            who=Who(users=("n:a", "person:b")),
            when=When(falls=40.0, unit="percent", within="30d"),
            margin=1.0,
        ),
        Rule(name="x", who=Who(network="n", topic="jazz", min_score=50.0, min_confidence=1.0), when=When(top=10)),
        Rule(name="x", when=When(rises=2.0), ignore=("idle",), require=("links",), severity="info", cooldown_s=0),
        Rule(name="x", when=When(percentile=5.0), urgent=True, since=1_783_123_200_000, enabled=False),
    ],
)
def test_what_is_sent_fits(rule: Rule) -> None:
    """Whatever `clout rule` may write; null removes."""
    assert ASK(orjson.loads(encode(rule)[1])) == []
    assert ASK(None) == []


@pytest.mark.parametrize("example", SCHEMA["examples"])
def test_its_examples_are_taken(example: dict[str, Any]) -> None:
    """By the schema and by a worker."""
    assert ASK(example) == []
    key = key_of(example["name"]) if example["type"] == "rule" else key_of_gaps(example["network"])
    assert isinstance(parse(key, orjson.dumps(example)), Rule | Gaps)


@pytest.mark.parametrize(
    "other",
    [
        *(
            {name: None}
            for name in ("type", "name", "when", "who", "ignore", "cooldown_s", "urgent", "from", "enabled")
        ),
        {"type": "pause"},
        {"format": 2},
        {"name": "A"},
        {"name": ""},
        {"when": {}},
        {"when": {"falls": 5, "top": 3}},
        {"when": {"falls": None}},
        {"when": {"falls": "5"}},
        {"when": {"falls": 0}},
        {"when": {"below": 1}},
        {"when": {"top": 1.5}},
        {"when": {"percentile": 100}},
        {"when": {"falls": 5, "within": "2d"}},
        {"when": {"falls": 5, "unit": "parts"}},
        {"who": {"users": ["ann"]}},
        {"who": {"users": ["n:a"] * 1_001}},
        {"who": {"network": "a:b"}},
        {"who": {"min_score": 0.5}},
        {"who": {"min_confidence": 2}},
        {"ignore": ["sleep"]},
        {"severity": "loud"},
        {"cooldown_s": -1},
        {"margin": -1},
        {"from": -1},
        {"enabled": 1},
    ],
)
def test_what_is_refused_does_not_fit(other: dict[str, Any]) -> None:
    """By both."""
    body = {**GOOD, **other}
    assert isinstance(parse(key_of(str(body["name"])), orjson.dumps(body)), Reject)
    assert ASK(body)


@pytest.mark.parametrize(
    "other", [{}, {"format": 1}, {"format": None}, {"more": 1}, {"margin": None}, {"who": {"network": None}}]
)
def test_what_is_taken_fits(other: dict[str, Any]) -> None:
    """Null where it is absent, and more fields."""
    body = {**GOOD, **other}
    assert isinstance(parse(key_of("a"), orjson.dumps(body)), Rule)
    assert ASK(body) == []


GAPPED: dict[str, Any] = {"type": "gap", "network": "n", "gaps": [{"since": 10**12}]}


@pytest.mark.parametrize(
    "other",
    [
        *({name: None} for name in ("type", "network", "gaps")),
        {"format": 2},
        {"network": "a:b"},
        {"network": "person"},
        {"gaps": []},
        {"gaps": [{"since": 10**12}] * 17},
        {"gaps": [{"since": 10**9}]},
        {"gaps": [{"since": 10**12, "until": "x"}]},
        {"gaps": [{"since": 10**12, "by": "me"}]},
    ],
)
def test_gaps_that_are_refused_do_not_fit(other: dict[str, Any]) -> None:
    """By both."""
    body = {**GAPPED, **other}
    assert isinstance(parse(key_of_gaps(str(body["network"])), orjson.dumps(body)), Reject)
    assert ASK(body)


def test_gaps_that_are_sent_fit() -> None:
    """With an end, and without."""
    for gap in Gap(since=10**12), Gap(since=10**12, until=10**12 + 1, by="silence"):
        key, value = encode(Gaps(network="n", gaps=(gap,)))
        assert ASK(orjson.loads(value)) == []
        assert isinstance(parse(key, value), Gaps)
