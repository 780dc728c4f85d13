"""Packs between partitions: they arrive as they were, whole, in records the broker takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fold.packing import emit
from streams.fold.packs import NAMES, NOTHING
from streams.fold.rows import FOLLOW, GOT, LISTED, MET, UNDO, UNSEEN
from streams.fold.words import padded
from streams.formats import engagements as wire
from streams.formats.engagements import decode, encode, local
from streams.model.engagements import AT_ONCE, Engagements, Outbox, Pack, packed
from streams.model.receiving import receive
from streams.model.table import Table
from streams.model.versions import PLAIN
from streams.partitioner import partition_of
from streams.scoreboard.latency import Latency, quantiles
from tests.model.world import T0, World, event, nothing, weigh_all
from tests.strategies import ids

_codes = [0, 5, 1 | FOLLOW, UNDO | 4]
_rows = st.lists(
    st.tuples(ids, st.floats(-8, 8, width=32), st.integers(10**11 + 1, 2**42), st.sampled_from(_codes)),
    max_size=20,
)  # fmt: skip


def pack_of(rows: list[tuple[str, float, int, int]]) -> Pack:
    """A pack of (target, weight, ts, code)."""
    targets, weights, times, codes = zip(*rows, strict=True) if rows else ((), (), (), ())
    return packed([f"net:{target}" for target in targets], actors(len(rows)), weights, times, codes)


def actors(count: int) -> list[str]:
    """Who did it: few, one of them also engaged with."""
    return [("net:ann", "net:zoe", "net:bob")[n % 3] for n in range(count)]


def rows_of(pack: Engagements) -> list[tuple[str, float, int, int]]:
    """And back."""
    columns = (pack.weights.tolist(), pack.times.tolist(), pack.codes.tolist())
    return list(zip((t.removeprefix("net:") for t in pack.targets), *columns, strict=True))


@given(_rows, st.integers(10**11 + 1, 2**42))
def test_round_trip(rows: list[tuple[str, float, int, int]], clock: int) -> None:
    """Targets, weights, times, codes and the sender's clock arrive as they were; so does a pack that does not travel."""
    pack = pack_of(rows)
    arrived = [decode(record) for record in encode(pack, clock)]
    assert [row for part in arrived for row in rows_of(part)] == rows
    assert [row for part in local(pack, clock) for row in rows_of(part)] == rows
    assert [who for part in arrived for who in part.actors] == actors(len(rows))
    assert all(len(set(part.names)) == len(part.names) for part in arrived)
    assert all(part.clock == clock for part in arrived)
    assert len(arrived) == (1 if rows else 0)


@given(_rows, st.integers(1, 300))
def test_split_by_partition(rows: list[tuple[str, float, int, int]], partitions: int) -> None:
    """Each partition gets the engagements of its own users, in order, and together they are all."""
    out, table = Outbox(partitions), Table(PLAIN)
    slots = table.slots(["net:ann", "net:zoe"]).tolist()
    for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):  # two rounds of `act`
        for number, (target, weight, ts, code) in enumerate(half):
            text, n = padded(f"net{target}".encode()), len(target.encode())
            emit(out.emitted, text, 0, 3, text, 3, n, slots[number % 2], weight, ts, ts, code, partitions)
        out.collect(table)
    parts = out.take()
    homes = [partition_of(f"net:{target}", partitions) for target, *_ in rows]
    assert sorted(parts) == sorted(set(homes))
    for home, part in parts.items():
        (arrived,) = local(part, T0)
        assert rows_of(arrived) == [row for row, at in zip(rows, homes, strict=True) if at == home]
        half = len(rows) // 2
        by = [("net:ann", "net:zoe")[n % 2] for n in (*range(half), *range(len(rows) - half))]
        assert arrived.actors == [who for who, at in zip(by, homes, strict=True) if at == home]
    assert out.take() == {}


