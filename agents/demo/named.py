"""What people of the demo are called: the invented ones from the start, those of a live source as it says so."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from agents.feeds.naming import Naming
from streams.broker.publisher import plain_producer
from streams.display_names import Named
from streams.formats.names import encode
from streams.settings import Settings
from streams.sources.synthetic import name_of
from streams.topics import NAMES

EVERY_S = 1.0  #: names are told so often
END_S = 3.0
MOST = 10_000  #: of the invented people so many have names

# fmt: off
_FAMILIES = (
    "Adeyemi", "Brandt", "Dvořák", "Eriksen", "Farouk", "García", "Haddad", "Ito", "Jansen", "Kowalski", "Løvås", "Moreau",
    "Nguyễn", "O'Connor", "Petrov", "Quispe", "Rossi", "Şahin", "Tanaka", "Usman", "Varga", "Weiß", "Öztürk",
)
# fmt: on


def invented(users: int, network: str) -> list[Named]:
    """Of the generator's users, the first MOST: the name that their id begins with, and that of a family."""
    found = []
    for user in range(min(users, MOST)):
        ident = name_of(user)
        family = _FAMILIES[(user * 7 + user // 256) % len(_FAMILIES)]
        found.append(Named(f"{network}:{ident}", f"{ident.rstrip('0123456789').capitalize()} {family}"))
    return found


async def naming(settings: Settings, client: Any, names: Callable[[], Sequence[Named]]) -> None:
    """Until cancelled: what `names` gives goes to the topic, and from there to Redis, as with `clout feed`. `client` of Redis."""
    producer: Any = plain_producer(settings)
    await producer.start()
    following = asyncio.create_task(Naming(settings, client).run())
    try:
        while True:
            for key, value in (encode(named, time.time_ns() // 1_000_000) for named in names()):
                await producer.send(settings.topic(NAMES.name), value, key, partition=0)
            await asyncio.sleep(EVERY_S)
    finally:
        following.cancel()
        await asyncio.wait({following}, timeout=END_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(producer.stop(), END_S)
