"""After a run: rows, Redis and `scores` beside a plain fold of what was fed, and nothing that ever went back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson

from agents.proof import feeds as of_feeds
from agents.proof.documents import Documents, boards, documents
from agents.proof.judged_again import differences
from agents.proof.lists import lists
from agents.proof.refolding import at_once
from agents.proof.simulation.closes import closes, headers
from agents.proof.simulation.faults import Faults
from agents.proof.simulation.hours import hours
from agents.proof.simulation.models import OTHER
from agents.proof.simulation.ranks import lines as score_lines
from agents.proof.simulation.seen import alerts, spread
from agents.proof.simulation.silence import feeds
from streams import offline
from streams.fold.rows import DAYS
from streams.formats import state
from streams.model import score
from streams.model.inforce import InForce
from streams.model.table import Table
from streams.model.versions import DAY_MS, model
from streams.partition.recovered import loaded
from streams.topics import ALERTS, REJECTS, SCORES, STATE

CLOSE = 1e-6


def verdict(faults: Faults) -> list[str]:
    """Every difference found, in words. What is compared with a plain fold is so only where events may come in any order."""
    always = [
        *_headers(faults),
        *_versions(faults),
        *_rejects(faults),
        *_alerts(faults),
        *score_lines(faults),
        *alerts(faults),
        *_counts("scores", _last_scores(faults), faults),
        *_persons("scores", _last_scores(faults), faults),
    ]
    return [*_beside_a_plain_fold(faults), *always] if faults.model == "plain" else always


def _beside_a_plain_fold(faults: Faults) -> list[str]:
    by_name = {name: _plain_fold(faults, name) for name in ("plain", OTHER.name)}
    wanted = by_name["plain"]
    now_ms = wanted.clock + 86_400_000
    expected = _of(wanted, now_ms)
    return [
        *_counts("the plain fold", expected, faults),
        *_persons("the plain fold", expected, faults),
        *_tables(faults, wanted, expected, now_ms),
        *_differences("redis", {u: orjson.loads(r) for u, r in faults.redis.shown.records.items()}, expected, now_ms),
        *_differences("scores", _last_scores(faults), expected, now_ms),
        *closes(faults, by_name),
        *spread(faults, wanted),
        *feeds(faults),
    ]


def _plain_fold(faults: Faults, name: str) -> Table:
    """Of what was fed, by a model."""
    fed, closes_ms = faults.fed, faults.settings.day_closes_ms
    return offline.fold(fed.events, model(name), newest_ms=2**60, controls=fed.controls, closes_ms=closes_ms)


def _of(table: Table, now_ms: int) -> dict[str, dict[str, Any]]:
    return {one.user: orjson.loads(one.record) for one in offline.scored(table, now_ms)}


def _counts(what: str, records: dict[str, dict[str, Any]], faults: Faults) -> Iterator[str]:
    """Beside counts that know nothing of the product's code."""
    for name, counts in (("engagements", faults.fed.engagements), ("actions", faults.fed.actions)):
        for user in set(records) | set(counts):
            got = records.get(user, {}).get(name, 0)
            if got != counts[user]:
                yield f"{what}: {user} has {got} {name}, {counts[user]} were fed"


def _persons(what: str, records: dict[str, dict[str, Any]], faults: Faults) -> Iterator[str]:
    """Whose account everyone is, beside what was fed."""
    for user, record in records.items():
        if record.get("person") != faults.fed.persons.get(user):
            yield f"{what}: {user} is an account of {record.get('person')} instead of {faults.fed.persons.get(user)}"


def _tables(faults: Faults, wanted: Table, expected: dict[str, dict[str, Any]], now_ms: int) -> Iterator[str]:
    rows: dict[str, dict[str, Any]] = {}
    counts: Counter[str] = Counter()
    shown, hidden = faults.redis.shown, faults.fed.hidden
    told = Documents(shown.influence, shown.topics, shown.on_topic)
    for number in range(faults.settings.partitions):
        kept = {record.key: record.value for record in faults.broker.logs[STATE.name, number].all()}
        table = at_once(loaded(number, kept, model("plain"))).table  # type: ignore[arg-type]
        rows |= _of(table, now_ms)
        table.days.closes_ms = faults.settings.day_closes_ms
        yield from (*lists(table, wanted), *hours(table, wanted), *documents(told, table, hidden))
        counts.update(table.counts.as_dict())
    yield from (*boards(told, hidden), *_differences("rows", rows, expected, now_ms))
    done = counts["folded"] + counts["rejected"] + counts["repeats"]
    fed = len(faults.fed.records) - len(faults.fed.controls)
    if done != fed:
        yield f"counts: {done} of {fed} events, {dict(counts)}"


