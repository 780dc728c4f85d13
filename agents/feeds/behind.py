"""Is a source so far behind that what fades meanwhile says nothing? Then a gap of its network is on. Times are passed in."""

from __future__ import annotations

PATIENCE_MS = 60_000  #: a source that has nothing newer than that is behind
_PACE_MS = 10_000  # so long a source that does not come nearer to now is as near as it gets: its clock is another
_NEARER_MS = 1_000


class Behind:
    """`gap` is since when (ms since epoch) nothing came; None: the source is where its network is, or hardly behind."""

    def __init__(self, gap: int | None, newest_ms: int, now_ms: int) -> None:
        """`gap` that an earlier process declared, and the newest that it read (0: nothing), in the source's time."""
        self.gap = gap
        self._newest_ms = newest_ms
        self._lost_ms: int | None = now_ms
        self._lag_ms = self._looked_ms = 0
        self._pace_known = False

    def lost(self, now_ms: int) -> None:
        """There is no connection."""
        if self._lost_ms is None:
            self._lost_ms = now_ms

    def heard(self, ts_ms: int, now_ms: int) -> None:
        """Something came, of that time by the source's clock."""
        if self._lost_ms is not None:
            self._lost_ms, self._pace_known = None, False
            if self.gap is None and self._newest_ms and now_ms - ts_ms > PATIENCE_MS:
                self.gap = self._newest_ms
        self._newest_ms = max(self._newest_ms, ts_ms)
        if self.gap is not None and self._caught_up(now_ms - ts_ms, now_ms):
            self.gap = None

    def look(self, now_ms: int) -> int | None:
        """The gap as of now."""
        if self._lost_ms is not None and self.gap is None and now_ms - self._lost_ms > PATIENCE_MS and self._newest_ms:
            self.gap = min(self._newest_ms, self._lost_ms)
        return self.gap

    def stopped(self, now_ms: int) -> int | None:
        """The gap when nobody reads the source any more; None if nothing was ever read."""
        if self.gap is None and self._newest_ms:
            self.gap = min(self._newest_ms, now_ms)
        return self.gap

    def _caught_up(self, lag_ms: int, now_ms: int) -> bool:
        if lag_ms < PATIENCE_MS:
            return True
        if not self._pace_known:
            self._pace_known, self._lag_ms, self._looked_ms = True, lag_ms, now_ms
        if now_ms - self._looked_ms < _PACE_MS:
            return False
        nearer, self._pace_known = self._lag_ms - lag_ms, False
        return nearer < _NEARER_MS
