"""A record of `policies`: what it is, or what is wrong with it in words that name the rule. Nothing raises."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import Reject
from streams.model.gaps import Gap, Gaps
from streams.model.rules import Rule, When, Who
from streams.policies.checks import MOST_USERS
from streams.policies.records import GAP, MOST_BYTES, Removed, encode, key_of, parse, parse_rule

GOOD: dict[str, Any] = {"type": "rule", "name": "big-fall", "when": {"falls": 5}}
RULE = Rule(
    name="a.b_c-1",
    who=Who(network="bluesky", topic="Jazz", min_score=50.0, min_confidence=0.5),
    when=When(falls=40.0, unit="percent", within="30d"),
    ignore=("idle", "model"),
    require=("reversed",),
    severity="critical",
    cooldown_s=0,
    margin=3.0,
    urgent=True,
    since=1_783_123_200_000,
    enabled=False,
)


def raw(body: Any) -> bytes:
    """As JSON, with numbers of any size."""
    return json.dumps(body).encode()


def ask(name: str = "big-fall", /, **other: Any) -> Rule | Removed | Reject:
    """The good one with other fields, under the key of this name."""
    return parse(key_of(name), orjson.dumps({**GOOD, **other}))


def test_what_is_written_is_read() -> None:
    """All fields there are, and none beside those that must be."""
    for rule in (
        RULE,
        Rule(name="x", when=When(top=3)),
        Rule(name="x", who=Who(users=("n:a", "person:b")), when=When(rises=1.0)),
    ):
        assert parse(*encode(rule)) == rule
    assert orjson.loads(encode(Rule(name="x", when=When(below=40.0)))[1]) == {
        "type": "rule", "name": "x", "when": {"below": 40.0},
    }  # fmt: skip


def test_no_value_removes() -> None:
    """Also what no rule could be called: it may be a mistake that is taken away."""
    assert parse(b"rule/a", None) == Removed("a")
    assert parse(b"rule/No Such", None) == Removed("No Such")


def test_more_fields_are_ignored() -> None:
    """Those of a later version of the same format."""
    assert ask(more=1, when={"falls": 5, "more": {}}, format=1) == ask()


@pytest.mark.parametrize(
    ("other", "reason", "said"),
    [
        ({"format": 2}, "newer_format", "rule big-fall: format: policy of format 2; this worker knows 1"),
        ({"format": 2, "type": 7, "when": "later"}, "newer_format", "format 2"),
        ({"format": "1"}, "wrong_type", "rule big-fall: format: "),
        ({"format": True}, "wrong_type", "format"),
        ({"format": 0}, "wrong_type", "format"),
        ({"type": "pause"}, "unknown_policy", "rule big-fall: type: 'pause'; one of rule"),
        ({"type": 5}, "unknown_policy", "type: '5'"),
        ({"type": None}, "missing_field", "rule big-fall: type: "),
        ({"name": "other"}, "other_name", "rule big-fall: name: 'other', under a key that names another"),
        ({"when": {"falls": "5"}}, "wrong_type", "rule big-fall: when.falls: Expected"),
        ({"when": {}}, "bad_rule", "rule big-fall: when: none of them"),
        ({"when": {"falls": 5, "top": 3}}, "bad_rule", "falls and top at once"),
        ({"when": {"falls": 500}}, "bad_rule", "rule big-fall: when.falls: 500; here it is from 0.1 to 99"),
        ({"who": {"min_score": 500}}, "wrong_type", "rule big-fall: who.min_score: "),
        ({"who": {"users": ["ann"]}}, "bad_rule", "rule big-fall: who.users[...]: 'ann': a user is `network:id`"),
        ({"who": {"users": ["n:a"] * (MOST_USERS + 1)}}, "bad_rule", "1,001 users"),
        ({"ignore": ["idle"], "require": ["idle"]}, "bad_rule", "`idle` is ignored and required"),
        ({"severity": "loud"}, "wrong_type", "rule big-fall: severity: Invalid enum value 'loud'"),
        ({"when": {"top": 10**400}}, None, "rule big-fall: "),
    ],
)  # fmt: skip
def test_what_is_wrong_names_the_rule(other: dict[str, Any], reason: str | None, said: str) -> None:
    """And the field, and what may stand there."""
    found = parse(b"rule/big-fall", raw({**GOOD, **other}))
    assert isinstance(found, Reject)
    assert reason in (found.reason, None)
    assert said in found.message
    assert "rule big-fall: " in found.message


def test_a_rule_without_a_field() -> None:
    """Its name, or what it is about."""
    for field in ("name", "when", "type"):
        found = parse(b"rule/big-fall", orjson.dumps({name: value for name, value in GOOD.items() if name != field}))
        assert isinstance(found, Reject)
        assert (found.reason, found.path) == ("missing_field", f"$.{field}")


@pytest.mark.parametrize("key", [None, b"", b"rules/a", b"model/a", b"\xff\xfe", b"x" * 500])
def test_a_key_of_something_else(key: bytes | None) -> None:
    """Shown, if it is short enough."""
    found = parse(key, orjson.dumps(GOOD))
    assert isinstance(found, Reject)
    assert found.reason == "unknown_policy"
    assert len(found.message) < 400


def test_a_key_that_names_the_rule_otherwise() -> None:
    """By other bytes: it would stand beside the right one."""
    for key in (b"rule/big-fall ", b"rule/Big-fall", b"rule/big-fal\xff", b"rule/" + b"b" * 100):
        found = parse(key, orjson.dumps(GOOD))
        assert isinstance(found, Reject)
        assert found.reason == "other_name"


def test_large_and_empty_values() -> None:
    """An empty one is no null; the largest rule that may be is taken."""
    assert isinstance(empty := parse(b"rule/a", b""), Reject)
    assert empty.reason == "empty"
    assert isinstance(large := parse(b"rule/a", b" " * (MOST_BYTES + 1)), Reject)
    assert large.reason == "too_large"
    users = tuple(f"{'n' * 64}:{n:0256}" for n in range(MOST_USERS))
    rule = Rule(name="x" * 64, who=Who(users=users), when=When(falls=5.0))
    assert parse(*encode(rule)) == rule


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_fields = (
    "type",
    "format",
    "name",
    "who",
    "when",
    "ignore",
    "require",
    "severity",
    "cooldown_s",
    "margin",
    "urgent",
    "from",
)
_who, _when = ("users", "network", "topic", "min_score", "min_confidence"), ("falls", "unit", "within", "below", "top")


@given(
    st.binary(max_size=20) | st.just(b"rule/big-fall"),
    st.binary(max_size=60)
    | st.dictionaries(st.sampled_from(_fields), _json, max_size=4).map(lambda other: raw({**GOOD, **other}))
    | st.dictionaries(st.sampled_from(_who), _json).map(lambda who: raw({**GOOD, "who": who}))
    | st.dictionaries(st.sampled_from(_when), _json).map(lambda when: raw({**GOOD, "when": when}))
    | st.integers(0, 60).map(lambda n: orjson.dumps(GOOD)[:n] + b"\\ud800" + orjson.dumps(GOOD)[n:]),
)
def test_nothing_raises(key: bytes, value: bytes) -> None:
    """Whatever comes; and what is taken is written and read again."""
    found = parse(key, value)
    if isinstance(found, Rule):
        assert parse(*encode(found)) == found


GAPS: dict[str, Any] = {"type": "gap", "network": "n", "gaps": [{"since": 1_783_123_200_000, "until": None}]}


def gaps(**other: Any) -> Any:
    """What a record of gaps comes to, under the key of the network n."""
    return parse(b"gap/n", orjson.dumps({**GAPS, **other}))


def test_gaps_of_a_network() -> None:
    """What is sent is what is read; null takes them away; more fields are ignored."""
    found = gaps(more=1, format=1)
    assert found == Gaps(network="n", gaps=(Gap(since=1_783_123_200_000),))
    ended = Gaps(network="n", gaps=(Gap(since=10**12, until=10**12 + 1, by="silence"),))
    assert parse(*encode(ended)) == ended
    assert parse(b"gap/n", None) == Removed("n", GAP)


@pytest.mark.parametrize(
    ("other", "reason", "said"),
    [
        ({"format": 2}, "newer_format", "gap n: format: policy of format 2"),
        ({"network": "m"}, "other_name", "gap n: network: 'm'"),
        ({"network": "a:b"}, "bad_gap", "before the colon"),
        ({"network": "person"}, "bad_gap", "not person"),
        ({"network": ""}, "missing_field", "network"),
        ({"gaps": []}, "bad_gap", "0 gaps"),
        ({"gaps": GAPS["gaps"] * 17}, "bad_gap", "17 gaps"),
        ({"gaps": [{"since": 1_783_123_200}]}, "bad_gap", "ms since epoch"),
        ({"gaps": [{"since": 10**12, "until": 10**12}]}, "bad_gap", "it ends after it begins"),
        ({"gaps": [{"since": 10**12, "until": 2**60}]}, "bad_gap", "it ends after it begins"),
        ({"gaps": [{"until": 10**12}]}, "missing_field", "since"),
        ({"gaps": [{"since": 10**12, "by": "me"}]}, "wrong_type", "gap n: gaps[0].by"),
        ({"type": "rule", "name": "n", "when": {"falls": 5}}, "other_name", "a rule has the key rule/NAME"),
    ],
)
def test_gaps_that_cannot_be_used(other: dict[str, Any], reason: str, said: str) -> None:
    """The message names the network and what is wrong."""
    found = gaps(**other)
    assert isinstance(found, Reject)
    assert (found.reason, said in found.message) == (reason, True), found


def test_gaps_are_no_rule() -> None:
    """Neither under the key of a rule nor in a file of rules."""
    assert isinstance(found := parse(b"rule/n", orjson.dumps(GAPS)), Reject)
    assert found.reason == "other_name"
    assert isinstance(parse_rule(orjson.dumps(GAPS)), Reject)
