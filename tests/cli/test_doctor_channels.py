"""What `clout doctor` says of channels and deliveries, on real servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from streams.broker import delivery_log
from streams.broker.admin import Admin
from streams.formats.deliveries import encode, home
from streams.scoreboard.connect import connect
from streams.scoreboard.layout import Keys
from streams.settings import Settings
from tests.cli.test_dead import letter

Ask = Callable[..., Any]


@pytest.fixture
def settings(kafka: str, redis_url: str, prefix: str) -> Settings:
    """Topics and keys of its own."""
    made = Settings.load({}, kafka=kafka, redis=redis_url, redis_prefix=prefix, topic_prefix=prefix, partitions=2)
    with Admin(made) as admin:
        admin.create()
    return made


@pytest.fixture
def ask(clout: Ask, settings: Settings) -> Ask:
    """The command."""
    names = ("kafka", "redis", "redis_prefix", "topic_prefix", "partitions")
    return lambda *words, **more: clout(*words, **{name: getattr(settings, name) for name in names} | more)


def said(ask: Ask, **more: Any) -> list[tuple[str, str, str]]:
    """Of channels and deliveries: what, how it is, in words."""
    lines = map(orjson.loads, ask("doctor", "--json", **more).stdout.splitlines())
    return [(one["check"], one["status"], one["text"]) for one in lines if one["check"] in {"channels", "deliveries"}]


def stands(settings: Settings, **changes: Any) -> None:
    """How the channel ops does, as its process tells it."""
    well = {"enabled": True, "off": "", "open_until": None, "last": "", "at": round(time.time() * 1000) + 600_000}

    async def tell() -> None:
        client = connect(settings)
        await client.hset(Keys(settings.redis_prefix, 0).channels, "ops", orjson.dumps(well | changes))
        await client.aclose()

    asyncio.run(tell())


def test_none(ask: Ask) -> None:
    """That nobody hears of alerts is no mistake."""
    assert said(ask) == [
        ("channels", "ok", "none: nobody hears of alerts"),
        ("deliveries", "ok", "0 wait, none is dead"),
    ]


def test_what_is_wrong_with_channels(ask: Ask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody delivers; a secret that is not there, or no URL; what is off; all is well."""
    ask("channel", "add", "ops", "--url", "secret:url")
    monkeypatch.setenv("CLOUT_SECRET_URL", "ftp://hush.example/")
    bad, lonely = said(ask)[:2]
    assert bad[:2] == ("channels", "note")
    assert bad[2].startswith("ops: the URL of secret:url: it begins with 'ftp'")
    assert "hush" not in bad[2]
    assert lonely == ("channels", "wrong", "nobody delivers to ops: run `clout alerting`")
    assert ask("doctor").exit_code == 1
    monkeypatch.setenv("CLOUT_SECRET_URL", "https://h.example/")
    stands(settings, off="answered 410")
    assert said(ask)[0][1:] == ("wrong", "ops: switched off: answered 410; see `clout channel show ops`")
    stands(settings)
    assert said(ask)[0] == ("channels", "ok", "1")
    monkeypatch.delenv("CLOUT_SECRET_URL")
    missing = said(ask)[0]
    assert missing[1] == "note"
    assert "ops: the secret url is not there: CLOUT_SECRET_URL is not set" in missing[2]
    assert said(ask, alerting_inside="a/b")[0][1] == "wrong"


def test_what_there_is_of_deliveries(ask: Ask, settings: Settings) -> None:
    """Dead letters, what waits for a channel that is not there, and what nobody understands."""
    records = [letter("ops", 1), letter("ops", 2), letter("gone", 1, state="waiting")]
    sent = [(home(one.channel, 2), *encode(one)) for one in records]
    asyncio.run(delivery_log.send(settings, [*sent, (0, b"ops/x", b"{")]))
    found = [one for one in said(ask) if one[0] == "deliveries"]
    assert [one[1] for one in found] == ["note", "note", "wrong"]
    assert found[0][2].startswith("2 dead letters (ops 2): see `clout alerts dead list`")
    assert found[1][2].startswith("1 wait for the channel gone, which is not there")
    assert found[2][2].startswith("1 records are not understood")
