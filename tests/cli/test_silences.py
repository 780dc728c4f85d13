"""`clout alerts silence`, `silences`, `unsilence` and `ack`, on a real Kafka: what stands in `policies` afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from streams.model.channels import Acknowledged, Silence
from streams.policies import book as books
from streams.policies.records import encode, parse
from streams.settings import Settings
from tests.alerts import NOW_MS, OLD, told
from tests.cli.test_alerts import published
from tests.cli.test_with_servers import read as read_topic

Ask = Callable[..., Any]
DAY_MS = 86_400_000


@pytest.fixture
def ask(on_topics: Ask) -> Ask:
    """The command."""
    return lambda *words, **more: on_topics("alerts", *words, **more)


def now_ms() -> int:
    """The wall clock."""
    return int(time.time() * 1000)


def policies(settings: Settings) -> list[Any]:
    """What was sent, in its order; of what was removed the key."""
    records = read_topic(settings.kafka, settings.topic("policies"))
    return [record.key.decode() if record.value is None else parse(record.key, record.value) for record in records]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("silence", "x", "--rule", "a"), "either --for 2h or --until TS"),
        (("silence", "x", "--rule", "a", "--for", "2h", "--until", "2999-01-01"), "either --for 2h or --until TS"),
        (("silence", "x", "--for", "2h"), "silence x: it names neither rules nor networks nor users"),
        (("silence", "x", "--for", "2h", "--user", "ann"), "silence x: users[...]: "),
        (("silence", "x", "--for", "0", "--rule", "a"), "silence x: until: it ends after it begins"),
        (("silence", "X", "--for", "2h", "--rule", "a"), "silence X: name: "),
        (
            ("silence", "x", "--from", "2026-01-01", "--for", "1h", "--rule", "a"),
            "it would have ended at 2026-01-01T01",
        ),
        (("silence", "x", "--for", "soon", "--rule", "a"), "is no time span"),
        (("ack",), "either RULE and USER, or --id"),
        (("ack", "day-fall"), "either RULE and USER, or --id"),
        (("ack", "day-fall", "t:a", "--id", "x"), "either RULE and USER, or --id"),
        (("ack", "--id", "x"), "an id is RULE/USER/EPISODE/STATE"),
        (("--json", "silences"), "options of `clout alerts silences` stand behind its name"),
    ],
)
def test_what_cannot_be_is_said_before_kafka_is_asked(clout: Ask, words: tuple[str, ...], said: str) -> None:
    """Exit code 2."""
    done = clout("alerts", *words, kafka="127.0.0.1:1")
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_silences(ask: Ask, settings: Settings) -> None:
    """From now, or from a moment, for a span or until a moment; a name is replaced; ended early."""
    assert "no silences" in ask("silences").stderr
    done = ask("silence", "census", "--network", "mastodon", "--for", "2h", "--why", "the instance moves", "--json")
    assert orjson.loads(done.stdout) == {"sent": 1, "topic": settings.topic("policies"), "offset": 0}
    assert "silence census, network mastodon: until " in done.stderr
    [made] = policies(settings)
    assert (made.networks, made.until - made.since, made.why) == (("mastodon",), 7_200_000, "the instance moves")
    assert now_ms() - 60_000 < made.since <= now_ms()
    later = ("--user", "t:a", "--rule", "r", "--from", "2999-01-01", "--until", "2999-01-02")
    assert ask("silence", "later", *later).exit_code == 0
    assert "in place of the one before" in ask("silence", "census", "--network", "n", "--for", "1h").stderr
    found = {one["name"]: one["state"] for one in map(orjson.loads, ask("silences", "--json").stdout.splitlines())}
    assert found == {"census": "on", "later": "later"}
    assert "rule r, user t:a  2999-01-01T00:00:00Z  2999-01-02T00:00:00Z" in ask("silences").stdout
    assert ask("unsilence", "census").exit_code == 0
    assert policies(settings)[-1] == "silence/census"
    assert (again := ask("unsilence", "census")).exit_code == 1
    assert "no silence is named census" in again.stderr


def test_too_many(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest would not be known any more: nothing is sent; one that is replaced is no more."""
    monkeypatch.setattr(books, "MOST_SILENCES", 1)
    assert ask("silence", "a", "--rule", "r", "--for", "1h").exit_code == 0
    done = ask("silence", "b", "--rule", "r", "--for", "1h")
    assert (done.exit_code, "which is the most" in done.stderr) == (1, True)
    assert ask("silence", "a", "--rule", "r", "--for", "2h").exit_code == 0


