"""Jetstream and GH Archive files through the same path, and undo on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from streams.sources import open_source, produced
from tests.integration.compare import difference, expected
from tests.integration.stack import Stack

FILES = {
    "jetstream": "jetstream/corpus_v1_152.redacted.jsonl",
    "gharchive": "gharchive/min-2015-02-22-21.json.gz",
}


@pytest.mark.parametrize("source", FILES)
def test_files_of_other_networks_go_the_same_way(stack: Callable[..., Stack], shared_data: Path, source: str) -> None:
    """Everyone in the file has the offline fold's counts and, with `plain`, its score."""
    events = list(open_source(str(shared_data / FILES[source]), source))
    clout = stack(model="plain", clock="stream")
    as_of_ms = max(event.ts for event in events) + 1000
    wanted = expected(events, "plain", as_of_ms)
    clout.feed(events)
    with clout.worker():
        clout.settled(len(events))
        found = difference(clout, wanted, as_of_ms)
    assert found.users > 50
    assert (found.engagements, found.actions, found.actors) == (0, 0, 0)
    assert found.largest <= 1e-6


def test_undo_restores_the_score(stack: Callable[..., Stack]) -> None:
    """A remembered like that is undone leaves its target's score and counts as they are without it; scores say so too."""
    now = 1_767_225_600_000
    base = [
        {"id": f"e{n}", "type": "like", "network": "n", "actor": f"a{n}", "target": "bob", "ts": now + n}
        for n in range(5)
    ]
    undo = {
        "id": "e2:undo",
        "type": "like",
        "network": "n",
        "actor": "a2",
        "ref": "e2",
        "undo": True,
        "ts": now + 60_000,
    }
    clout = stack(clock="stream")
    with clout.worker():
        clout.feed(map(produced, base))
        clout.settled(5)
        before = clout.records(["n:bob"])["n:bob"]
        clout.feed([produced(undo)])
        clout.settled(6)
        after = clout.records(["n:bob"])["n:bob"]
    without = expected([produced(e) for e in base if e["id"] != "e2"], "clout-1", after["as_of"])["n:bob"]
    assert before["engagements"] == 5
    assert (after["engagements"], after["actors"]) == (4, 5)
    assert after["version"] > before["version"]
    assert after["score"] == pytest.approx(without["score"], abs=1.1e-8)
    published = [value for key, value in clout.consume("scores") if key == "n:bob"]
    assert published[-1] | {"version": 0} == orjson.loads(orjson.dumps(after)) | {
        "version": 0
    }  # topic and Redis have their own
