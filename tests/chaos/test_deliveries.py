"""The short form of `clout chaos --deliveries`: processes are killed, receivers fail, and each alert arrives."""

from __future__ import annotations

import pytest

from agents.local.cluster import lacks_for_kafka
from agents.proof.delivered.run import run
from tests.servers import left_out


@pytest.mark.timeout(600)  # nothing is asserted about time
def test_each_alert_arrives() -> None:
    """At least once, by one id, those of a user in their order where that is wished; nothing is left or dead."""
    if lack := lacks_for_kafka():
        left_out(lack)
    result = run(minutes=0.12, processes=2, rate=20, seed=1, say=print)
    assert result["faults"]["receiver away"] == 1
    assert result["faults"]["SIGKILL"] >= 2
    assert len(result["failed"]) == 5, result["failed"]
    assert not any(result["lost"].values()), result
    assert (result["dead"], result["waiting"], result["out_of_order"], result["other_ids"]) == ({}, {}, 0, 0), result
    assert result["ok"], result
