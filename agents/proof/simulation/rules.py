"""The rules of a simulation: somebody adds, replaces and removes some during a run, by mistake such that nobody can use too; and
gaps of networks.

They draw from numbers of their own: what else happens in a run is the same with other rules.
"""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

import orjson

from streams.model.rules import CAUSES, DAY_FALL, WEEK_FALL, WITHIN_MS, built_in
from streams.model.versions import DAY_MS
from streams.policies.book import Book, Policies
from streams.policies.records import FORMAT, key_of, key_of_gaps
from streams.settings import Settings

_NAMES = ("a", "b", "c", "d", DAY_FALL, WEEK_FALL)
_USERS = ("n:u0", "n:u1", "n:a0", "n:k0", "person:p", "person:k", "n:nobody")
_TOPICS = ("Jazz", "strasse", "x")


class Said(NamedTuple):
    """One record of `policies`, so long after the one before."""

    after_s: float
    key: bytes
    value: bytes | None


def invent(random: Random, now_ms: int) -> list[Said]:
    """What is said in a run, often nothing; the first of it, after 0 s, before anybody works."""
    count = random.choice((0, 3, 5, 8, 12))
    first = random.randint(count // 2, count)
    return [Said(0.0 if n < first else random.expovariate(2), *_record(random, now_ms)) for n in range(count)]


def every_sort() -> list[Said]:
    """Rules of every sort, said before anybody works: at what something is raised all the time."""
    found: list[dict[str, Any]] = [
        {"when": {sort: 0.2, "within": within}} for sort in ("falls", "rises") for within in WITHIN_MS
    ]
    found += [
        {"when": {"falls": 1, "unit": "percent"}, "urgent": True, "margin": 0.05},
        {"when": {"falls": 0.1}, "require": ["reversed", "fewer"]},
        {"when": {"rises": 0.5}, "ignore": ["participation", "reach"], "who": {"network": "n"}},
        {"when": {"below": 35}, "who": {"topic": "jazz"}},
        {"when": {"below": 40}, "who": {"users": ["n:u0", "n:u1", "person:k"]}},
        {"when": {"percentile": 50}, "who": {"min_confidence": 0.1}},
        {"when": {"top": 2}},
    ]
    rules = [{"type": "rule", "name": f"every-{n}", "cooldown_s": 1 + n % 3, **rule} for n, rule in enumerate(found)]
    return [Said(0.0, key_of(str(rule["name"])), orjson.dumps(rule)) for rule in rules]


def begun(settings: Settings) -> Policies:
    """Nothing was read."""
    return Policies(built_in(settings.alert_points, round(settings.alert_cooldown_h * 3_600)))


def book_at(said: list[tuple[int, bytes | None, bytes | None]], offset: int, settings: Settings) -> Book:
    """The book of whoever has read `policies` to this offset, of its records (offset, key, value)."""
    policies = begun(settings)
    for record in said:
        if record[0] <= offset:
            policies.read(*record)
    return policies.book()


def _record(random: Random, now_ms: int) -> tuple[bytes, bytes | None]:
    if random.random() < 0.25:
        return _gaps(random, now_ms)
    name = random.choice(_NAMES)
    chance = random.random()
    if chance < 0.2:
        return key_of(name), None
    rule = _rule(random, name, now_ms)
    if chance < 0.25:
        rule["format"] = FORMAT + 1
    elif chance < 0.3:
        rule["when"] = {}
    return key_of(name), orjson.dumps(rule)


def _gaps(random: Random, now_ms: int) -> tuple[bytes, bytes | None]:
    """Most are of the network that everyone is of, some of another; a few end before they begin."""
    network = random.choice(("n", "n", "n", "m"))
    if random.random() < 0.1:
        return key_of_gaps(network), None
    gaps = []
    for _ in range(random.randint(1, 2)):
        since = now_ms + random.randint(-DAY_MS, 2 * DAY_MS)
        ends = random.choice((None, since + random.randint(-DAY_MS // 10, DAY_MS)))
        gaps.append({"since": since, "until": ends, "by": random.choice(("declared", "silence"))})
    return key_of_gaps(network), orjson.dumps({"type": "gap", "network": network, "gaps": gaps})


def _rule(random: Random, name: str, now_ms: int) -> dict[str, Any]:
    rule: dict[str, Any] = {"type": "rule", "name": name, "when": _when(random)}
    if random.random() < 0.5:
        rule["who"] = random.choice(
            (
                {"users": random.sample(_USERS, random.randint(1, 3))},
                {"network": "n", "min_score": random.choice((1, 20, 50))},
                {"topic": random.choice(_TOPICS)},
                {"min_confidence": 0.3},
            )
        )
    if random.random() < 0.15:
        rule[random.choice(("ignore", "require"))] = random.sample(CAUSES, random.randint(1, 3))
    if random.random() < 0.5:
        rule["cooldown_s"] = random.choice((0, 1, 3_600))
    if random.random() < 0.3:
        rule["margin"] = random.choice(
            (0, 0.05)
        )  # less than any change: a score that stands still has moved by 0, but for rounding
    rule["urgent"] = random.random() < 0.3
    rule["from"] = now_ms + random.choice((-now_ms, -now_ms, random.randint(0, 12_000), 86_400_000))
    rule["enabled"] = random.random() < 0.9
    return rule


def _when(random: Random) -> dict[str, Any]:
    """Scores of a run are mostly between 1 and 60, of a dozen users."""
    sort = random.choice(("falls", "falls", "falls", "rises", "rises", "below", "below", "percentile", "top"))
    if sort in ("falls", "rises"):
        change = {sort: random.choice((0.1, 0.5, 2, 5)), "within": random.choice(("1d", "1d", *WITHIN_MS))}
        return change | ({"unit": "percent"} if random.random() < 0.3 else {})
    limits = {"below": (20, 30, 40, 50), "percentile": (20, 50, 80), "top": (1, 3, 5)}
    return {sort: random.choice(limits[sort])}
