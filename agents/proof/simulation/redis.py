"""A Redis in memory that takes flushes under the rule of flush.lua, can be lost and restored, and notices a version going back."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from random import Random

import orjson

from streams.partition.ports import Shows
from streams.scoreboard.flush import Flush, Look


@dataclass
class Shown:
    """What Redis holds."""

    versions: dict[int, int] = field(default_factory=dict)  #: by partition
    records: dict[str, bytes] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    spread: dict[int, dict[int, int]] = field(default_factory=dict)
    closes: dict[str, dict[str, float]] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)  #: users shown, as the pulses say, by partition
    complete: dict[int, int] = field(default_factory=dict)  #: up to which version all is there, as the pulses say
    alerts: list[bytes] = field(default_factory=list)


class Redis:
    """Shared by all workers. `wrong` collects what a reader must never see."""

    def __init__(self) -> None:
        self.shown, self.down, self.wrong = Shown(), False, list[str]()
        self._saved = Shown()
        self._seen: dict[str, int] = {}
        self.keys: tuple[str, ...] = ("board", "users", "spread", "pulse")  #: that may be lost

    def apply(self, flush: Flush) -> int:
        """See `streams.scoreboard.writer.Writer.write`."""
        versions = self.shown.versions
        before = versions.get(flush.partition, 0)
        if before >= flush.version or (flush.after is not None and before != flush.after):
            return before
        self._write(flush)
        versions[flush.partition] = flush.version
        self.shown.counts[flush.partition] = flush.pulse["shown"]
        self.shown.complete[flush.partition] = flush.pulse["complete"]
        return before

    def says(self) -> dict[int, Shows]:
        """What the pulses say."""
        shown = self.shown
        return {number: Shows(version, shown.complete.get(number, 0)) for number, version in shown.versions.items()}

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
        )

    def lacking(self, users: list[str]) -> int:
        """See `streams.scoreboard.writer.Writer.lacking`."""
        return sum(user not in self.shown.scores or user not in self.shown.records for user in users)

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
        else:
            self.shown.versions.clear()
            self.shown.counts.clear()
            self.shown.complete.clear()
        return key

    def _write(self, flush: Flush) -> None:
        shown = self.shown
        for user, score, record in flush.users:
            version = orjson.loads(record)["version"]
            if version < self._seen.get(user, 0):
                self.wrong.append(f"redis: the record of {user} went from version {self._seen[user]} to {version}")
            self._seen[user] = version
            shown.records[user] = record
            if score is not None:
                shown.scores[user] = score
        spread = shown.spread.setdefault(flush.partition, {})
        if flush.anew:
            spread.clear()
        spread.update(flush.bins)
        day, closes = flush.closes or ("", [])
        for user, close in closes:
            shown.closes.setdefault(user, {})[day] = close
        shown.alerts += flush.alerts

    def save(self) -> None:
        """Remember what there is, to be restored later."""
        self._saved = copy.deepcopy(self.shown)

    def restore(self) -> None:
        """Go back to what was saved last, as a failover to a replica that lags."""
        self.shown, self._seen = copy.deepcopy(self._saved), {}

    def flush(self) -> None:
        """Lose everything."""
        self.shown, self._seen = Shown(), {}
