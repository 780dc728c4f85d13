"""Lists beside plain dictionaries: exact as long as all has room, else what is promised; and nothing broken leads out of bounds."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import KINDS
from streams.fold import tops
from streams.fold.chunks import MOST as MOST_CHUNK
from streams.fold.hashing import name_key
from streams.fold.rows import MOST_KEYS
from streams.fold.words import padded
from streams.model.tops import Entry, Tops
from tests.fold.fuzz.broken import broken
from tests.model import lists
from tests.model.lists import MOST, Kept, who_bytes
from tests.model.test_memory import keys as keys_of
from tests.oracle import Listed, short_hash

LIFE_MS = 5_391_360_000  # of the quarter window
START = 330 * LIFE_MS
TOPICS, PEOPLE, OBJECTS, FORGOTTEN = range(4)


@dataclass
class One:
    """An engagement: by whom, what it weighs at `ts`, and what it is about."""

    actor: str
    weight: float
    ts: int
    kind: int = 0
    object: str = ""
    topics: tuple[str, ...] = ()
    undo: bool = False


@dataclass
class Plain:
    """The same lists, with no bounds: dictionaries of all there was."""

    topics: dict[str, Listed] = field(default_factory=lambda: defaultdict(Listed))
    people: dict[str, Listed] = field(default_factory=lambda: defaultdict(Listed))
    objects: dict[str, Listed] = field(default_factory=lambda: defaultdict(Listed))

    def engaged(self, one: One) -> float:
        """Note an engagement; what earlier ones of the pair weigh at its time."""
        before = self.people[one.actor].weight(one.ts)
        lists_of = [(self.people, one.actor), *((self.topics, topic) for topic in one.topics)]
        for of, name in [*lists_of, *([(self.objects, one.object)] if one.object else [])]:
            of[name].got.append((-one.weight if one.undo else one.weight, one.ts))
            of[name].kinds[KINDS[one.kind]] += -1 if one.undo else 1
            of[name].people.add(one.actor)
        return before


class Both:
    """One user, engaged with, as kernels keep it and as dictionaries do. Landmarks are those of the newest time."""

    def __init__(self) -> None:
        self.tops, self.plain, self.now_ms = Tops(), Plain(), 0
        self.tops.room(4)

    def engaged(self, one: One) -> None:
        """By both."""
        self.now_ms = max(self.now_ms, one.ts)
        landmark = self.now_ms // LIFE_MS
        grown = 2.0 ** ((one.ts - landmark * LIFE_MS) / LIFE_MS)
        pair, weight = self.plain.engaged(one), -one.weight if one.undo else one.weight
        texts = (one.object, *one.topics) if one.object or one.topics else ()
        self._engaged(one, landmark, grown * weight, grown * (weight + pair), texts)

    def _engaged(self, one: One, landmark: int, grown: float, told: float, texts: Sequence[str]) -> None:
        data = [one.actor.encode(), *(text.encode() for text in texts)]
        ends = np.cumsum([len(text) for text in data])
        a, n, keys = padded(b"".join(data)), len(texts), np.zeros(MOST_KEYS, np.int64)
        keys[:n] = keys_of(tuple(texts))
        starts, stops = np.zeros((2, MOST_KEYS), np.int64)
        starts[:n], stops[:n] = ends[:-1], ends[1:]
        actor = name_key(a, 0, int(ends[0]), np.uint64(0))
        tops.engaged(
            *(self.tops.room_for_one(), 1, landmark, grown, told, one.ts, one.kind, one.undo),
            *(np.uint64(actor), a, 0, int(ends[0]), keys, starts, stops, n),
        )

    def found(self) -> tuple[list[Entry], ...]:
        """The lists as of now."""
        kept = self.tops[1]
        assert tops.sound(padded(kept), 0, len(kept))
        lists.read(kept)
        return self.tops.lists(1, self.now_ms, LIFE_MS)

    def agree(self) -> None:
        """Nothing was too much: all is there, as it was."""
        topics, people, objects, forgotten = self.found()
        for found, wanted in ((topics, self.plain.topics), (people, self.plain.people), (objects, self.plain.objects)):
            assert {one.name for one in found} == set(wanted)
            for one in found:
                exact = wanted[one.name]
                assert abs(one.weight - exact.weight(self.now_ms)) <= 1e-5 * exact.gross(self.now_ms) + 1e-30
                assert one.error == 0.0
                assert (one.first_ms // 1000, one.last_ms // 1000) == exact.seconds()
                if found is not people:
                    people_agree(one.people, exact.people)
                if found is objects:
                    assert one.kinds == {kind: n for kind, n in exact.kinds.items() if n}
            assert all(one.weight - one.error >= other.weight - other.error for one, other in pairwise(found))
        assert forgotten == []


def people_agree(said: int, people: set[str]) -> None:
    """Exactly up to 16 (by 16 bits of the hash of each), then within three standard errors."""
    distinct = len({short_hash(name) for name in people})
    if distinct <= 16:
        assert said == distinct
    else:
        assert said > 16
        assert abs(said - len(people)) <= 3 * 0.18 * len(people)


def one_of(dice: random.Random, names: int, ts: int, people: int) -> One:
    """An engagement by one of so many people, about some of so many things."""
    topics = tuple(f"t{n}" for n in dice.sample(range(names), min(names, dice.choice((0, 1, 2, 5)))))
    object_ = f"o{dice.randrange(names)}" if dice.random() < 0.6 else ""
    return One(f"net:a{dice.randrange(people)}", dice.uniform(0.05, 4), ts, dice.randrange(len(KINDS)), object_, topics)


def some_of(seed: int, n: int, names: int, people: int, *, undo: float = 0.1, steps: float = 0.02) -> list[One]:
    """Engagements of some years, late ones and undos among them, and now and then years of silence."""
    dice, ts, done, found = random.Random(seed), START, [], []
    for _ in range(n):
        ts += int(dice.expovariate(1 / 3_600_000)) + (dice.randrange(40) * LIFE_MS if dice.random() < steps else 0)
        if done and dice.random() < undo:
            back = done.pop(dice.randrange(len(done)))
            found.append(One(back.actor, back.weight, back.ts, back.kind, back.object, back.topics, undo=True))
            continue
        late = int(dice.expovariate(1 / 86_400_000)) if dice.random() < 0.1 else 0
        found.append(one_of(dice, names, ts - late, people))
        done.append(found[-1])
    return found


# -- all has room ------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(0, 120))
def test_what_has_room_is_exact(seed: int, names: int, n: int) -> None:
    """Weights, kinds, first and last, people; undone, late, and with landmarks that move."""
    both = Both()
    for one in some_of(seed, n, names, 8):
        both.engaged(one)
    if n:
        both.agree()


def test_people_behind_a_topic_are_counted_then_estimated() -> None:
    """One topic and one object of 3,000 people: each new count is right, or within its error; who comes again is no news."""
    both, errors = Both(), []
    for n in range(3_000):
        both.engaged(One(f"net:p{n}", 1.0, START, 0, "post", ("jazz",)))
        if n < 40 or n % 97 == 0:
            both.engaged(One(f"net:p{n // 2}", 1.0, START, 0, "post", ("jazz",)))
            (topic,), _, (object_,), _ = both.found()
            assert topic.people == object_.people
            people_agree(topic.people, both.plain.topics["jazz"].people)
            if n > 16:
                errors.append(topic.people / (n + 1) - 1)
    assert math.sqrt(sum(error**2 for error in errors) / len(errors)) < 0.36


@given(st.integers(0, 2**32), st.randoms())
def test_order_does_not_matter(seed: int, dice: random.Random) -> None:
    """Engagements of any order, undos behind what they take back, give the same lists, up to rounding."""
    given_, one, other = some_of(seed, 60, 6, 8, undo=0.0), Both(), Both()
    undone = [One(back.actor, back.weight, back.ts, back.kind, back.object, back.topics, undo=True) for back in given_[::7]]
    shuffled = [*given_]
    dice.shuffle(shuffled)
    for each, order in ((one, given_ + undone), (other, shuffled + undone[::-1])):
        for engagement in order:
            each.engaged(engagement)
        each.agree()
    assert one.now_ms == other.now_ms
    for found, others in zip(one.found(), other.found(), strict=True):
        by_name = {entry.name: entry for entry in others}
        assert set(by_name) == {entry.name for entry in found}
        for entry in found:
            same = by_name[entry.name]
            assert entry._replace(weight=0.0) == same._replace(weight=0.0)
            assert entry.weight == pytest.approx(same.weight, rel=1e-5, abs=1e-5)


def test_the_longest_there_is_has_room() -> None:
    """Full lists with the longest names and registers: in one chunk, and each is still what it was."""
    both = Both()
    for n in range(20):
        topics = tuple(f"{n}-{k}".ljust(63, "t") for k in range(5))
        for person in range(20):
            both.engaged(One(f"net:{n}-{person}".ljust(321, "p"), 1.0 + n, START, person % 6, f"{n}".ljust(256, "o"), topics))
    topics_, people, objects, _ = both.found()
    assert (len(topics_), len(people), len(objects)) == MOST[:3]
    assert {len(one.name) for one in people} == {321}
    assert len(both.tops[1]) < MOST_CHUNK


# -- more than has room ------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32), st.sampled_from([12, 30, 200]), st.sampled_from([0.0, 0.01]))
def test_space_saving_keeps_its_promise(seed: int, names: int, steps: float) -> None:
    """weight - error <= true <= weight, and whatever weighs more than a MOSTth of all is there."""
    both, dice = Both(), random.Random(seed)
    for one in some_of(seed, 300, names, 9, undo=0.0, steps=steps):
        if dice.random() < 0.5:  # some things are done more often
            often = f"t{int(dice.paretovariate(1)) % names}"
            one.topics, one.object = tuple(dict.fromkeys((often, *one.topics)))[:5], "o1"
        both.engaged(one)
    topics, _, objects, _ = both.found()
    for found, wanted, most in ((topics, both.plain.topics, MOST[TOPICS]), (objects, both.plain.objects, MOST[OBJECTS])):
        exact = {name: all_.weight(both.now_ms) for name, all_ in wanted.items()}
        total = sum(exact.values())
        rounding = 1e-5 * total
        assert len(found) == min(most, len(exact))
        for one in found:
            assert one.weight - one.error - rounding <= exact[one.name] <= one.weight + rounding
        there = {one.name for one in found}
        assert {name for name, weight in exact.items() if weight > total / most + rounding} <= there
        assert sum(one.weight for one in found) <= total + rounding


@given(st.integers(0, 2**32), st.integers(2, 40), st.randoms())
def test_people_are_the_heaviest_pairs(seed: int, people: int, dice: random.Random) -> None:
    """In any order that keeps that of each actor: exactly the heaviest, each with its weight; only ties may be either."""
    of_actor: dict[str, list[One]] = defaultdict(list)
    for one in some_of(seed, 150, 3, people, undo=0.0, steps=0.0):
        of_actor[one.actor].append(one)
    waiting, both = list(of_actor.values()), Both()
    while waiting:
        mine = dice.choice(waiting)
        both.engaged(mine.pop(0))
        waiting = [some for some in waiting if some]
    _, found, _, _ = both.found()
    exact = {name: all_.weight(both.now_ms) for name, all_ in both.plain.people.items()}
    most = min(MOST[PEOPLE], len(exact))
    least = sorted(exact.values())[-most]
    assert len(found) == most
    for one in found:
        assert one.weight == pytest.approx(exact[one.name], rel=1e-5)
        assert one.error == 0.0
    assert {name for name, weight in exact.items() if weight > least * (1 + 1e-5)} <= {one.name for one in found}


@given(st.integers(0, 2**32), st.sampled_from([5, 16, 60]))
def test_who_is_forgotten_is_kept_as_far_as_is_sure(seed: int, names: int) -> None:
    """weight - error <= true. Of whom memory knows no more, a new entry in a full list is made only if it outweighs the least."""
    dice, kept, exact, now_ms = random.Random(seed), Tops(), defaultdict(float), START
    kept.room(2)
    for _ in range(200):
        now_ms += dice.randrange(10**9)
        name, weight, known = f"b{int(dice.paretovariate(0.8)) % names}", dice.uniform(0.1, 4), dice.random() < 0.5
        text, landmark = name.encode(), now_ms // LIFE_MS
        grown = weight * 2.0 ** ((now_ms - landmark * LIFE_MS) / LIFE_MS)
        earlier, (*_, before) = lists.read(kept[1])
        changed = tops.forgotten(
            *(kept.room_for_one(), 1, landmark, grown, now_ms, keys_of((name,))[0], known, padded(text), 0, len(text))
        )
        least = min((one.weight * 2.0 ** (earlier - landmark) for one in before), default=0.0)
        if known or name in {one.name for one in before} or len(before) < MOST[FORGOTTEN]:
            assert changed
        elif abs(grown - least) > 1e-5:
            assert changed == (grown > least)
        exact[name] += weight * 2.0 ** ((now_ms - START) / LIFE_MS)
    found = kept.lists(1, now_ms, LIFE_MS)[FORGOTTEN]
    scale = 2.0 ** ((START - now_ms) / LIFE_MS)
    total = sum(exact.values()) * scale
    assert len(found) == min(len(exact), MOST[FORGOTTEN])
    for one in found:
        assert one.weight - one.error <= exact[one.name] * scale + 1e-5 * total
        if len(exact) <= MOST[FORGOTTEN]:
            assert (one.weight, one.error) == (pytest.approx(exact[one.name] * scale, rel=1e-4), 0.0)


# -- what is broken ----------------------------------------------------------------------------------------------------


def good(dice: random.Random) -> bytes:
    """Lists of somebody, from none to full ones."""
    both = Both()
    for one in some_of(dice.getrandbits(32), dice.choice((1, 2, 5, 20, 90)), dice.choice((3, 40)), dice.choice((2, 40))):
        both.engaged(one)
    return both.tops[1]


_TOKENS = [b"\0\0", b"\xff\xff", b"\x17\0", b"\x10", b"\x11", b"\xff", b"\xfe", b"\0\0\x80\x7f", b"\0\0\xc0\x7f", b"\0\0\x80\xbf", b"\xed\xa0\x80"]


def test_what_is_sound_can_be_gone_on_with() -> None:
    """Bytes changed anywhere: refused, or lists that engagements of all sorts can be added to, and that stay sound."""
    dice, taken, chunks = random.Random(5), 0, [good(random.Random(n)) for n in range(24)]
    for number in range(3_000):
        kept = broken(dice, dice.choice(chunks), _TOKENS)
        both = Both()
        if not tops.sound(padded(kept), 0, len(kept)):
            assert both.tops.put(np.array([1]), [kept]) == 0
            continue
        taken += 1
        assert both.tops.put(np.array([1]), [kept]) == -1
        both.tops.lists(1, START, LIFE_MS)
        for n in range(12):
            one = one_of(dice, 40, START + n * LIFE_MS, 30)
            one.undo = number % 5 == 0 and n % 3 == 0
            both.engaged(one)
        after = both.tops[1]
        assert tops.sound(padded(after), 0, len(after))
    assert taken > 300


def test_every_beginning_of_lists() -> None:
    """Cut off anywhere, they are none; a byte too many is refused, too."""
    whole = good(random.Random(3))
    assert tops.sound(padded(whole), 0, len(whole))
    assert not any(tops.sound(padded(whole[:n]), 0, n) for n in range(1, len(whole)))
    assert not tops.sound(padded(whole + b"\0"), 0, len(whole) + 1)


_ONE = Kept("a", 5)
_OF_ONE = _ONE._replace(kinds=(1, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("kept", "wanted"),
    [
        ([[_ONE], [_ONE], [_OF_ONE], [_ONE]], True),
        ([[], [], [], []], True),
        ([[_ONE._replace(name="a" * 321)], [], [], []], True),
        ([[_ONE._replace(name="a" * 322)], [], [], []], False),
        ([[_ONE._replace(weight=math.inf)], [], [], []], False),
        ([[_ONE._replace(weight=math.nan)], [], [], []], False),
        ([[_ONE._replace(weight=-1.0)], [], [], []], False),
        ([[_ONE._replace(error=math.inf)], [], [], []], False),
        ([[_ONE._replace(error=-1.0)], [], [], []], False),
        ([[_ONE._replace(who=16, people=bytes(32))], [], [], []], True),
        ([[_ONE._replace(who=255, people=b"\xff" * 32)], [], [], []], True),  # a register too high is none that leads anywhere
        ([[_ONE._replace(who=17, people=bytes(32))], [], [], []], False),
        ([[_ONE._replace(who=254, people=bytes(32))], [], [], []], False),
        ([[_ONE._replace(who=16, people=bytes(30))], [], [], []], False),
        ([[], [_ONE._replace(who=4, people=bytes(8))], [], []], True),
        *(([*([[]] * sort), [(_OF_ONE if sort == OBJECTS else _ONE)._replace(key=n) for n in range(most)], *([[]] * (3 - sort))], True) for sort, most in enumerate(MOST)),
        *(([*([[]] * sort), [(_OF_ONE if sort == OBJECTS else _ONE)._replace(key=n) for n in range(most + 1)], *([[]] * (3 - sort))], False) for sort, most in enumerate(MOST)),
    ],
)  # fmt: skip
def test_what_lists_may_be(kept: list[list[Kept]], wanted: bool) -> None:
    """No more entries than there may be, no longer names, numbers that are finite and not below 0, people that there may be."""
    data = lists.write(7, kept)
    assert tops.sound(padded(data), 0, len(data)) is wanted
    assert not wanted or lists.read(data) == (7, kept)


@pytest.mark.parametrize("at", [4, 6, 8])
@pytest.mark.parametrize("end", [0, 9, 11, 33, 35, 5_000, 65_535])
def test_lists_that_end_elsewhere(at: int, end: int) -> None:
    """Behind the end, before the beginning, or within an entry."""
    data = lists.write(7, [[_ONE], [_ONE], [_OF_ONE], [_ONE]])
    data = data[:at] + end.to_bytes(2, "little") + data[at + 2 :]
    assert not tops.sound(padded(data), 0, len(data))


def test_a_name_that_is_no_text_is_refused() -> None:
    """It would be shown."""
    data = lists.write(7, [[_ONE], [], [], []])
    assert not tops.sound(padded(data[:-1] + b"\xff"), 0, len(data))


def test_the_readers_agree() -> None:
    """What the product shows is what the bytes say, the heaviest first."""
    kept = [
        [_ONE, Kept("b", 6, 5.0, 4.5, 8, 9, 3, bytes(who_bytes(3)))],
        [Kept("net:ann", 1, 2.0)],
        [Kept("post", 1, 3.0, 0.0, 1, 2, 1, b"ab", (1, 0, 0, 0, 0, 65_535))],
        [],
    ]
    both = Both()
    both.tops[1] = lists.write(330, kept)
    topics, people, objects, forgotten = both.tops.lists(1, START + LIFE_MS, LIFE_MS)
    assert list(map(attrgetter("name", "weight", "error", "people"), topics)) == [("a", 0.5, 0.0, 0), ("b", 2.5, 2.25, 3)]
    assert topics[1][4:6] == (8_000, 9_000)
    assert (people[0].name, people[0].weight) == ("net:ann", 1.0)
    assert objects[0].kinds == {"like": 1, "retweet": 65_535}
    assert forgotten == []
