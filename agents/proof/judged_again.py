"""The verdict on alerts: what is published of one partition, judged again by plain rules, has the same alerts, each once.

Whoever reads committed records can do the same: score records in their order, and the rules of the policies that a header names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

from agents.proof.plain_rules import MOST, Lines, Plain, Told
from streams.fold.days import NONE
from streams.fold.rows import MARK_MS
from streams.formats.header import Header
from streams.model.gaps import Gaps
from streams.model.inforce import name_at
from streams.model.ranks import asked
from streams.model.rules import Rule, Within
from streams.model.score import shown, terms
from streams.model.versions import DAY_MS, Model, model
from streams.people.checks import PERSON
from streams.policies.book import Book

Record = dict[str, Any]
_BACK: dict[Within, int] = {"1d": 0, "7d": 6, "30d": 29}  #: so many closes before the last
_NAMES: dict[Within, str] = {"1h": "hour", "1d": "day", "7d": "week", "30d": "month"}


def differences(
    scores: Iterable[Record],
    alerts: Iterable[Record],
    headers: Mapping[int, Header],
    book: Callable[[int], Book],
    most: int = MOST,
) -> Iterator[str]:
    """What is wrong, in words. Scores and alerts of one partition, each in the order of its topic; headers by version.

    `book` gives the rules of somebody who has read `policies` up to an offset; an interval tells at most so many alerts.
    """
    lines, wrong = lines_of(headers, book)
    yield from wrong
    alerts = [alert for alert in alerts if alert.get("type") != "feed"]  # see `agents.proof.feeds`
    told_of = Counter((alert["version"], alert["user"]) for alert in alerts)
    wanted, users, unknown = Counter[tuple[str, ...]](), defaultdict[str, Plain](Plain), set[str]()
    gapped, waiting = set[str](), set[str]()  # networks; users
    persons = defaultdict[str, set[str]](set)  # networks of their accounts
    for version, header, records in _intervals(scores, headers):
        if header is None:
            yield f"scores of version {version}: no header says that"
            continue
        policies = book(header.policies)
        gapped |= {gaps.network for gaps in policies.gaps}
        unknown |= {rule.name for rule in policies.rules if not plain(rule)}
        there = {record["user"] for record in records}
        yield from _left_behind(users, lines[version], there, version)
        yield from (
            f"version {version}: {user} was left for this interval, and nobody looked" for user in waiting - there
        )
        waiting, room = set(), most
        for record in records:
            user = record["user"]
            if user.startswith(PERSON):
                accounts = {account.partition(":")[0] for account in record.get("accounts", ())}
                persons[user] |= accounts | set(record["parts"]["networks"])
            for told in judged(users[user], record, header, policies, lines[version], room):
                wanted[user, str(version), *map(str, told)] += 1
            room -= told_of[version, user]  # also what was told by rules that are not judged here
            if users[user].waits:
                waiting.add(user)
    found, ids = Counter[tuple[str, ...]](), Counter[str]()
    for alert in alerts:
        told = Told(alert["rule"], alert["state"], alert["episode"])
        if alert["rule"] not in unknown:
            found[alert["user"], str(alert["version"]), *map(str, told)] += 1
        ids[alert["id"]] += 1
        if alert["id"] != f"{alert['rule']}/{alert['user']}/{alert['episode']}/{alert['state']}":
            yield f"alert {alert['id']}: another id than that of its episode"
        if alert["policies"] != headers[alert["version"]].policies:
            yield f"alert {alert['id']}: judged under {alert['policies']}, the header says {headers[alert['version']].policies}"
        if abs(sum(one["points"] for one in alert["causes"]) - alert["change"]) > 1e-5:
            yield f"alert {alert['id']}: its causes do not add up to {alert['change']}: {alert['causes']}"
    # records do not say what of a person's sums is of which network
    wanted, found = (
        Counter({one: count for one, count in some.items() if one[2] not in unknown and not persons[one[0]] & gapped})
        for some in (wanted, found)
    )
    for one in sorted((wanted - found) + (found - wanted)):
        yield f"alert {'/'.join(one)}: came {found[one]} times instead of {wanted[one]}"
    yield from (f"alert {id_}: came {count} times" for id_, count in ids.items() if count > 1)


def _intervals(
    scores: Iterable[Record], headers: Mapping[int, Header]
) -> Iterator[tuple[int, Header | None, list[Record]]]:
    """By version, ascending: headers and the scores of their intervals; scores without a header have None."""
    groups = groupby(scores, itemgetter("version"))
    found = next(groups, None)
    for version, header in sorted(headers.items()):
        records: list[Record] = []
        while found and found[0] <= version:
            if found[0] == version:
                records = list(found[1])
            else:
                yield found[0], None, list(found[1])
            found = next(groups, None)
        yield version, header, records
    while found:
        yield found[0], None, list(found[1])
        found = next(groups, None)


def _left_behind(users: Mapping[str, Plain], lines: Lines, judged: set[str], version: int) -> Iterator[str]:
    """Whom a line that rose has left below it, and who was not looked at then."""
    for name, (now, was) in lines.items():
        for user, one in users.items() if was < now else ():
            if was <= one.published < now and user not in judged:
                yield f"version {version}: {user} has {one.published}, {name} rose from {was} to {now}, and nobody looked"


def lines_of(
    headers: Mapping[int, Header], book: Callable[[int], Book]
) -> tuple[dict[int, dict[str, tuple[float, float]]], list[str]]:
    """By version the lines that users are judged by, of the policies that the header names; and what else headers say of them."""
    found: dict[int, dict[str, tuple[float, float]]] = {}
    before: dict[str, float] = {}
    wrong: list[str] = []
    for version, header in sorted(headers.items()):
        known = book(header.policies)
        now = {name: known.lines[name].score for name in asked(known.rules) if name in known.lines}
        if header.lines != now:
            wrong.append(f"header of version {version}: judged by the lines {header.lines} instead of {now}")
        found[version] = {name: (score, before.get(name, score)) for name, score in now.items()}
        before = now
    return found, wrong


def plain(rule: Rule) -> bool:
    """Is what is published enough to judge by it? Neither causes nor topics are in score records."""
    causes = [*(cause for cause in rule.ignore if cause != "model"), *rule.require]
    return not causes and rule.who.topic is None


def judged(user: Plain, record: Record, header: Header, book: Book, lines: Lines, room: int = MOST) -> list[Told]:
    """The alerts about a user whose record was published with such a header, at most so many."""
    now_ms, delta = record["as_of"], record["delta"]
    in_force = (rule for rule in book.rules if rule.enabled and rule.since <= now_ms)
    rules = {rule.name: rule for rule in in_force if plain(rule)}
    user.kept = {
        name: kept for name, kept in user.kept.items() if name in rules
    }  # also of who is not judged by them now
    of = sorted((rule for rule in rules.values() if _is_of(rule, record)), key=_place)
    given_up = [rule for rule in rules.values() if _place(rule) == 0] if "person" in record else []

    def reference(rule: Rule) -> float:
        change = delta.get(_NAMES[rule.when.within])
        return NONE if change is None or _by_another_model(rule, header) else float(record["score"] - change)

    gaps = next((one for one in book.gaps if one.network == record["user"].partition(":")[0]), None)

    def lost(rule: Rule) -> float:
        """Points that faded in gaps: the score at an earlier moment, as late as now without them."""
        if gaps is None:
            return 0.0
        covered = _covered(gaps, _compared_with(rule, now_ms, header), now_ms)
        return _stood_still(record, model(header.model), now_ms, covered) - float(record["score"]) if covered else 0.0

    return user.judged(of, now_ms, record["score"], reference, lines=lines, lost=lost, room=room, given_up=given_up)


def _covered(gaps: Gaps, from_ms: int, now_ms: int) -> int:
    """How much of that time lies in gaps, ms; of those that ended more than 31 days ago nothing."""
    spans = [
        (max(gap.since, from_ms), min(now_ms if gap.until is None else gap.until, now_ms))
        for gap in gaps.gaps
        if gap.until is None or gap.until > now_ms - 31 * DAY_MS
    ]
    edges = sorted({edge for span in spans for edge in span})
    return sum(end - start for start, end in pairwise(edges) if any(a <= start and end <= b for a, b in spans))


def _compared_with(rule: Rule, now_ms: int, header: Header) -> int:
    """The moment to which a rule looks back, ms since epoch; a line to the first of all gaps."""
    if rule.when.falls is None is rule.when.rises:
        return 0
    if rule.when.within == "1h":
        return (now_ms // MARK_MS - 3) * MARK_MS
    return header.closed_ms - _BACK[rule.when.within] * DAY_MS


def _stood_still(record: Record, by: Model, now_ms: int, covered: int) -> float:
    """The score if of engagements and actions so much less time, ms, had faded."""
    then, now = terms(record, by, now_ms - covered), terms(record, by, now_ms)
    return shown(then.engagement + then.participation + now.reach + now.facts, by)


def _by_another_model(rule: Rule, header: Header) -> bool:
    """Does a rule that ignores changes of the model compare with a close by another one?"""
    if "model" not in rule.ignore or rule.when.within == "1h":
        return False
    then = name_at(header.models, header.closed_ms - _BACK[rule.when.within] * DAY_MS)
    return bool(then != header.model)


def _place(rule: Rule) -> int:
    """Whose rules are judged first: those of everyone, then of a network, then those that name users."""
    return 2 if rule.who.users else int(rule.who.network is not None)


def _is_of(rule: Rule, record: Record) -> bool:
    who, user = rule.who, str(record["user"])
    if record["confidence"] < who.min_confidence:
        return False
    if who.users:
        return user in who.users
    if who.network is not None:
        return user.partition(":")[0] == who.network
    return "person" not in record
