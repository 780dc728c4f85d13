"""From blocks to rows and outputs, for one partition number. Pure: no clock, no broker, no Redis.

Which block comes next is decided in `turns`; what is done with it in `actions` (stage 1) and `scoring` (stage 2). What
leaves is collected until `cut`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.errors import LostInput
from streams.fold.rows import DID, GOT, LISTED, MET, TIED
from streams.formats import closes, tied
from streams.formats.header import Turn
from streams.model.closes import known
from streams.model.table import Table
from streams.model.users import Slots
from streams.partition.actions import Actions
from streams.partition.block import Block
from streams.partition.controls import Controls
from streams.partition.counting import Counting
from streams.partition.cut import Cut
from streams.partition.fetched import Fetched
from streams.partition.rejected import Rejected
from streams.partition.scoring import Scoring
from streams.partition.turns import Turns
from streams.people import persons, telling
from streams.topics import CONTROLS, ENGAGEMENTS, STRAYS


class Intake:
    """A table and the blocks on their way into it."""

    def __init__(
        self,
        table: Table,
        number: int,
        partitions: int,
        turns: Turns | None = None,
        *,
        closes_ms: int = 0,
        counting: Counting | None = None,
    ) -> None:
        self.table, self.number, self.turns = table, number, turns or Turns()
        self.positions: dict[str, int] = {}
        self.pending = 0  # events and engagements folded since the last cut
        self._folded: list[Turn] = []  # since the last cut
        table.days.closes_ms = closes_ms
        self.rejected = Rejected(table.counts, number)
        self._counting = counting
        self._actions = Actions(table, number, partitions, self.rejected, counting)
        self._scoring = Scoring(table, self.rejected, partitions)
        self._controls = Controls(table, number, partitions, self.rejected)

    @property
    def careful(self) -> bool:
        """Is what comes until the next cut read without kernels? Two workers have died of it."""
        return self._actions.careful

    @careful.setter
    def careful(self, careful: bool) -> None:
        self._actions.careful = self._scoring.careful = careful

    def take_times(self) -> list[NDArray[np.int64]]:
        """Event times of the engagements folded since this was asked last."""
        return self._scoring.take_times()

    def take_reversed(self) -> Slots:
        """Who has lost engagements to undos folded since this was asked last, or since the cut."""
        return self._scoring.take_reversed()

    def fold(self, block: Block, newest_ms: int) -> None:
        """Fold one block, see `fold_all`."""
        self.fold_all([block], newest_ms)

    def fold_all(self, blocks: Sequence[Block], newest_ms: int) -> None:
        """Fold what lies beyond the positions; no event may be later than `newest_ms`. Raises LostInput for a hole.

        Engagements are folded before events, events of different topics by event time.
        """
        reached: list[tuple[str, int]] = []
        for block in blocks:
            topic = self.turns.base(block)
            at = self.positions[topic]
            if block.before > at:
                raise LostInput(
                    f"{block.topic}[{self.number}]: a hole between {at} and {block.before}; the worker stops so that "
                    "nothing is lost, and reads again from its position when restarted"
                )
            records = Fetched.of(block.records).since(at)
            self._actions.begins(topic)
            if topic == ENGAGEMENTS.name:
                self._scoring.packs(block.topic, records, newest_ms)
            elif topic == CONTROLS.name:
                self._controls.records(block.topic, records, newest_ms)
            elif topic == STRAYS.name:
                self._actions.strays(block.topic, records, newest_ms)
            else:
                self._actions.events(block.topic, topic, records, newest_ms)
            self.positions[topic] = max(at, block.after)
            if reached and reached[-1][0] == topic:
                reached.pop()
            reached.append((topic, self.positions[topic]))
            self.pending += max(len(records), 1)
        self.pending += self._scoring.receive()
        self._actions.act()
        self._folded.append(Turn(newest_ms, tuple(reached)))

    def cut(self, now_ms: int | None = None, *, tells: bool = False) -> Cut:
        """Everything since the last cut, to be scored at `now_ms` (without it: at the newest event time).

        What came of feeds since they were told of last is among it if it `tells` of them.

        Only what later folding would change is copied: 30 ms for 200,000 rows. The rest is the sender's work.
        """
        table = self.table
        persons.begin_day(table)
        changed, marks = table.changed()
        taken = closes.lacking(table, changed)
        marks[taken] |= DID | GOT  # what has come since a close is in both records
        retold = (marks & (DID | LISTED)) != 0
        retold[np.searchsorted(changed, table.hiders(changed[(marks & TIED) != 0].tolist()))] = True
        now_ms = table.clock if now_ms is None else now_ms
        packs, strays = self._actions.take()
        self._scoring.take_reversed()
        if self.pending:
            self.careful = False
        self.pending = 0
        turns, self._folded = tuple(self._folded), []
        return Cut(
            dict(self.positions),
            turns,
            packs,
            strays,
            self.rejected.take(),
            changed,
            table.clock,
            table.days.today,
            table.days.closed_ms,
            table.counts.as_dict(),
            table.cells.take(changed, axis=0),
            known(table, changed, now_ms),
            table.hours.lately(changed),
            table.decays(now_ms),
            now_ms,
            marks,
            table.users,
            table.memory.copied(changed[(marks & DID) != 0]),
            table.people.copied(changed[(marks & MET) != 0]),
            table.tops.copied(changed[(marks & LISTED) != 0]),
            changed[retold],
            tuple(table.landmarks),
            tied.cut(table, changed, marks),
            closes.cut(table, changed[taken]),
            telling.cut(table, changed, marks),
            dict(self._scoring.counted),
            self._scoring.take_heard(),
            self._counting.take() if self._counting and tells else [],
        )
