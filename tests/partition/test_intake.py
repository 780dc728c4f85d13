"""From blocks to rows and outputs: each record ends in exactly one of rows, repeats, strays and rejects."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import LostInput
from streams.events import KINDS, MAX_AHEAD_MS, TOPIC_OF
from streams.fold.rows import ACTIONS, ENGAGEMENTS, KIND_BITS, UNDO
from streams.formats import strays
from streams.formats.engagements import decode, encode, local
from streams.formats.rejects import Origin
from streams.formats.strays import Stray
from streams.model.engagements import Engagements, Pack, packed
from streams.partition.block import UNDECODABLE
from streams.partition.intake import Intake
from streams.partitioner import partition_of
from tests.partition.blocks import NEWEST_MS, PARTITIONS, T0, Record, block, fold, intake, names, value
from tests.strategies import broken_events

ANN, BEN, CAT, DAN = names(0, 4)
FAR = names(1, 1)[0]


def counts(of: Intake) -> dict[str, int]:
    """The counters that are not zero."""
    return {name: n for name, n in of.table.counts.as_dict().items() if n}


def reasons(of: Intake) -> list[str]:
    """Reasons of the rejects of one cut."""
    return [orjson.loads(body)["reason"] for _, body in of.cut().rejects]


def read(pack: Pack) -> Engagements:
    """What the partition it is for gets."""
    (found,) = local(pack, T0)
    return found


def cell(of: Intake, user: str, column: int) -> float:
    """One number of a user's row."""
    return float(of.table.cells[of.table.slot(f"net:{user}"), column])


# -- events ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_topic_folds_its_kind(kind: str) -> None:
    """An event goes into its actor's row, and its engagement into the pack of its target's partition."""
    one = intake()
    fold(one, TOPIC_OF[kind], value(ANN, "bob"))
    cut = one.cut()
    home = partition_of("net:bob", PARTITIONS)
    assert list(cut.packs) == [home]
    pack = read(cut.packs[home])
    assert pack.targets == ["net:bob"]
    assert pack.codes[0] & KIND_BITS == KINDS.index(kind)
    assert cell(one, ANN, ACTIONS) == 1
    assert cut.clock == T0


