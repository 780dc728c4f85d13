"""Who is there, beside a dictionary: any names, however many, however alike."""

from __future__ import annotations

import random
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from streams.fold.names import DEPTH, FULL, PAGE, PAGE_BITS, PAGES, SHARE, USERS, add, find
from streams.fold.words import padded
from streams.model import users
from streams.model.users import Users
from tests import strategies  # noqa: F401 - its profile
from tests.fold.edge import Edge


class Beside:
    """Users and a dictionary; every answer is compared."""

    def __init__(self, seed: int | None = None) -> None:
        self.users, self.known, self._edge = Users(), dict[str, int](), Edge()
        if seed is not None:
            self.users.arrays = self.users.arrays._replace(seed=np.uint64(seed))

    def add(self, names: list[str]) -> None:
        """Newcomers get the next numbers, in their order; also when they come twice at once."""
        with mock.patch.object(users, "padded", self._edge.padded):
            found = self.users.find(names, adding=True)
        assert found.tolist() == [self.known.setdefault(name, len(self.known)) for name in names]

    def look(self, names: list[str]) -> None:
        """Who is known has a number, others have none and get none."""
        with mock.patch.object(users, "padded", self._edge.padded):
            assert self.users.find(names).tolist() == [self.known.get(name, -1) for name in names]

    def all(self) -> None:
        """Everybody is found, and each number gives its name."""
        assert len(self.users) == len(self.known)
        assert list(self.users) == list(self.known)
        self.look(list(self.known))


def test_a_hundred_thousand_names() -> None:
    """Names that begin with each other, of 1 to 321 bytes, in blocks of any size: pages are split, nobody is lost."""
    dice, beside, names = random.Random(1), Beside(), list[str]()
    while len(names) < 100_000:
        stem = f"net:{dice.getrandbits(48):x}"
        sort = dice.random()
        if sort < 0.01:  # all beginnings of a long one
            long = (stem * 30)[:321]
            names += [long[:n] for n in range(1, 322, dice.choice((1, 8, 7)))]
        elif sort < 0.3:
            names += [stem, stem + "é", stem + "\x00", stem + " ", f"n{stem}"]
        else:
            names.append(stem)
    at = 0
    while at < len(names):
        size = dice.choice((1, 5, 300, 9_000))
        beside.add(names[at : at + size])
        beside.add(dice.choices(names[: at + size], k=20))
        beside.look([f"nobody:{n}" for n in range(at, at + 5)])
        at += size
    beside.all()
    arrays = beside.users.arrays
    pages, depth = arrays.sizes[[PAGES, DEPTH]].tolist()
    assert pages > 20
    assert arrays.filled[:pages].sum() == arrays.sizes[USERS] == len(beside.known)
    assert arrays.filled[:pages].max() <= FULL + 1
    assert sorted({*arrays.pages[: 1 << depth].tolist()}) == list(range(pages))
    for page in range(pages):  # each is the page of so many endings as its depth says
        assert (arrays.pages[: 1 << depth] == page).sum() == 1 << (depth - arrays.depths[page])


def test_very_many_newcomers_at_once() -> None:
    """A table that is read back begins with all of them: there is room for pages and for the directory of pages."""
    beside = Beside()
    beside.add([f"net:u{n}" for n in range(150_000)])
    beside.all()


def test_names_that_fall_together() -> None:
    """Hundreds that belong into the last place of their pages, and some whose 32 bits are all alike: each is found."""
    last, alike, seen = [], [], dict[int, str]()
    for n in range(400_000):
        name = f"net:{n}"
        tag = xxh3_64_intdigest(name.encode(), 7) >> 32
        if tag >> (32 - PAGE_BITS) == PAGE - 1:
            last.append(name)
        if tag in seen:
            alike += [seen[tag], name]
        seen[tag] = name
    assert len(last) > 50
    assert len(alike) > 4
    beside = Beside(seed=7)
    beside.add([*last, *alike])
    beside.all()
    beside.add([f"net:{n}" for n in range(10_000)])
    beside.all()
    assert (beside.users.arrays.buckets[:10] != 0).any()  # beyond the end of a page comes its beginning


def test_pages_of_very_different_depth() -> None:
    """First many whose hashes end alike, which split one page again and again; then all others: each split finds its pages."""
    names = [f"net:{n}" for n in range(120_000)]
    crowd = [name for name in names if xxh3_64_intdigest(name.encode(), 7) >> 32 & 15 == 5]
    beside = Beside(seed=7)
    beside.add(crowd)
    depths = {int(depth) for depth in beside.users.arrays.depths[: int(beside.users.arrays.sizes[PAGES])]}
    assert max(depths) - min(depths) > 2
    beside.add(names)
    beside.all()


def test_the_beginning_of_a_name_is_another_name() -> None:
    """Also where their 32 bits are the same; nobody can make such names as long as the seed is not known."""
    users_, text, tag = Users(), padded(b"net:annabel"), np.uint64(5)
    users_.room(2, 100)
    slot, bucket = find(users_.arrays, tag, text, 0, 11)
    assert slot == -1
    assert add(users_.arrays, tag, bucket, text, 0, 11) == 0
    assert find(users_.arrays, tag, text, 0, 11) == (0, bucket)
    slot, other = find(users_.arrays, tag, text, 0, 7)
    assert (slot, other != bucket) == (-1, True)
    assert add(users_.arrays, tag, other, text, 0, 7) == 1
    assert [find(users_.arrays, tag, text, 0, n)[0] for n in (7, 11, 10)] == [1, 0, -1]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), max_size=60),
    st.randoms(use_true_random=False),
)
def test_any_names(names: list[str], dice: random.Random) -> None:
    """Of any letters, the empty one too; asked for one by one, all ways of asking agree."""
    beside = Beside()
    half = dice.sample(names, len(names) // 2)
    beside.add(half)
    for name in names:
        slot = beside.known.get(name)
        assert (beside.users.get(name), name in beside.users) == (slot, slot is not None)
    beside.add(names)
    beside.all()
    slots = np.array(dice.sample(range(len(beside.known)), len(beside.known)), np.intp)
    assert beside.users.of(slots) == [list(beside.known)[slot] for slot in slots]
    assert [beside.users[slot] for slot in slots] == [text.decode() for text in beside.users.texts(slots)]


def test_a_name_has_at_most_1023_bytes() -> None:
    """As long a name as may be, many times over, is kept whole; one byte more is refused, and nobody is added."""
    beside = Beside()
    beside.add([f"{n:01023}" for n in range(3 * SHARE)])
    beside.all()
    with pytest.raises(ValueError, match="more than 1023 bytes"):
        beside.users.find(["net:ann", "x" * 1024], adding=True)
    assert len(beside.users) == 3 * SHARE
