"""`clout channel`: what words and files say, how channels are shown, and one attempt at a receiver that is there."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from agents.cli import channel_text
from agents.cli.channel_lines import body_of, checked
from streams.broker import delivery_log
from streams.broker.admin import Admin
from streams.formats.deliveries import Off, encode, home
from streams.model.channels import Channel, Quiet, Route
from streams.model.published import AlertRecord
from streams.policies import book as books
from streams.scoreboard.connect import connect
from streams.scoreboard.layout import Keys
from streams.settings import Settings
from tests.alerting.receiver import receiving

Ask = Callable[..., Any]
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
NOTHING: dict[str, Any] = dict.fromkeys(
    ("url", "kind", "body", "token", "key", "sender", "user", "password", "severity", "quiet", "zone", "but", "group")
) | {
    **dict.fromkeys(("sign", "to", "rule", "network", "about_user", "day"), ()),
    **{"most_a_minute": None, "ordered": False, "schedule": None, "timeout": None, "off": False},
}


@pytest.fixture
def there(clout: Ask, kafka: str, redis_url: str, prefix: str) -> Ask:
    """The command on topics of its own and keys of its own."""
    settings = Settings.load({}, kafka=kafka, topic_prefix=prefix, partitions=2)
    with Admin(settings) as admin:
        admin.create()
    where = {"kafka": kafka, "redis": redis_url, "redis_prefix": prefix, "topic_prefix": prefix, "partitions": 2}
    return lambda *words, **more: clout("channel", *words, **where | more)


def listed(there: Ask, **more: Any) -> dict[str, tuple[str, str]]:
    """From where, and the state, by name."""
    done = there("list", "--json", **more)
    assert done.exit_code == 0, done.output
    return {one["name"]: (one["from"], one["state"]) for one in map(orjson.loads, done.stdout.splitlines())}


# -- what words say ------------------------------------------------------------------------------------------------------


def test_all_that_can_be_said() -> None:
    """Every field of a channel has an option; none is lost."""
    said = {
        "url": "https://h.example/x", "body": "pagerduty", "sign": ("secret:a", "secret:b"), "token": "secret:t",
        "key": "secret:k", "rule": ("day-fall",), "severity": "critical", "network": ("n",), "about_user": ("n:a",),
        "quiet": "22:00-07:00", "zone": "Europe/Berlin", "day": ("mon",), "but": "nothing", "group": 60,
        "most_a_minute": 5, "ordered": True, "schedule": "0,5s,1m", "timeout": 2.0, "off": True,
    }  # fmt: skip
    assert checked(body_of("x", **NOTHING | said)) == Channel(
        name="x", url="https://h.example/x", body="pagerduty", sign=("secret:a", "secret:b"), token="secret:t",
        key="secret:k", quiet=Quiet(since="22:00", until="07:00", zone="Europe/Berlin", days=("mon",), but=None),
        route=Route(rules=("day-fall",), severity="critical", networks=("n",), users=("n:a",)), group_s=60.0,
        most_a_minute=5, ordered=True, schedule_s=(0.0, 5.0, 60.0), timeout_s=2.0, enabled=False,
    )  # fmt: skip
    mail = {"kind": "email", "url": "smtps://h", "to": ("a@b.c", "d@e.f"), "sender": "g@h.i", "user": "u"}
    assert checked(body_of("m", **NOTHING | mail | {"password": "secret:p"})) == Channel(
        name="m", kind="email", url="smtps://h", to=("a@b.c", "d@e.f"), sender="g@h.i", user="u", password="secret:p"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name the channel and where it goes"),
        (("x",), "name the channel and where it goes"),
        (("x", "--file", "f"), "name either a channel"),
        (("--ordered", "--file", "f"), "name either a channel"),
        (("--file", "nowhere.toml"), "nowhere.toml: cannot be read"),
        (("Ops", "--url", "https://h"), "channel Ops: name: "),
        (("x", "--url", "ftp://h"), "channel x: url: it begins with 'ftp'"),
        (("x", "--url", "https://u:hush@h/"), "it holds a login"),
        (("x", "--url", "https://h", "--token", "hush"), "channel x: token: a secret is named here"),
        (("x", "--url", "https://h", "--sign", "hush"), "channel x: sign: "),
        (("x", "--url", "https://h", "--body", "pagerduty"), "PagerDuty wants a routing key"),
        (("x", "--url", "https://h", "--to", "a@b.c"), "channel x: kind: webhook"),
        (("x", "--url", "smtp://h", "--kind", "email", "--sender", "a@b.c"), "channel x: to: 0 addresses"),
        (("x", "--url", "https://h", "--quiet", "22-7"), "channel x: quiet.from: "),
        (("x", "--url", "https://h", "--quiet", "late"), "write it as 22:00-07:00"),
        (
            ("x", "--url", "https://h", "--quiet", "22:00-07:00", "--zone", "Mars/Base"),
            "no time zone is named 'Mars/Base'",
        ),
        (("x", "--url", "https://h", "--zone", "UTC"), "--zone is of quiet hours"),
        (("x", "--url", "https://h", "--schedule", "soon"), "'soon' is no time span"),
        (("x", "--url", "https://h", "--network", "a:b"), "channel x: route.networks[...]: "),
        (("x", "--url", "https://h", "--most-a-minute", "0"), "channel x: most_a_minute: "),
    ],
)
def test_what_cannot_be_is_said_before_kafka_is_asked(clout: Ask, words: tuple[str, ...], said: str) -> None:
    """Exit code 2, and no secret in it."""
    done = clout("channel", "add", *words, kafka="127.0.0.1:1")
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "hush" not in done.stderr


# -- on a real Kafka -----------------------------------------------------------------------------------------------------


def test_add_list_show_remove(there: Ask) -> None:
    """Each is there at once; a name is replaced; without a process that delivers it says so."""
    assert "nobody hears of alerts" in there("list").stderr
    assert "channel ops (new)" in there("add", "ops", "--url", "https://h.example/a", "--severity", "critical").stderr
    done = there("add", "ops", "--url", "https://h.example/b", "--json")
    assert "in place of the one before" in done.stderr
    assert orjson.loads(done.stdout)["sent"] == 1
    assert there("add", "quiet", "--url", "secret:u", "--off").exit_code == 0
    nobody = "nobody delivers to it: is `clout alerting` running?"
    assert listed(there) == {"ops": ("policies", nobody), "quiet": ("policies", "off")}
    table = there("list").stdout.splitlines()
    assert table[1].split()[:4] == ["ops", "webhook", "h.example", "all"]
    shown = there("show", "ops").stdout
    assert "where        https://h.example/b" in shown
    assert f"state        {nobody}, of policies" in shown
    assert there("remove", "quiet").exit_code == 0
    assert set(listed(there)) == {"ops"}
    for words in (("show", "quiet"), ("remove", "quiet"), ("test", "quiet"), ("on", "ops")):
        done = there(*words)
        assert (done.exit_code, done.stdout) == (1, "")
        assert words[1] in done.stderr


def test_a_file(there: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is checked before the first is sent; as CLOUT_CHANNELS it wins over the topic, and is shown so."""
    file = tmp_path / "channels.toml"
    good = '[[channel]]\nname = "a"\nurl = "https://h.example/file"\n[channel.quiet]\nfrom = "22:00"\nuntil = "07:00"\n'
    file.write_text(good + '[[channel]]\nname = "b"\nurl = "https://h"\nseverity = "info"\n')
    done = there("add", "--file", str(file))
    assert done.exit_code == 2
    assert f"{file}: channel b: severity: no channel has it" in done.stderr
    assert listed(there) == {}
    file.write_text(good)
    assert there("add", "a", "--url", "https://h.example/topic").exit_code == 0
    assert listed(there, channels=str(file))["a"][0] == "file"
    assert "https://h.example/file" in there("show", "a", channels=str(file)).stdout
    assert there("add", "--file", str(file)).exit_code == 0
    assert "https://h.example/file" in there("show", "a").stdout
    file.write_text("")
    assert there("add", "--file", str(file)).exit_code == 1
    monkeypatch.setattr(books, "MOST_CHANNELS", 1)
    done = there("add", "more", "--url", "https://h")
    assert done.exit_code == 1
    assert "that would be 2 channels; there are at most 1. Nothing was sent" in done.stderr


