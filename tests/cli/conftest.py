"""The command as a person calls it, without a process: `clout("top", "--json")`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from agents.cli.main import cli
from streams.broker.admin import Admin
from streams.settings import Settings

Clout = Callable[..., Result]

NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


@pytest.fixture
def clout(monkeypatch: pytest.MonkeyPatch) -> Clout:
    """Calls the command with these words; keyword arguments are CLOUT_* variables. Nothing else is set."""
    for name in [name for name in os.environ if name.startswith("CLOUT_")]:
        monkeypatch.delenv(name)

    def call(*words: str, stdin: str | bytes | None = None, **settings: object) -> Result:
        env = {f"CLOUT_{name.upper()}": str(value) for name, value in settings.items()}
        return CliRunner().invoke(cli, list(words), input=stdin, env=env)

    return call


@pytest.fixture
def events(tmp_path: Path) -> Callable[..., str]:
    """Writes events, each a dict or bytes, a line each; returns the path of the file."""

    def write(*lines: dict[str, object] | bytes) -> str:
        path = tmp_path / "events.ndjson"
        path.write_bytes(b"".join((line if isinstance(line, bytes) else orjson.dumps(line)) + b"\n" for line in lines))
        return str(path)

    return write


@pytest.fixture
def event() -> Callable[..., dict[str, object]]:
    """A whole event with an id of its own: `event("like", "ann", "bob")`."""
    made = 0

    def one(kind: str, actor: str, target: str, ts: int = NOW_MS, **other: object) -> dict[str, object]:
        nonlocal made
        made += 1
        return {"id": f"e{made}", "type": kind, "network": "t", "actor": actor, "target": target, "ts": ts, **other}

    return one


PARTITIONS = 4


@pytest.fixture
def settings(kafka: str, prefix: str) -> Settings:
    """Topics of four partitions on a real Kafka."""
    made = Settings.load({}, kafka=kafka, topic_prefix=prefix, partitions=PARTITIONS)
    with Admin(made) as admin:
        admin.create()
    return made


@pytest.fixture
def on_topics(clout: Clout, settings: Settings) -> Clout:
    """Calls the command on these topics; it is told of another number of partitions than there is."""
    where = {"kafka": settings.kafka, "topic_prefix": settings.topic_prefix, "partitions": PARTITIONS + 3}
    return lambda *words, **more: clout(*words, **where | more)
