"""Fixtures of the dashboard's tests: one browser for all of them, and a town to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.api.conftest import Scene, scene, served  # noqa: F401 - fixtures
from tests.dashboard import town as towns
from tests.dashboard.browser import Driver, driven


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    """Chromium."""
    with driven() as found:
        yield found


@pytest.fixture
def town(scene: Scene, served: Callable[..., httpx.Client]) -> httpx.Client:  # noqa: F811
    """A client of the app over the town."""
    towns.build(scene)
    return served()
