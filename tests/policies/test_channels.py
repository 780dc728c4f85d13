"""Channels, silences and what is acknowledged, in `policies` and in a file: what is wrong names the channel and the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.alerting import channel_file
from agents.alerting.channel_file import With
from streams.errors import UsageError
from streams.events import Reject
from streams.model.channels import Acknowledged, Channel, Quiet, Route, Silence
from streams.policies.book import MOST_CHANNELS, Book, Policies
from streams.policies.channels import bad_url, known_zone
from streams.policies.records import ACKNOWLEDGED, CHANNEL, SILENCE, Removed, encode, parse
from tests.alerting.kit import T0, hook

HOOK: dict[str, Any] = {"type": "channel", "name": "ops", "url": "https://hooks.example.org/in"}
MAIL: dict[str, Any] = {
    "type": "channel", "name": "ops", "kind": "email", "url": "smtp://mail.example.org", "sender": "a@b.c", "to": ["d@e.f"],
}  # fmt: skip
FULL = Channel(
    name="ops",
    url="secret:ops-url",
    body="pagerduty",
    sign=("secret:a", "secret:b"),
    token="secret:t.x",
    key="secret:k",
    route=Route(rules=("day-fall",), severity="critical", networks=("x",), users=("x:y", "person:z")),
    quiet=Quiet(since="22:00", until="07:00", zone="Europe/Berlin", days=("mon",), but=None),
    group_s=30,
    most_a_minute=1,
    ordered=True,
    schedule_s=(0.0, 1.5),
    timeout_s=0.5,
    enabled=False,
)
#: what is changed in a good one, and what the message has: field, then words
WRONG: list[tuple[dict[str, Any], str, str]] = [
    *(
        ({"url": url}, "url", "write https://host or http://host")
        for url in ("", "x", "ftp://h/", "https://", "http:///x", "//h")
    ),
    *(({"url": url}, "url", "it is no URL") for url in ("https://h:99999/", "https://[::1", "https://h:x/")),
    *(({"url": url}, "url", "no blanks") for url in ("https://h/a b", "https://h/\n", "https://h/" + "x" * 2_000)),
    *(({"url": url}, "url", "it holds a login") for url in ("https://ann:pw@h/", "https://ann@h/")),
    *(
        ({"url": url}, "url", "a secret has a name")
        for url in ("secret:", "secret:a/b", "secret:ä", "secret:" + "a" * 65)
    ),
    *(({field: "hunter2-hunter2"}, field, "a secret is named here") for field in ("token", "key", "password")),
    *(({"sign": sign}, "sign", "at most 4 secrets") for sign in (["hunter2-hunter2"], ["secret:a"] * 5)),
    ({"body": "pagerduty"}, "key", "PagerDuty wants a routing key"),
    ({"body": "xml"}, "body", "Invalid enum value"),
    ({"kind": "carrier-pigeon"}, "kind", "Invalid enum value"),
    *(
        ({field: value}, "kind", "are of email")
        for field, value in (("to", ["a@b.c"]), ("sender", "a@b.c"), ("user", "ann"))
    ),
    ({"kind": "apprise"}, "url", "hold secrets"),
    *(
        ({"kind": "apprise", "url": "secret:a", **more}, "kind", "of webhooks")
        for more in ({"body": "json"}, {"token": "secret:t"})
    ),
    ({"route": {"rules": ["a b"]}}, "route.rules[...]", "no name of a rule"),
    ({"route": {"rules": ["a"] * 1_001}}, "route", "more than 1,000"),
    ({"route": {"networks": ["x:y"]}}, "route.networks[...]", "before the colon"),
    ({"route": {"users": ["ann"]}}, "route.users[...]", "'ann'"),
    ({"route": {"severity": "loud"}}, "route.severity", "Invalid enum value"),
    *(
        ({"quiet": {"from": time, "until": "07:00"}}, "quiet.from", "22:00")
        for time in ("24:00", "7:00", "07:60", "", "07:00:00")
    ),
    ({"quiet": {"from": "07:00", "until": "7"}}, "quiet.until", "22:00"),
    ({"quiet": {"from": "07:00", "until": "07:00"}}, "quiet", "it begins when it ends"),
    *(
        ({"quiet": {"from": "22:00", "until": "07:00", "zone": zone}}, "quiet.zone", "no time zone")
        for zone in ("Mars/Olympus", "", "../../etc/passwd", "/etc/localtime", "Europe", "a" * 400, "\0")
    ),
    ({"quiet": {"from": "22:00", "until": "07:00", "days": ["monday"]}}, "quiet.days[0]", "Invalid enum value"),
    ({"quiet": {"from": "22:00"}}, "quiet.until", "missing required field"),
    *(({"group_s": value}, "group_s", "from 0 to 3,600") for value in (-1, 3_601)),
    *(({"most_a_minute": value}, "most_a_minute", "from 1 to 10,000") for value in (0, 10_001)),
    *(({"timeout_s": value}, "timeout_s", "from 0.1 to 60") for value in (0, 61)),
    *(({"schedule_s": [0] * count}, "schedule_s", "1 to 20") for count in (0, 21)),
    ({"schedule_s": [0, -1]}, "schedule_s[...]", "from 0 to 604,800"),
    ({"enabled": "yes"}, "enabled", "Expected `bool`"),
]
WRONG_MAIL: list[tuple[dict[str, Any], str, str]] = [
    *(({"to": ["d@e.f"] * count}, "to", "a mail goes to 1 to 50") for count in (0, 51)),
    *(
        ({"to": ["d@e.f", to]}, "to", "write ann@example.org")
        for to in ("ann", "a b@c", "a@b\nBcc: c@d", "<a@b>", "a@b,c@d", "a@")
    ),
    ({"to": ["a" * 250 + "@b.cc"]}, "to", "write ann@example.org"),
    ({"sender": ""}, "sender", "write ann@example.org"),
    ({"user": "ann"}, "user", "a user and a password"),
    ({"password": "secret:a"}, "user", "a user and a password"),
    ({"url": "smtp+plain://h", "user": "ann", "password": "secret:a"}, "url", "without TLS gives it away"),
    ({"url": "https://h"}, "url", "smtp://host"),
    *(
        ({field: value}, "kind", "of webhooks")
        for field, value in (("body", "json"), ("sign", ["secret:a"]), ("token", "secret:a"))
    ),
]


def ask(good: dict[str, Any], **more: Any) -> Any:
    """The good one with other fields, from the topic."""
    return parse(b"channel/ops", orjson.dumps(good | more))


def test_what_is_written_is_read() -> None:
    """All fields there are, and none beside those that must be."""
    for one in (FULL, hook(), Channel(name="ops", url="secret:x", kind="apprise")):
        assert parse(*encode(one)) == one
    assert isinstance(ask(HOOK), Channel)
    assert isinstance(ask(MAIL), Channel)
    assert isinstance(ask(MAIL, user="ann", password="secret:a", url="secret:url"), Channel)


@pytest.mark.parametrize(("more", "field", "words"), WRONG)
def test_what_is_wrong_is_named(more: dict[str, Any], field: str, words: str) -> None:
    """Channel and field, in the topic and in the file; what may be a secret is not repeated."""
    _named(HOOK | more, field, words)


@pytest.mark.parametrize(("more", "field", "words"), WRONG_MAIL)
def test_what_is_wrong_with_mail_is_named(more: dict[str, Any], field: str, words: str) -> None:
    """In the same way."""
    _named(MAIL | more, field, words)


def _named(one: dict[str, Any], field: str, words: str) -> None:
    reject = ask(one)
    assert isinstance(reject, Reject), reject
    assert reject.path in (f"$.{field}", f"$.{field.partition('[')[0]}"), reject
    assert reject.message.startswith("channel ops: ")
    assert words in reject.message
    assert "hunter2" not in reject.message
    with pytest.raises(UsageError) as caught:
        channel_file.of([one], "here")
    assert str(caught.value).startswith("here: channel ops: ")
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number(value: float) -> None:
    """TOML has it."""
    for field in ("group_s", "timeout_s"):
        with pytest.raises(UsageError, match=field):
            channel_file.of([{**HOOK, field: value}], "here")
    with pytest.raises(UsageError, match="schedule_s"):
        channel_file.of([{**HOOK, "schedule_s": [value]}], "here")


@given(st.text(max_size=80))
def test_no_url_breaks_it(text: str) -> None:
    """Any text is a URL or has a reason why not."""
    for url in (text, f"https://{text}", f"https://h{text}/", f"smtp://{text}"):
        assert bad_url(url, ("https", "smtp")) is None or "\x1b" not in str(bad_url(url, ("https",)))
    assert known_zone(text) in (True, False)


def test_silences_and_acknowledgements() -> None:
    """Must name something, and end after they begin."""
    good: dict[str, Any] = {
        "type": "silence",
        "name": "a",
        "users": ["x:y"],
        "from": T0,
        "until": T0 + 1,
        "why": "move",
    }
    assert parse(b"silence/a", orjson.dumps(good)) == Silence(
        name="a", users=("x:y",), since=T0, until=T0 + 1, why="move"
    )
    for more, words in (
        ({"users": []}, "it names neither"),
        ({"until": T0}, "until: it ends after it begins"),
        ({"from": -1}, "until: it ends"),
        ({"until": 10**17}, "until: it ends"),
        ({"why": "a\nb"}, "why"),
        ({"networks": ["a:b"]}, "networks[...]"),
    ):
        reject = parse(b"silence/a", orjson.dumps(good | more))
        assert isinstance(reject, Reject), more
        assert reject.message.startswith("silence a: ")
        assert words in reject.message
    one = Acknowledged(rule="day-fall", user="x:y", episode=T0, at=T0, by="ann")
    assert parse(*encode(one)) == one
    for more in ({"rule": "a b"}, {"user": "x"}, {"episode": 0}, {"at": -1}, {"by": "a\0"}):
        name = (more.get("rule", "day-fall"), more.get("user", "x:y"))
        found = parse(f"acknowledged/{name[0]}/{name[1]}".encode(), orjson.dumps(orjson.loads(encode(one)[1]) | more))
        assert isinstance(found, Reject), more
        assert found.message.startswith("acknowledged ")


def test_a_book_of_them() -> None:
    """By key; the latest counts, without a value it goes; a bad one changes nothing but that it is told."""
    policies = Policies()
    policies.read(0, *encode(hook(name="b")))
    policies.read(1, *encode(hook(name="a")))
    policies.read(2, b"channel/a", orjson.dumps(HOOK | {"name": "a", "url": "x"}))
    book = policies.book()
    assert [one.name for one in book.channels] == ["a", "b"]
    assert "channel a: url" in str(book.mistakes[0])
    policies.read(3, b"channel/a", None)
    assert [one.name for one in policies.book().channels] == ["b"]
    assert not policies.book().mistakes
    assert parse(b"channel/a", None) == Removed("a", CHANNEL)
    assert parse(b"silence/a", None) == Removed("a", SILENCE)
    assert parse(b"acknowledged/r/x:y", None) == Removed("r/x:y", ACKNOWLEDGED)
    for n in range(MOST_CHANNELS + 3):
        policies.read(10 + n, *encode(hook(name=f"c{n}")))
    book = policies.book()
    assert len(book.channels) == MOST_CHANNELS
    assert len([name for name in book.left_out if name.startswith(CHANNEL)]) == 4


FILE = """
[[channel]]
name = "ops"
url = "secret:ops-url"
sign = ["secret:ops"]
schedule_s = [0, 5]
[channel.route]
severity = "critical"
[channel.quiet]
from = "22:00"
until = "07:00"

