"""Silence of feeds: what partitions tell of the events they fold, and what the home of a network makes of it.

The home, the partition of the network's name, writes gaps to `policies`, alerts about the feed to `alerts` and what it knows to
`state`, all in the transaction of an interval. So whoever takes over knows what was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold import networks
from streams.fold.words import padded
from streams.formats.feeds import Came, Heard
from streams.model.feed_alerts import FeedAlert, State, Told, feed_alert
from streams.model.feeds import HOURS, MOST_FEEDS, Feed, Limits, expected, silent
from streams.model.gaps import Gap, Gaps, with_gap
from streams.model.table import Table
from streams.model.users import Slots
from streams.partitioner import partition_of
from streams.policies.book import Book
from streams.policies.records import Record, encode

_UNKNOWN, _NONE = -2, -1  # a user whose network was not looked up, and of one beyond the first MOST_FEEDS
_IDLE_MS = 31 * 86_400_000  # a feed that nobody has heard of for so long is forgotten


class Counting:
    """Events folded since the last telling, by network of the actor and hour of their time. 0.04 us an event."""

    def __init__(self, hour_ms: int) -> None:
        self._hour_ms = hour_ms
        self._names: list[str] = []  # by number
        self._known, self._bounds = padded(b""), np.zeros(1, np.int64)
        self._of_slot: NDArray[np.int16] = np.empty(0, np.int16)
        self._newest = np.zeros(MOST_FEEDS, np.int64)
        self._counts: dict[tuple[int, int], int] = {}  # by number and hour

    def add(self, table: Table, slots: Slots, times: NDArray[np.int64]) -> None:
        """Events of these actors, (n,), at these times, ms."""
        if not len(slots):
            return
        numbers = self._numbers(table, slots)
        if (some := numbers >= 0).all():
            hours = times // self._hour_ms
        else:
            numbers, times = numbers[some], times[some]
            hours = times // self._hour_ms
        np.maximum.at(self._newest, numbers, times)
        # one number for both: of a network's name there are fewer than MOST_FEEDS
        both, counts = np.unique(hours * MOST_FEEDS + numbers, return_counts=True)
        for one, count in zip(both.tolist(), counts.tolist(), strict=True):
            key = one % MOST_FEEDS, one // MOST_FEEDS
            self._counts[key] = self._counts.get(key, 0) + count

    def take(self) -> list[Came]:
        """What came of each network; counting begins anew."""
        hours: dict[int, list[int]] = {}
        for number, hour in sorted(self._counts):
            hours.setdefault(number, []).append(hour)
        counted, self._counts = self._counts, {}
        return [
            Came(
                self._names[number],
                int(self._newest[number]),
                tuple(hour * self._hour_ms for hour in some[-HOURS:]),
                tuple(counted[number, hour] for hour in some[-HOURS:]),
            )
            for number, some in hours.items()
        ]

    def _numbers(self, table: Table, slots: Slots) -> NDArray[np.int16]:
        """The networks (n,) of users."""
        if len(table) > len(self._of_slot):
            more = np.full(max(len(table), 1_024) * 3 // 2, _UNKNOWN, np.int16)
            more[: len(self._of_slot)] = self._of_slot
            self._of_slot = more
        found = self._of_slot[slots]
        if (found == _UNKNOWN).any():
            new = np.unique(slots[found == _UNKNOWN])
            self._of_slot[new] = self._looked_up(table, new)
            found = self._of_slot[slots]
        return found

    def _looked_up(self, table: Table, slots: Slots) -> NDArray[np.int64]:
        names, out, at = table.users.named(slots), np.empty(len(slots), np.int64), 0
        while True:
            there = self._known, self._bounds, len(self._names), MOST_FEEDS
            at = networks.numbered(names.text, names.starts, names.ends, *there, at, out)
            if at == len(slots):
                return out
            network = names[at].partition(b":")[0]
            self._names.append(network.decode())
            joined = self._known[: self._bounds[-1]].tobytes() + network
            self._known, self._bounds = padded(joined), np.append(self._bounds, len(joined))


def sorted_by_home(came: Iterable[Came], partitions: int) -> dict[int, list[Came]]:
    """By the partition of the network's name."""
    homes: dict[int, list[Came]] = {}
    for one in came:
        homes.setdefault(partition_of(one.network, partitions), []).append(one)
    return homes


