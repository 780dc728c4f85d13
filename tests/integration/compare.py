"""A live run beside the offline fold of the same events, user by user."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson

from agents.proof.chaos.reading import told
from agents.proof.documents import boards, documents
from agents.proof.lists import lists
from streams import offline
from streams.broker.recovery import recover
from streams.model.table import Table
from streams.model.versions import PLAIN, model
from streams.scoreboard.reader import score_at
from streams.sources import Produced
from streams.topics import STATE
from tests.integration.stack import PATIENCE_S, Stack


class Difference(NamedTuple):
    """How far a live run is from the offline fold, over all users."""

    users: int
    engagements: int  #: users whose exact number of engagements differs
    actions: int
    actors: int
    largest: float  #: score difference in points
    p99: float

    def __str__(self) -> str:
        return (
            f"{self.users} users: engagements differ for {self.engagements}, actions for {self.actions}, people for {self.actors}; "
            f"score difference largest {self.largest:.3g}, p99 {self.p99:.3g}"
        )


def expected(events: Sequence[Produced], name: str, as_of_ms: int) -> dict[str, dict[str, Any]]:
    """What `clout offline` says about everyone."""
    return records_of(offline.fold(events, model(name), newest_ms=2**60), as_of_ms)


def records_of(table: Table, as_of_ms: int) -> dict[str, dict[str, Any]]:
    """Everyone's record by these rows."""
    return {one.user: orjson.loads(one.record) for one in offline.scored(table, as_of_ms)}


def difference(clout: Stack, wanted: dict[str, dict[str, Any]], as_of_ms: int) -> Difference:
    """Read everyone's record from Redis, decay it to `as_of_ms` and compare."""
    found = clout.records(wanted)
    missing = [user for user, record in found.items() if record is None]
    assert not missing, f"{len(missing)} users have no record, such as {missing[:3]}"
    apart = np.array([abs(score_at(found[u], as_of_ms)["score"] - wanted[u]["score"]) for u in wanted])  # type: ignore[arg-type]
    return Difference(
        len(wanted),
        sum(found[u]["engagements"] != wanted[u]["engagements"] for u in wanted),  # type: ignore[index]
        sum(found[u]["actions"] != wanted[u]["actions"] for u in wanted),  # type: ignore[index]
        sum(found[u]["actors"] != wanted[u]["actors"] for u in wanted),  # type: ignore[index]
        float(apart.max()),
        float(np.quantile(apart, 0.99)),
    )


def rows_of(clout: Stack) -> list[Table]:
    """What `state` has, by partition, read committed."""
    settings = clout.settings
    kept = asyncio.run(recover(settings, settings.topic(STATE.name), range(settings.partitions), PLAIN))
    return [one.table for one in kept.values()]


def lists_apart(clout: Stack, wanted: Table) -> list[str]:
    """What of topics, people and objects in the rows is not as in the offline fold, of lists that do not depend on order."""
    assert any(bool(wanted.tops[slot]) for slot in range(len(wanted)))
    return [one for table in rows_of(clout) for one in lists(table, wanted, close=1e-4, remembered=False)]


def told_as_kept(clout: Stack) -> None:
    """Redis tells of everybody's topics, people and moments what the rows have; who has waited longest is written first."""
    tables, deadline = rows_of(clout), time.monotonic() + PATIENCE_S
    while True:
        shown = asyncio.run(told(clout.settings))
        different = [*boards(shown, {}), *(one for table in tables for one in documents(shown, table, {}))]
        if not different:
            return
        assert time.monotonic() < deadline, different[:3]
        time.sleep(0.2)
