"""Input chosen by an enemy: ids whose hashes look like other fields, numbers out of any range. Nobody else is touched."""

from __future__ import annotations

import contextlib
import math
import struct

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import KINDS
from streams.fold.packs import NAMES
from streams.fold.tops import sound
from streams.fold.words import padded
from streams.formats import engagements as wire_format
from streams.formats import strays
from streams.formats.engagements import local
from streams.model import score
from streams.model.acting import act
from streams.model.assess import population
from streams.model.engagements import Engagements, Outbox, packed
from streams.model.parsed import Parsed
from streams.model.receiving import receive
from streams.model.records import scored
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.versions import DAY_MS, DEFAULT, PLAIN
from tests.model import lists
from tests.model.assessed import assess
from tests.model.memories import entries
from tests.model.world import T0, World, event
from tests.strategies import ids


def undo_of(table: Table, kind: int, ref_key: int, event_id: str) -> Engagements | None:
    """An undo by ann whose ref has this hash: what goes to whoever had the engagement, None when nothing does.

    xxh3 is no secret: an id with any wanted hash is a few multiplications.
    """
    parsed, out = Parsed(), Outbox(1)
    value = msgspec.json.encode(event("ann", "", T0, event_id, undo=True, ref="ref"))
    assert not parsed.add(Texts.of([value]), kind, 2**45)
    parsed.lines["ref_key"][0] = ref_key
    assert not parsed.find_actors(table, 0, partitions=1, number=0)
    act(table, parsed, parsed.in_order(), out)
    return next((local(pack, T0)[0] for pack in out.take().values()), None)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_every_key_in_a_memory_is_found_only_where_an_entry_starts(kind: int) -> None:
    """Any eight bytes of a memory, used as the key of an undo, find an entry of that very id and kind, or nothing."""
    world = World(PLAIN)
    for n in range(5):
        world.did(KINDS[n], "ann", f"victim{n}", T0 + n, f"e{n}")
    slot = world.table.slot("net:ann")
    kept = world.table.memory[slot]
    known = {found.id_key: found for found in entries(kept)}
    for at in range(len(kept) - 7):
        world.table.memory[slot] = kept
        key = int.from_bytes(kept[at : at + 8], "little")
        taken = undo_of(world.table, kind, key, f"u{at}")
        assert (taken is not None) == (key in known and known[key].kind == kind)
        if taken:
            assert (taken.targets, taken.weights[0]) == ([f"net:victim{kind}"], -PLAIN.weights[kind])


def test_crafted_undo_neither_stops_the_worker_nor_takes_from_anybody() -> None:
    """An undo whose ref hashes to any bytes across the fields of the actor's memory is an undo of something unknown.

    Where a search for the hash is believed without looking where the entries start, a weight, a time and a target are read
    out of the middle of names.
    """
    world = World(PLAIN)
    world.did("like", "ann", "bob" * 20, event_id="real")
    world.did("share", "ann", "victim", event_id="other")
    slot = world.table.slot("net:ann")
    kept, known = world.table.memory[slot], {found.id_key for found in entries(world.table.memory[slot])}
    before = world.record("bob" * 20), world.record("victim"), world.record("ann")
    wanted = {int.from_bytes(kept[at : at + 8], "little") for at in range(len(kept) - 7)} - known
    for n, key in enumerate(sorted(wanted)):
        for kind in ("like", "follow", "share"):
            world.table.memory[slot] = kept
            assert undo_of(world.table, KINDS.index(kind), key, f"u{n}") is None
    assert (world.record("bob" * 20), world.record("victim"), world.record("ann")) == before
    assert world.table.counts.undo_unknown == 3 * len(wanted)


@given(st.lists(st.tuples(st.sampled_from(KINDS), ids, ids), max_size=12), ids)
def test_no_name_breaks_a_memory(acts: list[tuple[str, str, str]], ref: str) -> None:
    """Whatever ids and targets are, undo by any ref folds, and the memory still reads to its end."""
    world = World(DEFAULT)
    for kind, name, target in acts:
        world.did(kind, "ann", target, T0, name)
        world.undo(kind, "ann", ref, T0)
    for slot in range(len(world.table)):
        assert all(found.kind < len(KINDS) for found in entries(world.table.memory[slot]))
    assert np.isfinite(world.table.cells).all()


# -- what packs may say ------------------------------------------------------------------------------------------------


def wire(
    weight: float = 1.0,
    ts: int = T0,
    code: int = 0,
    clock: int = T0,
    target: str = "net:bob",
    who: int = 1,
    **more: bytes,
) -> bytes:
    """A pack with one engagement, as whoever may write to `engagements` could send it."""
    columns = (b"\0\0", struct.pack("<H", who), struct.pack("<f", weight), struct.pack("<q", ts), bytes((code,)))
    sections = dict(zip(NAMES, columns, strict=True)) | more
    return msgspec.msgpack.encode((wire_format.FORMAT, clock, [target, "net:ann"], sections))