class Telling:
    """When a partition tells. All do at the same moments, so that each home is woken once."""

    def __init__(self, limits: Limits) -> None:
        self._every_ms, self._fresh_ms = limits.every_s * 1000.0, limits.fresh_s * 1000.0
        self._told, self._late = -1, True
        self._awake_ms: float | None = None

    def in_s(self, now_ms: float) -> float:
        """Seconds until it is time again."""
        return 0.0 if self.due(now_ms) else (self._every_ms - now_ms % self._every_ms) / 1000.0

    def due(self, now_ms: float) -> bool:
        """Is it time?"""
        return now_ms // self._every_ms != self._told

    def awake(self, wall_ms: float) -> None:
        """The partition's loop runs. If it has not for long, what it knows of the broker is old: a process was stopped."""
        if self._awake_ms is None or not 0 <= wall_ms - self._awake_ms < self._fresh_ms:
            self._late = True
        self._awake_ms = wall_ms

    def tell(self, now_ms: float, *, caught_up: bool) -> bool:
        """It is told now. Has the partition everything that the broker has?"""
        self._told, late, self._late = int(now_ms // self._every_ms), self._late, False
        return caught_up and not late


class Said(NamedTuple):
    """What the home of feeds says in an interval."""

    policies: list[Record]  #: gaps that begin or end
    alerts: list[FeedAlert]
    changed: list[Feed]  #: to be kept
    gone: list[str]  #: networks of which nothing is kept any more


class Home:
    """The feeds that are at home in one partition, and what partitions have told of them since it was taken over."""

    def __init__(self, number: int, partitions: int, limits: Limits, feeds: Iterable[Feed] = ()) -> None:
        self._number, self._partitions, self.limits = number, partitions, limits
        self.feeds = {feed.network: feed for feed in feeds}
        self._heard: dict[int, Heard] = {}  # what each partition has told last
        self._gaps: tuple[Gaps, ...] | None = None  # those of the book before
        self._of: Mapping[str, Gaps] = {}  # the same of networks at home here, by network
        self._end = -1  # the offset behind what was written to `policies` last

    def said(self, heard: Sequence[Heard], book: Book, told: Told) -> Said:
        """What follows from what came until the cut, and from the gaps of a book."""
        self._follow(book)
        found, now_ms = Said([], [], [], []), told.now_ms
        changed = {feed.network: feed for one in heard for feed in self._take(one)}
        if heard and book.offset >= self._end - 1:  # else what was written is not known yet
            until_ms = self._known_until(now_ms)
            for feed in list(self.feeds.values()):
                gaps = self._of.get(feed.network)
                if new := self._ended(feed, gaps, now_ms) or self._begun(feed, gaps, until_ms, now_ms):
                    found.policies.append(encode(new))
                    changed[feed.network] = feed
        for feed, alert in self._alerts(self._of, told):
            found.alerts.append(alert)
            changed[feed.network] = feed
        found.changed.extend(changed.values())
        found.gone.extend(self._forgotten(now_ms))
        return found

    def committed(self, end: int) -> None:
        """What was written to `policies` ends there."""
        self._end = end

    def _follow(self, book: Book) -> None:
        if book.gaps is not self._gaps:
            self._gaps = book.gaps
            self._of = {one.network: one for one in book.gaps if self._home(one.network)}

    def _home(self, network: str) -> bool:
        return partition_of(network, self._partitions) == self._number

    def _take(self, heard: Heard) -> Iterator[Feed]:
        """Feeds of which something came."""
        before = self._heard.get(heard.partition)
        if before and heard.version <= before.version:
            return
        self._heard[heard.partition] = heard
        for came in heard.came:
            if feed := self._feed(came.network):
                feed.count(np.array(came.hours) // self.limits.hour_ms, np.array(came.counts))
                feed.heard(came.newest_ms, heard.now_ms)
                yield feed

    def _feed(self, network: str) -> Feed | None:
        """That of a network, also a new one; None: it is at home elsewhere, or there are too many."""
        if network not in self.feeds and self._home(network):
            if len(self.feeds) >= MOST_FEEDS:
                return None
            self.feeds[network] = Feed(network)
        return self.feeds.get(network)

    def _forgotten(self, now_ms: int) -> Iterator[str]:
        """Where there is no room for another: those of which nothing has come for long."""
        if len(self.feeds) < MOST_FEEDS:
            return
        for feed in list(self.feeds.values()):
            if not feed.on and now_ms - max(feed.newest_ms, feed.told_ms) > _IDLE_MS:
                del self.feeds[feed.network]
                yield feed.network

    def _known_until(self, now_ms: int) -> int:
        """Until when all partitions have told what they had, and had everything; 0: not all have."""
        fresh = [
            one.now_ms
            for one in self._heard.values()
            if one.caught_up and abs(now_ms - one.now_ms) < self.limits.fresh_s * 1000
        ]
        return min(*fresh, now_ms) if len(fresh) == self._partitions else 0

    def _begun(self, feed: Feed, gaps: Gaps | None, until_ms: int, now_ms: int) -> Gaps | None:
        """With a gap that begins: none is on, and this silence was not told before."""
        on = gaps is not None and any(gap.on(now_ms) for gap in gaps.gaps)
        if on or feed.newest_ms == feed.declared_ms or not silent(feed, gaps, until_ms, self.limits):
            return None
        feed.declared_ms = feed.newest_ms
        return with_gap(gaps, feed.network, Gap(since=feed.newest_ms, by="silence"), now_ms)

    def _ended(self, feed: Feed, gaps: Gaps | None, now_ms: int) -> Gaps | None:
        """With the end of those that were noticed by silence, if something has come since."""
        for gap in gaps.gaps if gaps else ():
            over = gap.by == "silence" and gap.until is None and gap.since < feed.newest_ms
            if over and gap.since != feed.ended_ms:
                feed.ended_ms = gap.since
                until = max(now_ms, gap.since + 1)
                return with_gap(gaps, feed.network, Gap(since=gap.since, until=until, by="silence"), now_ms)
        return None

    def _alerts(self, gaps_of: Mapping[str, Gaps], told: Told) -> Iterator[tuple[Feed, FeedAlert]]:
        """One about each gap that the book has and people were not told of, and one about each that is over."""
        for network, gaps in gaps_of.items():
            since = min((gap.since for gap in gaps.gaps if gap.on(told.now_ms)), default=None)
            feed = self.feeds.get(network)
            if since is None or (feed and (feed.on or feed.told_ms == since)):
                continue
            if feed := self._feed(network):
                feed.told_ms, feed.on = since, True
                yield feed, self._alert(feed, gaps, "raised", told)
        for feed in [feed for feed in self.feeds.values() if feed.on]:
            over = gaps_of.get(feed.network)
            if over is None or not any(gap.on(told.now_ms) for gap in over.gaps):
                feed.on = False
                yield feed, self._alert(feed, over, "recovered", told)

    def _alert(self, feed: Feed, gaps: Gaps | None, state: State, told: Told) -> FeedAlert:
        gap = next((gap for gap in (gaps.gaps if gaps else ()) if gap.since == feed.told_ms), Gap(since=feed.told_ms))
        if state == "recovered":  # also of one that was removed
            until = told.now_ms if gap.until is None else min(gap.until, told.now_ms)
            gap = Gap(since=gap.since, until=max(until, gap.since), by=gap.by)
        usual = expected(feed, gaps, gap.since, gap.until or told.now_ms, self.limits.hour_ms)
        return feed_alert(feed.network, state, gap, usual, told)
