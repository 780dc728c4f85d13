"""Webhooks against real servers: broken TLS, answers that never end, that break off, that say when to come again."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from agents.alerting.attempts import Outcome
from agents.alerting.senders import senders
from agents.alerting.webhooks import LONGEST_WAIT_S, _wait_s
from streams.model.channels import Channel
from tests.alerting.kit import IDS, T0, around, attempt, delivery, hook, raw_server
from tests.alerting.receiver import Answer, receiving

Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def says(answer: Answer | None, **more: Any) -> Outcome:
    """What an attempt at a receiver that answers so comes to."""
    with receiving(answer) as receiver:
        return asyncio.run(attempt(hook(receiver.url, **more), around()))


def raw(answer: bytes | Raw, scheme: str = "http", **more: Any) -> Outcome:
    """The same of a server that writes these bytes and closes, or does as it likes."""

    async def bytes_and_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)  # type: ignore[arg-type]
        await writer.drain()

    async def story() -> Outcome:
        async with raw_server(bytes_and_end if isinstance(answer, bytes) else answer) as port:
            return await attempt(hook(f"{scheme}://127.0.0.1:{port}/x", **more), around())

    return asyncio.run(story())


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Listens, and says nothing until the other leaves."""
    while await reader.read(65_536):
        pass


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_it_is_delivered(status: int) -> None:
    """By any answer that begins with 2."""
    assert says(lambda _: web.Response(status=status)) == Outcome(True, f"answered {status}")


