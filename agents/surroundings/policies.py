"""What is wrong with policies, gaps that are on, and the rules in force in Redis, where pages and APIs find them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

from agents.surroundings.finding import NOTE, OK, WRONG, Finding
from streams.model.rules import Rule
from streams.partition.figures import Figures
from streams.policies.book import MOST_RULES, Book
from streams.scoreboard.writer import Writer

_MOST_TOLD = 5
_MEND = "`clout rule add` puts it right, `clout rule remove` takes it away"


def look(book: Book, now_ms: float) -> Iterator[Finding]:
    """Each record that cannot be used, rules that are too many, and gaps that are on."""
    yield Finding("policies", OK, f"{len(book.rules):,} rules, read to offset {book.offset}")
    for mistake in book.mistakes[:_MOST_TOLD]:
        yield Finding("policies", WRONG, f"{mistake}; what it was before still holds, if it was known. {_MEND}")
    if (more := len(book.mistakes) - _MOST_TOLD) > 0:
        yield Finding("policies", WRONG, f"{more:,} more policies cannot be used; `clout rule list` names them")
    for one in book.gaps:
        for gap in one.gaps:
            if gap.on(now_ms):
                since = datetime.datetime.fromtimestamp(gap.since / 1000, datetime.UTC).isoformat(timespec="seconds")
                text = f"nothing comes from {one.network} since {since} ({gap.by}): what fades of its users raises no alert"
                yield Finding(
                    "policies", NOTE, f"{text}. `clout control gap {one.network} --end` when its feed is back"
                )
    if book.left_out:
        names = ", ".join(book.left_out[:_MOST_TOLD]) + (", …" if len(book.left_out) > _MOST_TOLD else "")
        text = f"{len(book.left_out):,} rules are not judged by, the last written ({names}): at most {MOST_RULES:,} are"
        yield Finding("policies", NOTE, f"{text}. Remove some with `clout rule remove`")


class Shown:
    """Writes them by whoever holds partition 0: when it takes it over, when they change, and when Redis has others or none."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._wrote: tuple[int, tuple[Rule, ...]] | None = None

    async def look(self, figures: Mapping[int, Figures], book: Book, now_ms: float) -> None:
        """One look. Raises RedisError."""
        if 0 not in figures:
            self._wrote = None
            return
        wanted = book.offset, book.at(now_ms)
        if wanted != self._wrote or await self._writer.rules_offset() != book.offset:
            await self._writer.show_rules(*wanted)
            self._wrote = wanted
