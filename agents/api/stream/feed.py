"""The one task that reads changes and alerts, of all shards, and tells everybody."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence

from redis.exceptions import RedisError

from agents.api.stream.groups import Groups
from agents.api.stream.looks import put_together
from agents.api.stream.mailbox import Mailbox
from agents.api.stream.positions import ident_of, text_of
from agents.api.stream.window import Entry, Window
from streams.scoreboard import tail
from streams.scoreboard.layout import ALERTS_KEPT, UPDATES_KEPT
from streams.scoreboard.tail import Tail

log = logging.getLogger("clout.api")

LOOK_S = 0.05  #: from one look to the next, at least, when many listen: what comes meanwhile goes out at once
_FEW_S, _EACH_S = 0.01, 0.0002  #: when few do, and for each of them: so long it takes to send
DOWN_GAP_S = 1.0
_BLOCK_MS, _COUNT = 1_000, 200
MOST_BYTES = 64 * 2**20  #: of one shard

DOWN, UP = "Redis does not answer", "Redis answers again"


def pause_s(listeners: int) -> float:
    """From one look to the next, in s: the fewer listen, the sooner they hear."""
    return min(LOOK_S, _FEW_S + listeners * _EACH_S)


class Feed:
    """`epoch` counts how often the window was filled: 0 before the first time, and once more each time the stream was lost."""

    def __init__(self, source: Tail, shards: int, groups: Groups, moved: Callable[[], None]) -> None:
        """`moved` is called when something came."""
        self.groups, self.shards, self.epoch, self.down = groups, shards, 0, ""
        self.window = self._empty(shards)
        self.boxes: set[Mailbox] = set()  #: of all who listen
        self.early: set[Mailbox] = set()  #: of those who are to be woken after the next look
        self._source, self._moved = source, moved

    async def run(self) -> None:
        """For ever."""
        whole = False
        while True:
            try:
                if not whole:
                    await self._fill()
                    whole = True
                await self._follow()
                whole = False
                log.warning("the stream of changes was lost or has gone on without us: everybody begins anew")
            except (RedisError, OSError) as error:
                if not self.down:
                    log.warning("redis does not answer: error=%r", error)
                self.down = DOWN
                self._wake(self.boxes)
                await asyncio.sleep(DOWN_GAP_S)

    async def _fill(self) -> None:
        """The window as Redis has it."""
        entries = await self._kept()
        counts = Counter(entry.stream for entry in entries)
        window = self._empty(self.shards)
        for stream in range(2 * self.shards):
            if counts[stream] >= (UPDATES_KEPT if stream < self.shards else ALERTS_KEPT):
                window.unsure(stream)  # Redis has begun to drop entries
        for entry in entries:
            window.append(entry)
        self._answers()
        self.window, self.epoch = window, self.epoch + 1
        self.groups.clear()
        self._wake(self.boxes)

    async def _kept(self) -> list[Entry]:
        found: list[Entry] = []
        cursor = ",".join([tail.START] * 2 * self.shards)
        while some := await self._source.after(cursor, 0, _COUNT):
            found += map(_entry, some)
            cursor = some[-1].cursor
        return found

    async def _follow(self) -> None:
        """Until something is missing in the stream."""
        loop = asyncio.get_running_loop()
        while True:
            some = await self._source.after(text_of(self.window.head), 0 if self.down else _BLOCK_MS, _COUNT)
            next_s = loop.time() + pause_s(len(self.boxes))
            self._answers()
            if any(entry.gap for entry in some):
                return
            if some:
                self._bring([_entry(entry) for entry in some])
            self._wake(self.early)
            self.early = set()
            if some:
                await asyncio.sleep(next_s - loop.time())

    def _answers(self) -> None:
        """Redis does, whatever was before."""
        if self.down:
            log.warning("redis answers again")
            self.down = ""
            self._wake(self.boxes)

    def _bring(self, entries: Sequence[Entry]) -> None:
        look, _ = put_together(entries, self.window.head, self.shards)
        for entry in entries:
            self.window.append(entry)
        self.groups.tell(look)
        self._moved()

    @staticmethod
    def _empty(shards: int) -> Window:
        return Window(2 * shards, shards * (UPDATES_KEPT + ALERTS_KEPT), shards * MOST_BYTES)

    @staticmethod
    def _wake(boxes: set[Mailbox]) -> None:
        for box in boxes:
            box.wake()


def _entry(entry: tail.Entry) -> Entry:
    return Entry(entry.stream, ident_of(entry.cursor.split(",")[entry.stream]), entry.payload)
