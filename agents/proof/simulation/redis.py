"""A Redis in memory that takes flushes under the rule of flush.lua, can be lost and restored, and notices a version going back."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import unquote

import orjson
from msgspec import msgpack

from streams.partition.ports import Shows
from streams.scoreboard import user_alerts
from streams.scoreboard.flush import Flush, Look
from streams.scoreboard.layout import ALERTS_A_USER, MOST_NETWORKS, MOST_ON_TOPIC, MOST_TOPICS, network_of


@dataclass
class Shown:
    """What Redis holds."""

    versions: dict[int, int] = field(default_factory=dict)  #: by partition
    records: dict[str, bytes] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)  #: the overall board
    boards: dict[str, dict[str, float]] = field(default_factory=dict)  #: by network
    networks: set[str] = field(default_factory=set)  #: that have a board
    spread: dict[int, dict[int, int]] = field(default_factory=dict)
    closes: dict[str, bytes] = field(default_factory=dict)
    influence: dict[str, bytes] = field(default_factory=dict)
    topics: dict[str, float] = field(
        default_factory=dict
    )  #: that have a board, and the highest place there was on each
    on_topic: dict[str, dict[str, float]] = field(default_factory=dict)  #: by topic user and place
    pulses: dict[int, dict[str, Any]] = field(default_factory=dict)  #: by partition
    counts: dict[int, int] = field(default_factory=dict)  #: users shown, as the pulses say, by partition
    complete: dict[int, int] = field(default_factory=dict)  #: up to which version all is there, as the pulses say
    found: set[str] = field(default_factory=set)  #: who can be searched for
    alerts: list[bytes] = field(default_factory=list)
    user_alerts: dict[str, bytes] = field(default_factory=dict)  #: the latest of each user


class Redis:
    """Shared by all workers. `wrong` collects what a reader must never see."""

    def __init__(self) -> None:
        self.shown, self.down, self.wrong = Shown(), False, list[str]()
        self._saved = Shown()
        self._seen: dict[str, int] = {}
        self.keys: tuple[str, ...] = (
            "board",
            "users",
            "spread",
            "pulse",
            "networks",
            "boards",
            "history",
            "influence",
        )  #: that may be lost

    def apply(self, flush: Flush) -> int:
        """See `streams.scoreboard.writer.Writer.write`."""
        versions = self.shown.versions
        before = versions.get(flush.partition, 0)
        if before >= flush.version or (flush.after is not None and before != flush.after):
            return before
        self._write(flush)
        versions[flush.partition] = flush.version
        self.shown.pulses[flush.partition] = flush.pulse
        self.shown.counts[flush.partition] = flush.pulse["shown"]
        self.shown.complete[flush.partition] = flush.pulse["complete"]
        return before

    def says(self) -> dict[int, Shows]:
        """What the pulses say."""
        shown = self.shown
        return {
            number: Shows(version, shown.complete.get(number, 0), model=shown.pulses.get(number, {}).get("model", ""))
            for number, version in shown.versions.items()
        }

    def look(self, partition: int) -> Look:
        """See `streams.scoreboard.writer.Writer.look`."""
        shown = self.shown
        return Look(
            version=shown.versions.get(partition, 0),
            shown=shown.counts.get(partition, 0),
            counted=sum(shown.spread.get(partition, {}).values()),
            together=sum(shown.counts.values()),
            board=len(shown.scores),
            users=len(shown.records),
            history=len(shown.closes),
            alerts=0,
            linked=shown.pulses.get(partition, {}).get("linked", 0),
            linked_together=sum(pulse.get("linked", 0) for pulse in shown.pulses.values()),
            unplaced=self._unplaced(),
            engaged=self._engaged(partition),
            closes=sum(pulse.get("closes", 0) for pulse in shown.pulses.values()),
            influence=len(shown.influence),
            influences=sum(pulse.get("influence", 0) for pulse in shown.pulses.values()),
            alerted=len(shown.user_alerts),
            found=len(shown.found),
            indexed=sum(pulse.get("indexed", 0) for pulse in shown.pulses.values()),
        )

    def _engaged(self, partition: int) -> int:
        pulse = self.shown.pulses.get(partition, {})
        return int(pulse.get("counted", self.shown.counts.get(partition, 0) - pulse.get("linked", 0)))

    def _unplaced(self) -> int:
        shown, wanted = self.shown, Counter[str]()
        for pulse in shown.pulses.values():
            wanted.update({unquote(quoted): count for quoted, count in pulse.get("networks", {}).items()})
        return sum(
            max(0, count - len(shown.boards.get(network, ()))) if network in shown.networks else count
            for network, count in wanted.items()
            if network in shown.networks or len(shown.networks) < MOST_NETWORKS
        )

    def lacking(self, users: list[str], *, linked: bool = False) -> int:
        """See `streams.scoreboard.writer.Writer.lacking`."""
        shown = self.shown
        return sum(
            not self._placed(user, linked) or user not in shown.records or user not in shown.found for user in users
        )

    def _placed(self, user: str, linked: bool) -> bool:
        shown, network = self.shown, network_of(user)
        if not linked and user not in shown.scores:
            return False
        if network is None:
            return True
        if network in shown.networks:
            return user in shown.boards.get(network, {})
        return len(shown.networks) >= MOST_NETWORKS

    def lose(self, random: Random) -> str:
        """One key goes, deleted or evicted; returns which."""
        partition = random.choice(sorted(self.shown.versions) or [0])
        key = random.choice(self.keys)
        if key == "board":
            self.shown.scores.clear()
        elif key == "users":
            self.shown.records.clear()
            self._seen.clear()
        elif key == "spread":
            self.shown.spread.pop(partition, None)
        elif key == "history":
            self.shown.closes.clear()
        elif key == "influence":
            self.shown.influence.clear()
        elif key == "networks":
            self.shown.networks.clear()
        elif key == "boards":
            self.shown.boards.pop(random.choice(sorted(self.shown.boards) or [""]), None)
        else:
            self.shown.versions.clear()
            self.shown.pulses.clear()
            self.shown.counts.clear()
            self.shown.complete.clear()
        return key

    def _write(self, flush: Flush) -> None:
        shown = self.shown
        for user, _, record in flush.users:
            version = orjson.loads(record)["version"]
            if version < self._seen.get(user, 0):
                self.wrong.append(f"redis: the record of {user} went from version {self._seen[user]} to {version}")
            self._seen[user] = version
            shown.records[user] = record
        self._place(flush)
        spread = shown.spread.setdefault(flush.partition, {})
        if flush.anew:
            spread.clear()
        spread.update(flush.bins)
        shown.closes |= dict(flush.closes)
        shown.influence |= dict(flush.influence)
        shown.found.update(flush.users.new())
        self._leave_topics(flush.off_topics)
        self._place_on_topics(flush.topics)
        shown.alerts += flush.alerts
        for alert in flush.alerts:
            if user := user_alerts.user_of(alert):
                before = [one for one in user_alerts.parts(shown.user_alerts.get(user)) if one != alert]
                shown.user_alerts[user] = user_alerts.packed([alert, *before][:ALERTS_A_USER])

    def _place(self, flush: Flush) -> None:
        """The lists of the call, as flush.lua takes them."""
        shown, lists = self.shown, flush.users.boards()
        shown.scores |= _scores(lists.alone)
        for network, both, alone in lists.networks:
            shown.scores |= _scores(both)
            if network in shown.networks or len(shown.networks) < MOST_NETWORKS:
                shown.networks.add(network)
                shown.boards[network] = shown.boards.get(network, {}) | _scores(both) | _scores(alone)
        for user in _list(lists.left):
            shown.scores.pop(user, None)

    def _leave_topics(self, off: dict[str, list[str]]) -> None:
        shown = self.shown
        for topic, users in off.items():
            board = shown.on_topic.get(topic, {})
            if [board.pop(user) for user in users if user in board] and topic in shown.topics:
                shown.topics[topic] = max(board.values(), default=0.0)
            if topic in shown.on_topic and not board:
                del shown.on_topic[topic]
                shown.topics.pop(topic, None)

    def _place_on_topics(self, topics: dict[str, list[Any]]) -> None:
        shown = self.shown
        for topic, values in topics.items():
            places = dict(zip(values[1::2], values[::2], strict=True))
            highest = max(places.values())
            if topic not in shown.topics and len(shown.topics) >= MOST_TOPICS:
                lowest = min(shown.topics, key=lambda one: (shown.topics[one], one))
                if shown.topics[lowest] >= highest:
                    continue
                del shown.topics[lowest], shown.on_topic[lowest]
            shown.topics[topic] = max(highest, shown.topics.get(topic, highest))
            board = shown.on_topic.get(topic, {}) | places
            kept = sorted(board, key=lambda user: (-board[user], user))[:MOST_ON_TOPIC]
            shown.on_topic[topic] = {user: board[user] for user in kept}

    def save(self) -> None:
        """Remember what there is, to be restored later."""
        self._saved = copy.deepcopy(self.shown)

    def restore(self) -> None:
        """Go back to what was saved last, as a failover to a replica that lags."""
        self.shown, self._seen = copy.deepcopy(self._saved), {}

    def flush(self) -> None:
        """Lose everything."""
        self.shown, self._seen = Shown(), {}


def _list(packed: bytes) -> list[Any]:
    return msgpack.decode(packed) if packed else []


def _scores(packed: bytes) -> dict[str, float]:
    values = _list(packed)
    return dict(zip(values[1::2], values[::2], strict=True))
