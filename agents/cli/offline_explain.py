"""`clout offline --explain`: the page on one user of a table at hand, without a history."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import Any

import numpy as np
import orjson

from agents.cli.output import safe, say
from agents.cli.places import Account, named, unknown_user
from streams.model.closes import booked, history
from streams.model.records import scored
from streams.model.table import Table

_LOOKED_AT = 100_000  # users whose names are compared with an unknown one: half a second


def explained(table: Table, user: str, as_of_ms: int, *, json: bool) -> int:
    """Explain a user of the table; an unknown one is named on stderr with names like it, and the exit code is 1."""
    from agents.cli.explain_page import show
    from streams.model.explain import Past, explain

    user = named(user)
    found = _records(table, [user], as_of_ms)
    if not found:
        say(unknown_user(user, difflib.get_close_matches(user, islice(table.users, _LOOKED_AT))))
        return 1
    [record] = found
    accounts = [Account(one["user"], one["score"]) for one in _records(table, record.get("accounts", []), as_of_ms)]
    slot = int(table.users.get(user) or 0)
    past = Past(
        table.days.closed_ms, list(history(table, slot)), booked(table, int(table.days.lines(np.array([slot]))[0]))
    )
    place = f"account of {safe(record['person'])}" if "person" in record else ""
    show(explain(record, table.model, as_of_ms, past), place, accounts, json=json)
    return 0


def _records(table: Table, users: list[str], as_of_ms: int) -> list[dict[str, Any]]:
    slots = [slot for slot in map(table.users.get, users) if slot is not None]
    return [orjson.loads(one) for one in scored(table, np.array(slots, np.intp), None, as_of_ms, 0).records]
