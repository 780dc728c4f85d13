"""The generator's objects and topics: what comes and fades, what a user is about, and the feed without them."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from dataclasses import replace
from hashlib import sha256
from itertools import islice, pairwise
from typing import Any

import numpy as np
import orjson
import pytest

from streams.errors import UsageError
from streams.sources import Shape, Synthetic
from streams.sources.users import MOST_USERS, Users
from streams.sources.vocabulary import LISTS, MIXES, VOCABULARY, Topics

Events = list[dict[str, Any]]
CLEAN = Shape().clean()
HOUR_S = 3_600


def events(*args: Any, **options: Any) -> Events:
    return [orjson.loads(record.value) for record in Synthetic(*args, **{"shape": CLEAN, **options})]


def came_s(event: dict[str, Any]) -> int:
    """When the object came out, seconds since epoch: its name says it."""
    return int(event["object"].rpartition("/")[2])


def normal(topic: str) -> str:
    return unicodedata.normalize("NFKC", topic).lower().removeprefix("#").strip()


def about(those: Events) -> dict[str, set[str]]:
    """By user, what the objects are about that others were engaged with."""
    found = defaultdict(set)
    for event in those:
        found[event.get("target", "")].update(map(normal, event.get("topics", ())))
    return found


@pytest.fixture(scope="module")
def days() -> Events:
    """Four days of 500 people."""
    return events(7, 500, rate=0.3, limit=100_000)


def test_who_has_an_object(days: Events) -> None:
    """Follows and undos have neither object nor topics; everything else is with an object of the target, out before."""
    for event in days:
        if event["type"] == "follow" or "undo" in event:
            assert event.keys().isdisjoint({"object", "topics"})
        else:
            assert event["object"] == f"https://{event['target']}.social.example/posts/{came_s(event)}"
            assert came_s(event) * 1000 <= event["ts"]


def test_an_object_fades(days: Events) -> None:
    """Half of what is given is with objects of the last two hours or so, as in Jetstream; the same object gets less and less."""
    objects = [event for event in days if "object" in event]
    ages_h = [(event["ts"] / 1000 - came_s(event)) / HOUR_S for event in objects]
    quarter, half, three_quarters = np.percentile(ages_h, [25, 50, 75])
    assert 1.2 < half < 3.2  # Jetstream's quarters: 0.5, 2.2, 11.8; the more users, the more of them have few objects
    assert quarter < 0.6 * half
    assert three_quarters > 2 * half
    first_s, last_s = days[0]["ts"] / 1000, days[-1]["ts"] / 1000
    within = [h for event, h in zip(objects, ages_h, strict=True) if first_s < came_s(event) < last_s - 24 * HOUR_S]
    rate = np.histogram(within, [0, 2, 4, 8, 24])[0] / np.array([2, 2, 4, 16])
    assert all(later < 0.7 * before for before, later in pairwise(rate)), rate


def test_the_famous_bring_out_more(days: Events) -> None:
    """Who is engaged with more has more objects, and more engagements with each."""
    engaged, objects = Counter[str](), defaultdict(set)
    for event in days:
        if "object" in event and came_s(event) * 1000 >= days[0]["ts"]:
            engaged[event["target"]] += 1
            objects[event["target"]].add(event["object"])
    ranked = [len(objects[user]) for user, _ in engaged.most_common()]
    hours = (days[-1]["ts"] - days[0]["ts"]) / 1000 / HOUR_S
    assert ranked[0] / hours == pytest.approx(3600 / CLEAN.object_every_s, rel=0.25)
    assert np.mean(ranked[:20]) > 3 * np.mean(ranked[200:])
    assert engaged.most_common(1)[0][1] / ranked[0] > 5


def test_an_object_is_about_one_thing(days: Events) -> None:
    """All events with an object have the same topics, 0 to 5, in the shares of the shape, none of them twice."""
    lists: dict[str, list[str]] = {}
    for event in days:
        if "object" in event:
            assert lists.setdefault(event["object"], event.get("topics", [])) == event.get("topics", [])
    assert all(len(set(map(normal, topics))) == len(topics) for topics in lists.values())
    assert [] not in [event.get("topics") for event in days]  # none is no field
    counted = Counter(map(len, lists.values()))
    for number, share in enumerate(CLEAN.topics):
        assert counted[number] / len(lists) == pytest.approx(share, abs=0.03), number


def test_what_a_user_is_about_stays(days: Events) -> None:
    """A handful of topics each, the same after days, in another feed of the same seed after a year; users differ."""
    first, last = about(days[:30_000]), about(days[-30_000:])
    later = about(events(7, 500, rate=0.3, limit=30_000, start_ms=days[-1]["ts"] + 365 * 24 * HOUR_S * 1000))
    busy = [user for user, _ in Counter(event.get("target") for event in days).most_common(40) if user]
    for user in busy:
        assert len(first[user] | last[user] | later[user]) <= 6
        assert len(first[user] & last[user] & later[user]) >= 4
    assert len({frozenset(first[user]) for user in busy}) > 30
    other = about(events(8, 500, rate=0.3, limit=30_000))
    assert sum(len(first[user] & other[user]) > 3 for user in busy) < 10


def test_a_feed_goes_on_where_one_was() -> None:
    """A feed that begins in the middle of another's time has the same objects, with the same topics."""
    early = {event["object"]: event.get("topics") for event in events(3, 50, rate=2, limit=20_000) if "object" in event}
    start_ms = 1_767_225_600_000 + 9_000_000
    late = {
        event["object"]: event.get("topics")
        for event in events(3, 50, rate=2, limit=2_000, start_ms=start_ms)
        if "object" in event
    }
    common = late.keys() & early.keys()
    assert len(common) > 0.6 * len(late)
    assert all(late[name] == early[name] for name in common)


