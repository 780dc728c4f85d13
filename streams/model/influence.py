"""Topics, people and moments of a table's users, made of their lists and memories. 40 us a user."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator

from streams.fold.memories import KEYS_BIT
from streams.fold.rows import ENGAGEMENTS as END_OF_SUMS
from streams.fold.rows import ENTRY, HEAD, QUARTER, SUMS
from streams.model.influential import SHOWN_MOMENTS, SHOWN_PEOPLE, SHOWN_TOPICS, Friend, Influence, Moment, Topic
from streams.model.table import Table
from streams.model.tops import Entry
from streams.model.users import Slots
from streams.model.versions import DAY_MS

TOPIC_PEOPLE, TOPIC_DAYS = 3, 2  #: distinct people and days from which on a topic is one of a user's
_REMEMBERED = struct.Struct("<fqQBQH")  # weight, ts, id, kind, target, length: see `streams.fold.memories`
_NAME, _KEYS = (1 << KEYS_BIT) - 1, 7


def influence(table: Table, slots: Slots, now_ms: int) -> list[Influence]:
    """Of these users, (n,), as of a moment."""
    half_life_ms = table.model.half_lives_ms[QUARTER]
    totals = table.cells[slots, SUMS + QUARTER : END_OF_SUMS : 3].sum(axis=1) * table.decays(now_ms)[QUARTER]
    found = []
    for slot, user, total in zip(slots.tolist(), table.users.of(slots), totals.tolist(), strict=True):
        topics, people, objects, forgotten = table.tops.lists(slot, now_ms, half_life_ms)
        given = _given(table.memory[slot], forgotten, now_ms, half_life_ms)
        got, gave, network = max(total, 0.0), sum(given.values()), user.partition(":")[0]
        whom = sorted(given.items(), key=lambda one: (-one[1], one[0]))[:SHOWN_PEOPLE]
        found.append(
            Influence(
                user=user,
                as_of=now_ms,
                got=got,
                gave=gave,
                topics=[_topic(one, got) for one in topics if established(one, table.days.closes_ms)][:SHOWN_TOPICS],
                influencees=[
                    Friend(user=one.name, share=_share(one.weight, got)) for one in people if one.weight > 0.0
                ][:SHOWN_PEOPLE],
                influencers=[Friend(user=f"{network}:{name}", share=_share(weight, gave)) for name, weight in whom],
                moments=[_moment(one, got) for one in objects if one.weight > one.error][:SHOWN_MOMENTS],
            )
        )
    return found


def established(topic: Entry, closes_ms: int) -> bool:
    """Have three distinct people engaged for it, on two days? `closes_ms`: so long after midnight a day begins."""
    first, last = ((moment - closes_ms) // DAY_MS for moment in (topic.first_ms, topic.last_ms))
    return topic.people >= TOPIC_PEOPLE and last - first >= TOPIC_DAYS - 1 and topic.weight > topic.error


def _share(weight: float, total: float) -> float:
    return float(f"{min(weight / total, 1.0):.6g}") if total > 0.0 else 0.0


def _topic(one: Entry, got: float) -> Topic:
    return Topic(
        topic=one.name,
        share=_share(one.weight, got),
        error=_share(one.error, got),
        people=one.people,
        first=one.first_ms,
        last=one.last_ms,
    )


def _moment(one: Entry, got: float) -> Moment:
    return Moment(
        object=one.name,
        share=_share(one.weight, got),
        error=_share(one.error, got),
        kinds=one.kinds,  # type: ignore[arg-type]
        people=one.people,
        first=one.first_ms,
        last=one.last_ms,
    )


def _given(memory: bytes, forgotten: list[Entry], now_ms: int, half_life_ms: int) -> dict[str, float]:
    """What somebody's engagements with each still weigh: those that are remembered, and of those forgotten what is sure."""
    given: dict[str, float] = defaultdict(float)
    for one in forgotten:
        given[one.name] += one.weight - one.error
    for weight, ts, target in _remembered(memory):
        if weight > 0.0:
            given[target.decode()] += weight * 0.5 ** ((now_ms - ts) / half_life_ms)
    return {name: weight for name, weight in given.items() if weight > 0.0}


def _remembered(memory: bytes) -> Iterator[tuple[float, int, bytes]]:
    at = HEAD
    while at < len(memory):
        weight, ts, _, _, _, both = _REMEMBERED.unpack_from(memory, at)
        at += ENTRY
        n = both & _NAME
        yield weight, ts, memory[at : at + n]
        at += n + 4 * (both >> KEYS_BIT & _KEYS)
