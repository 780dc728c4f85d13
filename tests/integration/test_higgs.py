"""Real events through a real Kafka, a worker and a real Redis equal the offline fold.

`CLOUT_TEST_EVENTS` is how many of Higgs' 526,167 events are used (0: all; the default keeps the run short).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.sources import Produced, open_source
from tests.integration.compare import difference, expected
from tests.integration.stack import Stack

EVENTS = int(os.environ.get("CLOUT_TEST_EVENTS", "30000"))
LATER_MS = 3 * 3_600_000  # scores are compared this long after the newest event


@pytest.fixture(scope="module")
def higgs(shared_data: Path) -> list[Produced]:
    """The first events of the file."""
    path = str(shared_data / "higgs" / "higgs-activity_time.txt.gz")
    return list(itertools.islice(open_source(path, "higgs"), EVENTS or None))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("way", "model"), [("backlog", "plain"), ("live", "clout-1")])
def test_a_live_run_equals_the_offline_fold(
    stack: Callable[..., Stack], higgs: list[Produced], way: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts are exact for every user; scores to 1e-6 with `plain`, whether fed live or drained from a backlog."""
    clout = stack(model=model, clock="stream")
    as_of_ms = max(event.ts for event in higgs) + LATER_MS
    wanted = expected(higgs, model, as_of_ms)
    if way == "backlog":
        clout.feed(higgs)
    with clout.worker():
        if way == "live":
            clout.feed(higgs)
        counts = clout.settled(len(higgs), 300)
        found = difference(clout, wanted, as_of_ms)
    with capsys.disabled():
        print(f"\nHiggs, {len(higgs)} events, {way}, model {model}: {found}")
    assert counts["rejected"] == counts["repeats"] == 0
    assert (found.engagements, found.actions, found.actors) == (0, 0, 0)
    if model == "plain":
        assert found.largest <= 1e-6
