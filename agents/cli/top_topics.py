"""The boards of topics for `clout top`: who is engaged with most for one, and which there are."""

from __future__ import annotations

import asyncio
import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

from agents.cli.output import Table, safe, table
from agents.cli.places import named
from streams.errors import UsageError

if TYPE_CHECKING:
    from streams.scoreboard.reader import Reader
    from streams.scoreboard.topic_boards import Placed

_COMPARED = 100_000  # topics that an unknown one is compared with, all that there are of as many shards as anybody has
_NONE = (
    "no topic has a board yet: one needs engagement from three people on two days, of events that name their `topics`"
)


class OfTopic(NamedTuple):
    """The board of one topic."""

    topic: str  #: as it counts
    n: int

    @classmethod
    def named(cls, written: str, n: int) -> OfTopic:
        """Of a topic as somebody wrote it. Raises UsageError for what cannot be one."""
        from streams.people.checks import bad_topic

        written = named(written)
        if reject := bad_topic(written):
            raise UsageError(f"--topic: {safe(reject.message)}")
        from streams.model.about import topic

        return cls(topic(written), n)

    async def rows(self, reader: Reader, at_ms: int) -> list[dict[str, Any]]:
        """Users, the weight that is left to each at that moment, and their score then."""
        from streams.scoreboard.reader import score_at

        placed = await reader.topics.top(self.topic, self.n)
        records = await reader.users([one.user for one in placed])
        half_life_ms = await _half_life_ms(reader) if placed else 0.0
        return [
            {
                "rank": rank,
                "user": one.user,
                "weight": one.weight(at_ms, half_life_ms),
                "score": score_at(record, at_ms)["score"] if record else None,
            }
            for rank, (one, record) in enumerate(zip(placed, records, strict=True), 1)
        ]

    def table(self, rows: list[dict[str, Any]]) -> Table:
        """With a dot for who has no record."""
        scores = ("·" if row["score"] is None else f"{row['score']:.2f}" for row in rows)
        cells = ((str(row["rank"]), row["user"], _weight(row), score) for row, score in zip(rows, scores, strict=True))
        return table(("rank", "user", "weight", "score"), cells)

    async def nobody(self, reader: Reader) -> str:
        """With topics that are written alike."""
        known = await reader.topics.topics(_COMPARED)
        if not known:
            return _NONE
        alike = difflib.get_close_matches(self.topic, known)
        hint = f"did you mean {', '.join(map(safe, alike))}?" if alike else "`clout top --topics` lists those that have"
        return f"nobody is on a board of the topic {safe(self.topic)}; {hint}"


class Topics(NamedTuple):
    """The topics that have a board."""

    n: int

    async def rows(self, reader: Reader, at_ms: int) -> list[dict[str, Any]]:
        """Each with its first user, and the weight that is left to that one at that moment."""
        known = await reader.topics.topics(self.n)
        first = await asyncio.gather(*(reader.topics.top(topic, 1) for topic in known))
        some: list[tuple[str, Placed]] = [(topic, top[0]) for topic, top in zip(known, first, strict=True) if top]
        half_life_ms = await _half_life_ms(reader) if some else 0.0
        return [
            {"rank": rank, "topic": topic, "user": one.user, "weight": one.weight(at_ms, half_life_ms)}
            for rank, (topic, one) in enumerate(sorted(some, key=lambda item: -item[1].place), 1)
        ]

    def table(self, rows: list[dict[str, Any]]) -> Table:
        """Both names may be long."""
        cells = ((str(row["rank"]), row["topic"], row["user"], _weight(row)) for row in rows)
        return table(("rank", "topic", "user", "weight"), cells, wide=("topic", "user"))

    async def nobody(self, reader: Reader) -> str:  # noqa: ARG002 - as of the other boards
        """What a topic needs."""
        return _NONE


def _weight(row: dict[str, Any]) -> str:
    return f"{row['weight']:,.2f}"


async def _half_life_ms(reader: Reader) -> float:
    from streams.scoreboard.topic_boards import half_life_ms

    return half_life_ms(await reader.pulses())
