"""No secret is told: whatever a receiver repeats, however an attempt fails, in outcomes, logs, records and Redis."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from random import Random
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from agents.alerting import shown
from agents.alerting.attempts import Outcome, tried
from agents.alerting.figures import Counts
from agents.alerting.post import Post
from agents.alerting.senders import senders
from streams.formats.deliveries import encode
from streams.model.channels import Channel
from streams.policies.book import Book
from streams.scoreboard.layout import Keys
from tests.alerting.kit import T0, around, attempt, delivery, hook, raw_server
from tests.alerting.receiver import receiving

PATH = "/services/T0SECRET1/B0SECRET2/x3ypSECRETxyz"
SECRETS = {
    "URL": "",  # of the receiver, with PATH
    "TOKEN": "tokenSECRETtoken",
    "KEY": "R0SECRETroutingkey",
    "SIGN": "whsec_" + base64.b64encode(b"signSECRETsignSECRETsignSECRET!!").decode(),
    "PW": "pwSECRETpw/+!",
}
FORBIDDEN = (
    "SECRET",
    "x3yp",
    base64.b64encode(b"pwSECRETpw/+!").decode(),
    base64.b64encode(b"\0ann\0pwSECRETpw/+!").decode(),
)


def told(text: str) -> bool:
    """Is a secret in it? Names of secrets are none."""
    return any(
        one in re.sub("CLOUT_SECRETS|CLOUT_SECRET_", "", text).replace(SECRETS["SIGN"][6:], "SECRET")
        for one in FORBIDDEN
    )


def channels(url: str) -> list[Channel]:
    """With every kind of secret a webhook has."""
    more: dict[str, Any] = {"url": "secret:url", "timeout_s": 0.5}
    return [
        hook(**more, token="secret:token", sign=("secret:sign",)),
        hook(**more, body="pagerduty", key="secret:key"),
        hook(**more | {"url": url}, token="secret:token"),
    ]


async def _repeats(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, before: bytes) -> None:
    """All that came, after some bytes."""
    came = await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(0)
    writer.write(before + came.replace(b"\r\n", b" ") + b"\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    "before",
    [
        *(
            b"HTTP/1.1 400 No\r\n\r\n",
            b"HTTP/1.1 410 No\r\n\r\n",
            b"HTTP/1.1 302 No\r\nLocation: http://127.0.0.1/",
            b"HTTP/1.1 ",
        ),
        *(
            b"HTTP/1.1 400 ",
            b"HTTP/1.1 400 No\r\n\x00",
            b"",
            b"HTTP/1.1 429 No\r\nRetry-After: ",
            b"HTTP/1.1 200 OK\r\n\r\n",
        ),
    ],
)
def test_a_receiver_that_repeats_what_it_was_sent(before: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """In its answer, in its status line, in headers, in what is no HTTP."""
    caplog.set_level(logging.DEBUG)

    async def story() -> list[Outcome]:
        async with raw_server(lambda reader, writer: _repeats(reader, writer, before)) as port:
            url = f"http://127.0.0.1:{port}{PATH}"
            known = around(**SECRETS | {"URL": url})
            return [await attempt(channel, known) for channel in channels(f"http://127.0.0.1:{port}/in")]

    for outcome in asyncio.run(story()):
        assert outcome.said
        assert not told(outcome.said), outcome
    assert not told(caplog.text)


def test_its_body_says_them() -> None:
    """The whole of what came, as many receivers do when they are in trouble."""

    def answer(got: Any) -> web.Response:
        return web.Response(status=500, body=got.path.encode() + b" " + repr(got.headers).encode() + got.body)

    with receiving(answer) as receiver:
        known = around(**SECRETS | {"URL": receiver.url + PATH})
        for channel in channels(receiver.url):
            outcome = asyncio.run(attempt(channel, known))
            assert "***" in outcome.said
            assert not told(outcome.said), outcome


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:9", "https://127.0.0.1:9", "http://10.0.0.1", "http://nobody.invalid", "http://127.1"),
        *(
            "http://127.0.0.1:99999",
            "http://[::1",
            "nonsense",
            "http://" + "a" * 70 + ".b",
            "http://a\x7fb",
            "http://ann:pwSECRET@127.0.0.1:9",
        ),
    ],
)
def test_no_attempt_that_fails_tells(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Of whatever is wrong with the URL."""
    caplog.set_level(logging.DEBUG)
    for channel in channels("http://127.0.0.1:9/"):
        outcome = asyncio.run(attempt(channel, around(**SECRETS | {"URL": url + PATH})))
        assert not outcome.delivered
        assert not told(outcome.said), outcome
    assert not told(caplog.text)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_silence_tells_nothing(scheme: str) -> None:
    """aiohttp's own message of a time-out has the URL."""

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(9_999):
            pass

    async def story() -> Outcome:
        async with raw_server(silent) as port:
            url = f"{scheme}://127.0.0.1:{port}{PATH}"
            return await attempt(hook("secret:url", timeout_s=0.2), around(**SECRETS | {"URL": url}))

    assert asyncio.run(story()) == Outcome(False, "no answer in time")


