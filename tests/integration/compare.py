"""A live run beside the offline fold of the same events, user by user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson

from streams import offline
from streams.model.versions import model
from streams.scoreboard.reader import score_at
from streams.sources import Produced
from tests.integration.stack import Stack


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
    table = offline.fold(events, model(name), newest_ms=2**60)
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
