"""Daily closes beside the oracle: a close is the score, then, of the events before it, and of nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from streams.model.closes import history
from streams.model.dates import day
from streams.model.versions import DAY_MS, PLAIN
from tests.model.test_ledger import Did, doings, played
from tests.model.world import NETWORK, T0
from tests.oracle import Oracle

DAYS = 5


def as_event(one: Did) -> dict[str, Any]:
    """What a producer would say."""
    own = {"id": one.id, "network": NETWORK, "actor": one.actor, "ts": one.ts}
    return own | ({"undo": True, "ref": f"e{one.id[1:]}"} if one.undo else {"target": one.target})


@given(doings(DAYS))
def test_a_close_is_the_score_of_what_lay_before_it(done: list[Did]) -> None:
    """Whoever was touched since or was not: an oracle that stopped at the close says the same. Who was not there has none."""
    world = played(done, PLAIN, T0 + (DAYS + 1) * DAY_MS)
    for slot, user in enumerate(world.table.users):
        found = {day(close.date) * DAY_MS + DAY_MS: close.score for close in history(world.table, slot)}
        for moment_ms in range(T0 + DAY_MS, T0 + (DAYS + 1) * DAY_MS + 1, DAY_MS):
            oracle = Oracle(plain=True)
            before = [(one.kind, as_event(one)) for one in done if one.ts < moment_ms]
            oracle.receive(oracle.act(before))
            there = oracle.users.get(user)
            if there is None or max(there.did_ts, there.got_ts) == 0:
                assert moment_ms not in found
            else:
                assert found[moment_ms] == pytest.approx(there.score(moment_ms), abs=1e-4), (user, moment_ms)
