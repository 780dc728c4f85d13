"""The stack fixture: a whole Clout on the real servers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration import forked
from tests.integration.forked import Nursery
from tests.integration.stack import Stack


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery | None]:
    """A process that forks workers, where the system ends them with it."""
    if sys.platform != "linux":
        yield None
        return
    with forked.nursery() as made:
        yield made


@pytest.fixture
def stack(kafka: str, redis_url: str, nursery: Nursery | None, prefix: str, tmp_path: Path) -> Callable[..., Stack]:
    """Makes a Clout with the given settings on the real Kafka and Redis."""
    made = 0

    def make(**settings: Any) -> Stack:
        nonlocal made
        made += 1
        return Stack(kafka, redis_url, f"{prefix}{made}-", tmp_path, nursery=nursery, **settings)

    return make