def test_how_it_stands(there: Ask, redis_url: str, prefix: str) -> None:
    """As processes have told Redis; without Redis the channels are shown all the same."""
    there("add", "ops", "--url", "https://h.example/a")
    now_ms = round(time.time() * 1000)
    standing = {"channel": "ops", "kind": "webhook", "enabled": True, "waiting": 1_200, "dead": 3, "oldest": now_ms}
    more = {"open_until": None, "off": "", "delivered": 9, "failed": 1, "last": "answered 500", "at": now_ms}

    async def tell(**changes: Any) -> None:
        client = connect(Settings(redis=redis_url))
        await client.hset(Keys(prefix, 0).channels, "ops", orjson.dumps(standing | more | changes))
        await client.aclose()

    for changes, state in (
        ({}, "well"),
        ({"open_until": now_ms + 600_000}, "left alone until "),
        ({"off": "answered 410"}, "switched off: answered 410"),
        ({"at": now_ms - 60_000}, "nobody delivers to it"),
    ):
        asyncio.run(tell(**changes))
        assert listed(there)["ops"][1].startswith(state)
    asyncio.run(tell())
    assert there("list").stdout.splitlines()[1].split()[4:] == ["1,200", "3", "well"]
    assert "waiting      1,200, the oldest since" in there("show", "ops").stdout
    there("remove", "ops")  # but there it is in a file
    assert listed(there) == {"ops": ("elsewhere", "well")}
    assert there("list").stdout.splitlines()[1].split() == ["ops", "webhook", "elsewhere", "·", "1,200", "3", "well"]
    there("add", "ops", "--url", "https://h.example/a")
    done = there("list", redis="redis://127.0.0.1:1")
    assert done.exit_code == 0
    assert "how channels stand is not known" in done.stderr
    assert done.stdout.splitlines()[1].endswith("not known: Redis does not answer")


