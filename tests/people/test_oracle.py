"""Persons and facts beside the oracle, which adds up lists."""

from __future__ import annotations

import math
from collections import defaultdict

import pytest
from hypothesis import given

from streams.events import KINDS
from streams.model.profiles import NOTHING
from streams.topics import KIND_OF
from tests.oracle import HALF_LIVES_MS, Oracle, User, fact, person
from tests.people.doings import Doing, doings, play
from tests.people.test_persons import NOW_MS, everyone
from tests.people.world import House


@given(doings(kin=True, followers=True, most=50))
def test_any_history(done: list[Doing]) -> None:
    """Who is whose, every count, every window, every fact and the score: of accounts, fans and persons.

    Engagements arrive when all controls are known, as `play` has it: what actors know of their links is of the moment.
    """
    oracle, links, known = Oracle(plain=True), {}, defaultdict(dict)
    said, sent = defaultdict(int), []
    for one in done:
        if one.to:
            sent += oracle.act([(KINDS[KIND_OF[one.topic]], one.value)])
        elif one.value["type"] == "hide-topic":
            oracle.users[one.user].hide(one.value["topic"].strip("#").lower(), one.ts, hidden=one.value["hidden"])
        elif one.value["type"] != "facts":
            if one.ts >= said[one.user]:
                before, said[one.user] = links.get(one.user), one.ts
                links[one.user] = now = one.value.get("person")
                user = oracle.users[one.user]
                if now and now != before:
                    user.last_person = now, one.ts, math.inf
                elif before and not now:
                    user.last_person = (*user.last_person[:2], one.ts)
        elif all(one.ts >= known[one.user].get(name, (0, 0))[1] for name in one.value["facts"]):
            for name, body in one.value["facts"].items():
                known[one.user][name] = (body and body["value"], one.ts)
    users: dict[str, User] = oracle.users
    for user, facts in known.items():
        number, date = facts.pop("followers", (None, 0))
        if number is not None:
            users[user].followers, users[user].stated = number, date
        users[user].facts = {name: [fact(name, *one)] for name, one in facts.items() if one[0] is not None}
    oracle.receive(sent)
    house = play(House(), done)
    for user, own in users.items():
        table = house.table(user)
        hidden = sorted(topic for topic, (is_hidden, _) in own.topics.items() if is_hidden)
        assert table.profiles.get(table.slot(user), NOTHING).hidden == hidden
    found = everyone(house)
    for user, record in found.items():
        own = users[user] if user in users else User()
        accounts = sorted(account for account, of in links.items() if of and f"person:{of}" == user)
        if user.startswith("person:"):
            own = person([users[account] for account in accounts], own)
        assert record.get("accounts", []) == accounts
        assert record.get("person") == (f"person:{links[user]}" if links.get(user) else None)
        counts = own.engagements, own.actions, own.actors(), own.followers
        assert tuple(record[name] for name in ("engagements", "actions", "actors", "followers")) == counts
        assert record["event_ts"] == max(own.did_ts, own.got_ts)
        for name in HALF_LIVES_MS:
            assert record["windows"][name] == pytest.approx(max(own.window(name, NOW_MS), 0.0), abs=1e-6)
        told = record.get("facts", {})
        dates = {name: max(date for _, date in known) for name, known in own.facts.items()}
        assert {name: fact["date"] for name, fact in told.items()} == dates
        facts = {name: own.known_for(name, dates[name]) for name in own.facts}
        assert {name: fact["mass"] for name, fact in told.items()} == pytest.approx(facts, abs=1e-6)
        assert record["score"] == pytest.approx(own.score(NOW_MS), abs=1e-4 if own.mass(NOW_MS) < 1e-9 else 1e-6)
    assert set(users) <= set(found)
