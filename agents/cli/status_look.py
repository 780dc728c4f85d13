"""What `clout status` shows, as JSON has it; and what of it is wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from agents.surroundings.status import of_redis, told
from streams.errors import CloutError

if TYPE_CHECKING:
    from streams.settings import Settings


def look(settings: Settings) -> dict[str, Any]:
    """All of it. Raises DependencyDown without Redis; without Kafka `kafka` says why, and what it alone knows is null."""
    from agents.cli.channel_known import channels
    from agents.cli.redis import ask

    redis = ask(settings, of_redis)
    book, why = None, None
    try:
        book, _ = channels(settings)
    except CloutError as error:
        why = str(error)
    return told(settings, redis, book, why, time.time() * 1000)