def test_what_is_sent() -> None:
    """One POST with type, length and who sends; the token; the same id in each attempt."""
    with receiving() as receiver:
        channel = hook(f"{receiver.url}/a/b?c=d", token="secret:token", body="json")
        for _ in range(2):
            asyncio.run(attempt(channel, around(TOKEN="t0ken-of-ops")))
    first, second = receiver.got
    assert first == second
    assert first.path == "/a/b"
    assert orjson.loads(first.body)["sentence"] == "bluesky:ann fell 1 points"
    assert first.headers["content-type"] == "application/json"
    assert first.headers["authorization"] == "Bearer t0ken-of-ops"
    assert first.headers["user-agent"].startswith("Clout/")
    assert first.headers["webhook-timestamp"] == str(T0 // 1000)
    assert {"cookie", "referer"}.isdisjoint(first.headers)


@pytest.mark.parametrize("user", IDS)
def test_any_id_is_delivered(user: str) -> None:
    """Headers hold none of it."""
    with receiving() as receiver:
        one = delivery(user=user)
        assert asyncio.run(attempt(hook(receiver.url), around(), one)).delivered
    assert orjson.loads(receiver.got[0].body)["id"] == one.id
    assert all(value.isascii() and value.isprintable() for value in receiver.got[0].headers.values())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    """Not to this machine, and not elsewhere."""
    with (
        receiving() as inside,
        receiving(lambda _: web.Response(status=status, headers={"Location": f"{inside.url}/admin"})) as receiver,
    ):
        outcome = asyncio.run(attempt(hook(receiver.url), around()))
        assert not outcome.delivered
        assert f"{status}, a redirect" in outcome.said
        assert len(receiver.got) == 1
        assert not inside.got


def test_who_is_gone_is_gone() -> None:
    """410 switches the channel off."""
    outcome = says(lambda _: web.Response(status=410))
    assert (outcome.delivered, outcome.gone) == (False, True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("after", "wait_s"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("99999999999999999999999", LONGEST_WAIT_S),
        ("9" * 400, LONGEST_WAIT_S),
        ("Sat, 25 Jul 2026 17:21:00 GMT", 60.0),
        ("Sat, 25 Jul 2020 17:21:00 GMT", 0.0),
        ("Sat, 25 Jul 9999 17:21:00 GMT", LONGEST_WAIT_S),
        ("-7", 0.0),
        ("7.5", 0.0),
        ("soon", 0.0),
        ("", 0.0),
    ],
)
def test_a_receiver_says_when_to_come_again(status: int, after: str, wait_s: float) -> None:
    """In seconds or as a date; an hour at most; nonsense is none."""
    assert T0 == 1_785_000_000_000  # 17:20:00
    outcome = says(lambda _: web.Response(status=status, headers={"Retry-After": after}))
    assert (outcome.delivered, outcome.wait_ms) == (False, 1_000 * wait_s)


def test_others_cannot_ask_to_be_left_alone() -> None:
    """A 500 is tried again as the schedule says."""
    assert says(lambda _: web.Response(status=500, headers={"Retry-After": "60"})).wait_ms == 0


@given(
    st.one_of(
        st.text(max_size=60), st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d .{0,6}")
    )
)
def test_nothing_that_is_said_there_breaks_it(text: str) -> None:
    """It is a wait, whatever it was."""
    assert 0.0 <= _wait_s(text, T0 / 1000) <= LONGEST_WAIT_S


def test_what_is_told_of_an_answer() -> None:
    """Its beginning, in one line that is safe to show in a terminal."""
    outcome = says(
        lambda _: web.Response(status=400, body=b"no\r\n\x1b[31m such\x00 \xff hook \xe2\x80\xae" + b"x" * 9_999)
    )
    assert outcome.said.startswith("answered 400: no [31m such \ufffd hook x")
    assert outcome.said.isprintable()
    assert len(outcome.said) <= 300


def test_an_endless_body_ends() -> None:
    """Delivered or not: what counts is the status."""

    def endless(status: bytes) -> Raw:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Type: text/plain\r\n\r\n")
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()

        return answer

    assert raw(endless(b"200 OK")).delivered
    outcome = raw(endless(b"500 No"))
    assert (outcome.delivered, len(outcome.said)) == (False, 300)


@pytest.mark.parametrize("status", [b"200 OK", b"500 No"])
def test_a_body_that_trickles_is_not_waited_for(status: bytes) -> None:
    """Nor one that breaks off, or never begins."""

    async def trickles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 100000\r\n\r\na")
        await writer.drain()
        await silent(reader, writer)

    assert raw(trickles).delivered == (status == b"200 OK")
    assert raw(b"HTTP/1.1 " + status + b"\r\nContent-Length: 100\r\n\r\nab").delivered == (status == b"200 OK")


def test_a_bomb_is_not_unpacked() -> None:
    """A megabyte of zeros, packed: what is read is what came."""
    packed = gzip.compress(bytes(1 << 20))
    said = says(lambda _: web.Response(status=500, body=packed, headers={"Content-Encoding": "gzip"})).said
    assert said.startswith("answered 500: \ufffd")
    assert len(said) <= 300


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_silence(scheme: str) -> None:
    """Before a word of TLS, and after the question."""
    assert raw(silent, scheme, timeout_s=0.2) == Outcome(False, "no answer in time")


@pytest.mark.parametrize(
    "answer",
    [
        *(
            b"",
            b"HTTP/1",
            b"HTTP/1.1 2",
            b"HTTP/1.1 200 OK\r\nX: 1",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\x16\x03\x01\x02\x00\x01",
        ),
        *(
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        ),
        *(b"HTTP/1.1 999999 OK\r\n\r\n", b"HTTP/1.1 OK 200\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
    ids=lambda answer: repr(answer[:20]),
)
def test_what_is_no_answer(answer: bytes) -> None:
    """Half of one, too much of one, another protocol: the attempt has failed, in words without the URL."""
    outcome = raw(answer, timeout_s=2.0)
    assert not outcome.delivered
    assert outcome.said
    assert "127.0.0.1" not in outcome.said


def test_a_redirect_of_another_kind_is_none() -> None:
    """1xx before the answer are skipped."""
    assert raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n").delivered


def test_tls(tmp_path: Path) -> None:
    """Good; of another authority; for another name; over; none there; plain where TLS is wanted."""
    import ssl

    from tests.certificates import Authority

    own, other = Authority(tmp_path / "own"), Authority(tmp_path / "other")

    def serving(pem: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    certificates = {
        "good": own.issue("good"),
        "unable to get local issuer": other.issue("unknown"),
        "not valid for": own.issue("name", "DNS:elsewhere.example.org"),
        "has expired": own.issue("over", until="20210101000000Z"),
    }
    known = around(ca=own.ca)
    for why, pem in certificates.items():
        with receiving(tls=serving(pem)) as receiver:
            outcome = asyncio.run(attempt(hook(receiver.url), known))
            assert outcome.delivered == (why == "good"), (why, outcome)
            assert why == "good" or why in outcome.said, outcome
            assert len(receiver.got) == (why == "good")
    with receiving(tls=serving(certificates["good"])) as receiver:
        outcome = asyncio.run(attempt(hook(receiver.url.replace("https", "http")), known))
        assert not outcome.delivered
        assert not receiver.got
    with receiving() as receiver:
        outcome = asyncio.run(attempt(hook(receiver.url.replace("http", "https")), known))
        assert outcome == Outcome(False, "TLS fails: there is none")


def test_nobody_listens() -> None:
    """In words."""
    with receiving() as receiver:
        url = receiver.url
    assert asyncio.run(attempt(hook(url), around())) == Outcome(False, "connection refused")


def test_a_login_in_a_secret_url() -> None:
    """Is used; together with a token it is too much."""
    with receiving() as receiver:
        url = receiver.url.replace("://", "://ann:pass%20word@")
        channel = hook("secret:ops-url")
        assert asyncio.run(attempt(channel, around(OPS_URL=url))).delivered
        assert receiver.got[0].headers["authorization"] == "Basic YW5uOnBhc3Mgd29yZA=="
        outcome = asyncio.run(attempt(hook("secret:ops-url", token="secret:t"), around(OPS_URL=url, T="t0ken")))
        assert "one of them" in outcome.said
        assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        "T0K3N-hunter2",
        "ftp://h/T0K3N",
        "https://h:99999/T0K3N",
        "https://[T0K3N/",
        "https://\uff48\uff0fT0K3N@x/",
        "https:///T0K3N",
    ],
)
def test_a_secret_that_is_no_url(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Is named, and not shown."""
    outcome = asyncio.run(attempt(hook("secret:ops-url"), around(OPS_URL=url)))
    assert outcome == Outcome(False, "secret:ops-url is no URL; write https://host")
    assert not caplog.text


def test_a_missing_secret_is_named() -> None:
    """And where it was looked for."""
    for more in (
        {"sign": ("secret:ops.key",)},
        {"token": "secret:ops.key"},
        {"body": "pagerduty", "key": "secret:ops.key"},
    ):
        said = asyncio.run(attempt(hook("http://127.0.0.1:9/", **more), around())).said
        assert "the secret ops.key is not there: CLOUT_SECRET_OPS_KEY is not set" in said


def test_a_slow_receiver_holds_up_nobody() -> None:
    """Forty attempts wait for one; another arrives meanwhile."""

    async def story() -> list[bool]:
        kinds = senders(around())
        with receiving() as quick:
            async with raw_server(silent) as port:
                slow = hook(f"http://127.0.0.1:{port}/", name="slow", timeout_s=30.0)
                waiting = [asyncio.create_task(kinds["webhook"].send(slow, delivery(number=n))) for n in range(40)]
                found = [(await kinds["webhook"].send(hook(quick.url), delivery())).delivered for _ in range(3)]
                for task in waiting:
                    assert not task.done()
                    task.cancel()
                await asyncio.wait(waiting)
        for sender in kinds.values():
            await sender.close()
        return found

    assert asyncio.run(story()) == [True] * 3


def test_no_cookie_is_kept() -> None:
    """What one receiver sets is not sent again."""

    async def story(channel: Channel) -> None:
        kinds = senders(around())
        for _ in range(2):
            await kinds["webhook"].send(channel, delivery())
        for sender in kinds.values():
            await sender.close()

    with receiving(lambda _: web.Response(headers={"Set-Cookie": "a=b"})) as receiver:
        asyncio.run(story(hook(receiver.url)))
    assert "cookie" not in receiver.got[1].headers