async def _smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Offers logins, and repeats each line with a no."""
    writer.write(b"220 here\r\n")
    while line := await reader.readline():
        if line.startswith(b"EHLO"):
            writer.write(b"250-here\r\n250 AUTH PLAIN LOGIN\r\n")
        elif line.startswith(b"AUTH LOGIN"):
            writer.write(b"334 UGFzc3dvcmQ6\r\n")
        else:
            writer.write(b"535 not you: " + line.strip() + b"\r\n")


def test_a_mail_server_repeats_the_login(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """In base64, as it came."""
    caplog.set_level(logging.DEBUG)
    own: dict[str, Any] = {"kind": "email", "sender": "a@b.c", "to": ("d@e.f",)}

    async def story() -> list[Outcome]:
        import aiosmtplib

        real = aiosmtplib.SMTP
        monkeypatch.setattr(
            aiosmtplib, "SMTP", lambda **more: real(**more | {"start_tls": False})
        )  # no TLS in this test
        async with raw_server(_smtp) as port:
            named = hook(f"smtp://127.0.0.1:{port}", **own, user="ann", password="secret:pw")
            whole = hook("secret:url", **own)
            known = around(**SECRETS | {"URL": f"smtp://ann:pwSECRETpw%2F%2B%21@127.0.0.1:{port}"})
            return [await attempt(channel, known) for channel in (named, whole)]

    for outcome in asyncio.run(story()):
        assert "not you" in outcome.said
        assert not told(outcome.said), outcome
    assert not told(caplog.text)


class _Redis:
    """What is written to it."""

    def __init__(self) -> None:
        self.written: list[Any] = []

    async def hkeys(self, _: Any) -> list[bytes]:
        return []

    def pipeline(self, *, transaction: bool) -> _Redis:
        assert not transaction
        return self

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **more: self.written.append((name, args, more))

    async def execute(self) -> None:
        """Done."""


def test_no_record_and_no_key_tells(caplog: pytest.LogCaptureFixture) -> None:
    """A whole post: what it writes to `deliveries`, counts, logs, and shows in Redis, after failures, 410 and death."""
    caplog.set_level(logging.DEBUG)
    log: list[tuple[bytes, bytes | None]] = []
    redis, counts = _Redis(), Counts()

    def answer(got: Any) -> web.Response:
        status = 410 if "gone" in got.path else 500
        return web.Response(status=status, body=got.path.encode() + b" " + repr(got.headers).encode())

    async def story(url: str) -> None:
        known = around(**SECRETS | {"URL": url + PATH, "GONE": url + "/gone" + PATH})
        kinds = senders(known)
        signed, paging, _ = channels(url)
        by = [
            replace(signed, name="a", schedule_s=(0.0,)),
            replace(paging, name="b", schedule_s=(0.0, 60.0)),
            replace(signed, name="c", url="secret:gone"),
            replace(signed, name="d", url="secret:missing"),
        ]
        book = Book(channels=tuple(by))

        async def write(records: list[tuple[bytes, bytes | None]]) -> None:
            log.extend(records)

        post = Post(0, 1, lambda: book, kinds, write, lambda: T0 + 1_000.0, counts, Random(1))
        for channel in by:
            post.read(*encode(delivery(channel.name)))
        post.start()
        while len(counts.latest) < 4:  # noqa: ASYNC110 - attempts say nothing when they are done
            await asyncio.sleep(0.01)
        await shown._show(redis, Keys("t", 0), post.standings(), list(counts.latest), {"a"})
        await post.close()
        for sender in kinds.values():
            await sender.close()

    with receiving(answer) as receiver:
        asyncio.run(story(receiver.url))
    assert {one.state for one in counts.latest} == {"dead", "failed"}
    assert redis.written
    for text in (repr(log), repr(redis.written), repr(counts), caplog.text):
        assert not told(text), text
    assert "***" in repr(log)
    assert all(f"channel {name}" in caplog.text for name in "abcd")


def test_an_error_that_nobody_knew_of(caplog: pytest.LogCaptureFixture) -> None:
    """Its kind and its place are logged; what it says may be a secret."""

    class Broken:
        async def send(self, _: Any, __: Any) -> Outcome:
            raise RuntimeError(f"https://h{PATH}")

        async def close(self) -> None:
            """Nothing."""

    outcome = asyncio.run(tried(Broken(), hook(), delivery()))
    assert outcome == Outcome(False, "RuntimeError")
    assert "channel ops" in caplog.text
    assert "in send" in caplog.text
    assert not told(caplog.text)
