"""Rows survive the way into `state` and back, under other landmarks too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.errors import CloutError
from streams.fold.rows import DID, GOT, LISTED, SCORE
from streams.formats import state
from streams.formats.packed import Packed
from streams.model import windows
from streams.model.table import Table
from streams.model.versions import DAY_MS, DEFAULT
from tests.model.world import World, cut

T0 = 1_767_225_600_000


def kept(table: Table) -> list[tuple[bytes, bytes]]:
    """Everything that changed, as records."""
    slots, marks = table.changed()
    return list(state.records(cut(table, slots, table.clock, marks), table.model.half_lives_ms))


def world() -> World:
    """Ann likes bob and follows carl; bob retweets himself."""
    made = World(DEFAULT)
    made.did("like", "ann", "bob", T0, object="post", topics=["Jazz", "#blues"])
    made.did("follow", "ann", "carl", T0 + 1000)
    made.did("retweet", "bob", "bob", T0 + 2000)
    table = made.table
    table.cells[1, SCORE] = 33.3
    table.dirty[: len(table)] |= DID | GOT
    table.dirty[[table.slot("net:bob"), table.slot("net:carl")]] |= LISTED
    return made


@pytest.mark.parametrize("later_d", [0, 8, 300])
def test_rows_come_back(later_d: int) -> None:
    """Sums, counts, memory, and close are what they were, read at any time, whatever the landmarks are now."""
    before = world().table
    records = kept(before)
    after = Table(DEFAULT)
    after.clock = before.clock + later_d * DAY_MS
    after.landmarks = [windows.landmark(after.clock, life) for life in DEFAULT.half_lives_ms]
    state.load(after, Packed.of(records))
    assert set(after.users) == set(before.users)
    slots = [after.slot(name) for name in before.users]
    assert [after.memory[s] for s in slots] == [before.memory[s] for s in range(len(before))]
    assert [after.people[s] for s in slots] == [before.people[s] for s in range(len(before))]
    assert [after.tops[s] for s in slots] == [before.tops[s] for s in range(len(before))]
    assert sum(map(bool, (after.tops[s] for s in slots))) == 2
    now_ms = before.clock + DAY_MS
    for column in range(before.cells.shape[1]):
        scale_before, scale_after = _scales(before, now_ms, column), _scales(after, now_ms, column)
        expected = before.cells[: len(before), column] * scale_before
        assert after.cells[slots, column] * scale_after == pytest.approx(expected, rel=1e-12), column


def _scales(table: Table, now_ms: int, column: int) -> float:
    decays = table.decays(now_ms)
    if column == 0:
        return float(decays[1])
    return float(decays[(column - 3) % 3]) if 3 <= column < 21 else 1.0


def test_only_the_record_that_changed_is_kept() -> None:
    """Acting keeps what the actor did, being engaged with what the target got; a mere look keeps nothing."""
    made = world()
    made.table.changed()
    made.did("like", "dora", "bob", T0 + 5000)
    assert sorted(key for key, _ in kept(made.table)) == [b"dnet:dora", b"gnet:bob", b"pnet:bob", b"tnet:bob"]


def test_a_newer_format_is_refused_with_what_to_do() -> None:
    """State of a newer Clout stops the worker with a message, before anything is overwritten."""
    header = state.Header(
        generation=3, version=1, now_ms=0, positions={}, clock=0, day=0, half_lives_ms=(1, 2, 3), counts={}
    )
    key, value = state.header_record(header)
    assert (key, state.read_header(value)) == (state.HEADER, header)
    with pytest.raises(CloutError, match="newer"):
        state.read_header(value.replace(b'"format":7', b'"format":8'))
    with pytest.raises(CloutError, match="an older one wrote it"):
        state.read_header(value.replace(b'"format":7', b'"format":6'))
    with pytest.raises(CloutError, match="cannot be read"):
        state.read_header(b"\xff")


def test_the_later_record_of_a_user_wins() -> None:
    """Two versions of a user in one call, or in two, leave the second one."""
    made = world()
    first = kept(made.table)
    made.did("share", "ann", "bob", T0 + 9000)
    table = made.table
    after = Table(DEFAULT)
    after.landmarks = list(table.landmarks)
    state.load(after, Packed.of([*first, *kept(table)]))
    slots = [after.slot(name) for name in table.users]
    assert after.cells[slots, :SCORE] == pytest.approx(table.cells[: len(table), :SCORE], rel=1e-12)
    assert [after.memory[slot] for slot in slots] == [table.memory[slot] for slot in range(len(table))]


@pytest.mark.parametrize(
    ("sort", "change"),
    [(b"d", lambda v: v[:35]), (b"g", lambda v: v[:-1]), (b"g", lambda v: v[:-8]), (b"g", lambda v: v + bytes(8))],
)
def test_a_record_of_a_wrong_length_is_refused_by_its_key(sort: bytes, change: Callable[[bytes], bytes]) -> None:
    """A row that lacks bytes, or has too many where their number is known, is named and not guessed at."""
    table = world().table
    records = dict(kept(table))
    key = next(key for key in records if key.startswith(sort))
    after = Table(DEFAULT)
    after.landmarks = list(table.landmarks)
    with pytest.raises(CloutError, match=f"damaged record.*{key.decode()}"):
        state.load(after, Packed.of([*records.items(), (key, change(records[key]))]))


def test_a_record_of_an_unknown_sort_is_refused() -> None:
    """Foreign records in `state` are not guessed at."""
    with pytest.raises(CloutError, match="unknown sort"):
        state.load(Table(DEFAULT), Packed.of([(b"xnet:ann", b"")]))