def test_packs_go_to_their_targets_partitions() -> None:
    """Engagements of one interval are split by target and keep their order within a partition."""
    one = intake()
    targets = [names(n % PARTITIONS, 3)[n // PARTITIONS] for n in range(12)]
    fold(one, "likes", *[value(DAN, target, T0 + n, str(n)) for n, target in enumerate(targets)])
    packs = {home: read(pack) for home, pack in one.cut().packs.items()}
    assert sorted(packs) == [0, 1, 2, 3]
    for home, pack in packs.items():
        assert pack.targets == [f"net:{t}" for t in targets if partition_of(f"net:{t}", PARTITIONS) == home]
        assert list(pack.times) == [T0 + n for n, t in enumerate(targets) if f"net:{t}" in pack.targets]
        assert len(pack.weights) == len(pack.codes) == len(pack.targets)


def test_repeats_are_dropped_and_counted() -> None:
    """The same record again, in the block or in a later one, changes nothing and goes nowhere."""
    one = intake()
    fold(one, "likes", value(ANN), value(ANN))
    fold(one, "likes", value(ANN))
    cut = one.cut()
    assert sum(map(len, cut.packs.values())) == 1
    assert (counts(one), cell(one, ANN, ACTIONS)) == ({"repeats": 2}, 1)


def test_bad_records_cost_themselves() -> None:
    """Bad ones among good ones become rejects with their own origin and bytes; the neighbours are folded."""
    one = intake()
    bad = [
        b"{",
        b"",
        None,
        value(ANN, ts=T0 // 1000),
        value(ANN, type="share"),
        value(ANN, ts=NEWEST_MS + 1),
        b"x" * 70_000,
    ]
    mixed: list[bytes | None] = []
    for n, wrong in enumerate(bad):
        mixed += [value(ANN, event_id=f"ok{n}"), wrong]
    fold(one, "likes", *mixed, before=0)
    assert cell(one, ANN, ACTIONS) == len(bad)
    bodies = [(key, orjson.loads(body)) for key, body in one.cut().rejects]
    assert [body["reason"] for _, body in bodies] == [
        "not_json", "empty", "empty", "ts_too_small", "kind_contradicts_topic", "ts_in_future", "too_large",
    ]  # fmt: skip
    assert [key.decode() for key, _ in bodies] == [f"likes[0]@{2 * n + 1}" for n in range(len(bad))]
    assert base64.b64decode(bodies[0][1]["value"]) == b"{"
    assert counts(one) == {"rejected": len(bad)}


@given(st.lists(st.binary(max_size=60) | broken_events() | st.just(value(ANN)) | st.none(), max_size=8))
def test_no_record_stops_the_intake(values: list[bytes | None]) -> None:
    """Whatever a topic carries, everything is accounted for, and the engagements can be sent and folded."""
    one = intake()
    for topic in ("likes", "strays", "engagements"):
        fold(one, topic, *values)
    cut = one.cut()
    sent = sum(map(len, cut.packs.values()))
    tally = one.table.counts
    astray = sum(map(len, cut.strays.values()))
    assert astray == tally.strays
    assert len(cut.rejects) == tally.rejected
    if all(v is None or not v.startswith((b"\x92", b"\x94")) for v in values):
        assert sent + tally.folded + tally.repeats + tally.rejected + astray == 3 * len(values)
    for pack in cut.packs.values():
        for record in encode(pack, cut.clock):
            decode(record)


# -- what cannot be decompressed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["likes", "strays", "engagements"])
def test_undecodable_batch_is_one_reject(topic: str) -> None:
    """The stand-in for a batch that cannot be read becomes one reject that says why; the next block goes on after it."""
    one = intake()
    fold(one, topic, Record(5, None, headers=((UNDECODABLE, b"zlib.error: bad"),)), before=0, after=40)
    body = orjson.loads(one.cut().rejects[0][1])
    assert body["reason"] == "undecodable_batch"
    assert "zlib.error: bad" in body["message"]
    assert (body["topic"], body["offset"]) == (topic, 5)
    assert one.positions[topic] == 40


@pytest.mark.parametrize("topic", ["likes", "strays", "engagements"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("clout-undecodable", b"\xff\xfe"),
        ("clout-undecodable", None),
        ("", None),
        (UNDECODABLE, b"\xff\xfe"),
        (UNDECODABLE, b""),
        (UNDECODABLE, b"x" * 5000),
    ],
    ids=[
        "guessed",
        "guessed-none",
        "nameless",
        "known",
        "known-empty",
        "known-long",
    ],  # the mark differs in each process
)
def test_header_of_a_producer_does_not_stop_the_worker(topic: str, name: str, why: bytes | None) -> None:
    """Headers come from strangers too: whatever they say, a bad record is a reject, not a crash."""
    one = intake()
    fold(one, topic, Record(0, None, headers=((name, why),)))
    fold(one, topic, Record(1, b"{", headers=(("other", None), (name, why))))
    assert len(one.cut().rejects) == 2


def test_header_of_a_producer_is_not_believed() -> None:
    """Nobody outside can pretend that a batch was damaged: the mark cannot be guessed."""
    one = intake()
    fold(one, "likes", Record(0, b"{", headers=(("clout-undecodable", b"no"),)))
    assert reasons(one) == ["not_json"]


@pytest.mark.parametrize("name", ["clout-undecodable", UNDECODABLE], ids=["guessed", "known"])
def test_header_does_not_reject_a_good_event(name: str) -> None:
    """A good event is folded whatever its headers say."""
    one = intake()
    fold(one, "likes", Record(0, value(ANN), headers=((name, b"no"),)))
    assert cell(one, ANN, ACTIONS) == 1


# -- strays ------------------------------------------------------------------------------------------------------------


def test_event_with_a_misplaced_key_goes_once_round() -> None:
    """A newcomer of another partition is sent there with its origin and bytes, and folded there; it makes no row here."""
    here, there = intake(0), intake(1)
    sent = value(FAR, ANN)
    fold(here, "shares", value(ANN), sent)
    cut = here.cut()
    assert f"net:{FAR}" not in here.table.users
    assert cut.strays == {1: [Stray(KINDS.index("share"), Origin("shares", 0, 1), sent)]}
    assert counts(here) == {"strays": 1}
    fold(there, "strays", *strays.encode(cut.strays[1]))
    assert cell(there, FAR, ACTIONS) == 1
    assert read(there.cut().packs[0]).targets == [f"net:{ANN}"]
    assert counts(there) == {}


def test_stray_that_arrives_twice_is_a_repeat() -> None:
    """The same event, once astray and once in place, counts once."""
    there = intake(1)
    fold(there, "strays", *strays.encode([Stray(0, Origin("likes", 0, 0), value(FAR))] * 2))
    fold(there, "likes", value(FAR))
    assert (cell(there, FAR, ACTIONS), counts(there)) == (1, {"repeats": 2})


def test_stray_that_is_still_astray_is_rejected_with_its_origin() -> None:
    """It is not sent round again; the reject names where it was first read, and the likely reason."""
    other = intake(2)
    fold(other, "strays", *strays.encode([Stray(0, Origin("likes", 3, 9), value(FAR))]))
    key, body = other.cut().rejects[0]
    assert key == b"likes[3]@9"
    assert orjson.loads(body)["reason"] == "astray_twice"
    assert counts(other) == {"rejected": 1}


def test_bad_stray_costs_itself() -> None:
    """Between good ones: the good are folded, each of its own kind, the bad one is rejected."""
    there = intake(1)
    good = value(FAR, event_id="a"), value(FAR, event_id="b")
    pack = [
        Stray(0, Origin("likes", 0, 0), good[0]),
        Stray(1, Origin("follows", 0, 1), b"{"),
        Stray(5, Origin("retweets", 0, 2), good[1]),
    ]
    fold(there, "strays", *strays.encode(pack))
    assert cell(there, FAR, ACTIONS) == 2
    cut = there.cut()
    codes = [code & KIND_BITS for pack in cut.packs.values() for code in read(pack).codes]
    assert codes == [0, 5]
    assert [key for key, _ in cut.rejects] == [b"follows[0]@1"]


@pytest.mark.parametrize("kind", [-1, 6, 99])
def test_stray_of_an_unknown_kind_is_a_reject(kind: int) -> None:
    """Whatever is in `strays`, the worker goes on."""
    there = intake(1)
    fold(there, "strays", msgspec.msgpack.encode((strays.FORMAT, [(kind, "likes", 0, 0, value(FAR))])))
    assert reasons(there) == ["bad_pack"]


@pytest.mark.parametrize("topic", ["strays", "engagements"])
@pytest.mark.parametrize(
    "data",
    [b"", None, b"\xc1", b"{}", msgspec.msgpack.encode((9, [])), msgspec.msgpack.encode((9, 1, [], b"", b"", b""))],
)
def test_bad_packs_are_rejects(topic: str, data: bytes | None) -> None:
    """Nothing, garbage, or a format of the future is kept with its origin."""
    one = intake()
    fold(one, topic, data)
    assert reasons(one) == ["bad_pack"]
    assert one.positions[topic] == 1


@given(
    st.lists(
        st.builds(
            Stray,
            st.integers(0, 5),
            st.builds(Origin, st.text(max_size=9), st.integers(0, 9), st.integers(0, 2**62)),
            st.binary(max_size=50),
        ),
        max_size=9,
    )
)
def test_strays_survive_the_wire(sent: list[Stray]) -> None:
    """Kind, origin and bytes arrive as they were, in order."""
    assert [s for record in strays.encode(sent) for s in strays.decode(record)] == sent


def test_strays_are_split_below_a_megabyte() -> None:
    """Thirty events of 64 KB make several records, each below the broker's limit, none lost."""
    sent = [Stray(0, Origin("likes", 0, n), bytes(65_536)) for n in range(30)]
    records = list(strays.encode(sent))
    assert len(records) == 3  # 12 x 65,571 = 786,852 fit into 800,000
    assert max(map(len, records)) < 900_000
    assert [s for record in records for s in strays.decode(record)] == sent
    assert list(strays.encode([])) == []


# -- engagements -------------------------------------------------------------------------------------------------------


def pack(*targets: str, ts: int = T0, weight: float = 1.0, code: int = 0) -> bytes:
    """Engagements as another partition sends them."""
    n = len(targets)
    made = packed([f"net:{target}" for target in targets], ["net:zoe"] * n, [weight] * n, [ts] * n, [code] * n)
    return b"".join(encode(made, ts))


def test_engagements_are_folded_and_timed() -> None:
    """They change their targets, count as folded, and their times are kept for the latency."""
    one = intake()
    fold(one, "engagements", pack(ANN, BEN, ANN), pack(CAT, ts=T0 + 5))
    cut = one.cut()
    assert [cell(one, user, ENGAGEMENTS) for user in (ANN, BEN, CAT)] == [2, 1, 1]
    assert counts(one) == {"folded": 4}
    assert np.concatenate(one.take_times()).tolist() == [T0, T0, T0, T0 + 5]
    assert cut.clock == T0 + 5


def test_undo_is_not_a_latency() -> None:
    """An undo carries the time of what it takes back, perhaps of last week: that says nothing about how fast we are."""
    one = intake()
    fold(one, "engagements", pack(ANN))
    fold(one, "engagements", pack(ANN, weight=-1.0, code=UNDO))
    assert np.concatenate(one.take_times()).tolist() == [T0]


# -- positions ---------------------------------------------------------------------------------------------------------


def test_blocks_move_their_own_position() -> None:
    """A block moves the position of its topic to its end, also over gaps and without any record."""
    one = intake(start=10)
    fold(one, "likes", Record(12, value(ANN)), before=10, after=20)
    fold(one, "likes", before=20, after=25)
    assert one.positions["likes"] == 25
    assert {at for topic, at in one.positions.items() if topic != "likes"} == {10}
    assert one.cut().positions == one.positions


def test_what_lies_below_the_position_is_skipped() -> None:
    """A block read again is folded only from the position on, and never moves it back."""
    one = intake()
    fold(one, "likes", *[value(ANN, event_id=str(n)) for n in range(4)])
    one.fold(block("likes", *[value(BEN, event_id=str(n)) for n in range(6)], before=0), NEWEST_MS)
    assert (cell(one, BEN, ACTIONS), one.positions["likes"]) == (2, 6)
    one.fold(block("likes", *[value(CAT, event_id=str(n)) for n in range(3)], before=1), NEWEST_MS)
    assert f"net:{CAT}" not in one.table.users
    assert one.positions["likes"] == 6


def test_hole_ends_the_worker() -> None:
    """A block that begins beyond the position means lost input: an error that says where, and nothing is folded."""
    one = intake(prefix="pre-")
    with pytest.raises(LostInput, match=r"pre-likes\[0\]: a hole between 0 and 3"):
        one.fold(block("pre-likes", value(ANN), before=3), NEWEST_MS)
    assert (len(one.table), one.positions["likes"]) == (0, 0)


def test_cut_takes_everything_once() -> None:
    """After a cut nothing is left but rows and positions; who changed is named once."""
    one = intake()
    fold(one, "likes", value(ANN), value(FAR), b"{")
    assert one.pending == 3
    cut = one.cut()
    assert cut.changed.tolist() == [one.table.slot(f"net:{ANN}")]
    assert (len(cut.packs), len(cut.strays), len(cut.rejects)) == (1, 1, 1)
    empty = one.cut()
    assert (empty.packs, empty.strays, empty.rejects, empty.changed.tolist()) == ({}, {}, [], [])
    assert empty.positions["likes"] == 3
    assert one.pending == 0


def test_cut_is_not_touched_by_what_follows() -> None:
    """Folding goes on while a cut is sent: what was cut stays as it was."""
    one = intake()
    fold(one, "likes", value(ANN, event_id="1"), b"{")
    cut = one.cut()
    home = partition_of("net:bob", PARTITIONS)
    fold(one, "likes", value(ANN, event_id="2"), value(FAR), b"{")
    fold(one, "engagements", pack(ANN))
    assert (len(cut.packs[home]), len(cut.rejects), cut.strays, cut.positions["likes"]) == (1, 1, {}, 2)


def test_ten_minutes_ahead_is_where_the_future_begins() -> None:
    """The newest time a block may carry is given with it: one later is a reject, and does not move the clock."""
    one = intake()
    one.fold(
        block("likes", value(ANN, ts=T0 + MAX_AHEAD_MS), value(ANN, ts=T0 + MAX_AHEAD_MS + 1, event_id="2")), NEWEST_MS
    )
    assert (one.table.clock, reasons(one)) == (T0 + MAX_AHEAD_MS, ["ts_in_future"])


# -- order -------------------------------------------------------------------------------------------------------------


def offered(one: Intake, *blocks: Any) -> list[str]:
    """The topics in the order in which their blocks are handed out."""
    for each in blocks:
        one.turns.offer(each)
    order = []
    while found := one.turns.next():
        order.append(found.topic)
    return order


def test_engagements_first_then_the_oldest() -> None:
    """Engagements come before everything, then the block whose first event is oldest."""
    order = offered(
        intake(),
        block("likes", value(ANN, ts=T0 + 3)),
        block("shares", value(ANN, ts=T0 + 1), value(ANN, ts=T0 + 9)),
        block("retweets", value(ANN, ts=T0 + 2), value(ANN, ts=T0)),
        block("engagements", pack(ANN, ts=T0 + 50)),
    )
    assert order == ["engagements", "shares", "retweets", "likes"]


def test_blocks_of_one_topic_keep_their_order() -> None:
    """Also when a later one has older events."""
    one = intake()
    one.turns.offer(block("likes", value(ANN, ts=T0 + 9), before=0))
    one.turns.offer(block("likes", value(ANN, ts=T0), before=1))
    one.turns.offer(block("follows", value(ANN, ts=T0 + 5)))
    assert [(b.topic, b.before) for b in iter(one.turns.next, None)] == [("follows", 0), ("likes", 0), ("likes", 1)]


def test_unreadable_records_do_not_hide_the_time_of_a_block() -> None:
    """The first readable event tells; a block without any is folded at once, to get it out of the way."""
    order = offered(
        intake(),
        block("likes", b"{", None, value(ANN, ts=T0 + 2)),
        block("shares", value(ANN, ts=T0 + 1)),
        block("follows", b"{", b"garbage"),
    )
    assert order == ["follows", "shares", "likes"]


def test_a_time_from_the_far_future_does_not_hold_its_block_back() -> None:
    """A record that will be rejected for its time says nothing about when its block is due: its topic would starve."""
    order = offered(
        intake(),
        block("likes", value(ANN, ts=2**62), value(ANN, ts=T0)),
        block("shares", value(ANN, ts=T0 + 1)),
    )
    assert order == ["likes", "shares"]


def handed_out(one: Intake) -> list[Any]:
    """The blocks in the order in which they come."""
    return list(iter(one.turns.next, None))


def test_no_topic_runs_ahead_of_another() -> None:
    """Of a block only the part up to a minute beyond the others' first event is handed out; the rest waits its turn."""
    one = intake()
    minute = 60_000
    one.turns.offer(
        block("likes", *[value(ANN, ts=T0 + n * minute, event_id=str(n)) for n in range(6)], before=10, after=20)
    )
    one.turns.offer(block("shares", *[value(ANN, ts=T0 + n * minute, event_id=str(n)) for n in (1, 3, 9)], before=0))
    one.turns.offer(block("follows", value(ANN, ts=T0 + 8 * minute), before=0))
    found = [(b.topic, b.before, b.after, len(b.records)) for b in handed_out(one)]
    # likes 0 to 2 (a minute beyond share 1), shares 1 and 3 (a minute beyond like 3), likes 3 to 5, follow 8, share 9
    assert found == [
        ("likes", 10, 13, 3), ("shares", 0, 2, 2), ("likes", 13, 20, 3), ("follows", 0, 1, 1), ("shares", 2, 3, 1),
    ]  # fmt: skip


def test_alone_a_block_stays_whole() -> None:
    """With no other topic waiting nothing is cut, however long its time."""
    one = intake()
    one.turns.offer(block("likes", value(ANN, ts=T0), value(ANN, ts=T0 + 10**9)))
    assert [len(b.records) for b in handed_out(one)] == [2]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["likes", "shares", "strays", "engagements"]), st.lists(st.integers(-2, 9), max_size=9)
        ),
        max_size=8,
    )
)
def test_every_record_is_handed_out_once_in_its_topics_order(made: list[tuple[str, list[int]]]) -> None:
    """However blocks are chosen and cut, the pieces of a topic continue one another, over gaps, unreadable and odd times."""
    one = intake()
    ends: dict[str, int] = {}
    given_out: dict[str, list[Any]] = {}
    for topic, minutes in made:
        at = ends.get(topic, 0)
        values = [b"{" if m < -1 else value(ANN, ts=2**62 if m < 0 else T0 + m * 50_000) for m in minutes]
        records = [Record(at + 2 * n + 1, v) for n, v in enumerate(values)]
        ends[topic] = at + 2 * len(records) + 3
        one.turns.offer(block(topic, *records, before=at, after=ends[topic]))
        given_out.setdefault(topic, []).extend(records)
    seen: dict[str, list[Any]] = {}
    reached: dict[str, int] = {}
    for piece in handed_out(one):
        assert piece.before == reached.get(piece.topic, 0)
        reached[piece.topic] = piece.after
        seen.setdefault(piece.topic, []).extend(piece.records)
    assert (seen, reached) == (given_out, ends)


