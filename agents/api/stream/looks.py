"""What one look at Redis brought, put together: each user once, each alert as it is."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import orjson

from agents.api.stream.positions import Position, text_of
from agents.api.stream.window import Entry
from streams.scoreboard.layout import network_of

log = logging.getLogger("clout.api")

_DECODED_KEPT = 128  #: many who come back at once read the same batches


class Change(NamedTuple):
    """The score of a user, and the one shown before; None: nobody was shown."""

    before: float | None
    score: float


class Alert(NamedTuple):
    """One alert. `cursor` covers it and all before it, but no score that came with it."""

    user: str | None
    network: str | None
    payload: bytes
    cursor: str


class Batch(NamedTuple):
    """One entry of `updates`."""

    as_of: int
    changes: Mapping[str, Change]


@dataclass(frozen=True)
class Look:
    """Entries put together. `cursor` covers all of them, `as_of` is that of the newest batch."""

    cursor: str
    as_of: int
    changes: Mapping[str, Change]
    alerts: list[Alert]

    @cached_property
    def by_network(self) -> Mapping[str, list[str]]:
        """Whose score changed, by network."""
        found = defaultdict(list)
        for user in self.changes:
            found[network_of(user) or ""].append(user)
        return found


def put_together(
    entries: Iterable[Entry], position: Position, shards: int, users: Collection[str] | None = None
) -> tuple[Look, Position]:
    """What entries behind a position say, of these users or of all, and the position behind them.

    Alerts go out before scores, each with a cursor that has no batch of this look: so a cursor never covers what was not sent.
    """
    reached, by_alerts = list(position), list(position)
    changes: dict[str, Change] = {}
    alerts, as_of = [], 0
    for entry in entries:
        reached[entry.stream] = entry.ident
        if entry.stream >= shards:
            by_alerts[entry.stream] = entry.ident
            alerts.append((entry.payload, text_of(tuple(by_alerts))))
            continue
        batch = decoded(entry.payload)
        as_of = max(as_of, batch.as_of)
        some = batch.changes.keys() if users is None else [user for user in users if user in batch.changes]
        for user in some:
            now, earlier = batch.changes[user], changes.get(user)
            changes[user] = Change(earlier.before, now.score) if earlier else now
    told = [one for payload, cursor in alerts if (one := _alert(payload, cursor))]
    return Look(text_of(tuple(reached)), as_of, changes, told), tuple(reached)


@lru_cache(_DECODED_KEPT)
def decoded(payload: bytes) -> Batch:
    """A batch; an older worker says nothing of scores before. What nobody can read is a batch about nobody."""
    try:
        batch = orjson.loads(payload)
        changes = {user: Change(before[0] if before else None, score) for user, score, *before in batch["users"]}
        return Batch(int(batch["as_of"]), changes)
    except (ValueError, TypeError, KeyError) as error:
        log.warning("a batch of changes cannot be read, and is left out: error=%r", error)
        return Batch(0, {})


def _alert(payload: bytes, cursor: str) -> Alert | None:
    try:
        alert = orjson.loads(payload)
        user = alert.get("user")
        return Alert(user, network_of(user) if user else alert.get("network"), payload, cursor)
    except (ValueError, AttributeError) as error:
        log.warning("an alert cannot be read, and is left out: error=%r", error)
        return None
