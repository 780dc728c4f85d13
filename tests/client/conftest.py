"""The API over a scoreboard, as its own tests have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from agents.client import Clout
from tests.api.conftest import Scene, scene, served
from tests.api.filled import fill

__all__ = ["scene", "served"]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients heed the proxies of the environment; these servers are on loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def url(scene: Scene, served: Callable[..., httpx.Client]) -> str:
    """Of an API over a scoreboard that has something of everything."""
    fill(scene)
    return str(served().base_url)


@pytest.fixture
def client(url: str) -> Iterator[Clout]:
    """For it."""
    with Clout(url) as made:
        yield made
