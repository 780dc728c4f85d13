"""Is a worker alive? Judged by progress alone: who has something to do gets something done. No limit on CPU, lag or latency.

Pure: what is looked at and the clock are passed in. Time counts only while the looks themselves came in time: a process
that was stopped for an hour, or a machine that slept, has its full patience again when it wakes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

TAKING_OVER, FOLDING, SENDING, IDLE = "taking over", "folding", "sending", "idle"

#: the rules, as a verdict names them: broken are the first two, the third says that neither is
MAIN_LOOP, PARTITION, PROGRESS = "main loop", "partition", "progress"

LATE_S = 5.0  # a look that comes later than this after the one before says nothing about the time in between

_STALLED = {
    TAKING_OVER: "is being taken over, and for {s:.0f} s not one record of its rows was read",
    FOLDING: "has had input for {s:.0f} s and folded nothing",
    SENDING: "has had an interval on its way to Kafka for {s:.0f} s and nothing of it was acknowledged",
    IDLE: "has had input for {s:.0f} s and did not even begin with it",
}


class Standing(NamedTuple):
    """How one partition stands at a look."""

    number: int
    doing: str  #: TAKING_OVER, FOLDING, SENDING or IDLE
    has_input: bool  #: does anything wait to be folded or sent?
    done: int  #: rises whenever something gets done: records of `state` read, records folded, batches acknowledged

    @property
    def busy(self) -> bool:
        """Is there something to do? A take-over and an interval on its way are work by themselves."""
        return self.has_input or self.doing in {TAKING_OVER, SENDING}


class Verdict(NamedTuple):
    """What a look found."""

    live: bool
    rule: str  #: MAIN_LOOP or PARTITION: this one is broken; PROGRESS: none is
    why: str  #: in words


class _Mark(NamedTuple):
    """Where a busy partition was when it last got something done, and for how long it has got nothing done since."""

    taking_over: bool
    done: int
    stalled_s: float


class Liveness:
    """Remembers what earlier looks saw. One look a second is meant, all from one thread.

    Two rules: the main loop runs, and each partition that has something to do gets something done, both at least once in
    `stall_s` seconds. A partition that appears, leaves or has nothing to do starts anew.
    """

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self._looked_s: float | None = None
        self._beats: int | None = None
        self._silent_s = 0.0  # how long the main loop has not run
        self._marks: dict[int, _Mark] = {}

    def look(self, standings: Iterable[Standing], now_s: float, beats: int | None = None) -> Verdict:
        """Judge what there is at `now_s` (monotonic). `beats` rises whenever the main loop runs; None: nobody counts them.

        `standings` are as of the last beat: while the main loop is silent they are no news, and only its own rule counts.
        """
        passed_s = self._passed_s(now_s)
        if beats is not None and beats == self._beats:
            self._silent_s += passed_s
            if self._silent_s >= self._stall_s:
                return Verdict(False, MAIN_LOOP, f"the main loop has not run for {self._silent_s:.0f} s: it is blocked")
            return Verdict(
                True, PROGRESS, f"the main loop has not run for {self._silent_s:.0f} s, which is not long yet"
            )
        self._beats = beats
        heard_s, self._silent_s = min(self._silent_s + passed_s, LATE_S), 0.0
        return self._judge([one for one in standings if one.busy], heard_s)

    def _passed_s(self, now_s: float) -> float:
        """Seconds since the last look; after a late one everybody starts anew."""
        passed_s = 0.0 if self._looked_s is None else now_s - self._looked_s
        self._looked_s = now_s
        if passed_s > LATE_S:
            self._marks, self._silent_s = {}, 0.0
            return 0.0
        return passed_s

    def _judge(self, busy: list[Standing], heard_s: float) -> Verdict:
        before, self._marks = self._marks, {}
        for one in busy:
            mark, taking_over = before.get(one.number), one.doing == TAKING_OVER
            stalled = mark is not None and (mark.taking_over, mark.done) == (taking_over, one.done)
            self._marks[one.number] = _Mark(
                taking_over, one.done, mark.stalled_s + heard_s if mark and stalled else 0.0
            )
        worst = max(busy, key=lambda one: self._marks[one.number].stalled_s, default=None)
        if worst and (stalled_s := self._marks[worst.number].stalled_s) >= self._stall_s:
            what = _STALLED[worst.doing].format(s=stalled_s)
            others = sum(mark.stalled_s >= self._stall_s for mark in self._marks.values()) - 1
            also = f" (and {others} more like it)" if others else ""
            return Verdict(False, PARTITION, f"partition {worst.number} {what}{also}")
        if not busy:
            return Verdict(True, PROGRESS, "there is nothing to do")
        numbers = ", ".join(str(one.number) for one in busy)
        return Verdict(True, PROGRESS, f"the partitions with something to do get something done: {numbers}")
