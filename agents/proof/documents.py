"""Documents and boards of topics in Redis after a run, beside the rows that `state` keeps; what is hidden, beside what was fed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from streams.model.influence import influence
from streams.model.influential import Influence
from streams.model.profiles import NOTHING
from streams.model.table import Table

#: what names an entry of each list
_KEYS = {"topics": "topic", "influencees": "user", "influencers": "user", "moments": "object"}
_decode = msgspec.json.Decoder(Influence).decode
CLOSE = 1e-4  # shares have six digits, each as of its own moment

Hidden = Mapping[str, Collection[str]]  #: by user the topics that were hidden at last


class Documents(NamedTuple):
    """What Redis has of them."""

    influence: Mapping[str, bytes]  #: by user, JSON
    topics: Mapping[str, float]  #: that have a board, and the highest place there was on each
    on_topic: Mapping[str, Mapping[str, float]]  #: by topic user and place


def documents(shown: Documents, table: Table, hidden: Hidden) -> Iterator[str]:
    """Of everybody in the rows of a partition, whose day closes when the table says."""
    for slot, wanted in enumerate(influence(table, np.arange(len(table)), table.clock)):
        user = wanted.user
        fed = sorted(hidden.get(user, ()))
        if wanted.hidden != fed:
            yield f"rows: {user} hides {wanted.hidden} instead of {fed}"
        if user in shown.influence:
            yield from _differences(_decode(shown.influence[user]), wanted)
        elif table.tops[slot] or table.memory[slot] or table.profiles.get(slot, NOTHING).topics:
            yield f"redis: {user} has no document"
        lacking = [one.topic for one in wanted.topics if user not in shown.on_topic.get(one.topic, {})]
        if lacking:
            yield f"redis: {user} is not on the boards of {lacking}"


def boards(shown: Documents, hidden: Hidden) -> Iterator[str]:
    """Nobody is on the board of a topic that they hide; the list of boards says where the first of each is."""
    for topic, board in shown.on_topic.items():
        hiding = sorted(user for user in board if topic in hidden.get(user, ()))
        if hiding:
            yield f"redis: {hiding} are on the board of {topic}, which they hide"
        if shown.topics.get(topic, 0.0) < max(board.values()):
            yield f"redis: {topic} is at {shown.topics.get(topic)}, its first at {max(board.values())}"


def _differences(found: Influence, wanted: Influence) -> Iterator[str]:
    for name, key in _KEYS.items():
        one, other = ({getattr(entry, key): entry for entry in getattr(of, name)} for of in (found, wanted))
        if not (_as(one, other) and _as(other, one)):
            yield f"redis: {name} of {found.user} are {_shares(one)} instead of {_shares(other)}"
    if found.hidden != wanted.hidden:
        yield f"redis: {found.user} hides {found.hidden} instead of {wanted.hidden}"


def _as(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Are these entries the others? Of several that surely weigh as much, any may be the last that are shown."""
    least = min(map(_sure, other.values()), default=0.0)
    return len(one) == len(other) and all(
        abs(entry.share - other[what].share) <= CLOSE if what in other else abs(_sure(entry) - least) <= CLOSE
        for what, entry in one.items()
    )


def _sure(entry: Any) -> float:
    """The share that is nobody else's, by which entries are in order."""
    return float(entry.share - getattr(entry, "error", 0.0))


def _shares(entries: dict[str, Any]) -> dict[str, tuple[float, float]]:
    return {what: (entry.share, _sure(entry)) for what, entry in entries.items()}
