"""Which rejects go back to their topics: those that a worker would accept now. Pure; the clock is passed in."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import NamedTuple

from streams.events import KINDS, MAX_AHEAD_MS, Reject, parse
from streams.formats.rejects import Kept
from streams.partitioner import partition_of
from streams.people import controls
from streams.settings import Settings
from streams.topics import CONTROLS, KIND_OF, SOURCES

#: why a reject stays that was not even tried, by code; any other code is the reason why a worker would reject it again
STAYS = {
    "pack": "packed engagements and strays: workers make them, nobody can send them again",
    "undecodable_batch": "a batch that could not be read: there are no bytes to send",
    "no_value": "a record without a value",
    "truncated": "only the first 64 KB were kept",
    "other_topic": "of a topic that is none of this application's event topics; see CLOUT_TOPIC_PREFIX",
    "unreadable": "no reject in the format that this version knows",
}


class Choice(NamedTuple):
    """Which rejects are meant: of these reasons (empty: any), written at `since_ms` or later, at most `most`."""

    reasons: Collection[str] = ()
    since_ms: int | None = None
    most: int | None = None

    def has(self, at_ms: int, reason: str) -> bool:
        """Is this one meant?"""
        return (self.since_ms is None or at_ms >= self.since_ms) and (not self.reasons or reason in self.reasons)


class Back(NamedTuple):
    """An event on its way back, as a feeder would send it."""

    topic: str  #: base name
    partition: int
    key: bytes
    value: bytes


@functools.cache
def _bases(settings: Settings) -> dict[str, str]:
    """Base name of each source by its full name."""
    return {settings.topic(topic.name): topic.name for topic in SOURCES}


def way_back(kept: Kept, settings: Settings, now_ms: int) -> Back | str:
    """The event as it goes back, its bytes unchanged; or the code that says why it stays.

    The checks are the worker's own, at `now_ms`: whatever it would reject again stays, with the reason of today.
    """
    base = _bases(settings).get(kept.origin.topic)
    if base is None:
        return "other_topic"
    if base not in KIND_OF and base != CONTROLS.name:
        return "pack"
    if kept.reason == "undecodable_batch":
        return "undecodable_batch"
    if kept.value is None:
        return "no_value"
    if kept.truncated:
        return "truncated"
    if base == CONTROLS.name:
        return _control_back(kept.reason, kept.value, settings, now_ms)
    event = parse(kept.value, KINDS[KIND_OF[base]], now_ms + MAX_AHEAD_MS)
    if isinstance(event, Reject):
        return event.reason
    key = f"{event.network}:{event.actor}".encode()
    return Back(base, partition_of(key, settings.partitions), key, kept.value)


def _control_back(reason: str, value: bytes, settings: Settings, now_ms: int) -> Back | str:
    """The same of a control. What its user's row has refused it would refuse again."""
    if reason in ("older_control", "facts_too_many", "topics_too_many"):
        return reason
    control = controls.parse(value, now_ms + MAX_AHEAD_MS)
    if isinstance(control, Reject):
        return control.reason
    key = control.user.encode()
    return Back(CONTROLS.name, partition_of(key, settings.partitions), key, value)
