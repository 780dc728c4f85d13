"""The demo's pager takes what is signed with its secret, and nothing else."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from agents.alerting import bodies, channel_file, signing
from agents.alerting.lane import fresh
from agents.demo.pager import NAME, Pager, paging
from tests.alerts import NOW_MS, told


def send(pager: Pager, secret: str) -> int:
    """One webhook about somebody, as `clout alerting` sends it; returns the status."""
    one = fresh(NAME, f"day-fall/t:ann/{NOW_MS}/raised", told("t:ann"), 1)
    content_type, body = bodies.body("cloudevents", one, "clout")
    headers = signing.headers(one.id, int(time.time()), body, [secret]) | {"Content-Type": content_type}
    return httpx.post(f"http://127.0.0.1:{pager.port}/", content=body, headers=headers).status_code


def test_a_signed_webhook_is_shown() -> None:
    """With how late it is, and what it says."""
    with paging() as pager:
        assert send(pager, pager.secret) == 204
        assert pager.count == 1
        assert f"webhook 1 to {NAME}" in pager.latest
        assert pager.latest.endswith("fell 7.5 points")


def test_one_that_is_not_is_refused() -> None:
    """By somebody else's secret."""
    with paging() as pager, paging() as other:
        assert send(pager, other.secret) == 401
        assert (pager.count, pager.latest) == (0, "")


def test_the_channel_is_one(tmp_path: Path) -> None:
    """The file that the demo writes is read as any other."""
    with paging() as pager:
        (channel,) = channel_file.read(str(pager.channels(tmp_path)))
    assert channel.name == NAME
    assert channel.url == f"http://127.0.0.1:{pager.port}/"
    assert channel.sign == ("secret:demo",)
