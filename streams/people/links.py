"""Controls into rows: the user's own row decides about its links, facts and hidden topics; the later one wins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from streams.events import PERSON, Reject
from streams.fold.rows import FOLLOWERS as FOLLOWERS_COLUMN
from streams.fold.rows import FOR_EVER, GOT, TIED, UNSEEN
from streams.model.closes import facts_then, touch
from streams.model.influential import MOST_HIDDEN
from streams.model.profiles import NOTHING, Hiding, Left, Profile, Stated, is_person
from streams.model.table import Table
from streams.model.versions import FOLLOWERS, MOST_FACTS
from streams.people import persons
from streams.people.controls import Control, Facts, HideTopic, Link


def apply(table: Table, controls: Sequence[Control]) -> list[Reject | None]:
    """Put controls, in this order, into the rows of their users, new if need be.

    Returns of each why it cannot be; then it has changed nothing.
    """
    rejects: list[Reject | None] = []
    changed: dict[int, None] = {}
    facts: dict[int, int] = {}  # of accounts, since when what was told of some holds, ms; see `persons.sum_up`
    for control, slot in zip(controls, table.slots([one.user for one in controls]).tolist(), strict=True):
        found = _one(table, control, slot)
        rejects.append(found if isinstance(found, Reject) else None)
        if found is True:
            changed[slot] = None
            if isinstance(control, Facts) and not is_person(control.user):
                facts[slot] = min(control.ts, facts.get(slot, control.ts))
    put(table, list(changed))
    known_then = [slot for slot, told in facts.items() if told < table.days.closed_ms]
    facts_then(table, np.array(known_then, np.intp))
    table.dirty[list(changed)] |= TIED | UNSEEN
    return rejects


def _one(table: Table, control: Control, slot: int) -> Reject | bool:
    """Has it changed the profile of its user?"""
    before = table.profiles.get(slot, NOTHING)
    if isinstance(control, Facts):
        after = _with_facts(before, control)
    elif isinstance(control, HideTopic):
        after = _with_topic(before, control)
    else:
        person = f"{PERSON}:{control.person}" if isinstance(control, Link) else ""
        told_ms = 0 if slot in table.leavers else table.days.closed_ms  # whom it left before that has been told
        after = _with_link(before, person, control.ts, told_ms)
    if isinstance(after, Reject):
        return after
    if after == before and slot in table.profiles:
        return False
    if isinstance(control, Facts):
        touch(table, np.array([slot]), control.ts)
        if FOLLOWERS in control.facts:
            after = _with_followers(table, slot, before, after)
    if after.left != before.left:
        table.leavers.add(slot)
    table.profiles[slot] = after
    return True


def put(table: Table, slots: Sequence[int]) -> None:
    """The kernels know of the profiles of these slots."""
    if not slots:
        return
    extras, profiles = table.extras, [table.profiles[slot] for slot in slots]
    lines = extras.lines(table.cells, np.array(slots))
    extras.stated(lines, [profile.stated for profile in profiles])
    tied = [(line, profile) for line, profile in zip(lines.tolist(), profiles, strict=True) if profile.kin]
    if tied:
        places = np.array([line for line, _ in tied])
        numbers = extras.numbers_of([profile.kin for _, profile in tied])
        extras.accounts(places, numbers, np.array([[one.since, one.until, one.link] for _, one in tied]))
    for slot, profile in zip(slots, profiles, strict=True):
        if any(one.until >= table.days.closed_ms for one in profile.left):
            table.leavers.add(slot)
    own = []
    for slot, line, profile in zip(slots, lines.tolist(), profiles, strict=True):
        if profile.facts:
            if is_person(table.users[slot]):
                table.lines.facts_changed.add(line)
                own.append(slot)
            else:
                extras.facts(line, profile.given(table.model))
    persons.sum_up(table, np.array(own, np.intp))


def _with_link(before: Profile, person: str, ts: int, told_ms: int) -> Profile | Reject:
    if ts < before.ts:
        return Reject(
            "older_control", "$.ts", f"{ts} is older than what is known of this account's links, of {before.ts}"
        )
    if person == before.person:
        return replace(before, ts=ts)
    link, left = before.link + 1, tuple(one for one in before.left if one.until >= told_ms)
    if before.person:
        left = *left, Left(before.person, link, before.since, ts)
    if person:
        return replace(before, ts=ts, link=link, person=person, kin=person, since=ts, until=FOR_EVER, left=left)
    return replace(before, ts=ts, link=link, person="", until=ts, left=left)


def _with_facts(before: Profile, control: Facts) -> Profile | Reject:
    facts = dict(before.facts)
    for name, fact in control.facts.items():
        date, known = fact.date if fact else control.ts, facts.get(name)
        if known and date < known.date:
            why = f"the known figure is of {known.date}, this one of {date}: nothing of this control was taken"
            return Reject("older_control", f"$.facts.{name}", why)
        facts[name] = Stated(fact.value, date, fact.source) if fact else Stated(None, date)
    stated = sum(fact.value is not None for fact in facts.values())
    if stated > MOST_FACTS:
        why = f"{stated} facts, a user has at most {MOST_FACTS}: take some away first (null). Nothing of this control was taken"
        return Reject("facts_too_many", "$.facts", why)
    while len(facts) > 2 * MOST_FACTS:  # what was taken away is remembered, so that older figures do not bring it back
        del facts[min((name for name in facts if facts[name].value is None), key=lambda name: facts[name].date)]
    return replace(before, facts=facts)


def _with_topic(before: Profile, control: HideTopic) -> Profile | Reject:
    known, topics = before.topics.get(control.topic), dict(before.topics)
    if known and control.ts < known.ts:
        why = f"{control.ts} is older than what is known of this topic of theirs, of {known.ts}"
        return Reject("older_control", "$.ts", why)
    topics[control.topic] = Hiding(control.hidden, control.ts)
    shown = sorted((said.ts, topic) for topic, said in topics.items() if not said.hidden)
    if len(topics) - len(shown) > MOST_HIDDEN:
        why = f"a user has at most {MOST_HIDDEN} hidden topics: show one again first"
        return Reject("topics_too_many", "$.topic", why)
    for _, topic in shown[:-MOST_HIDDEN]:  # what is shown again is remembered, so that older controls do not hide it
        del topics[topic]
    return replace(before, topics=topics)


def _with_followers(table: Table, slot: int, before: Profile, after: Profile) -> Profile:
    """Net followers by events up to now are in the number that was stated; without it they count again."""
    row, value = table.cells[slot], after.facts[FOLLOWERS].value
    if before.facts.get(FOLLOWERS) == after.facts[FOLLOWERS]:
        return after
    by_events = float(row[FOLLOWERS_COLUMN]) + before.counted
    now = by_events if value is None else value
    table.days.follow(slot, now - float(row[FOLLOWERS_COLUMN]))
    row[FOLLOWERS_COLUMN] = now
    table.dirty[slot] |= GOT
    return replace(after, counted=0.0 if value is None else by_events - value)
