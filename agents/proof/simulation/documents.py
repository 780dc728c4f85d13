"""Documents and boards of topics in Redis after a run, beside the rows that `state` keeps; what is hidden, beside what was fed."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from agents.proof.simulation.faults import Faults
from streams.model.influence import influence
from streams.model.influential import Influence
from streams.model.profiles import NOTHING
from streams.model.table import Table

_decode = msgspec.json.Decoder(Influence).decode
CLOSE = 1e-4  # shares have six digits, each as of its own moment


def documents(faults: Faults, table: Table) -> Iterator[str]:
    """Of everybody in the rows of a partition."""
    shown, table.days.closes_ms = faults.redis.shown, faults.settings.day_closes_ms
    for slot, wanted in enumerate(influence(table, np.arange(len(table)), table.clock)):
        user = wanted.user
        fed = sorted(topic for (who, topic), (_, hidden) in faults.fed.topics.items() if who == user and hidden)
        if wanted.hidden != fed:
            yield f"rows: {user} hides {wanted.hidden} instead of {fed}"
        if user in shown.influence:
            yield from _differences(_decode(shown.influence[user]), wanted)
        elif table.tops[slot] or table.memory[slot] or table.profiles.get(slot, NOTHING).topics:
            yield f"redis: {user} has no document"
        lacking = [one.topic for one in wanted.topics if user not in shown.on_topic.get(one.topic, {})]
        if lacking:
            yield f"redis: {user} is not on the boards of {lacking}"
    for topic, board in shown.on_topic.items():
        hiding = sorted(user for user in board if faults.fed.topics.get((user, topic), (0, False))[1])
        if hiding:
            yield f"redis: {hiding} are on the board of {topic}, which they hide"
        if shown.topics.get(topic, 0.0) < max(board.values()):
            yield f"redis: {topic} is at {shown.topics.get(topic)}, its first at {max(board.values())}"


def _differences(found: Influence, wanted: Influence) -> Iterator[str]:
    for name in ("topics", "influencees", "influencers", "moments"):
        one, other = _shares(found, name), _shares(wanted, name)
        if one.keys() != other.keys() or any(abs(share - other[what]) > CLOSE for what, share in one.items()):
            yield f"redis: {name} of {found.user} are {one} instead of {other}"
    if found.hidden != wanted.hidden:
        yield f"redis: {found.user} hides {found.hidden} instead of {wanted.hidden}"


def _shares(found: Influence, name: str) -> dict[str, float]:
    key = {"topics": "topic", "moments": "object"}.get(name, "user")
    return {getattr(one, key): one.share for one in getattr(found, name)}
