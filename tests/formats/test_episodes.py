"""What rules keep of users as records of `state`: whole, replaced, gone, damaged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import CloutError
from streams.fold.episodes import MOST
from streams.formats import state
from streams.formats.episodes import KEY, changed, records
from streams.formats.packed import Packed
from streams.model.episodes import Episode
from streams.model.table import Table
from streams.model.versions import PLAIN

_EPISODES = st.builds(
    Episode,
    rule=st.integers(1, 2**64 - 1),
    phase=st.integers(1, 4),
    began=st.integers(0, 2**52),
    reference=st.floats(1, 100),
)
_OF_USERS = st.dictionaries(
    st.sampled_from(["net:a", "net:b", "net:ü"]), st.lists(_EPISODES, max_size=MOST, unique_by=lambda one: one.rule)
)


def table_of(users: dict[str, list[Episode]]) -> Table:
    """Users of whom rules keep this."""
    table = Table(PLAIN)
    for user, episodes in users.items():
        slot = table.slot(user)
        for one in episodes:
            assert table.episodes.put(table.cells, slot, one)
    return table


def kept(table: Table, user: str) -> set[Episode]:
    """What is kept of a user."""
    return set(table.episodes.of(table.cells, table.slot(user)))


def everyone(table: Table) -> list[tuple[bytes, bytes]]:
    """Their records."""
    return records(table, np.arange(len(table)))


@given(first=_OF_USERS, then=_OF_USERS)
def test_they_come_back(first: dict[str, list[Episode]], then: dict[str, list[Episode]]) -> None:
    """Later records replace earlier ones, also by nothing; places that are given back are used again."""
    table = table_of(first)
    state.load(table, Packed.of(everyone(table_of(then))))
    for user in first | then:
        assert kept(table, user) == set(then.get(user, first.get(user, [])))
    assert len(table.episodes) == sum(len(kept(table, user)) for user in first | then)


def test_no_user_has_more_than_are_kept() -> None:
    """One more is not taken, and one of them is replaced."""
    table = table_of({"net:a": [Episode(n, 1, n, 50.0) for n in range(1, MOST + 1)]})
    assert not table.episodes.put(table.cells, 0, Episode(99, 1, 0, 50.0))
    assert table.episodes.put(table.cells, 0, Episode(3, 2, 7, 60.0))
    assert table.episodes.get(table.cells, 0, 3) == Episode(3, 2, 7, 60.0)
    table.episodes.drop(table.cells, 0, 3)
    assert len(table.episodes) == MOST - 1
    assert table.episodes.owners({1, 2, 4}).tolist() == [0]


@pytest.mark.parametrize(
    "value", [b"x", b"\0" * 25, b"\1" * 25 * (MOST + 1), b"\1" * 8 + b"\1" + b"\0" * 8 + b"\xff" * 8]
)
def test_what_is_damaged_is_named(value: bytes) -> None:
    """Of a wrong length, an unknown phase, too many, no number."""
    with pytest.raises(CloutError, match="damaged record: key b'anet:a'"):
        state.load(Table(PLAIN), Packed.of([(KEY + b"net:a", value)]))


def test_whose_records_are_written() -> None:
    """Everybody once, whoever named them."""
    assert changed([np.array([3, 1]), np.array([1])]).tolist() == [1, 3]
    assert changed([]).tolist() == []
