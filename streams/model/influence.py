"""Topics, people, moments and style of a table's users, made of their lists and memories. 100 us a user."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from streams.fold.rows import ENGAGEMENTS as END_OF_SUMS
from streams.fold.rows import QUARTER, SUMS
from streams.model.influential import SHOWN_MOMENTS, SHOWN_PEOPLE, SHOWN_TOPICS, Friend, Influence, Moment, TopicShare
from streams.model.memory import done
from streams.model.profiles import NOTHING
from streams.model.style import style_of
from streams.model.table import Table
from streams.model.tops import Entry
from streams.model.users import Slots
from streams.model.versions import DAY_MS

TOPIC_PEOPLE, TOPIC_DAYS = 3, 2  #: distinct people and days from which on a topic is one of a user's


def influence(table: Table, slots: Slots, now_ms: int) -> list[Influence]:
    """Of these users, (n,), as of a moment."""
    half_life_ms = table.model.half_lives_ms[QUARTER]
    totals = table.cells[slots, SUMS + QUARTER : END_OF_SUMS : 3].sum(axis=1) * table.decays(now_ms)[QUARTER]
    found = []
    for slot, user, total in zip(slots.tolist(), table.users.of(slots), totals.tolist(), strict=True):
        topics, people, objects, forgotten = table.tops.lists(slot, now_ms, half_life_ms)
        given = _given(table.memory[slot], forgotten, now_ms, half_life_ms)
        got, gave, network = max(total, 0.0), sum(given.values()), user.partition(":")[0]
        hidden = table.profiles.get(slot, NOTHING).hidden
        own = [one for one in topics if one.name not in hidden and established(one, table.days.closes_ms)]
        best = [one for one in objects if one.weight > one.error]
        whom = sorted(given.items(), key=lambda one: (-one[1], one[0]))[:SHOWN_PEOPLE]
        found.append(
            Influence(
                user=user,
                as_of=now_ms,
                got=got,
                gave=gave,
                style=style_of(table, slot),
                topics=[TopicShare(topic=one.name, **_earned(one, got)) for one in own[:SHOWN_TOPICS]],
                influencees=[
                    Friend(user=one.name, share=_share(one.weight, got)) for one in people if one.weight > 0.0
                ][:SHOWN_PEOPLE],
                influencers=[Friend(user=f"{network}:{name}", share=_share(weight, gave)) for name, weight in whom],
                moments=[Moment(object=one.name, kinds=one.kinds, **_earned(one, got)) for one in best[:SHOWN_MOMENTS]],
                hidden=hidden,
            )
        )
    return found


def established(topic: Entry, closes_ms: int) -> bool:
    """Have three distinct people engaged for it, on two days? `closes_ms`: so long after midnight a day begins."""
    first, last = ((moment - closes_ms) // DAY_MS for moment in (topic.first_ms, topic.last_ms))
    return topic.people >= TOPIC_PEOPLE and last - first >= TOPIC_DAYS - 1 and topic.weight > topic.error


def _share(weight: float, total: float) -> float:
    return float(f"{min(weight / total, 1.0):.6g}") if total > 0.0 else 0.0


def _earned(one: Entry, got: float) -> dict[str, Any]:
    """What is told of a topic and of an object alike."""
    shares = {"share": _share(one.weight, got), "error": _share(one.error, got)}
    return {**shares, "people": one.people, "first": one.first_ms, "last": one.last_ms}


def _given(memory: bytes, forgotten: list[Entry], now_ms: int, half_life_ms: int) -> dict[str, float]:
    """What somebody's engagements with each still weigh: those that are remembered, and of those forgotten what is sure."""
    given: dict[str, float] = defaultdict(float)
    for entry in forgotten:
        given[entry.name] += entry.weight - entry.error
    for one in done(memory):
        if one.weight > 0.0:
            given[one.name.decode()] += one.weight * 0.5 ** ((now_ms - one.ts) / half_life_ms)
    return {name: weight for name, weight in given.items() if weight > 0.0}
