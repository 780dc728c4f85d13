"""What Redis shows of one partition, and what it lacks: no queue of calls, but a mark for each user of whom it has an older record.

A sweep writes everyone who is marked, in calls of 500, each user scored when the call is made. Whoever changes ten times while
Redis is busy is written once, memory is bounded by itself, and "show everyone again" is setting all marks.

Accounts of persons are on their network's board only: their scores are kept here below 0. Who is in the histogram: see `Counted`.

Two scores of a user are kept apart: the one last *published* in `scores` (column SCORE of the table; the idle pass and alerts go by
it) and the one that Redis has (kept here; the histogram, the board and the batches for push go by it).

Daily closes go with a record when they are others than Redis has; topics, people and moments with the last call of a sweep, those
of a few users each time, who have waited longest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.fold.rows import AGAIN, PUBLISHED, SCORE, UNSEEN
from streams.model.records import scored
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.windows import Floats
from streams.scoreboard.changes import Changes
from streams.scoreboard.counted import Counted
from streams.scoreboard.flush import Flush, Versions
from streams.scoreboard.histories import Histories
from streams.scoreboard.influences import Influences
from streams.scoreboard.latency import Latency
from streams.scoreboard.networks import Networks, Where
from streams.scoreboard.once import Once
from streams.scoreboard.pulse import Said, pulse
from streams.scoreboard.sweep import Sweep

CHUNK = 500  # users in one call: 500 to 1,000 are fastest, and none stalls Redis for 10 ms
AGAIN_AT_ONCE = 10_000  # users shown again in one sweep: those who have changed meanwhile wait for no more
#: The board is written when a score has moved by this part of a displayed step since it was last written there: ZADD is most
#: of what a user costs Redis. Records are always exact.
BOARD_STEP = 0.2


class Shown:
    """One partition in Redis. No I/O here: `View` makes the calls, one at a time, each until it is answered."""

    def __init__(self, table: Table, number: int, owner: str, versions: Versions) -> None:
        self.number, self.versions = number, versions
        self._table, self._owner = table, owner
        self.once = Once(number)
        self._scores: Floats = np.zeros(0)  # what Redis has, 0: nobody there, below 0: an account of a person
        self._board: Floats = np.zeros(0)  # what the boards have
        self._counted, self._networks = Counted(), Networks()
        self._there = self._linked = 0  # whom Redis has, and of them the accounts of persons
        self._anew = True  # the first call drops what whoever had the partition before has counted
        self._counts = table.counts.as_dict()
        self._complete = self._cut = 0
        self._wanted = 0  # a sweep is to begin if there are at most so many users to write
        self._sweep: Sweep | None = None
        self._at = 0  # how far it is
        self._folded: list[NDArray[np.int64]] = []
        self._late = 0
        self.histories, self.influences = Histories(table), Influences(table)
        self.latency = Latency()
        self.rebuilds = 0  #: how often everyone was shown again

    # -- what happens in the partition ---------------------------------------------------------------------------------

    def folded(self, times: Iterable[NDArray[np.int64]], now_ms: float) -> None:
        """Engagements with these event times are in the rows; those engaged with are marked."""
        self._folded.extend(times)
        if len(self._folded) > Latency.MOST_PARTS:
            self._late += self.latency.drop_late(self._folded, now_ms)

    def cut(self, version: int, retold: Slots, *, show: bool = True) -> None:
        """An interval was cut that is published under `version`; those it changed are marked. `show`: a sweep follows.

        `retold` are those of whom there may be more to tell: other lists, more in their memories, other topics hidden.
        """
        self._cut = version
        self.influences.changed(retold)
        if show:
            self.show()

    def fall_out(self, first: int, most: int, now_ms: int) -> None:
        """Mark who is in the histogram but was not engaged with any more in the last 90 days: at most `most` from slot `first` on.

        Part of the idle pass, whose interval follows: so the histogram is as old as a pass.
        """
        self._table.dirty[self._counted.fallen_out(self._table.cells, first, most, now_ms)] |= UNSEEN

    def show(self, most: int = 2**62) -> None:
        """Begin a sweep as soon as the one under way has ended; not if more than `most` users are to be written."""
        self._wanted = max(self._wanted, most)

    # -- what happens to Redis -----------------------------------------------------------------------------------------

    def resume(self, complete: int, origin: str, now_ms: int) -> bool:
        """After a take-over: Redis has everything published up to `complete` of the rows of `origin`; the rest is marked.

        False when that is nothing, so that everyone is shown again. The histogram is written anew in any case: since then some may
        have fallen out.
        """
        rows = self._table.cells[: len(self._table)]
        if origin != self._table.origin:
            complete = 0
        if not complete and len(rows):
            self.everyone()
            return False
        lacking = rows[:, PUBLISHED] > complete
        self._table.dirty[np.flatnonzero(lacking)] |= UNSEEN
        self._grow()
        self._scores[: len(rows)] = np.where(lacking, 0.0, rows[:, SCORE])
        for start in range(0, len(rows), AGAIN_AT_ONCE):
            slots = start + np.flatnonzero(self._scores[start : min(start + AGAIN_AT_ONCE, len(rows))])
            now, _ = self._signed(slots, self._scores[slots])
            self._counted.move(rows, slots, np.zeros_like(now), now, now_ms)
            self._there += len(slots)
            self._networks.entered(self._networks.of(self._table.users.named(slots)))
            self._scores[slots] = now
        self.histories.resume(np.flatnonzero(~lacking))
        self.influences.everyone()
        self._complete, self._anew = complete, True
        return True

    def everyone(self) -> None:
        """Redis has nobody, or nobody knows whom: everyone is shown again."""
        self._table.dirty[: len(self._table)] |= AGAIN
        self._scores[:], self._board[:] = 0.0, 0.0
        self._anew, self._complete, self._there, self._linked = True, 0, 0, 0
        self._counted.empty()
        self._networks.empty()
        self.histories.empty()
        self.influences.everyone()
        self.rebuilds += 1
        if self._sweep:  # its engagements count once they are there
            self._folded, self._late = [*self._sweep.times, *self._folded], self._late + self._sweep.late
            self._table.dirty[self._sweep.slots] |= UNSEEN
            self._sweep = None
        self.show()

    @property
    def idle(self) -> bool:
        """Is there nothing to write? Marks alone wait for a sweep to be wanted."""
        return not (self._wanted or self._sweep or self.once)

    @property
    def behind(self) -> int:
        """Of how many users Redis has an older record."""
        dirty = self._table.dirty[: len(self._table)]
        return int(np.count_nonzero(dirty & (UNSEEN | AGAIN)))

    def users(self, *, linked: bool = False) -> list[str]:
        """Everyone whom Redis must have on the overall board, or the accounts of persons, whom it must have elsewhere."""
        return self._table.users.of(np.flatnonzero(self._scores < 0 if linked else self._scores > 0))

    # -- calls -----------------------------------------------------------------------------------------------------------

    def call(self, now_ms: int) -> Flush | None:
        """The next call, None when nothing is to be written. The one before has been taken, or refused for good."""
        self.once.nothing_out()
        if not self._sweep and self._wanted:
            self._begin()
        if not self._sweep:
            return self._flush(now_ms, self.versions.next()) if self.once else None
        return self._users(self._sweep, now_ms)

    def arrived(self, now_ms: float) -> None:
        """Redis has taken the last call."""
        self.once.arrived()
        if self._sweep and self._at > len(self._sweep.slots):
            sweep, self._sweep = self._sweep, None
            self.latency.add(sweep.times, now_ms)
            self.latency.add_late(sweep.late)

    def _begin(self) -> None:
        slots, whole = self._table.owed(AGAIN_AT_ONCE)
        most, self._wanted = self._wanted, 0
        if len(slots) > most:
            return
        counts = self._table.counts.as_dict()
        self._sweep = Sweep(slots, whole, self._cut, counts, self._folded, self._late)
        self._at, self._folded, self._late = 0, [], 0
        if not whole:
            self.show()

    def _users(self, sweep: Sweep, now_ms: int) -> Flush:
        """The next 500 of a sweep; its last call says what Redis has then."""
        table, version = self._table, self.versions.next()
        slots = sweep.slots[self._at : self._at + CHUNK]
        self._at += CHUNK
        self._grow()
        table.paid(slots)
        done = scored(table, slots, None, now_ms, version)
        before, board, names = self._scores[slots], self._board[slots], table.users.named(slots)
        now, linked = self._signed(slots, done.scores, before)
        board[linked != (before < 0)] = 0.0  # who became an account of a person, or is none any more, is written anew
        moved = np.abs(done.scores - board) >= BOARD_STEP * table.model.displayed_step
        numbers = self._networks.of(names)
        self._networks.entered(numbers[before == 0])
        # an account whose place was not written since the take-over may be where a crash has left it
        where = Where(numbers, linked, linked & (board == 0.0), self._networks.names)
        users = Changes(names, done.scores, moved, done.records, where, new=before == 0)
        was = np.where(board > 0, board, np.abs(before))  # after a take-over boards are not known, what was published is
        updates = users.updates(board, was, table.model.displayed_step, self.number, now_ms)
        bins, closes = self._counted.move(table.cells, slots, before, now, now_ms), self.histories.changed(slots)
        self._there += int(np.count_nonzero(before == 0))
        self._scores[slots], self._board[slots[moved]] = now, done.scores[moved]
        content: dict[str, Any] = {}
        if self._at >= len(sweep.slots):
            content = self.influences.content(now_ms, beside=len(sweep.slots) > 0)
            self._at = len(sweep.slots) + 1
            self._counts = sweep.counts
            if sweep.whole:
                self._complete = sweep.cut
        return self._flush(now_ms, version, users=users, bins=bins, updates=updates, closes=closes, **content)

    def _signed(self, slots: Slots, scores: Floats, before: Floats | None = None) -> tuple[Floats, NDArray[np.bool_]]:
        """These users' scores as they are kept here, and who is an account of a person; `before`: as they were kept."""
        linked = self._table.linked(slots)
        self._linked += int(np.count_nonzero(linked)) - (0 if before is None else int(np.count_nonzero(before < 0)))
        return np.where(linked, -scores, scores), linked

    def said(self) -> Said:
        """What the pulse says of Redis as it is with what was given to it."""
        counted, networks = self._counted.histogram.population, self._networks.said()
        written = self._there, self._complete, self.histories.users, self.influences.users
        return Said(self._counts, self.latency.sparse(), *written, self._table.origin, self._linked, counted, networks)

    def _flush(self, now_ms: int, version: int, **content: Any) -> Flush:
        """A call. The first one drops the histogram of whoever had the partition before."""
        if self._anew:
            content["bins"], content["anew"], self._anew = self._counted.histogram.filled(), True, False
        return Flush(
            self.number,
            version,
            pulse(self._table, now_ms, self._owner, self.said()),
            alerts=self.once.some_alerts(),
            **content,
        )

    def _grow(self) -> None:
        """Room for every user of the table."""
        room = len(self._table.dirty)
        if len(self._scores) < room:
            more = np.zeros(room - len(self._scores))
            self._scores, self._board = (np.concatenate((old, more)) for old in (self._scores, self._board))
            self._counted.room(room)
