"""`clout offline --explain`: the page on one user of a table at hand, ranked among all that are in it."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import Any

import numpy as np
import orjson
from msgspec import UNSET
from numpy.typing import NDArray

from agents.cli.output import say
from agents.cli.places import Account, named, unknown_user
from streams.fold.rows import ENGAGEMENTS, GOT_TS
from streams.model import assess
from streams.model.closes import booked, history
from streams.model.influence import influence
from streams.model.influential import merged
from streams.model.lately import lately
from streams.model.profiles import NOTHING
from streams.model.records import scored
from streams.model.standing import Place, Places
from streams.model.style import is_person
from streams.model.table import Table

_LOOKED_AT = 100_000  # users whose names are compared with an unknown one: half a second


def explained(table: Table, user: str, as_of_ms: int, *, json: bool) -> int:
    """Explain a user of the table; an unknown one is named on stderr with names like it, and the exit code is 1."""
    from agents.cli.explain_page import show
    from streams.model.explain import Past, explain

    user = named(user)
    records = _records(table, [user], as_of_ms)
    if not records:
        say(unknown_user(user, difflib.get_close_matches(user, islice(table.users, _LOOKED_AT))))
        return 1
    [record] = records
    accounts = [Account(one["user"], one["score"]) for one in _records(table, record.get("accounts", []), as_of_ms)]
    slot = int(table.users.get(user) or 0)
    line = int(table.days.lines(np.array([slot]))[0])
    past = Past(table.days.closed_ms, list(history(table, slot)), booked(table, line))
    slots = [slot for slot in map(table.users.get, record.get("accounts", [user])) if slot is not None]
    known = influence(table, np.array(slots, np.intp), as_of_ms)
    if "accounts" in record:
        hidden = table.profiles.get(slot, NOTHING).hidden
        known = [merged(user, known, table.model.half_lives_ms[-1], hidden)]
    found = explain(record, table.model, as_of_ms, past, _places(table, slot, as_of_ms), known[0])
    show(found, accounts, json=json)
    return 0


def _places(table: Table, slot: int, now_ms: int) -> Places:
    """Where somebody stands among all of the table, as `streams.scoreboard.explaining.places_of` says of those in Redis."""
    scores, everyone = assess.population(table, now_ms), np.arange(len(table))
    own, rows, unlinked = scores[slot], table.cells[: len(table)], ~table.linked(everyone)

    def place(board: NDArray[np.bool_]) -> Place:
        return Place(rank=int((scores[board] > own).sum()) + 1, of=int(board.sum()))

    if not unlinked[slot]:
        return Places(network=place(_on_network(table, slot)))
    counted = scores[unlinked & lately(rows[:, GOT_TS], rows[:, ENGAGEMENTS], now_ms)]
    return Places(
        overall=place(unlinked),
        percentile=100.0 * float((counted < own).mean()) if len(counted) else UNSET,
        network=UNSET if is_person(table, slot) else place(_on_network(table, slot)),
    )


def _on_network(table: Table, slot: int) -> NDArray[np.bool_]:
    """Who is of the same network, (n,)."""
    network = table.users[slot].partition(":")[0] + ":"
    return np.fromiter((user.startswith(network) for user in table.users), np.bool_, len(table))


def _records(table: Table, users: list[str], as_of_ms: int) -> list[dict[str, Any]]:
    slots = [slot for slot in map(table.users.get, users) if slot is not None]
    return [orjson.loads(one) for one in scored(table, np.array(slots, np.intp), None, as_of_ms, 0).records]
