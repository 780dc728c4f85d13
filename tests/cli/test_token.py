"""`clout token`: a token is shown once, and Kafka has its hash alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from streams.broker.admin import Admin
from streams.model.tokens import hash_of
from streams.policies import changes
from streams.policies.records import TOKEN
from streams.settings import Settings
from tests.cli.test_with_servers import read as read_topic

Ask = Callable[..., Any]


@pytest.fixture
def settings(kafka: str, prefix: str) -> Settings:
    """Topics of its own."""
    made = Settings.load({}, kafka=kafka, topic_prefix=prefix, partitions=2)
    with Admin(made) as admin:
        admin.create()
    return made


@pytest.fixture
def there(clout: Ask, settings: Settings) -> Ask:
    """The command on them."""
    where = {"kafka": settings.kafka, "topic_prefix": settings.topic_prefix, "partitions": 2}
    return lambda *words: clout("token", *words, **where)


def test_add_list_remove(there: Ask, settings: Settings) -> None:
    """Stdout is the token and nothing else; `policies` has what it hashes to; a new one of the name ends the old one."""
    done = there("add", "ops", "--scope", "write", "--expires", "30d")
    assert done.exit_code == 0, done.output
    (secret,) = done.stdout.splitlines()
    assert secret not in done.stderr
    assert "scope write, until " in done.stderr
    ((key, value),) = [(r.key, r.value) for r in read_topic(settings.kafka, settings.topic("policies"))]
    body = orjson.loads(value)
    assert (key, body["hash"], body["scope"]) == (b"token/ops", hash_of(secret), "write")
    assert secret.encode() not in value
    assert "in place of the one before" in there("add", "ops").stderr
    made = orjson.loads(there("add", "more", "--json", "--scope", "admin").stdout)
    assert made["token"].startswith("clout_")
    listed = [orjson.loads(line) for line in there("list", "--json").stdout.splitlines()]
    assert [(one["name"], one["scope"], one["until"], one["state"]) for one in listed] == [
        ("more", "admin", None, "good"),
        ("ops", "read", None, "good"),
    ]
    assert "hash" not in there("list").stdout
    assert there("remove", "ops").exit_code == 0
    assert [orjson.loads(line)["name"] for line in there("list", "--json").stdout.splitlines()] == ["more"]
    gone = there("remove", "ops")
    assert (gone.exit_code, "no token is named ops" in gone.stderr) == (1, True)


def test_at_most_so_many(there: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is refused; in place of another it is not."""
    monkeypatch.setitem(changes.MOST, TOKEN, 1)
    assert there("add", "a").exit_code == 0
    assert there("add", "a").exit_code == 0
    done = there("add", "b")
    assert (done.exit_code, "which is the most" in done.stderr, done.stdout) == (1, True, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "Ops"), "token Ops: name: 'Ops'; a name is of a to z"),
        (("add", "a", "--scope", "root"), "'root' is not one of"),
        (("add", "a", "--expires", "soon"), "no time span"),
        (("add", "a", "--expires", "0"), "it would have ended"),
    ],
)
def test_what_cannot_be_is_said_before_kafka_is_asked(clout: Ask, words: tuple[str, ...], said: str) -> None:
    """Exit code 2."""
    done = clout("token", *words, kafka="127.0.0.1:1")
    assert done.exit_code == 2
    assert said in done.stderr