def test_a_block_with_more_engagements_than_fit_at_once() -> None:
    """The kernel stops when its room is full, and goes on where it stopped: all are sent, in order, none twice."""
    count = 3 * AT_ONCE + 7
    events = [("like", event(f"a{n % 40}", f"t{n}", T0 + n)) for n in range(count)]
    parts = weigh_all(Table(PLAIN), events)
    assert [target for part in parts for target in part.targets] == [f"net:t{n}" for n in range(count)]
    assert [ts for part in parts for ts in part.times.tolist()] == [T0 + n for n in range(count)]


@pytest.mark.parametrize(("count", "name_bytes"), [(20_000, 30), (20_000, 256), (4_001, 256), (1, 256), (50_000, 5)])
def test_records_stay_below_a_megabyte(count: int, name_bytes: int) -> None:
    """However many targets with however long names: every record fits the broker's limit, all arrive, in order."""
    pack = pack_of([(f"{n:0{name_bytes}}", 1.0, T0, 0) for n in range(count)])
    records = list(encode(pack, T0))
    assert max(map(len, records)) < 1_000_000
    assert [t for record in records for t in decode(record).targets] == [f"net:{n:0{name_bytes}}" for n in range(count)]
    assert len(records) <= 1 + count // 1_000


_about = st.text(st.characters(exclude_categories=["Cs"]), max_size=9) | st.sampled_from(
    ["net:ann", "post/1", "post/1\x1fjazz", "\x1fjazz", "\x1e0badcafe", "o" * 256 + "\x1f" + "t" * 128]
)


def about_of(pack: Engagements) -> tuple[list[str], list[float]]:
    """What each is about, and what earlier ones of its pair weigh."""
    names, n = pack.names, len(pack)
    abouts = np.frombuffer(pack.text, "<u2", n, pack.found.abouts).tolist() if pack.found.abouts else [NOTHING] * n
    pairs = np.frombuffer(pack.text, "<f4", n, pack.found.pairs).tolist() if pack.found.pairs else [0.0] * n
    return ["" if number == NOTHING else names[number] for number in abouts], pairs


@given(_rows, st.data())
def test_what_they_are_about_travels(rows: list[tuple[str, float, int, int]], data: st.DataObject) -> None:
    """Objects and topics, and what the pair weighs, arrive as they were, whoever writes the pack anew; without any the pack is not larger."""
    n = len(rows)
    abouts = data.draw(st.just([]) | st.lists(_about, min_size=n, max_size=n))
    pairs = data.draw(st.just([]) | st.lists(st.floats(0, 1e9, width=32), min_size=n, max_size=n))
    targets, weights, times, codes = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns = [f"net:{target}" for target in targets], actors(n), weights, times, codes
    pack = packed(*columns, abouts=abouts, pairs=pairs)
    for arrived in (
        [decode(record) for record in encode(pack, T0)],
        [decode(record, careful=True) for record in encode(pack, T0)],
        local(pack, T0),
    ):
        found = [about_of(part) for part in arrived]
        assert [about for some, _ in found for about in some] == (abouts or [""] * n)
        assert [pair for _, some in found for pair in some] == (pairs or [0.0] * n)
        assert [row for part in arrived for row in rows_of(part)] == rows
    if not abouts and not pairs:
        assert [b"about" in record or b"pair" in record for record in encode(pack, T0)] in ([], [False])


def test_about_goes_with_its_engagement() -> None:
    """Over many partitions, and more engagements than are collected at once: each arrives with its own object, topics and pair."""
    count, out, table = 2 * AT_ONCE + 9, Outbox(7), Table(PLAIN)
    texts = [f"o{n % 11}" * (n % 3 > 0) + f"\x1ft{n % 5}" * (n % 2) for n in range(count)]
    slots = table.slots(["net:ann"]).tolist()
    for n, about in enumerate(texts):
        name, text = f"net{n}".encode(), about.encode()
        emit(out.emitted, padded(name), 0, 3, padded(name), 3, len(name) - 3, slots[0], 1.0, T0 + n, T0 + n, 0, 7)
        start = int(out.emitted.ends[out.emitted.so_far[0] - 1])
        out.emitted.names[start : start + len(text)] = np.frombuffer(text, np.uint8)
        last = out.emitted.so_far[0] - 1
        out.emitted.ends[last], out.emitted.abouts[last] = start + len(text), len(text)
        out.emitted.pairs[last] = n % 4
        if out.emitted.so_far[0] == len(out.emitted.ends):
            out.collect(table)
    out.collect(table)
    seen = {}
    for pack in out.take().values():
        for part in local(pack, T0):
            seen |= {ts - T0: both for ts, *both in zip(part.times.tolist(), *about_of(part), strict=True)}
    assert [seen[n] for n in range(count)] == [[about, n % 4] for n, about in enumerate(texts)]


