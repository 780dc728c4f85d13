"""What one partition of `deliveries` says: lanes of its channels, deliveries of channels that are not there, channels that are off.

Pure: records come in by their order, policies when they are asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from random import Random

import msgspec

from agents.alerting.lane import Lane
from streams.formats.deliveries import Delivery, Off, decode, home, key_of
from streams.model.channels import Channel
from streams.policies.book import Book


class Lanes:
    """Of one partition."""

    def __init__(self, number: int, partitions: int, dice: Random) -> None:
        self._number, self._partitions, self._dice = number, partitions, dice
        self._known: Book | None = None  # that the lanes are made of
        self._of: dict[str, Lane] = {}
        self._homeless: dict[str, dict[str, Delivery]] = {}  # by channel that is not there, yet or any more
        self._off: dict[str, Off] = {}
        #: keys of what is told as one: a crash may have come before that was written of each
        self.merged: list[bytes] = []

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._of.values()))

    def get(self, channel: str) -> Lane | None:
        """Of a channel that is there."""
        return self._of.get(channel)

    def read(self, key: bytes, value: bytes | None) -> None:
        """One record, in the order of the topic. Raises ValueError for what is none."""
        name, _, id_ = key.decode(errors="replace").partition("/")
        if value is None:
            self._forget(name, id_)
            return
        found = decode(key, value)
        if isinstance(found, Off):
            self._off[name] = found
            return
        lane = self._of.get(name)
        if lane and id_ in lane.on_the_way:
            return  # routed twice; what becomes of it is written soon
        if lane:
            lane.put(found)
        else:
            self._homeless.setdefault(name, {})[id_] = found
        for member in found.members:
            self._forget(name, member)
            self.merged.append(key_of(name, member))

    def follow(self, book: Book) -> None:
        """Lanes are those of the channels that the policies have."""
        if book is self._known:
            return
        self._known, before = book, self._of
        self._of = {}
        for channel in (one for one in book.channels if home(one.name, self._partitions) == self._number):
            lane = before.pop(channel.name, None)
            if lane is None or lane.channel != channel:
                old, lane = lane, Lane(channel, self._dice)
                if old:
                    lane.take_over(old)
            for one in self._homeless.pop(channel.name, {}).values():
                lane.put(one)
            self._of[channel.name] = lane
        for name, lane in before.items():
            known = (*lane.waiting.values(), *lane.on_the_way.values(), *lane.dead.values())
            self._homeless[name] = {one.id: one for one in known}

    def switch_off(self, channel: Channel, now_ms: int, outcome: str) -> Off:
        """Its receiver is gone: nothing is tried until the channel is another one. Returns what has to be written of it."""
        off = self._off[channel.name] = Off(channel=channel.name, at=now_ms, of=_fingerprint(channel), outcome=outcome)
        return off

    def why_off(self, channel: Channel) -> str:
        """Why nothing is tried; empty: it is on."""
        off = self._off.get(channel.name)
        if off and off.of == _fingerprint(channel):
            return off.outcome
        return "" if channel.enabled else "the channel is switched off"

    def _forget(self, name: str, id_: str) -> None:
        if not id_:
            self._off.pop(name, None)
        elif lane := self._of.get(name):
            lane.drop(id_)
        else:
            self._homeless.get(name, {}).pop(id_, None)


def _fingerprint(channel: Channel) -> str:
    return hashlib.sha256(msgspec.json.encode(channel)).hexdigest()[:16]
