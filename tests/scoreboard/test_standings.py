"""How channels stand, as a reader sees it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.exceptions import NoPermissionError

from streams.scoreboard.layout import Keys
from streams.scoreboard.standings import NOBODY, STALE_MS, Standings, trouble

WELL: dict[str, Any] = {"enabled": True, "off": "", "open_until": None, "last": "", "at": 1_000_000}


@pytest.mark.parametrize(
    ("changes", "after_ms", "said"),
    [
        ({}, 0, ""),
        ({}, STALE_MS, ""),
        ({}, STALE_MS + 1, NOBODY),
        ({"enabled": False}, STALE_MS + 1, ""),
        ({"enabled": False, "off": "gone"}, 0, ""),
        ({"off": "answered 410", "open_until": 1_009_000}, 0, "switched off: answered 410"),
        ({"open_until": 1_009_000, "last": "answered 500"}, 0, "left alone until 00:16:49Z: answered 500"),
        ({"open_until": 1_009_000}, 0, "left alone until 00:16:49Z: it has failed"),
        ({"open_until": 1_009_000}, 9_000, ""),
    ],
)
def test_trouble(changes: dict[str, Any], after_ms: int, said: str) -> None:
    """In words; what is disabled on purpose is in none."""
    assert trouble(WELL | changes, 1_000_000 + after_ms) == said
    assert trouble(None, 0) == NOBODY


def test_a_user_who_may_not_read_lists() -> None:
    """It is one of before there were deliveries: the rest of the page is shown all the same."""

    class Client:
        async def lrange(self, *_: Any) -> list[bytes]:
            raise NoPermissionError("lrange")

    assert asyncio.run(Standings(Client(), Keys("x", 0)).latest(5)) == []
