"""A Redis in memory that takes flushes under the rule of flush.lua, can be lost and restored, and notices a version going back."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import orjson

from streams.scoreboard.flush import Flush


@dataclass
class Shown:
    """What Redis holds."""

    versions: dict[int, int] = field(default_factory=dict)  #: by partition
    records: dict[str, bytes] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    spread: dict[int, dict[int, int]] = field(default_factory=dict)
    closes: dict[str, dict[str, float]] = field(default_factory=dict)


class Redis:
    """Shared by all workers. `wrong` collects what a reader must never see."""

    def __init__(self) -> None:
        self.shown, self.down, self.wrong = Shown(), False, list[str]()
        self._saved = Shown()
        self._seen: dict[str, int] = {}

    def apply(self, flush: Flush) -> int:
        """See `streams.scoreboard.writer.Writer.write`."""
        versions = self.shown.versions
        before = versions.get(flush.partition, 0)
        if before >= flush.version or (flush.after is not None and before != flush.after):
            return before
        self._write(flush)
        versions[flush.partition] = flush.version
        return before

    def _write(self, flush: Flush) -> None:
        shown = self.shown
        for user, score, record in flush.users:
            version = orjson.loads(record)["version"]
            if version < self._seen.get(user, 0):
                self.wrong.append(f"redis: the record of {user} went from version {self._seen[user]} to {version}")
            self._seen[user] = version
            shown.records[user], shown.scores[user] = record, score
        spread = shown.spread.setdefault(flush.partition, {})
        if flush.anew:
            spread.clear()
        spread.update(flush.bins)
        day, closes = flush.closes or ("", [])
        for user, score in closes:
            shown.closes.setdefault(user, {})[day] = score

    def save(self) -> None:
        """Remember what there is, to be restored later."""
        self._saved = copy.deepcopy(self.shown)

    def restore(self) -> None:
        """Go back to what was saved last, as a failover to a replica that lags."""
        self.shown, self._seen = copy.deepcopy(self._saved), {}

    def flush(self) -> None:
        """Lose everything."""
        self.shown, self._seen = Shown(), {}