[[channel]]
name = "mail"
kind = "email"
url = "smtp://mail.example.org"
sender = "clout@example.org"
to = ["ops@example.org"]
"""


def test_a_file(tmp_path: Path) -> None:
    """With the fields that a channel has in the topic."""
    file = tmp_path / "channels.toml"
    file.write_text(FILE)
    ops, mail = channel_file.read(str(file))
    assert ops == Channel(
        name="ops",
        url="secret:ops-url",
        sign=("secret:ops",),
        schedule_s=(0.0, 5.0),
        route=Route(severity="critical"),
        quiet=Quiet(since="22:00", until="07:00"),
    )
    assert (mail.name, mail.kind, mail.to) == ("mail", "email", ("ops@example.org",))
    file.write_text("")
    assert channel_file.read(str(file)) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[", "cannot be read"),
        ("\xff", "cannot be read"),
        ("channels = []", "channels: it holds [[channel]] tables and nothing else"),
        ("channel = 5", "channel number 1: write its fields under [[channel]]"),
        ('channel = ["a"]', "channel number 1: write its fields under [[channel]]"),
        ('[[channel]]\nname = "a"', "channel a: Object missing required field `url`"),
        ('[[channel]]\nurl = "https://h"', "channel number 1: Object missing required field `name`"),
        ('[[channel]]\nname = 5\nurl = "https://h"', "channel 5: Expected `str`"),
        ('[[channel]]\nname = "a"\nurl = "https://h"\nsecret = "x"', "channel a: secret: no channel has it"),
        ('[[channel]]\nname = "a"\nurl = "https://h"\nroute = {severty = "info"}', "a: route.severty: no channel has it"),
        ('[[channel]]\nname = "a"\nurl = "secret:h"\nquiet = {from = "7", until = "8", tz = "UTC"}', "quiet.tz: no channel has it"),
        ('[[channel]]\nname = "a"\nurl = "https://h"\nroute = 5', "channel a: Expected `object`"),
        ('[[channel]]\nname = "a"\nurl = "https://h"\nquiet = {from = 22:00:00, until = "07:00"}', "channel a: Expected `str`"),
        ('[[channel]]\nname = "A b"\nurl = "https://h"', "channel A b: name: 'A b'; a name is of"),
        ('[[channel]]\nname = "a"\nurl = "https://h"\ntype = "silence"', "channel a: Invalid value 'silence'"),
        ('[[channel]]\nname = "a"\nurl = "https://h"\n' * 2, "channel a is there twice"),
        ("".join(f'[[channel]]\nname = "a{n}"\nurl = "https://h"\n' for n in range(101)), "101 channels; there are at most 100"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used(text: str, words: str, tmp_path: Path) -> None:
    """Names the file, the channel and the field."""
    file = tmp_path / "channels.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError) as caught:
        channel_file.read(str(file))
    assert str(caught.value).startswith(f"CLOUT_CHANNELS={file}: ")
    assert words in str(caught.value)


def test_no_file() -> None:
    """Is told in the system's words."""
    with pytest.raises(UsageError, match=r"CLOUT_CHANNELS=/none: cannot be read \(No such file or directory\)"):
        channel_file.read("/none")


def test_the_file_wins() -> None:
    """Over a channel of the topic that has the name; the book is the same as long as the policies are."""
    books = [Book(channels=(hook(name="a"), hook(name="b")))]
    own = hook("https://own.example.org", name="b")
    both = With(lambda: books[0], [own, hook(name="0")])
    assert [(one.name, one.url) for one in both().channels] == [
        ("0", hook().url), ("a", hook().url), ("b", "https://own.example.org"),
    ]  # fmt: skip
    assert both() is both()
    before = both()
    books[0] = Book()
    assert both() is not before
    assert With(lambda: books[0], [])() is books[0]