def test_prefix_is_only_a_name() -> None:
    """With a prefix the same topics are meant, and origins carry the full name."""
    one = intake(prefix="t1-")
    one.turns.offer(block("t1-likes", b"{"))
    one.turns.offer(block("t1-engagements", pack(ANN)))
    assert [found.topic for found in iter(one.turns.next, None)] == ["t1-engagements", "t1-likes"]
    one.fold(block("t1-likes", b"{"), NEWEST_MS)
    assert one.positions["likes"] == 1
    assert one.cut().rejects[0][0] == b"t1-likes[0]@0"


def test_a_cut_tells_what_was_folded_together_and_in_which_order() -> None:
    """Each turn with its blocks, those of one topic in a row as one; the next cut begins with none."""
    one = intake()
    first = block("likes", value(ANN)), block("likes", value(BEN), before=1), block("shares", value(CAT))
    one.fold_all([*first, block("likes", value(DAN), before=2)], NEWEST_MS)
    one.fold_all([block("likes", value(DAN), before=2, after=7)], NEWEST_MS + 5)
    assert one.cut().turns == (
        (NEWEST_MS, (("likes", 2), ("shares", 1), ("likes", 3))),
        (NEWEST_MS + 5, (("likes", 7),)),
    )
    assert one.cut().turns == ()
