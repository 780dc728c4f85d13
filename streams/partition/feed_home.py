"""The home of networks: the partition of a network's name, which notices that its feed is silent, and tells people of it once.

It writes gaps to `policies`, alerts to `alerts` and what it knows to `state`, all in the transaction of an interval. So whoever
takes over knows what was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from streams.formats.feeds import Heard
from streams.model.feed_alerts import FeedAlert, State, Told, feed_alert
from streams.model.feeds import MOST_FEEDS, Feed, Limits, expected, silent
from streams.model.gaps import KEPT_MS, Gap, Gaps, with_gap
from streams.partitioner import partition_of
from streams.policies.book import Book
from streams.policies.records import Record, encode


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

    @property
    def silent(self) -> int:
        """Of how many feeds people were told that they are silent, and not yet that they are back."""
        return sum(feed.on for feed in self.feeds.values())

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
        if before and (heard.version, heard.part) <= (before.version, before.part):
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
            if not feed.on and now_ms - max(feed.newest_ms, feed.told_ms) > KEPT_MS:
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
