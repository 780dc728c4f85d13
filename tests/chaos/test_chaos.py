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


def _needs_servers() -> None:
    if lack := lacks_for_kafka():
        left_out(lack)
    if not shutil.which("redis-server"):
        left_out("no real Redis: redis-server is missing (Debian: apt-get install redis-server)")


@pytest.mark.timeout(600)  # nothing is asserted about time: a laptop under load may need longer for its servers
def test_every_fault_once_and_every_event_once() -> None:
    """Whatever is killed, frozen, flushed or taken away, every event has counted once everywhere."""
    _needs_servers()
    result = run(minutes=0.5, brokers=3, workers=3, rate=300, seed=3, say=print)
    assert set(result["faults"]) == {fault.kind for fault in KINDS}
    assert all(result["faults"].values()), result["faults"]
    assert result["fed"] > 5_000
    assert (result["lost"], result["doubled"], result["scores_differ"]) == (NOTHING, NOTHING, NOTHING), result
    assert result["lists_differ"] == {"rows": 0, "redis": 0}
    assert result["topics_hidden"]
    assert result["alerts"] > 100
    assert result["alerts_differ"] == 0
    assert result["folded_again_differs"] == 0
    assert result["versions_back"] == 0
    assert result["ok"]


@pytest.mark.timeout(600)
def test_by_the_default_model_what_was_committed_comes_again() -> None:
    """Scores go by the order of events there: folded again in the order that headers tell, they are the same, and so are alerts."""
    _needs_servers()
    only = ("kill", "terminate", "pause", "leader_kill")
    result = run(minutes=0.2, brokers=1, workers=3, rate=300, seed=4, say=print, model="default", only=only)
    assert all(result["faults"].values()), result["faults"]
    assert (result["lost"], result["doubled"]) == (NOTHING, NOTHING), result
    assert result["alerts"]
    assert (result["alerts_differ"], result["folded_again_differs"]) == (0, 0)
    assert result["ok"]
