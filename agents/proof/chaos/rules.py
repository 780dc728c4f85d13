"""Rules of a run, and the verdict on its alerts: what was published, judged again by plain rules, has the same ones, each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import orjson

from agents.proof import feeds
from agents.proof.chaos.reading import records
from agents.proof.judged_again import differences
from streams.broker.policies import begun
from streams.formats import state
from streams.formats.header import Header
from streams.model.rules import Rule, When, Who
from streams.policies.book import Book
from streams.settings import Settings
from streams.topics import ALERTS, POLICIES, SCORES, STATE

#: said before a run begins, and while it goes on; of whom and at what something is raised every second
FIRST = (
    Rule(name="hour-rise", when=When(rises=1.0, within="1h"), cooldown_s=5),
    Rule(name="day-rise", when=When(rises=3.0), severity="info", cooldown_s=0),
    Rule(name="small-fall", when=When(falls=0.2), cooldown_s=2, margin=0.1, urgent=True),
    Rule(name="line", when=When(below=25.0), cooldown_s=3, margin=0.5),
    Rule(name="why", when=When(falls=0.1), require=("reversed", "fewer"), cooldown_s=2),
    Rule(name="upper", when=When(percentile=90.0), cooldown_s=2),
    Rule(name="first", when=When(top=100), who=Who(network="demo"), cooldown_s=2),
)
LATER = (
    Rule(name="day-rise", when=When(rises=10.0, unit="percent"), who=Who(min_score=20), cooldown_s=1),
    Rule(name="line", when=When(below=40.0), cooldown_s=0),
    Rule(name="hour-rise", when=When(rises=1.0), enabled=False),
)


class Told(NamedTuple):
    """What is wrong with the alerts of a run, and how many there were."""

    alerts: int
    wrong: list[str]


async def judged(settings: Settings) -> Told:
    """Of everything that was committed: logs are young, nothing of them has been compacted away."""
    book, wrong, count = await books(settings), [], 0
    headers: dict[int, dict[int, Header]] = defaultdict(dict)
    async for record in records(settings, STATE.name):
        if record.key == state.HEADER:
            header = state.read_header(record.value)
            headers[record.partition][header.version] = header
    scores, alerts = [await _values(settings, name) for name in (SCORES.name, ALERTS.name)]
    for number in range(settings.partitions):
        count += len(alerts[number])
        of_feeds = feeds.differences(number, settings.partitions, alerts[number], headers[number], book)
        of_users = differences(scores[number], alerts[number], headers[number], book)
        wrong += [f"{number}: {one}" for one in (*of_users, *of_feeds)]
    return Told(count, wrong)


async def _values(settings: Settings, name: str) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    async for record in records(settings, name):
        found[record.partition].append(orjson.loads(record.value))
    return found


async def books(settings: Settings) -> Callable[[int], Book]:
    """The book of whoever has read to an offset."""
    said = [(record.offset, record.key, record.value) async for record in records(settings, POLICIES.name, 1)]

    @cache
    def at(offset: int) -> Book:
        policies = begun(settings)
        for one in said:
            if one[0] <= offset:
                policies.read(*one)
        return policies.book()

    return at