def test_a_burst_is_about_one_object() -> None:
    """All that a burst gives its target is with what came out last before it."""
    shape = replace(CLEAN, burst=0.5, burst_s=10, burst_every_s=10, undo=0, itself=0, repeat=0)
    for bursting, least, most in ((shape, 0.45, 0.55), (replace(shape, burst=0.0), 0.0, 0.1)):
        made = events(2, 10_000, rate=1000, shape=bursting.only("like"), limit=60_000)
        tenths = [Counter(event["object"] for event in made[at : at + 1000]) for at in range(0, 60_000, 1000)]
        assert least < max(tenth.most_common(1)[0][1] / 1000 for tenth in tenths) < most


def test_how_topics_are_written(days: Events) -> None:
    """Each is of the vocabulary once it is normalised; a few are written otherwise, a few have other letters than ASCII."""
    written = [topic for event in days for topic in event.get("topics", ())]
    assert {normal(topic) for topic in written} <= set(VOCABULARY)
    assert len(set(VOCABULARY)) == len(VOCABULARY) > 250
    assert sum(topic not in VOCABULARY for topic in written) / len(written) == pytest.approx(0.06, abs=0.03)
    assert 0.01 < sum(not topic.isascii() for topic in written) / len(written) < 0.15
    forms = {
        "#": any(topic.startswith("#") for topic in written),
        "capitals": any(topic != topic.lower() for topic in written),
    }
    forms |= {
        "space": any(topic != topic.strip() for topic in written),
        "accents": any(topic != unicodedata.normalize("NFC", topic) for topic in written),
    }
    assert all(forms.values()), forms
    shape = replace(CLEAN, topic_spelt=0.0)
    assert {topic for event in events(7, 500, shape=shape, limit=5_000) for topic in event.get("topics", ())} <= set(
        VOCABULARY
    )


def test_shares_of_topics_follow_zipf() -> None:
    """The commonest topic has its few percent, and most topics are seldom."""
    counted = Counter(normal(topic) for event in events(1, 50_000, limit=50_000) for topic in event.get("topics", ()))
    ranked = [count / counted.total() for _, count in counted.most_common()]
    assert 0.04 < ranked[0] < 0.15
    assert 0.3 < sum(ranked[:20]) < 0.6
    assert len(ranked) > 250


def test_without_objects_nothing_else_changes() -> None:
    """The same people do the same to each other, and these bytes are those with which the figures of `w1` were measured."""
    shape = Shape(objects=False)
    plain, told = (list(Synthetic(3, 5_000, shape=shape, limit=5_000)) for shape in (shape, Shape()))
    assert not any(b'"topics"' in record.value for record in plain)
    assert any(b'"topics"' in record.value for record in told)
    assert [record[:2] + record[3:] for record in plain] == [record[:2] + record[3:] for record in told]
    digest = sha256(b"".join(record.value for record in plain)).hexdigest()
    assert digest.startswith("8d035f1de4725e4c")
    assert 150 < np.mean([len(record.value) for record in plain]) < 180


def test_nothing_is_kept() -> None:
    """Lists of topics are written once: there are so many, whoever and whenever it is; nothing else grows."""
    topics = Topics(CLEAN)
    assert sum(bool(topics[code]) for code in range(MIXES * LISTS + 1)) == pytest.approx(0.75 * MIXES * LISTS, rel=0.02)
    assert len(topics) == MIXES * LISTS + 1
    with pytest.raises(IndexError):
        topics[MIXES * LISTS + 1]
    assert len(list(islice(Synthetic(1, MOST_USERS), 5_000))) == 5_000


@pytest.mark.parametrize("users", [2, 3, 10, 4_096, 304_691, MOST_USERS - 1, MOST_USERS])
def test_a_rank_is_found_again(users: int) -> None:
    """From rank to user and back, whatever the number of users."""
    ranks = np.unique(np.linspace(0, users - 1, 200).astype(np.int64))
    for seed in range(20):
        mixed = Users(np.random.default_rng(seed), users)
        assert np.array_equal(mixed.rank(mixed.of(ranks)), ranks)
        assert len(set(mixed.of(ranks).tolist())) == len(ranks)


@pytest.mark.parametrize(
    "wrong",
    [
        {"topics": (1.0,)},
        {"topics": (0.0,) * 6},
        {"topics": (-0.1, 1.1, 0, 0, 0, 0)},
        {"object_every_s": 0.0},
        {"object_every_most_s": 100.0},
        {"topic_spelt": 1.5},
        {"object_age_s": -1.0},
    ],
)
def test_wrong_shapes(wrong: dict[str, Any]) -> None:
    """What objects cannot be like is refused."""
    with pytest.raises(UsageError):
        Shape(**wrong)