@pytest.mark.parametrize("careful", [False, True])
def test_a_pack_of_a_newer_clout_is_refused_by_name(careful: bool) -> None:
    """What it says more is not dropped: the worker says which section it does not know."""
    assert wire_format.decode(wire(), careful=careful).actors == ["net:ann"]
    with pytest.raises(ValueError, match="section 'object', which this worker does not know: a newer Clout"):
        wire_format.decode(wire(object=b"\0\0"), careful=careful)


@pytest.mark.parametrize("careful", [False, True])
def test_a_pack_about_somebody_without_a_name_is_refused(careful: bool) -> None:
    """A number beyond the names would be read from somewhere else."""
    with pytest.raises(ValueError, match="not named"):
        wire_format.decode(wire(who=2), careful=careful)


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("pair", [-1.0, math.nan, math.inf])
def test_a_pack_about_nothing_that_is_there_is_refused(pair: float, careful: bool) -> None:
    """What it is about has to be among its names; what the pair weighs is a number, and never below 0."""
    assert len(wire_format.decode(wire(about=b"\0\0", pair=struct.pack("<f", 1.5)), careful=careful)) == 1
    assert len(wire_format.decode(wire(about=b"\xff\xff"), careful=careful)) == 1  # about nothing
    with pytest.raises(ValueError, match="not named"):
        wire_format.decode(wire(about=b"\2\0"), careful=careful)
    with pytest.raises(ValueError, match="lengths"):
        wire_format.decode(wire(about=b"\0"), careful=careful)
    with pytest.raises(ValueError, match="no number"):
        wire_format.decode(wire(pair=struct.pack("<f", pair)), careful=careful)


@pytest.mark.parametrize("careful", [False, True])
def test_only_what_it_is_about_may_be_longer_than_users_names(careful: bool) -> None:
    """A user with such a name would not fit where names go."""
    long = "net:" + "x" * 400
    for who, ok in ((1, True), (0, False)):  # by ann; by the long one
        record = msgspec.msgpack.decode(wire(who=who, about=b"\0\0"))
        record[2] = [long, "net:ann"]
        record[3]["target"] = b"\1\0"
        refused = contextlib.nullcontext() if ok else pytest.raises(ValueError, match="name too long")
        with refused:
            wire_format.decode(msgspec.msgpack.encode(record), careful=careful)


@given(st.binary(max_size=90), st.sampled_from([0, 8 | 3]), st.floats(0, 2**127, width=32), st.floats(-(2.0**126), 2.0**126, width=32))
def test_nothing_it_is_about_breaks_lists(about: bytes, code: int, pair: float, weight: float) -> None:
    """Any text, by any hand: what is kept of it are sound lists, which `state` takes."""
    text, world = about.decode(errors="replace"), World()
    for what in (text, f"\x1e{about.hex()}", f"{text}\x1f{text}\x1f\x1f"):
        record = msgspec.msgpack.decode(wire(weight, code=code, about=b"\2\0", pair=struct.pack("<f", pair)))
        record[2].append(what[:140])
        receive(world.table, [wire_format.decode(msgspec.msgpack.encode(record))] * 12)
    kept = world.table.tops[world.table.slot("net:bob")]
    assert sound(padded(kept), 0, len(kept))
    lists.read(kept)


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf])
def test_pack_with_a_weight_that_is_no_number_is_refused(weight: float) -> None:
    """One NaN in a sum would stay for ever and stop the histogram."""
    with pytest.raises(ValueError, match="pack"):
        wire_format.decode(wire(weight=weight))


@pytest.mark.parametrize("kind", [6, 7])
def test_pack_with_a_kind_nobody_knows_is_refused(kind: int) -> None:
    """Kinds 6 and 7 fit in the bits, but their columns belong to counts and scores."""
    with pytest.raises(ValueError, match="pack"):
        wire_format.decode(wire(code=kind))


@pytest.mark.parametrize(("ts", "clock"), [(2**62, T0), (T0, 2**62), (T0, 2**64 - 1), (-(2**62), T0), (T0, -5)])
def test_pack_from_another_age_is_refused_or_harmless(ts: int, clock: int) -> None:
    """A time out of any range must not move the clock of the partition: it would age everybody to nothing."""
    world = World()
    world.did("like", "ann", "bob")
    with contextlib.suppress(ValueError):
        receive(world.table, [wire_format.decode(wire(ts=ts, clock=clock, target="net:eve"))])
    assert world.record("bob")["windows"]["quarter"] == pytest.approx(1.0)


@pytest.mark.parametrize("kind", [-1, 6, 99])
def test_stray_of_a_kind_nobody_knows_is_refused(kind: int) -> None:
    """It would be an index beyond the kinds: the worker stops."""
    with pytest.raises(ValueError, match="strays"):
        strays.decode(msgspec.msgpack.encode((strays.FORMAT, [(kind, "likes", 0, 0, b"{}")])))


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoders(data: bytes) -> None:
    """Any bytes are a pack or a ValueError."""
    for decode in (wire_format.decode, strays.decode):
        for record in (data, b"\x94\x02" + data, b"\x92\x01" + data):
            with contextlib.suppress(ValueError):
                decode(record)


