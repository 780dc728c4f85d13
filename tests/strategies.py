"""Hypothesis strategies shared by the tests, and the profile: the same examples at every run, no database, no clock."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from streams.events import KINDS, MAX_ID_BYTES, Event

settings.register_profile(
    "clout",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=int(os.environ.get("CLOUT_TEST_EXAMPLES", "40")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("clout")

T0 = 1_767_225_600_000
_SPAN_MS = 40 * 86_400_000

kinds = st.sampled_from(KINDS)
people = st.sampled_from(["ann", "bob", "cat", "dan", "zoë世界"])
times = st.integers(T0 - _SPAN_MS, T0 + _SPAN_MS)
#: any text an id may be: no control characters, no half surrogates, at most 256 bytes
ids = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=MAX_ID_BYTES // 4)
masses = st.floats(0, 1e12)
#: what an event is about, if it says so: few things, topics in several ways
abouts = st.fixed_dictionaries(
    {},
    optional={
        "object": st.sampled_from(["post/1", "post/2", "o" * 300]),
        "topics": st.lists(st.sampled_from(["Jazz", "#jazz", "Straße", "STRASSE", "blues"]), max_size=3),
    },
)


@dataclass(frozen=True)
class Step:
    """One event and the topic it is in."""

    kind: str
    event: Event


@st.composite
def histories(draw: st.DrawFn, *, undo: bool = True, most: int = 30) -> list[Step]:
    """Events of few people about each other, with undos (known, unknown, double) and repeats among them."""
    steps: list[Step] = []
    for n in range(draw(st.integers(1, most))):
        actor, ts = draw(people), draw(times)
        what = draw(st.integers(0, 9)) if undo and steps else 9
        before = draw(st.sampled_from(steps)) if what < 3 else None
        if before is not None and what == 0:
            steps.append(before)  # delivered twice
        elif before is not None:
            back = Event(id=f"u{n}", network="net", actor=before.event.actor, ts=ts, undo=True, ref=before.event.id)
            steps.append(Step(before.kind, back))
        else:
            event = Event(id=f"e{n}", network="net", actor=actor, target=draw(people), ts=ts, **draw(abouts))
            steps.append(Step(draw(kinds), event))
    return steps


@st.composite
def interleavings(draw: st.DrawFn, steps: list[Step]) -> list[list[Step]]:
    """The same events, topics mixed in another way, cut into blocks anywhere; the order within each topic is kept."""
    queues = [[s for s in steps if s.kind == kind] for kind in KINDS]
    blocks: list[list[Step]] = [[]]
    while queues := [q for q in queues if q]:
        blocks[-1].append(queues[draw(st.integers(0, len(queues) - 1))].pop(0))
        if draw(st.booleans()):
            blocks.append([])
    return [b for b in blocks if b]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_fields = ("id", "network", "actor", "target", "ts", "type", "ref", "object", "topics", "undo")


@st.composite
def broken_events(draw: st.DrawFn) -> bytes:
    """JSON that looks like an event, with any fields missing or of any type, in any encoding, cut anywhere."""
    body: dict[str, Any] = {"id": "1", "network": "net", "actor": "ann", "target": "bob", "ts": T0}
    for name in draw(st.lists(st.sampled_from(_fields), max_size=4)):
        if draw(st.booleans()):
            body.pop(name, None)
        else:
            body[name] = draw(_json)
    value = json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        at = draw(st.integers(0, len(value)))
        value = value[:at] + draw(st.binary(max_size=3)) + value[at + draw(st.integers(0, 3)) :]
    return value