def test_the_newest_alert_is_acknowledged(ask: Ask, settings: Settings) -> None:
    """By rule and user, or by id; what is over, or not there, is not."""
    published(
        settings,
        told("t:a/b:c", 1), told("t:a/b:c", 5), told("t:a/b:c", 9, rule="big"), told("t:b", 2),
        told("t:b", 3, state="recovered"), orjson.dumps(OLD),
    )  # fmt: skip
    done = ask("ack", "day-fall", "t:a/b:c", "--by", "bob")
    assert done.exit_code == 0, done.output
    assert "sent: day-fall about t:a/b:c, raised 2026-01-01T00:00:00.005Z, is acknowledged" in done.stderr
    assert ask("ack", "--id", f"day-fall/t:a/b:c/{NOW_MS + 1}/raised").exit_code == 0
    first, second = policies(settings)
    assert first == Acknowledged(rule="day-fall", user="t:a/b:c", episode=NOW_MS + 5, at=first.at, by="bob")
    assert now_ms() - 60_000 < first.at <= now_ms()
    assert second.episode == NOW_MS + 1
    shown = ask("silences")
    assert "day-fall      t:a/b:c" in shown.stdout
    for words, said in (
        (("big", "t:b"), "no alert by big about t:b is there"),
        (("day-fall", "t:b"), "day-fall about t:b is recovered since 2026-01-01T00:00:00.003Z"),
        (("fall", "t:old"), "an older version has written this alert"),
        (("--id", f"day-fall/t:a/b:c/{NOW_MS + 2}/raised"), "no alert has the id day-fall/t:a/b:c/"),
    ):
        done = ask("ack", *words)
        assert done.exit_code == 1
        assert said in done.stderr
    assert len(policies(settings)) == 2


def test_what_is_long_over_is_removed_by_the_way(ask: Ask, settings: Settings) -> None:
    """Silences that ended 30 days ago, and what was acknowledged 30 days ago; nothing that is younger."""
    from kafka import KafkaProducer

    now = now_ms()
    user = {"rule": "r", "episode": 1}
    sent: list[Silence | Acknowledged] = [
        Silence(name="long-over", rules=("r",), until=now - 31 * DAY_MS),
        Silence(name="over", rules=("r",), until=now - 29 * DAY_MS),
        Acknowledged(user="n:old", at=now - 31 * DAY_MS, **user),  # type: ignore[arg-type]
        Acknowledged(user="n:new", at=now - 29 * DAY_MS, **user),  # type: ignore[arg-type]
    ]
    with KafkaProducer(bootstrap_servers=settings.kafka) as producer:
        for key, value in map(encode, sent):
            producer.send(settings.topic("policies"), value, key, partition=0).get(10)
    assert ask("silence", "a", "--rule", "r", "--for", "1h").exit_code == 0
    *removed, made = policies(settings)[len(sent) :]
    assert removed == ["silence/long-over", "acknowledged/r/n:old"]
    assert made.name == "a"


def test_alerts_are_shown_as_before(ask: Ask, settings: Settings) -> None:
    """Without a subcommand, with options."""
    published(settings, told("t:a", 1), told("t:b", 2))
    assert len(ask("--json").stdout.splitlines()) == 2
    assert orjson.loads(ask("-n", "1", "--json").stdout)["user"] == "t:b"
