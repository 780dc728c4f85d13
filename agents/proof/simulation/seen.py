"""What Redis shows after a run, beside its own records and the plain fold: boards, histogram, alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import orjson

from agents.proof.simulation.faults import Faults
from streams.fold.rows import ENGAGEMENTS
from streams.model.table import Table
from streams.model.versions import model
from streams.scoreboard import user_alerts
from streams.scoreboard.layout import MOST_NETWORKS, network_of
from streams.scoreboard.shown import BOARD_STEP
from streams.topics import ALERTS


def _linked(table: Table) -> set[str]:
    """Accounts of persons."""
    slots = np.arange(len(table))
    return set(table.users.of(slots[table.linked(slots)]))


def _counted(table: Table) -> set[str]:
    """Who was engaged with, and is no account of a person; no run is longer than 90 days."""
    slots = np.flatnonzero(table.cells[: len(table), ENGAGEMENTS] > 0)
    return set(table.users.of(slots[~table.linked(slots)]))


def spread(faults: Faults, fold: Table) -> Iterator[str]:
    """The histogram counts everyone who was engaged with but accounts of persons once, where they are; the board has all but
    accounts of persons, near enough, and that of each network everyone of it.

    After a take-over the histogram begins with the scores last published, not those last shown, which are a little older or
    younger: a bin more or less; hours when history is replayed.
    """
    linked, in_it = _linked(fold), _counted(fold)
    near = 1 if faults.settings.clock == "wall" else 20
    shown = faults.redis.shown
    scores = {user: orjson.loads(record)["score"] for user, record in shown.records.items()}
    for user, exact in scores.items():
        network = network_of(user)
        boards = [("board", shown.scores)] if user not in linked else []
        if network in shown.networks or (len(shown.networks) < MOST_NETWORKS and network):
            boards.append((f"board of {network}", shown.boards.get(network, {})))
        for name, board in boards:
            if abs(board.get(user, 0.0) - exact) > BOARD_STEP * model("plain").displayed_step:
                yield f"{name}: {user} is at {board.get(user)} instead of {exact}"
    for user in sorted(linked & shown.scores.keys()):
        yield f"board: {user} is there, an account of a person"
    for network, board in shown.boards.items():
        strange = sorted(user for user in board if network_of(user) != network)
        if strange:
            yield f"board of {network}: {strange} are of others"
    counted = sorted(at for bins in shown.spread.values() for at, count in bins.items() for _ in range(count))
    wanted = sorted(int(exact * 10) for user, exact in scores.items() if user in in_it)
    if len(counted) != len(wanted) or any(abs(one - other) > near for one, other in zip(counted, wanted, strict=True)):
        yield f"spread: {counted} instead of {wanted}"


def alerts(faults: Faults) -> Iterator[str]:
    """Redis has no alert that was not committed, and none twice, neither in the stream nor of a user."""
    committed = {
        record.value
        for number in range(faults.settings.partitions)
        for record in faults.broker.logs[ALERTS.name, number].all()
    }
    for alert, times in Counter(faults.redis.shown.alerts).items():
        if times > 1 or alert not in committed:
            yield f"redis: {alert!r} came {times} times, committed: {alert in committed}"
    for user, array in faults.redis.shown.user_alerts.items():
        kept = user_alerts.parts(array)
        if (
            len(set(kept)) < len(kept)
            or not committed.issuperset(kept)
            or {user_alerts.user_of(one) for one in kept} != {user}
        ):
            yield f"redis: the alerts kept of {user} are {array!r}"
