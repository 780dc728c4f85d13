"""Where a message may go: no spelling, no name and no second answer of a resolver leads inside."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from agents.alerting.addresses import Allowed, Refused, check_literal, connected, resolved
from streams.errors import UsageError
from tests.alerting.kit import around, attempt, hook
from tests.alerting.receiver import receiving

INSIDE = (
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),  # noqa: S104
    *("192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::10.0.0.1", "fe80::1", "fe80::1%eth0"),
    *("fc00::1", "fd12::1", "fec0::1", "ff02::1", "64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::808:808"),
    *("2002:7f00:1::", "2002:a00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "100::1", "::ffff:0:7f00:1"),
)  # fmt: skip
OUTSIDE = ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1")
#: hosts of URLs that somewhere on the way become 127.0.0.1 or another address inside
SPELLINGS = (
    *("127.0.0.1", "127.1", "127.0.1", "0x7f000001", "0x7f.1", "0177.0.0.1", "2130706433", "017700000001", "0"),
    *("0.0.0.0", "127.0.0.1.", "127.1.", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),  # noqa: S104
    *("[fec0::1]", "[fe80::1%25lo]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "169.254.169.254", "100.64.0.1"),
    *("\uff11\uff12\uff17.0.0.1", "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021", "localhost", "LOCALHOST", "localhost."),
)  # fmt: skip


def answers(monkeypatch: pytest.MonkeyPatch, *found: list[str]) -> list[tuple[str, int]]:
    """A resolver that says each in turn, the last for ever. Returns what it was asked for."""
    asked: list[tuple[str, int]] = []

    async def getaddrinfo(self: Any, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        asked.append((host, port))
        own = found[min(len(asked), len(found)) - 1]
        return [(socket.AF_INET6 if ":" in at else socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, port)) for at in own]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("at", INSIDE)
def test_what_is_inside_is_not_reached(at: str) -> None:
    """Of IPv6 also what stands for an IPv4 address inside, and what nobody outside has."""
    assert not Allowed().address(at)
    with pytest.raises(Refused, match="inside"):
        Allowed().check(at, [at])


@pytest.mark.parametrize("at", OUTSIDE)
def test_what_is_outside_is(at: str) -> None:
    """Also where IPv6 wraps it."""
    assert Allowed().address(at)


def test_the_list_opens_hosts_and_networks() -> None:
    """And nothing beside them."""
    own = Allowed(" alerts.Example.org. , 10.1.0.0/16, fd00::/8,127.0.0.1")
    assert own.host("ALERTS.example.org")
    assert own.host("alerts.example.org.")
    assert not own.host("example.org")
    assert not own.host("evil.alerts.example.org")
    assert [
        own.address(at) for at in ("10.1.2.3", "10.2.0.1", "fd00::1", "::ffff:10.1.2.3", "127.0.0.1", "127.0.0.2")
    ] == [*(True, False, True, True, True, False)]
    own.check("alerts.example.org", ["10.9.9.9"])


@pytest.mark.parametrize("text", ["10.1.0.0/33", "10.1.2.3/16", "a/b", "::zz", "."])
def test_a_list_that_is_none(text: str) -> None:
    """Is told with its variable."""
    with pytest.raises(UsageError, match="CLOUT_ALERTING_INSIDE"):
        Allowed(text)


def test_literals_in_short_are_refused() -> None:
    """aiohttp asks no resolver for what has digits and dots only; a name is asked for."""
    for host in ("127.1", "2130706433", "0", "1.2.3.4.", "٣.1"):
        with pytest.raises(Refused, match="write it in full"):
            check_literal(host, Allowed("127.0.0.0/8"))
    check_literal("8.8.8.8", Allowed())
    check_literal("example.org", Allowed())
    check_literal("::1", Allowed("::1"))


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize("scheme", ["http", "smtp+plain"])
def test_no_spelling_leads_inside(host: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of one's own machine either; a proxy in the environment is not asked."""
    with receiving() as receiver:
        port = receiver.url.rpartition(":")[2]
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, receiver.url)
        mail: dict[str, Any] = {"kind": "email", "sender": "a@example.org", "to": ("b@example.org",)}
        channel = hook(f"{scheme}://{host}:{port}/x", timeout_s=2.0, **(mail if scheme != "http" else {}))
        outcome = asyncio.run(attempt(channel, around(inside="")))
    assert not outcome.delivered
    assert not receiver.got
    assert any(why in outcome.said for why in ("inside", "write it in full", "not known")), outcome


def test_a_name_with_one_address_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the other is outside."""
    answers(monkeypatch, ["8.8.8.8", "10.0.0.7"])
    with pytest.raises(Refused, match=r"two\.example\.org leads to 10\.0\.0\.7"):
        asyncio.run(resolved("two.example.org", 443, Allowed()))
    outcome = asyncio.run(attempt(hook("https://two.example.org/"), around(inside="")))
    assert "two.example.org leads to 10.0.0.7" in outcome.said


def test_what_was_looked_at_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is asked for once: a resolver that says another address the second time is not heard."""
    with receiving() as receiver:
        port = int(receiver.url.rpartition(":")[2])
        asked = answers(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
        outcome = asyncio.run(attempt(hook(f"http://re.example.org:{port}/"), around(inside="127.0.0.1")))
        assert outcome.delivered, outcome
        assert receiver.got[0].headers["host"] == f"re.example.org:{port}"
    assert asked == [("re.example.org", port)]


def test_a_name_that_moves_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection looks anew: at first outside (nobody is there), then this machine."""
    with receiving() as receiver:
        port = int(receiver.url.rpartition(":")[2])
        answers(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
        channel, known = hook(f"http://re.example.org:{port}/", timeout_s=2.0), around(inside="127.0.0.2")
        assert "127.0.0.1" not in asyncio.run(attempt(channel, known)).said
        assert "leads to 127.0.0.1" in asyncio.run(attempt(channel, known)).said
        assert not receiver.got


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """If nobody is at the first; if nobody is at any, the error is that of the last."""
    with receiving() as receiver:
        port = int(receiver.url.rpartition(":")[2])
        answers(monkeypatch, ["127.0.0.9", "127.0.0.1"])

        async def story() -> Any:
            with await connected("a.example.org", port, Allowed("127.0.0.0/8")) as found:
                return found.getpeername()

        assert asyncio.run(story()) == ("127.0.0.1", port)
    answers(monkeypatch, ["127.0.0.9", "127.0.0.8"])
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(connected("a.example.org", port, Allowed("127.0.0.0/8")))


@pytest.mark.parametrize("host", ["a" * 70 + ".example.org", "nobody.invalid", "a..b"])
def test_a_name_that_nobody_has(host: str) -> None:
    """Is an error of this attempt, in words."""
    for scheme, more in (("http", {}), ("smtp", {"kind": "email", "sender": "a@b.c", "to": ("d@e.f",)})):
        outcome = asyncio.run(attempt(hook(f"{scheme}://{host}:9/", **more), around()))
        assert not outcome.delivered
        assert outcome.said
        assert "Error" not in outcome.said, outcome
