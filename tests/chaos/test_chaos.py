"""The short form of `clout chaos`: every kind of fault at least once on real servers, and nothing lost or doubled."""

from __future__ import annotations

import shutil

import pytest

from agents.local.cluster import lacks_for_kafka
from agents.proof.chaos.faults import KINDS
from agents.proof.chaos.run import run
from tests.servers import left_out

PLACES = ("rows", "redis", "scores")
NOTHING = dict.fromkeys(PLACES, 0)


@pytest.mark.timeout(600)  # nothing is asserted about time: a laptop under load may need longer for its servers
def test_every_fault_once_and_every_event_once() -> None:
    """Whatever is killed, frozen, flushed or taken away, every event has counted once everywhere."""
    if lack := lacks_for_kafka():
        left_out(lack)
    if not shutil.which("redis-server"):
        left_out("no real Redis: redis-server is missing (Debian: apt-get install redis-server)")
    result = run(minutes=0.4, brokers=3, workers=3, rate=150, seed=3, say=print)
    assert set(result["faults"]) == {fault.kind for fault in KINDS}
    assert all(result["faults"].values()), result["faults"]
    assert result["fed"] > 2_500
    assert (result["lost"], result["doubled"], result["scores_differ"]) == (NOTHING, NOTHING, NOTHING), result
    assert result["lists_differ"] == {"rows": 0, "redis": 0}
    assert result["topics_hidden"]
    assert result["alerts"] > 100
    assert result["alerts_differ"] == 0
    assert result["folded_again_differs"] == 0
    assert result["versions_back"] == 0
    assert result["ok"]
