"""The demo's person: who is engaged with most has two more accounts, on other networks, and after a while all three are linked."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import msgspec
import orjson

from streams.events import Event, decode_event
from streams.people.controls import Link, encode
from streams.sources import Produced
from streams.topics import CONTROLS

FIRST = 1_000  # events after which it is known who is engaged with most
OTHERS = ("photos", "videos")  #: the other networks


def with_person(
    records: Iterable[Produced], at_ms: int, now_ms: Callable[[], int], tell: Callable[[str], None]
) -> Iterator[Produced]:
    """The records, of which two thirds of what one user gets happen elsewhere; at `at_ms` the three accounts become one person.

    Who engages stays on one network, so what they undo is undone where it was. `tell` hears of the links.
    """
    seen: Counter[str] = Counter()
    star, accounts, linked, moved = "", list[str](), False, set[str | None]()
    for record in records:
        event = _event(record)
        if event is None:
            yield record
            continue
        if not star:
            seen[event.target] += bool(event.target) and event.target != event.actor
            if seen.total() >= FIRST:
                star = seen.most_common(1)[0][0]
                accounts = [f"{network}:{star}" for network in (event.network, *OTHERS)]
        mine = bool(accounts) and ((event.target == star != event.actor) or event.ref in moved)
        if mine:
            moved.add(event.id)
        yield _moved(record, event) if mine else record
        if star and not linked and now_ms() >= at_ms:
            linked = True
            for account in accounts:
                key, value = encode(Link(account, star, now_ms()))
                yield Produced(CONTROLS.name, key, value, now_ms())
            tell(f"{', '.join(accounts)} are accounts of one person now, person:{star}")


def _event(record: Produced) -> Event | None:
    try:
        return decode_event(record.value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _moved(record: Produced, event: Event) -> Produced:
    """The same on the network that its actor is on."""
    networks = (event.network, *OTHERS)
    network = networks[zlib.crc32(event.actor.encode()) % len(networks)]
    value = orjson.dumps({**orjson.loads(record.value), "network": network})
    return record._replace(key=f"{network}:{event.actor}".encode(), value=value)
