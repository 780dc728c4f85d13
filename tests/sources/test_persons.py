"""Persons of the generator: the share asked for, each account once, the same for one seed, and controls that a worker takes."""

from __future__ import annotations

from collections import Counter

import pytest

from streams.errors import UsageError
from streams.people.controls import Facts, Link, parse
from streams.sources import Synthetic
from streams.sources.persons import CONTROLS, MOST_ACCOUNTS, persons
from streams.sources.synthetic import START_MS
from streams.topics import CONTROLS as TOPIC

USERS = 2_000
FOREVER = 1 << 42


def test_a_share_of_the_users_are_accounts_of_persons() -> None:
    """Users that the events have; each is linked once, to a person with two to four accounts; facts about some."""
    records = list(persons(3, USERS, 0.2))
    controls = [parse(record.value, FOREVER) for record in records]
    links = [one for one in controls if isinstance(one, Link)]
    facts = [one for one in controls if isinstance(one, Facts)]
    assert len(links) + len(facts) == len(controls)
    assert 0.2 * USERS - 1 <= len(links) <= 0.2 * USERS
    assert max(Counter(link.user for link in links).values()) == 1
    sizes = Counter(link.person for link in links)
    assert set(sizes.values()) == {2, 3, MOST_ACCOUNTS}
    assert 0.3 * len(sizes) < len(facts) < 0.7 * len(sizes)
    assert {fact.user for fact in facts} < {link.user for link in links}
    assert all(record.key.decode() == one.user for record, one in zip(records, controls, strict=True))  # type: ignore[union-attr]
    assert {record.topic for record in records} == {CONTROLS} == {TOPIC.name}
    acted = {record.key.decode() for record in Synthetic(3, USERS, limit=40_000) if record.key}
    assert len(acted & {link.user for link in links}) > 0.9 * len(links)


def test_same_seed_same_bytes_and_the_same_events() -> None:
    """Another seed links others; who is linked does not change the events."""
    assert list(persons(3, USERS, 0.2)) == list(persons(3, USERS, 0.2)) != list(persons(4, USERS, 0.2))
    assert [one.ts for one in persons(3, 10, 1.0, 77_000)] == [77_000] * len(list(persons(3, 10, 1.0)))
    before = list(Synthetic(3, USERS, limit=5_000))
    list(persons(3, USERS, 0.2))
    assert list(Synthetic(3, USERS, limit=5_000)) == before


@pytest.mark.parametrize(("users", "share", "links"), [(USERS, 0.0, 0), (2, 1.0, 2), (9, 0.1, 0)])
def test_few_users_or_none(users: int, share: float, links: int) -> None:
    """Nobody is linked alone."""
    assert sum(b'"link"' in one.value for one in persons(1, users, share, START_MS)) == links


def test_a_wrong_share() -> None:
    """It is said."""
    with pytest.raises(UsageError, match="linked"):
        next(persons(1, 10, 1.5))