@given(
    st.integers(-(2**70), 2**70), st.lists(st.text(max_size=5), max_size=3), st.tuples(*[st.binary(max_size=24)] * 5)
)
def test_no_columns_crash_the_receiver(clock: int, names: list[str], columns: tuple[bytes, ...]) -> None:
    """What decodes can be folded, and leaves finite rows."""
    try:
        sections = dict(zip(NAMES, columns, strict=True))
        record = msgspec.msgpack.encode((wire_format.FORMAT, clock, names, sections))
        pack = wire_format.decode(record)
    except (ValueError, OverflowError, UnicodeEncodeError):
        return
    table = Table(PLAIN)
    receive(table, [pack])
    assert np.isfinite(table.cells).all()
    for slot in range(len(table)):
        assert sound(padded(table.tops[slot]), 0, len(table.tops[slot]))


# -- times out of any range --------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("now_ms", [0, 1, T0 // 1000, T0 - 40 * 365 * DAY_MS, T0 + 4000 * 365 * DAY_MS])
def test_any_now_gives_a_finite_score(now_ms: int) -> None:
    """Also `--as-of` in seconds, or decades before the events: 1 to 100, never NaN (which stops the histogram)."""
    world = World(DEFAULT)
    world.fold(*[("share", event(f"a{n}", "bob")) for n in range(2000)])
    world.did("like", "ann", "bob", T0 + 300 * DAY_MS)  # the day's landmark stays 300 half-lives behind
    everyone = population(world.table, now_ms)
    assert np.isfinite(everyone).all()
    assert everyone.min() >= 1.0
    assert everyone.max() <= 100.0
    seen = assess(world.table, world.table.cells[: len(world.table)], now_ms)
    assert all(np.isfinite(part).all() for part in seen)
    assert b"null" not in b"".join(scored(world.table, np.arange(1), None, now_ms, 1).records).replace(
        b'"delta":{"day":null}', b""
    )


@pytest.mark.parametrize("now_ms", [0, T0 // 1000, T0 - 40 * 365 * DAY_MS, T0 + 4000 * 365 * DAY_MS])
def test_a_record_can_be_read_at_any_time(now_ms: int) -> None:
    """`score.at` with a wrong unit or a far time gives 1 to 100."""
    world = World(DEFAULT)
    world.fold(*[("share", event(f"a{n}", "bob")) for n in range(2000)])
    read = score.at(world.record("bob"), DEFAULT, now_ms)
    assert 1.0 <= read["score"] <= 100.0


def test_an_event_from_1973_among_those_of_today() -> None:
    """The oldest time that is accepted weighs nothing today, harms nothing, and is counted."""
    world = World(DEFAULT)
    world.did("share", "ann", "bob")
    before = world.record("bob")
    world.did("share", "cat", "bob", 100_000_000_001)
    after = world.record("bob")
    assert after["windows"] == pytest.approx(before["windows"], rel=1e-12)
    assert after["engagements"] == 2


def test_a_late_event_of_1973_by_whom_today_is_known() -> None:
    """At its time what the pair did today weighs more than 32 bits can say: it is received all the same, and lists hold."""
    world = World(DEFAULT)
    world.did("share", "ann", "bob")
    world.did("share", "ann", "bob", 100_000_000_001)
    assert world.record("bob")["engagements"] == 2
    slot = world.table.slot("net:bob")
    ((_, people, _, _),) = [world.table.tops.lists(slot, T0, DEFAULT.half_lives_ms[2])]
    assert [(one.name, one.weight) for one in people] == [("net:ann", pytest.approx(world.record("bob")["windows"]["quarter"]))]


def test_the_first_event_may_be_from_1973() -> None:
    """A table that begins in 1973 and goes on today is as one that begins today."""
    world, today = World(DEFAULT), World(DEFAULT)
    world.did("share", "cat", "bob", 100_000_000_001)
    for each in (world, today):
        each.did("share", "ann", "bob")
    assert world.record("bob")["windows"] == pytest.approx(today.record("bob")["windows"], rel=1e-9)
    kept, slot = world.table.tops[world.table.slot("net:bob")], today.table.slot("net:bob")
    assert sound(padded(kept), 0, len(kept))
    weights = {one.name: one.weight for one in lists.read(kept)[1][1]}
    assert weights == {"net:cat": 0.0, "net:ann": lists.read(today.table.tops[slot])[1][1][0].weight}


def test_received_pack_is_not_moved_by_growth() -> None:
    """A pack that adds more users than the matrix holds is folded into the grown matrix, every target once."""
    table = Table(PLAIN)
    n = 40_000
    pack = packed([f"net:u{i}" for i in range(n)], ["net:ann"] * n, np.ones(n), np.full(n, T0), np.zeros(n))
    receive(table, local(pack, T0))
    assert len(table) == n
    assert np.allclose(assess(table, table.cells[: len(table)], T0).windows, 1.0)