def test_a_channel_that_its_receiver_has_switched_off(there: Ask, kafka: str, prefix: str) -> None:
    """`on` takes the record away."""
    settings = Settings.load({}, kafka=kafka, topic_prefix=prefix, partitions=2)
    off = Off(channel="ops", at=1, of="x", outcome="answered 410")
    asyncio.run(delivery_log.send(settings, [(home("ops", 2), *encode(off))]))
    assert asyncio.run(delivery_log.read(settings)).off == {"ops": home("ops", 2)}
    assert there("on", "ops").exit_code == 0
    assert asyncio.run(delivery_log.read(settings)).off == {}
    assert there("on", "ops").exit_code == 1


def test_one_attempt(there: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed, with all that an alert has; each has an id of its own, and what ends it is of the same incident."""
    with receiving() as receiver:
        there("add", "ops", "--url", f"{receiver.url}/hook", "--sign", "secret:ops")
        done = there("test", "ops", alerting_inside="127.0.0.1")
        assert (done.exit_code, receiver.got) == (1, [])
        assert "channel ops: not delivered" in done.stdout
        assert "the secret ops is not there: CLOUT_SECRET_OPS is not set" in done.stdout
        monkeypatch.setenv("CLOUT_SECRET_OPS", SECRET)
        inside = there("test", "ops")
        assert (inside.exit_code, receiver.got) == (1, [])
        assert "an address inside" in inside.stdout
        told = orjson.loads(there("test", "ops", "--json", alerting_inside="127.0.0.1").stdout)
        assert (told["channel"], told["delivered"], told["said"]) == ("ops", True, "answered 204")
        assert there("test", "ops", "--over", str(told["test"]), alerting_inside="127.0.0.1").exit_code == 0
        raised, over = (Webhook(SECRET).verify(one.body, one.headers) for one in receiver.got)
        for event in (raised, over):
            assert msgspec.convert(event["data"], AlertRecord).rule == "test"
        assert raised["id"].removesuffix("raised") == over["id"].removesuffix("recovered")
        receiver.answer = lambda _: web.Response(status=500, text="no\x1b[2J")
        failed = there("test", "ops", alerting_inside="127.0.0.1")
        assert failed.exit_code == 1
        assert "not delivered in" in failed.stdout
        assert "answered 500: no [2J" in failed.stdout
        assert SECRET not in failed.output


# -- in words ------------------------------------------------------------------------------------------------------------


def test_in_words() -> None:
    """What a channel says, short and long."""
    mail = Channel(name="m", kind="email", url="smtp://h", to=("a@b.c", "d@e.f", "g@h.i"), sender="x@y.z")
    assert channel_text.where(mail) == "a@b.c and 2 more"
    assert channel_text.where(Channel(name="x", url="https://h.example:8443/path?q=1")) == "h.example:8443"
    assert channel_text.where(Channel(name="x", url="secret:u")) == "secret:u"
    route = Route(rules=("a", "b", "c"), severity="critical", users=("n:a",))
    assert channel_text.route(route) == "rule a, b and 1 more, user n:a, critical or louder"
    assert channel_text.quiet(Quiet(since="22:00", until="07:00")) == "22:00 to 07:00 UTC, but for critical"
    lines = dict(channel_text.lines(mail, None, 0.0, "of file"))
    assert (lines["to"], lines["attempts"]) == ("a@b.c, d@e.f, g@h.i", "0, 5s, 5m, 30m, 2h, 5h, 10h")
