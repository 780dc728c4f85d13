"""Apprise, with a URL of its own at a receiver on loopback; its threads hold up nobody, its log tells no address."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson
import pytest
from aiohttp import web

from agents.alerting.attempts import Outcome
from agents.alerting.senders import senders
from streams.model.channels import Channel
from tests.alerting.kit import alert, around, attempt, delivery, hook, raw_server
from tests.alerting.receiver import Answer, receiving


def apprise(**more: Any) -> Channel:
    """A channel."""
    return hook(**{"url": "secret:url", "kind": "apprise"} | more)


def says(answer: Answer | None, **more: Any) -> tuple[Outcome, list[dict[str, Any]]]:
    """What an attempt comes to, and what came."""
    with receiving(answer) as receiver:
        url = receiver.url.replace("http", "json") + "/hook"
        outcome = asyncio.run(attempt(apprise(), around(URL=url), delivery(**more)))
    return outcome, [orjson.loads(one.body) for one in receiver.got]


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, "warning"),
        ({"severity": "critical"}, "failure"),
        ({"severity": "info"}, "info"),
        ({"state": "recovered"}, "success"),
    ],
)
def test_it_arrives(more: dict[str, Any], kind: str) -> None:
    """As loud as the alert is."""
    outcome, got = says(None, **more)
    assert outcome == Outcome(True, "accepted")
    assert [(one["title"], one["type"]) for one in got] == [("bluesky:ann fell 1 points", kind)]
    assert "reversed" in got[0]["message"]


def test_it_does_not() -> None:
    """Which is all that Apprise says."""
    outcome, _ = says(lambda _: web.Response(status=500))
    assert outcome == Outcome(False, "Apprise could not deliver it")


@pytest.mark.parametrize("url", ["nonsense", "T0SECRET://x", "json://", "discord://x"])
def test_a_url_that_it_does_not_understand(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Is not shown, in its log neither."""
    outcome = asyncio.run(attempt(apprise(), around(URL=url)))
    assert outcome == Outcome(False, "Apprise does not understand this URL")
    assert not caplog.text


def test_its_log_tells_no_address(caplog: pytest.LogCaptureFixture) -> None:
    """Where nobody listens, too."""
    caplog.set_level(logging.INFO)
    url = "json://ann:pwSECRETpw@127.0.0.1:9/T0SECRET"
    assert not asyncio.run(attempt(apprise(), around(URL=url))).delivered
    assert "SECRET" not in caplog.text


def test_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is said, with what to do."""
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    said = asyncio.run(attempt(apprise(), around(URL="json://h"))).said
    assert said == "Apprise is not installed: pip install clout[apprise]"


def test_a_url_is_a_secret() -> None:
    """Also where a record from elsewhere says otherwise."""
    assert "hold secrets" in asyncio.run(attempt(apprise(url="json://127.0.0.1"), around())).said
    assert "the secret url is not there" in asyncio.run(attempt(apprise(), around())).said


def test_a_slow_service_holds_up_nobody() -> None:
    """Neither names that are looked up meanwhile, nor webhooks."""

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(9_999):
            pass

    async def story() -> tuple[Outcome, Outcome]:
        async with raw_server(silent) as port:
            known = around(URL=f"json://127.0.0.1:{port}/?rto=1")
            kinds = senders(known)
            slow = [
                asyncio.create_task(kinds["apprise"].send(apprise(timeout_s=0.5), delivery(said=alert(n))))
                for n in range(20)
            ]
            with receiving() as receiver:
                url = receiver.url.replace("127.0.0.1", "localhost")
                quick = await kinds["webhook"].send(hook(url, timeout_s=5.0), delivery())
            found = [await task for task in slow]
            for sender in kinds.values():
                await sender.close()
            return quick, found[0]

    quick, slow = asyncio.run(story())
    assert quick.delivered, quick
    assert slow == Outcome(False, "no answer in time")
