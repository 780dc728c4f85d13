"""What people did around the Higgs, all of it: who is first in the lists is first in all there was, for almost everybody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import numpy as np
import pytest

from streams import offline
from streams.fold.rows import ACTIONS, ENGAGEMENTS
from streams.model.engagements import Engagements
from streams.model.influence import influence
from streams.model.table import Table
from streams.model.versions import DEFAULT
from streams.offline import fold
from streams.sources import open_source
from tests.oracle import HALF_LIVES_MS
from tests.sources.conftest import real  # noqa: F401 - the fixture

MANY, WANTED = 50, 0.95
Weights = dict[str, dict[str, float]]


def test_first_influencees_and_influencers(real: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    """Of those who had 50 engagements, or acted 50 times: who weighs most with them stands first; ties may be either."""
    by: Weights = defaultdict(lambda: defaultdict(float))  # with whom, by whom: of the quarter window, as of any time
    of: Weights = defaultdict(lambda: defaultdict(float))  # the same the other way round
    receive = offline.receive

    def noting(table: Table, packs: Sequence[Engagements]) -> Any:
        for pack in packs:
            grown = pack.weights * 2.0 ** ((pack.times - 1_341_100_000_000) / HALF_LIVES_MS["quarter"])
            for target, actor, weight in zip(pack.targets, pack.actors, grown.tolist(), strict=True):
                by[target][actor] += weight
                of[actor][target] += weight
        return receive(table, packs)

    with mock.patch.object(offline, "receive", noting):
        table = fold(open_source(real("higgs/higgs-activity_time.txt.gz"), "higgs"), DEFAULT, newest_ms=2**45)
    told, said = [], 0
    for column, exact, name in ((ENGAGEMENTS, by, "influencees"), (ACTIONS, of, "influencers")):
        slots = np.flatnonzero(table.cells[: len(table), column] >= MANY)
        found = influence(table, slots, table.clock)
        right = [_is_first(exact[one.user], getattr(one, name)) for one in found if exact[one.user]]
        told.append(f"{name}: the first is right for {sum(right):,} of {len(right):,} users, {np.mean(right):.1%}")
        said += np.mean(right) >= WANTED and len(right) > 100
    with capsys.disabled():
        print("\nHiggs: " + "; ".join(told))
    assert said == 2, told


def _is_first(exact: dict[str, float], found: Sequence[Any]) -> bool:
    return bool(found) and exact.get(found[0].user, 0.0) >= max(exact.values()) * (1 - 1e-5)
