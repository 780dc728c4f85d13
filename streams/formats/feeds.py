"""What came of each network, on the wire, beside engagements: [2, sender's clock ms, [], {"feeds": bytes}]; and records of `state`.

feeds   MessagePack [partition, version of its interval, part, now ms, caught up, networks], each of these [name, newest event ms,
        [hour, ...], [count, ...]], hours by the moment they begin, ms
state   `n` + network: MessagePack [first hour, counts u32, newest, came, declared, ended, told, on], see `Feed` in
        `streams.model.feeds`; empty: nothing any more
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec
import numpy as np

from streams.errors import CloutError
from streams.events import MAX_NETWORK_BYTES, NEWEST_MS, PERSON, bad_text
from streams.fold.packs import FORMAT
from streams.model.feeds import HOURS, MOST_FEEDS, Feed

SECTION = "feeds"
KEY = b"n"
_MOST_COUNT = 2**32


class Came(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Events of one network that a partition has folded since it told last."""

    network: str
    newest_ms: int
    hours: tuple[int, ...]  #: when they begin, ms since epoch, rising
    counts: tuple[int, ...]  #: events in each of them


class Heard(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one partition tells, also when nothing came: that it is there, and whether it was caught up."""

    partition: int
    version: int
    part: int  #: of what it tells in that interval, from 0
    now_ms: int  #: by its clock
    caught_up: bool  #: did it have everything that the broker had?
    came: tuple[Came, ...]


class _Kept(msgspec.Struct, array_like=True, gc=False):
    first: int
    counts: bytes
    newest_ms: int
    came_ms: int
    declared_ms: int
    ended_ms: int
    told_ms: int
    on: bool


_encode = msgspec.msgpack.Encoder().encode
_any = msgspec.msgpack.Decoder().decode
_decode, _kept = msgspec.msgpack.Decoder(Heard).decode, msgspec.msgpack.Decoder(_Kept).decode


def encode(heard: Heard, clock: int) -> bytes:
    """The record that carries it."""
    return _encode([FORMAT, clock, [], {SECTION: _encode(heard)}])


def is_one(value: bytes | None) -> bool:
    """Does a record of `engagements` tell of feeds, and of nothing else? Whoever is at rest may leave such records unread."""
    try:
        *_, sections = _any(value or b"")
        return set(sections) == {SECTION}
    except (msgspec.MsgspecError, TypeError, ValueError):
        return False


def decode(section: bytes, newest_ms: int = NEWEST_MS) -> Heard:
    """What came. Raises ValueError for what no Clout has written: also for a time after `newest_ms`, which would stay for ever."""
    try:
        heard = _decode(section)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"feeds that cannot be read: {error}") from None
    if (
        min(heard.partition, heard.version, heard.part) < 0
        or not 0 <= heard.now_ms <= newest_ms
        or len(heard.came) > MOST_FEEDS
    ):
        raise ValueError("feeds with a number out of range")
    if len({came.network for came in heard.came}) < len(heard.came):
        raise ValueError("feeds with a network twice")
    for came in heard.came:
        if not good_network(came.network):
            raise ValueError("feeds with a name that no network has")
        if not (0 < len(came.hours) == len(came.counts) <= HOURS and 0 <= came.newest_ms <= newest_ms):
            raise ValueError("feeds with columns of different lengths, or a time out of range")
        if came.hours[0] < 0 or came.hours[-1] > newest_ms or any(a >= b for a, b in pairwise(came.hours)):
            raise ValueError("feeds with an hour out of range, or one twice")
        if not all(0 < count < _MOST_COUNT for count in came.counts):
            raise ValueError("feeds with a count out of range")
    return heard


def good_network(network: str) -> bool:
    """May users be of it?"""
    return bad_text("network", network, MAX_NETWORK_BYTES) is None and ":" not in network and network != PERSON


def records(feeds: Iterable[Feed]) -> list[tuple[bytes, bytes]]:
    """(key, value) of these, for `state`."""
    return [
        (
            KEY + feed.network.encode(),
            _encode(
                _Kept(
                    *(feed.first, feed.counts.astype("<u4").tobytes(), feed.newest_ms, feed.came_ms),
                    *(feed.declared_ms, feed.ended_ms, feed.told_ms, feed.on),
                )
            ),
        )
        for feed in feeds
    ]


def removals(networks: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """(key, value) of those of which nothing is kept any more."""
    return [(KEY + network.encode(), b"") for network in networks]


def load(rows: Sequence[tuple[bytes, bytes]]) -> list[Feed]:
    """Of such records; those of no value are gone. Raises CloutError."""
    found = []
    for key, value in rows:
        if not value:
            continue
        try:
            network, kept = key[1:].decode(), _kept(value)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise _damaged(key, error) from None
        times = kept.first + HOURS, *(kept.newest_ms, kept.came_ms, kept.declared_ms, kept.ended_ms, kept.told_ms)
        if len(kept.counts) != 4 * HOURS or not good_network(network) or not 0 <= min(times) <= max(times) <= NEWEST_MS:
            raise _damaged(key, "a value out of range")
        feed = Feed(network, kept.first, np.frombuffer(kept.counts, "<u4").astype(np.uint32))
        feed.newest_ms, feed.came_ms = kept.newest_ms, kept.came_ms
        feed.declared_ms, feed.ended_ms, feed.told_ms, feed.on = (
            kept.declared_ms,
            kept.ended_ms,
            kept.told_ms,
            kept.on,
        )
        found.append(feed)
    return found


def _damaged(key: bytes, why: object) -> CloutError:
    return CloutError(f"the topic `state` has a damaged record: key {key[:40]!r} ({why})")