def _differences(
    what: str, records: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]], now_ms: int
) -> Iterator[str]:
    for user in sorted(set(records) | set(expected)):
        if user not in records or user not in expected:
            yield f"{what}: {user} is {'missing' if user in expected else 'not expected'}"
            continue
        one, other = records[user], expected[user]
        for name in ("engagements", "actions", "actors", "followers", "person", "accounts"):
            if one.get(name) != other.get(name):
                yield f"{what}: {user} has {one.get(name)} {name} instead of {other.get(name)}"
        now = score.at(one, model("plain"), now_ms)
        if abs(now["score"] - other["score"]) > CLOSE:
            yield f"{what}: {user} has the score {now['score']} instead of {other['score']}"
        if _masses(now) != _masses(other):
            yield f"{what}: {user} has the facts {_masses(now)} instead of {_masses(other)}"


def _masses(record: dict[str, Any]) -> dict[str, float]:
    return {name: round(fact["mass"], 6) for name, fact in record.get("facts", {}).items()}


def _last_scores(faults: Faults) -> dict[str, dict[str, Any]]:
    return {
        (record.key or b"").decode(): orjson.loads(record.value or b"")
        for number in range(faults.settings.partitions)
        for record in faults.broker.logs[SCORES.name, number].all()
    }


def _headers(faults: Faults) -> Iterator[str]:
    """What was committed only goes forward."""
    for number in range(faults.settings.partitions):
        before: state.Header | None = None
        for header in headers(faults, number):
            if before:
                yield from _model(number, before, header)
                for name in ("generation", "clock", "day", "now_ms"):
                    if getattr(header, name) < getattr(before, name):
                        yield f"state[{number}]: {name} went from {getattr(before, name)} to {getattr(header, name)}"
                if header.version <= before.version:
                    yield f"state[{number}]: version went from {before.version} to {header.version}"
                for topic, at in before.positions.items():
                    if header.positions[topic] < at:
                        yield f"state[{number}]: position of {topic} went from {at} to {header.positions[topic]}"
            before = header
        if before:
            group = {topic: faults.broker.offsets.get((topic, number)) for topic in before.positions}
            if group != before.positions:
                yield f"group[{number}]: {group}, the header says {before.positions}"


def _model(number: int, before: state.Header, header: state.Header) -> Iterator[str]:
    """What was in force stays, as long as a close may belong to it; another model follows what was published until then."""
    from_ms, now_ms = max(before.now_ms, before.clock, before.closed_ms), max(header.now_ms, header.clock)
    last, wanted = header.models[-1], before.models
    if header.model != before.model:
        wanted = (*before.models, InForce(header.model, min(max(last.since_ms, from_ms), now_ms)))
    gone = len(wanted) - len(header.models)
    if header.models != wanted[gone:] or (gone and wanted[gone].since_ms > last.since_ms - DAYS * DAY_MS):
        yield f"state[{number}]: the models went from {before.models} to {header.models}, between {from_ms} and {now_ms}"


def _versions(faults: Faults) -> Iterator[str]:
    """Whoever reads `scores` never sees a version go back."""
    for number in range(faults.settings.partitions):
        seen: dict[bytes | None, int] = {}
        for record in faults.broker.logs[SCORES.name, number].all():
            version = orjson.loads(record.value or b"")["version"]
            if version <= seen.get(record.key, 0):
                yield f"scores[{number}]: {record.key!r} went from version {seen[record.key]} to {version}"
            seen[record.key] = version


def _rejects(faults: Faults) -> Iterator[str]:
    keys = Counter(
        record.key
        for number in range(faults.settings.partitions)
        for record in faults.broker.logs[REJECTS.name, number].all()
    )
    if keys.total() != faults.fed.bad or len(keys) != faults.fed.bad:
        yield f"rejects: {keys.total()} of {len(keys)} records, {faults.fed.bad} were bad"


def _alerts(faults: Faults) -> Iterator[str]:
    """Those of what was published, judged again by plain rules under the policies that the header of each version names."""
    book = cache(faults.book)
    for number in range(faults.settings.partitions):
        scores, alerts = (values(faults, name, number) for name in (SCORES.name, ALERTS.name))
        by_version = {header.version: header for header in headers(faults, number)}
        yield from differences(scores, alerts, by_version, book)
        yield from of_feeds.differences(number, faults.settings.partitions, alerts, by_version, book)


def values(faults: Faults, name: str, number: int) -> list[dict[str, Any]]:
    """The records of one partition of a topic, of JSON."""
    return [orjson.loads(record.value or b"") for record in faults.broker.logs[name, number].all()]
