"""Topics, people, moments on real servers: Redis has what offline says, of persons too; boards of topics agree with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest

from streams import offline
from streams.fold.tops import MOST
from streams.model.influence import influence
from streams.model.influential import Influence
from streams.model.table import Table
from streams.model.versions import PLAIN
from streams.partitioner import partition_of
from streams.people.controls import HideTopic, Link, encode
from streams.sources import Produced, Shape, Synthetic
from streams.topics import CONTROLS
from tests.integration.stack import PATIENCE_S, Stack
from tests.integration.test_persons import clout

USERS, EVENTS = 400, 6_000
PERSON = "person:p"
BEGIN_MS = (int(time.time()) - 3 * 86_400) * 1_000
RATE = EVENTS / (2 * 86_400)  # a second: over two days


def exact(table: Table, wanted: Influence) -> Influence:
    """What of it does not depend on the order of events: lists that are not full, and people whom memory has not lost."""
    topics, _, objects, lost = table.tops.lists(table.slot(wanted.user), wanted.as_of, PLAIN.half_lives_ms[2])
    full = len(topics) >= MOST[0], len(objects) >= MOST[2]
    kept = {"topics": [] if full[0] else wanted.topics, "moments": [] if full[1] else wanted.moments}
    people = {"influencers": [] if lost else wanted.influencers, "influencees": []}
    return Influence(user=wanted.user, as_of=wanted.as_of, got=wanted.got, gave=wanted.gave, **kept, **people)


def apart(table: Table, wanted: dict[str, Influence], found: dict[str, Influence | None]) -> list[str]:
    """Users of whom Redis says something else."""
    different = []
    for user, own in wanted.items():
        there = found[user]
        mine = exact(table, own)
        lists = ("topics", "moments", "influencers")
        if there is None or any(not same(getattr(mine, name), getattr(there, name)) for name in lists):
            different.append(user)
    return different


def same(mine: list[Any], theirs: list[Any]) -> bool:
    """The same entries with the same shares, whatever their order among equals; nothing is asked where nothing is exact."""
    if not mine:
        return True
    key = mine[0].__struct_fields__[0]
    shares, least = {getattr(one, key): one.share for one in theirs}, min(one.share for one in mine)
    return all(shares.get(getattr(one, key), least) == pytest.approx(one.share, rel=1e-3, abs=1e-4) for one in mine)


def test_redis_says_what_offline_says(stack: Callable[..., Stack], tmp_path: Path) -> None:
    """Of everyone, of two workers one after another, the second of which was given half of the events; then of a person."""
    events = list(Synthetic(7, USERS, RATE, BEGIN_MS, shape=Shape().clean(), limit=EVENTS))
    table = offline.fold(events, PLAIN, newest_ms=2**60)
    listed = np.flatnonzero(table.tops.arrays.at[: len(table)])
    now_ms = int(time.time() * 1000)
    wanted = {one.user: one for one in influence(table, listed, now_ms)}
    assert sum(bool(one.topics) for one in wanted.values()) > 50
    house = stack(model="plain", partitions=3)
    for part in (events[: EVENTS // 2], events):
        with house.worker():
            house.feed(part if part is not events else events[EVENTS // 2 :])
            house.settled(len(part))
            if part is events:
                found = until_the_same(house, table, wanted)
                boards = asyncio.run(of_boards(house))
                a_person(house, tmp_path, events, table, wanted)
    assert sum(bool(one and one.moments) for one in found.values()) > 200
    assert len(boards) > 20
    for topic, users in boards.items():
        for user, weight in users.items():
            shares = {one.topic: one.share for one in wanted[user].topics}
            if not any(one.error for one in wanted[user].topics):
                assert weight == pytest.approx(shares[topic] * wanted[user].got, rel=1e-3), (topic, user)


def a_person(house: Stack, folder: Path, events: list[Produced], table: Table, wanted: dict[str, Influence]) -> None:
    """Two accounts are linked, and topics of theirs hidden: what they have together is what `clout offline --controls` says."""
    ann, bob = two_accounts(events, table, wanted)
    now_ms, own = int(time.time() * 1000), [one.topic for one in wanted[ann].topics]
    said = [Link(account, "p", now_ms) for account in (ann, bob)]
    said += [HideTopic(PERSON, own[0], now_ms), HideTopic(ann, own[1], now_ms)]
    controls = [encode(one) for one in said]
    partitions = house.settings.partitions
    house.produce((CONTROLS.name, partition_of(key, partitions), key, value) for key, value in controls)
    (folder / "events").write_bytes(b"\n".join(event.value for event in events))
    (folder / "controls").write_bytes(b"\n".join(value for _, value in controls))
    files = str(folder / "events"), "--controls", str(folder / "controls"), "--as-of", str(now_ms + 1)
    explained = clout(house, "offline", *files, "--explain", PERSON, "--model", "plain", "--json")
    there = msgspec.convert(orjson.loads(explained)["influence"], Influence)
    assert there.hidden == [own[0]]
    assert min(map(len, (there.topics, there.influencees, there.influencers, there.moments))) >= 2
    brought = {one.topic for account in (ann, bob) for one in wanted[account].topics}
    assert {own[0]} <= brought - {one.topic for one in there.topics}
    deadline = time.monotonic() + PATIENCE_S
    while not alike(there, found := asyncio.run(of_person(house))):
        assert time.monotonic() < deadline, (there, found)
        time.sleep(0.2)


def two_accounts(events: list[Produced], table: Table, wanted: dict[str, Influence]) -> tuple[str, str]:
    """Two with topics, who have nothing to do with each other, and whose lists do not depend on the order of events."""
    pairs = {
        (one["actor"], one["target"]) for one in (orjson.loads(event.value) for event in events) if "target" in one
    }
    good = []
    for user, own in wanted.items():
        *lists, lost = table.tops.lists(table.slot(user), own.as_of, PLAIN.half_lives_ms[2])
        if not lost and all(len(some) < most for some, most in zip(lists, MOST, strict=False)) and len(own.topics) > 1:
            good.append(user)
    for ann, bob in permutations(good, 2):
        names = ann.partition(":")[2], bob.partition(":")[2]
        shared = {one.topic for one in wanted[ann].topics} & {one.topic for one in wanted[bob].topics}
        enough = all(len(both(wanted, ann, bob, name)) > 3 for name in ("topics", "influencees", "influencers", "moments"))
        if names not in pairs and names[::-1] not in pairs and shared and enough:
            return ann, bob
    raise AssertionError(f"no two of {len(good)} users share a topic and nothing else")


def both(wanted: dict[str, Influence], ann: str, bob: str, name: str) -> set[str]:
    """What is in a list of one of the two."""
    some = [*getattr(wanted[ann], name), *getattr(wanted[bob], name)]
    return {getattr(one, one.__struct_fields__[0]) for one in some}


def alike(there: Influence, found: Influence | None) -> bool:
    """All four lists have the same entries with the same shares, and the same is hidden."""
    lists = ("topics", "influencees", "influencers", "moments")
    return (
        found is not None
        and found.hidden == there.hidden
        and all(
            len(getattr(there, name)) == len(getattr(found, name)) and same(getattr(there, name), getattr(found, name))
            for name in lists
        )
    )


async def of_person(house: Stack) -> Influence | None:
    """What Redis tells of the person; None: nothing yet."""
    async with house._reader() as reader:
        record = await reader.user(PERSON)
        return record and await reader.influence(record)


def until_the_same(house: Stack, table: Table, wanted: dict[str, Influence]) -> dict[str, Influence | None]:
    """Who has waited longest is written first: at the end everyone is."""
    deadline = time.monotonic() + PATIENCE_S
    while different := apart(table, wanted, found := asyncio.run(read(house, list(wanted)))):
        assert time.monotonic() < deadline, [(wanted[user], found[user]) for user in different[:2]]
        time.sleep(0.2)
    return found


async def read(house: Stack, users: list[str]) -> dict[str, Influence | None]:
    """What Redis has of each."""
    async with house._reader() as reader:
        return dict(zip(users, await reader.influences(users), strict=True))


async def of_boards(house: Stack) -> dict[str, dict[str, float]]:
    """By topic, what of each user on its board is left now."""
    async with house._reader() as reader:
        topics = await reader.topics.topics(1_000)
        now_ms, half_life_ms = time.time() * 1000, PLAIN.half_lives_ms[2]
        return {
            topic: {one.user: one.weight(now_ms, half_life_ms) for one in await reader.topics.top(topic, 1_000)}
            for topic in topics
        }
