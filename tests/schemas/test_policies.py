"""The schema of policies beside what a worker takes."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest

from streams.events import Reject
from streams.model.channels import Acknowledged, Channel, Quiet, Silence
from streams.model.gaps import Gap, Gaps
from streams.model.rules import Rule, When, Who, built_in
from streams.policies.records import Policy, encode, key_of, key_of_gaps, key_of_policy, parse
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
    key = key_of_policy(msgspec.convert(example, Policy))
    assert not isinstance(parse(key, orjson.dumps(example)), Reject)


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


CHANNEL: dict[str, Any] = {"type": "channel", "name": "ops", "url": "https://h.example/x"}


@pytest.mark.parametrize(
    "other",
    [
        *({name: None} for name in ("type", "name", "url", "kind", "body", "route", "most_a_minute", "enabled")),
        {"format": 2},
        {"name": "Ops"},
        {"url": ""},
        {"url": "https://" + "a" * 2_000},
        {"kind": "fax"},
        {"body": "xml"},
        {"sign": ["whsec_plain"]},
        {"sign": ["secret:a"] * 5},
        {"token": "hunter2"},
        {"key": "secret:"},
        {"route": {"severity": "loud"}},
        {"route": {"rules": ["A"]}},
        {"route": {"networks": ["a:b"]}},
        {"route": {"users": ["ann"]}},
        {"quiet": {"from": "22:00"}},
        {"quiet": {"from": "25:00", "until": "07:00"}},
        {"quiet": {"from": "22:00", "until": "7:00"}},
        {"quiet": {"from": "22:00", "until": "07:00", "days": ["monday"]}},
        {"group_s": -1},
        {"most_a_minute": 0},
        {"timeout_s": 61},
        {"schedule_s": []},
        {"schedule_s": [-1]},
        {"schedule_s": [0] * 21},
        {"to": ["a@b"] * 51},
    ],
)
def test_channels_that_are_refused_do_not_fit(other: dict[str, Any]) -> None:
    """By both."""
    body = {**CHANNEL, **other}
    assert isinstance(parse(f"channel/{body['name']}".encode(), orjson.dumps(body)), Reject)
    assert ASK(body)


TOKEN: dict[str, Any] = {"type": "token", "name": "ops", "hash": "a1" * 32}


@pytest.mark.parametrize(
    "other",
    [
        *({name: None} for name in ("type", "name", "hash", "scope")),
        {"name": "Ops"},
        {"hash": "a1"},
        {"hash": "A1" * 32},
        {"scope": "root"},
        {"until": 0},
    ],
)
def test_tokens_that_are_refused_do_not_fit(other: dict[str, Any]) -> None:
    """By both."""
    body = {**TOKEN, **other}
    assert isinstance(parse(f"token/{body['name']}".encode(), orjson.dumps(body)), Reject)
    assert ASK(body)


SILENCE: dict[str, Any] = {"type": "silence", "name": "s", "users": ["n:a"], "until": 10**12}


@pytest.mark.parametrize(
    "other",
    [
        *({name: None} for name in ("type", "name", "until", "users")),
        {"users": []},
        {"users": ["ann"]},
        {"networks": [""]},
        {"rules": ["A"]},
        {"from": -1},
        {"until": 0},
        {"why": "x" * 501},
    ],
)
def test_silences_that_are_refused_do_not_fit(other: dict[str, Any]) -> None:
    """By both."""
    body = {**SILENCE, **other}
    assert isinstance(parse(f"silence/{body['name']}".encode(), orjson.dumps(body)), Reject)
    assert ASK(body)


ACKNOWLEDGED: dict[str, Any] = {"type": "acknowledged", "rule": "r", "user": "n:a", "episode": 10**12, "at": 10**12}


@pytest.mark.parametrize("other", [{"rule": "R"}, {"user": "ann"}, {"episode": 0}, {"at": None}, {"by": "x" * 501}])
def test_acknowledgements_that_are_refused_do_not_fit(other: dict[str, Any]) -> None:
    """By both."""
    body = {**ACKNOWLEDGED, **other}
    assert isinstance(parse(f"acknowledged/{body['rule']}/{body['user']}".encode(), orjson.dumps(body)), Reject)
    assert ASK(body)


@pytest.mark.parametrize(
    "sent",
    [
        Channel(
            name="a", url="secret:u", body="slack", quiet=Quiet(since="22:00", until="07:00", days=("mon",), but=None)
        ),
        Channel(
            name="a", kind="email", url="smtps://h", to=("a@b.org",), sender="c@d.org", user="u", password="secret:p"
        ),
        Silence(name="s", rules=("day-fall",), until=10**12),
        Acknowledged(rule="r", user="person:ann", episode=10**12, at=10**12, by="bob"),
    ],
)
def test_what_is_sent_of_channels_fits(sent: Any) -> None:
    """Whatever `clout channel` and `clout alerts` may write."""
    key, value = encode(sent)
    assert parse(key, value) == sent
    assert ASK(orjson.loads(value)) == []