def test_received_equals_decoded() -> None:
    """Folding a pack that stayed and one that travelled gives the same rows and the same lists."""
    rows = [("bob", 1.1, T0, 0), ("cat", 0.3, T0 + 5, 1), ("bob", -1.1, T0, UNDO)]
    stayed, travelled = Table(PLAIN), Table(PLAIN)
    receive(stayed, local(pack_of(rows), T0 + 9))
    for record in encode(pack_of(rows), T0 + 9):
        receive(travelled, [decode(record)])
    assert np.array_equal(stayed.cells, travelled.cells)
    assert [stayed.tops[slot] for slot in range(2)] == [travelled.tops[slot] for slot in range(2)] != [b"", b""]
    assert stayed.clock == travelled.clock == T0 + 9
    assert stayed.counts.folded == 3
    assert stayed.dirty[:2].tolist() == [GOT | UNSEEN | MET | LISTED, GOT | UNSEEN | MET | LISTED]


def test_senders_clock_moves_the_receivers() -> None:
    """In a replay of history now is the newest event time read, the senders' included; never back."""
    world = World()
    receive(world.table, [nothing(T0)])
    assert world.table.clock == T0
    receive(world.table, local(pack_of([("bob", 1.0, T0 - 50, 0)]), T0 - 10))
    assert world.table.clock == T0


@pytest.mark.parametrize("record", [b"", b"\xc0", b"\x96\x01", b"\x90", b"{}", b"\x96" + b"\x01" * 6, b"\x94\x02"])
def test_garbage_is_refused(record: bytes) -> None:
    """What is no pack raises ValueError that says so."""
    with pytest.raises(ValueError, match="pack"):
        decode(record)


def test_other_formats_and_torn_columns_are_refused() -> None:
    """A format of the future is named; columns of different length are no pack."""
    import msgspec

    for version in (1, 3):
        with pytest.raises(ValueError, match=f"format {version}; this worker knows {wire.FORMAT}"):
            decode(msgspec.msgpack.encode((version, T0, [], b"", b"", b"")))
    sizes = dict(zip(NAMES, (2, 2, 4, 8, 1), strict=True))
    for torn in NAMES:
        sections = {name: bytes(size + (name == torn)) for name, size in sizes.items()}
        with pytest.raises(ValueError, match="lengths"):
            decode(msgspec.msgpack.encode((2, T0, ["net:a"], sections)))


# -- how long events took ----------------------------------------------------------------------------------------------


def test_latency_counts_by_two_milliseconds() -> None:
    """Events of 0 to 2 ms are in bin 0, of 34 to 36 in bin 17, of more than 10 s in the last, early ones in the first."""
    latency = Latency()
    latency.add([np.array([1000, 999, 966, 965, 964]), np.array([-(10**6), 5000])], 1000)
    assert latency.sparse() == {"0": 3, "17": 2, "18": 1, "4999": 1}


def test_latency_quantiles() -> None:
    """The upper edge of the bin that holds the quantile, of all histograms together: 98 in bin 1, one in 10, one in 50."""
    parts = [{"1": 90}, {"1": 8, "10": 1}, {"50": 1}]
    assert quantiles(parts, [0.5, 0.98, 0.99, 1.0]) == [4.0, 4.0, 22.0, 102.0]
    assert quantiles([], [0.5, 0.99]) == [None, None]
    assert quantiles([{}], [0.5]) == [None]


def test_latency_of_nothing() -> None:
    """No events, no bins."""
    latency = Latency()
    latency.add([], 5)
    latency.add([np.array([], dtype=np.int64)], 5)
    assert latency.sparse() == {}
