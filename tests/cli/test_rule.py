"""`clout rule` before it asks anybody: what words and files say, checked for typing mistakes; and a rule in words."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from agents.cli import gap_words, rule_text
from agents.cli.rule_lines import body_of, checked, read
from streams.broker.admin import Admin
from streams.errors import CloutError, UsageError
from streams.model import rules
from streams.model.gaps import Gap
from streams.model.rules import DAY_FALL, WEEK_FALL, Rule, When, Who
from streams.policies import book as books
from streams.policies.records import key_of, parse
from streams.settings import Settings
from tests.cli.test_with_servers import read as read_topic

Ask = Callable[..., Any]
LOW, FALL = {"name": "low", "when": {"below": 40}}, {"type": "rule", "name": "fall", "when": {"falls": 5}}
NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "network",
        "topic",
        "min_score",
        "min_confidence",
        "falls",
        "rises",
        "unit",
        "within",
        "below",
        "percentile",
        "top",
    )
) | {
    "user": (),
    "ignore": (),
    "require": (),
    "severity": None,
    "margin": None,
    "urgent": False,
    "from": None,
    "cooldown": None,
}


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], str]:
    """A file of these bytes."""

    def make(value: bytes) -> str:
        path = tmp_path / "rules"
        path.write_bytes(value)
        return str(path)

    return make


def test_all_that_can_be_said() -> None:
    """Every field of a rule has an option; none is lost, a nought neither."""
    said = {
        "user": ("n:a", "person:b"),
        "falls": 40.0,
        "unit": "percent",
        "within": "7d",
        "ignore": ("idle",),
        "cooldown": 0,
    }
    more = {"require": ("reversed",), "severity": "critical", "margin": 0.0, "urgent": True, "from": 1_783_123_200_000}
    assert checked(body_of("x", **NOTHING | said | more)) == Rule(
        name="x", who=Who(users=("n:a", "person:b")), when=When(falls=40.0, unit="percent", within="7d"), ignore=("idle",),
        require=("reversed",), severity="critical", cooldown_s=0, margin=0.0, urgent=True, since=1_783_123_200_000,
    )  # fmt: skip
    whom = {"network": "bluesky", "topic": "jazz", "min_score": 50.0, "min_confidence": 0.5}
    for at in ({"rises": 3.0}, {"below": 40.0}, {"percentile": 5.0}, {"top": 10}):
        assert checked(body_of("x", **NOTHING | whom | at)) == Rule(name="x", who=Who(**whom), when=When(**at))
    known = {field.encode_name for kind in (Rule, Who, When) for field in msgspec.structs.fields(kind)}
    assert known - {"name", "who", "when", "users", "cooldown_s", "enabled"} <= set(NOTHING)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x",), "when: none of them"),
        (("x", "--falls", "0"), "rule x: when.falls: 0; here it is from 0.1 to 99"),
        (("x", "--falls", "5", "--top", "3"), "falls and top at once"),
        (("x", "--top", "9" * 30), "when.top: "),
        (("x", "--below", "40", "--min-score", "0"), "rule x: who.min_score"),
        (("Big fall", "--falls", "5"), "rule Big fall: name: "),
        (("x", "--falls", "5", "--user", "ann"), "'ann': a user is `network:id`"),
        (("x", "--falls", "5", "--user", "n:a", "--network", "n"), "`users` stands alone"),
        (("x", "--falls", "5", "--ignore", "idle", "--require", "idle"), "is ignored and required"),
        (("x", "--falls", "5", "--ignore", "sleep"), "'sleep' is not one of"),
        (("x", "--falls", "5", "--cooldown", "6"), "is no time span"),
        (("x", "--falls", "5", "--cooldown", "100d"), "cooldown_s: "),
        (("x", "--falls", "5", "--margin", "6"), "margin: 6; here a margin is 0 to 5"),
        (("x", "--falls", "5", "--within", "2d"), "'2d' is not one of"),
        (("x", "--falls", "5", "--from", "soon"), "'soon' is no time"),
        ((), "name the rule"),
        (("x", "--file", "f"), "name either a rule"),
        (("--urgent", "--file", "f"), "name either a rule"),
        (("--file", "nowhere.json"), "nowhere.json does not exist"),
    ],
)
def test_what_cannot_be_is_said_before_kafka_is_asked(clout: Ask, words: tuple[str, ...], said: str) -> None:
    """Exit code 2."""
    done = clout("rule", "add", *words, kafka="127.0.0.1:1")
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    "value",
    [
        orjson.dumps([LOW, FALL]),
        orjson.dumps([LOW, FALL], option=orjson.OPT_INDENT_2),
        orjson.dumps(LOW) + b"\n\n" + orjson.dumps(FALL) + b"\n",
        gzip.compress(orjson.dumps(LOW) + b"\n" + orjson.dumps(FALL), mtime=0),
    ],
)
def test_files(file: Callable[[bytes], str], value: bytes) -> None:
    """An array, on one line or many; one a line; packed."""
    assert read(file(value)) == [Rule(name="low", when=When(below=40.0)), Rule(name="fall", when=When(falls=5.0))]


def test_one_rule_on_many_lines(file: Callable[[bytes], str]) -> None:
    """As somebody writes it by hand."""
    assert read(file(orjson.dumps(LOW, option=orjson.OPT_INDENT_2))) == [Rule(name="low", when=When(below=40.0))]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([LOW, {**FALL, "cooldown": 5}], "line 2: rule fall: cooldown: no rule has it; cooldown_s?"),
        ([LOW, {**FALL, "since": 5}], "line 2: rule fall: since: no rule has it"),
        ([{**LOW, "when": {"fals": 5}}, FALL], "line 1: rule low: when.fals: no rule has it; when.falls?"),
        ([{**LOW, "who": {"user": ["n:a"]}}, FALL], "who.user: no rule has it; who.users?"),
        ([LOW, {**FALL, "when": {"falls": "5"}}], "line 2: rule fall: when.falls: Expected"),
        ([LOW, {**FALL, "when": 5}], "line 2: rule fall: when: Expected"),
        ([LOW, {**FALL, "format": 2}], "line 2: rule fall: format: policy of format 2"),
        ([LOW, {"when": {"falls": 5}}], "line 2: rule None: name: "),
        ([LOW, LOW], "line 2: rule low: it stands there twice"),
        ([LOW, 5], "line 2: no JSON object; a rule is an object"),
        ([], "no rules in "),
    ],
)
def test_every_line_is_checked_before_any_is_sent(file: Callable[[bytes], str], lines: list[Any], said: str) -> None:
    """Wrong types, what cannot be, and fields that a worker would pass over."""
    with pytest.raises(CloutError) as error:
        read(file(b"\n".join(map(orjson.dumps, lines))))
    assert said in str(error.value)
    assert not lines or "nothing was sent" in str(error.value)


def test_a_line_that_is_no_json(file: Callable[[bytes], str]) -> None:
    """Named by its number, blank lines counted."""
    with pytest.raises(CloutError, match=r"line 3: no JSON object \("):
        read(file(orjson.dumps(LOW) + b"\n\n{oops\n"))


def test_many_wrong_lines(file: Callable[[bytes], str]) -> None:
    """Twenty are told."""
    with pytest.raises(CloutError) as error:
        read(file(b"{\n" * 50))
    assert str(error.value).count("no JSON object") == 20
    assert "and 30 more" in str(error.value)


@pytest.mark.parametrize(
    ("rule", "who", "when"),
    [
        (Rule(name="x", when=When(falls=1.5)), "everyone", "falls 1.5 points in a day"),
        (Rule(name="x", when=When(rises=30.0, unit="percent", within="30d")), "everyone", "rises 30% in 30 days"),
        (Rule(name="x", who=Who(users=("n:a",)), when=When(below=40.0)), "n:a", "falls below 40"),
        (
            Rule(name="x", who=Who(users=("n:a", "n:b", "n:c")), when=When(top=1_000)),
            "n:a and 2 more",
            "falls out of the top 1,000",
        ),
        (
            Rule(
                name="x",
                who=Who(network="n", topic="jazz", min_score=60, min_confidence=0.5),
                when=When(percentile=5.0),
            ),
            "on n, topic jazz, score from 60, confidence from 0.5",
            "falls below percentile 5",
        ),
    ],
)
def test_in_words(rule: Rule, who: str, when: str) -> None:
    """Of whom, and at what."""
    assert (rule_text.who(rule.who), rule_text.when(rule.when)) == (who, when)


def test_spans() -> None:
    """In the largest unit that is whole."""
    assert [rule_text.span(n) for n in (0, 59, 90, 3_600, 21_600, 86_400, 90_000)] == [
        "0",
        "59s",
        "90s",
        "1h",
        "6h",
        "1d",
        "25h",
    ]
    assert rules.built_in()[0].cooldown_s == 21_600


@pytest.fixture
def on_kafka(clout: Ask, kafka: str, prefix: str) -> Ask:
    """The command with topics of its own."""
    settings = {"kafka": kafka, "topic_prefix": prefix}
    with Admin(Settings.load({}, **settings)) as admin:
        admin.create()
    return lambda *words, **more: clout("rule", *words, **settings | more)


def test_gaps_in_the_making() -> None:
    """One is on at most, unless a time is said; an end ends it; what no worker would take is said."""
    now_ms = 1_783_123_200_000
    first = gap_words.begun(None, "n", None, None, now_ms)
    assert first.gaps == (Gap(since=now_ms),)
    with pytest.raises(UsageError, match="a gap of n is on since 2026-07-04T00:00:00Z"):
        gap_words.begun(first, "n", None, None, now_ms + 1)
    both = gap_words.begun(first, "n", now_ms - 9, now_ms - 8, now_ms)
    assert both.gaps == (Gap(since=now_ms), Gap(since=now_ms - 9, until=now_ms - 8))
    assert gap_words.ended(both, "n", None, now_ms + 5).gaps[0] == Gap(since=now_ms, until=now_ms + 5)
    with pytest.raises(UsageError, match="no gap of n is on"):
        gap_words.ended(None, "n", None, now_ms)
    with pytest.raises(UsageError, match="it ends after it begins"):
        gap_words.ended(both, "n", now_ms - 1, now_ms)
    with pytest.raises(UsageError, match="before the colon"):
        gap_words.begun(None, "n:a", None, None, now_ms)


def test_a_gap_in_the_topic(on_kafka: Ask, clout: Ask, kafka: str, prefix: str) -> None:
    """Declared, listed, ended."""
    settings = {"kafka": kafka, "topic_prefix": prefix}
    done = clout("control", "gap", "mastodon", "--from", "2026-07-01T06:00:00Z", **settings)
    assert "sent: nothing comes from mastodon since 2026-07-01T06:00:00Z (declared)" in done.stderr
    assert "gap: nothing comes from mastodon since 2026-07-01T06:00:00Z (declared)" in on_kafka("list").stderr
    assert orjson.loads(clout("control", "gap", "mastodon", "--end", "--json", **settings).stdout)["offset"] == 1
    assert "gap" not in on_kafka("list").stderr
    found = [orjson.loads(record.value) for record in read_topic(kafka, f"{prefix}policies")]
    assert [len(one["gaps"]) for one in found] == [1, 1]
    assert clout("control", "gap", "mastodon", "--end", **settings).exit_code == 2


def listed(on_kafka: Ask) -> dict[str, tuple[Any, ...]]:
    """State, whether it is built in, and where it is from, of each rule."""
    lines = map(orjson.loads, on_kafka("list", "--json").stdout.splitlines())
    return {one["name"]: (one["state"], one["built_in"], one["offset"]) for one in lines}


def test_add_replace_remove_restore(on_kafka: Ask, kafka: str, prefix: str, file: Callable[[bytes], str]) -> None:
    """Each is a record of the topic, and `list` and `show` tell what they come to."""
    assert listed(on_kafka) == {DAY_FALL: ("in force", True, None), WEEK_FALL: ("in force", True, None)}
    assert "sent: rule big (new), everyone: falls 10 points in a day" in on_kafka("add", "big", "--falls", "10").stderr
    assert "in place of the one before" in on_kafka("add", "big", "--falls", "8", "--from", "2999-01-01").stderr
    assert "in place of the built-in one" in on_kafka("add", DAY_FALL, "--falls", "3").stderr
    sent = on_kafka("add", "--file", file(orjson.dumps([LOW, FALL])), "--json")
    assert orjson.loads(sent.stdout) == {"sent": 2, "topic": f"{prefix}policies", "offset": 4}
    assert "is switched off; `clout rule restore week-fall`" in on_kafka("remove", WEEK_FALL).stderr
    assert "rule low is removed" in on_kafka("remove", "low").stderr
    assert listed(on_kafka) == {
        "big": ("later", False, 1), DAY_FALL: ("in force", False, 2), "fall": ("in force", False, 4),
        WEEK_FALL: ("off", False, 5),
    }  # fmt: skip
    on_kafka("restore", WEEK_FALL)
    on_kafka("restore", DAY_FALL)
    assert set(listed(on_kafka)) == {"big", "fall", DAY_FALL, WEEK_FALL}
    assert "from 2999-01-01T00:00:00Z, offset 1" in on_kafka("show", "big").stdout
    assert "falls 2 points in a day" in on_kafka("show", DAY_FALL, alert_points=2).stdout
    records = [(record.key, record.value) for record in read_topic(kafka, f"{prefix}policies")]
    assert [parse(*record) for record in records[:2]] == [
        Rule(name="big", when=When(falls=10.0)), Rule(name="big", when=When(falls=8.0), since=32_472_144_000_000),
    ]  # fmt: skip
    assert records[-3:] == [(key_of(name), None) for name in ("low", WEEK_FALL, DAY_FALL)]


def test_what_is_not_there(on_kafka: Ask) -> None:
    """Exit code 1, or 2 for what no rule could be."""
    for command, code, said in (
        ("remove", 1, "no rule is named x"),
        ("show", 1, "no rule"),
        ("restore", 2, "no built-in"),
    ):
        done = on_kafka(command, "x")
        assert (done.exit_code, done.stdout) == (code, "")
        assert said in done.stderr


def test_a_record_that_cannot_be_used(on_kafka: Ask, kafka: str, prefix: str) -> None:
    """It is told with its rule and offset, the one before holds, and `remove` takes it away, also where nothing held."""
    from kafka import KafkaProducer

    on_kafka("add", "a", "--falls", "5")
    with KafkaProducer(bootstrap_servers=kafka) as producer:
        for key in (b"rule/a", b"rule/b"):
            producer.send(f"{prefix}policies", b'{"format":2}', key, partition=0).get(10)
    told = on_kafka("list")
    assert "rule a: format: policy of format 2; this worker knows 1" in told.stderr
    assert "(offset 2 of policies)" in told.stderr
    assert listed(on_kafka)["a"] == ("in force", False, 0)
    assert "what it was before still holds" in on_kafka("show", "a").stderr
    for name in "ab":
        assert on_kafka("remove", name).exit_code == 0
    assert (on_kafka("list").stderr, set(listed(on_kafka))) == ("", {DAY_FALL, WEEK_FALL})


def test_too_many_rules(on_kafka: Ask, file: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent; one that replaces another is no more."""
    monkeypatch.setattr(books, "MOST_RULES", 4)
    assert on_kafka("add", "--file", file(orjson.dumps([LOW, FALL]))).exit_code == 0
    done = on_kafka("add", "more", "--falls", "5")
    assert done.exit_code == 1
    assert "that would be 5 rules, 1 of them new; at most 4 can be in force" in done.stderr
    assert on_kafka("add", "low", "--falls", "5").exit_code == 0
    assert len(listed(on_kafka)) == 4


def test_without_the_topic(clout: Ask, kafka: str, prefix: str) -> None:
    """It is not made by the way."""
    for words in (("list",), ("add", "x", "--falls", "5")):
        done = clout("rule", *words, kafka=kafka, topic_prefix=prefix)
        assert (done.exit_code, done.stdout) == (1, "")
        assert f"topic {prefix}policies does not exist; create it with `clout topics create`" in done.stderr
