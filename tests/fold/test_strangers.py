"""What strangers send, broken in every way, in short: `python -m tests.fold.fuzz 500000` is the same at length."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from unittest import mock

import msgspec
import orjson
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.events import KINDS, NEWEST_MS
from streams.fold.packs import count_of
from streams.fold.rows import DID_TS, FOR_EVER, GOT_TS
from streams.fold.words import padded
from streams.formats import engagements as wire
from streams.formats.engagements import encode
from streams.model.engagements import packed
from streams.model.given import Given, as_told
from streams.sources import Produced, Shape, Synthetic, open_source
from streams.topics import KIND_OF
from tests.fold.edge import Edge
from tests.fold.fuzz import batches, events, lines, memories, packs
from tests.fold.fuzz.broken import NEWEST, T0
from tests.fold.fuzz.events import Parser
from tests.sources.conftest import real  # noqa: F401 - the fixture


def test_records() -> None:
    """Where the kernel says yes, it has read what `streams.events.parse` reads; to ordinary events it always does."""
    said = events.records(7, 15_000)
    assert said["ordinary"] == 1.0
    assert said["broken"] > 0.05  # else nothing was compared


def test_packs() -> None:
    """A pack is refused or is what MessagePack says; good ones are taken."""
    said = packs.packs(7, 3_000)
    assert said["good"] > 0.7
    assert said["broken"] > 0.05


def test_batches() -> None:
    """Records of a batch are read as the protocol has them, up to the first that is not as it should be."""
    assert batches.batches(7, 2_000)["broken"] > 0.05


def test_a_record_that_says_it_has_very_many_headers() -> None:
    """It is damaged; whoever looks at one record would else look for its headers for ever."""
    raw = bytes(DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20).build())
    for more in (
        b"\xfe\xff\xff\xff\x0f",
        b"\x02",
        b"\x02\x02a",
        b"\x02\x02a\x04b",
        b"\x02\x01\x01",
        b"\x00\x00",
        b"\x03",
    ):
        body = bytes((0, 0, 0, 1, 2)) + b"v" + more
        record = bytes((2 * len(body),)) + body
        whole = raw[:57] + (1).to_bytes(4, "big") + record
        read, why = batches.check_batch(whole[:8] + (len(whole) - 12).to_bytes(4, "big") + whole[12:], Edge().padded)
        assert (read, bool(why)) == (0, True)


def test_memories() -> None:
    """Damaged ones are named and change nothing."""
    assert 0.1 < memories.memories(7, 2_000)["taken"] < 0.9


def test_lines() -> None:
    """Lines of persons are refused or are what a plain reader finds; good ones are taken."""
    said = lines.lines(7, 1_000)
    assert said["good"] == 1.0
    assert 0.05 < said["broken"] < 0.9


def test_every_beginning_of_lines() -> None:
    """Cut off anywhere but behind a group, they are none."""
    edge, dice = Edge(), Random(1)
    first, second = (lines.text(b"person:a") + b"\1\0" + lines.line(dice, "net:a") for _ in range(2))
    assert lines.check(first + second, edge)
    taken = [n for n in range(1, len(first + second)) if lines.check((first + second)[:n], edge)]
    assert taken == [len(first)]


@pytest.mark.parametrize(
    ("person", "account"),
    [("net:a", "net:b"), ("person:a", "person:b"), ("person:a", ""), ("", "net:b"), ("person:" + "x" * 400, "net:b")],
)
def test_a_line_is_of_an_account_to_a_person(person: str, account: str) -> None:
    """And of nobody else, whose name is as long as names are."""
    data = lines.text(person.encode()) + b"\1\0" + lines.line(Random(1), account)
    assert not lines.check(data, Edge())


@pytest.mark.parametrize(
    ("column", "value"), [(3, math.nan), (3, math.inf), (DID_TS, NEWEST + 1.0), (GOT_TS, NEWEST + 1.0)]
)
def test_a_line_out_of_range(column: int, value: float) -> None:
    """A sum that is no number, or a time to come, would stay for ever."""
    form, good_one = struct.Struct("<qqBqqIIIIII"), b""
    fixed = form.pack(1, 1, 0, 0, FOR_EVER, 0, 1, 1, 1, 1 << column, 0)
    for end, good in ((struct.pack("<d", 1.0), True), (struct.pack("<d", value), False)):
        data = lines.text(b"person:a") + b"\1\0" + lines.text(b"net:a") + fixed + end + b"\0" + lines.text(b"")
        good_one = data if good else good_one
        assert lines.check(data, Edge()) is good
    for bad in (
        (-1, 1, 0, 0, 1),
        (1, -1, 0, 0, 1),
        (1, 1, 4, 0, 1),
        (1, 1, 0, 2, 1),
        (1, 1, 0, -1, 1),
        (1, 1, 0, 0, FOR_EVER + 1),
    ):
        other = form.pack(*bad, 0, 1, 1, 1, 1 << column, 0)
        assert not lines.check(good_one.replace(fixed, other), Edge())


@pytest.mark.parametrize("facts", [b"x", as_told([Given("a", math.inf, T0)]), as_told([Given("a", 1.0, NEWEST + 1)])])
def test_facts_of_a_line_that_are_none(facts: bytes) -> None:
    """Broken, no number, or of a time to come."""
    fixed = struct.pack("<qqBIIII", 1, 1, 0, 1, 1, 1, 0)
    data = lines.text(b"person:a") + b"\1\0" + lines.text(b"net:a") + fixed + b"\0" + lines.text(facts)
    assert not lines.check(data, Edge())


@pytest.mark.parametrize(
    "first", [b"\xdd\xff\xff\xff\xff", b"\xdd\x7f\xff\xff\xff", b"\xdc\xff\xff", b"\xdd\x00\x10\x00\x00"]
)
def test_a_pack_that_says_it_is_huge(first: bytes) -> None:
    """Nobody makes room for four billion because a few bytes say so."""
    for rest in (b"", b"\xa1a" * 40):
        record = b"\x94\x02\x05" + first + rest
        assert count_of(padded(record), len(record)) <= len(record)
        assert not packs.check_pack(record)


def test_every_beginning_of_a_pack() -> None:
    """Cut off anywhere, it is none."""
    edge, names = Edge(), ["net:ann", "net:" + "b" * 28, "net:" + "c" * 240, "net:d"]
    with mock.patch.object(wire, "padded", edge.padded):
        for targets in (names, names[::-1], names[2:3]):
            n = len(targets)
            whole = next(iter(encode(packed(targets, ["net:zoe"] * n, [1.0] * n, [T0] * n, [8] * n), T0)))
            assert packs.check_pack(whole)
            assert not any(packs.check_pack(whole[:n]) for n in range(len(whole)))


@pytest.mark.parametrize(
    "value",
    [b"", b" ", b"{", b"{}", b"[]", b"null", b'{"', b'{"id', b'{"id"', b'{"id":', b'{"id":"', b'{"ts":1', b'{"ts":'],
)
def test_next_to_nothing(value: bytes) -> None:
    """Is unusual, and is looked at by somebody else."""
    assert not Parser()(value, 0)


def test_every_beginning_of_an_event() -> None:
    """Cut off anywhere, also between two blanks, it is unusual."""
    event = {
        "id": "e1",
        "network": "net",
        "actor": "ann",
        "target": "bob",
        "ts": T0,
        "type": "like",
        "topics": ["a", "b"],
        "undo": False,
    }
    for whole in (orjson.dumps(event), json.dumps(event, indent=1).encode()):
        parser = Parser()
        for left in (False, True):
            parser.edge.left = left
            assert parser(whole, 0)
            assert not any(parser(whole[:n], 0) for n in range(len(whole)))


# -- what is ordinary --------------------------------------------------------------------------------------------------


def usual(records: Iterator[Produced]) -> float:
    """The share of these that the kernel says yes to."""
    parser = Parser(NEWEST_MS)
    said = [parser(record.value, KIND_OF[record.topic]) for record in records]
    assert len(said) > 50
    return sum(said) / len(said)


def test_generated_events_are_ordinary() -> None:
    """All of them, with undos, late ones and repeats, but for the few with a topic that is no ASCII."""
    records = [*islice(Synthetic(3, 900, shape=Shape(broken=0.0)), 3_000)]
    plain = [record for record in records if record.value.isascii()]
    assert usual(iter(plain)) == 1.0
    assert len(plain) > 0.95 * len(records)


@pytest.mark.parametrize(
    ("form", "file"),
    [
        ("higgs", "higgs/higgs-activity_time.txt.gz"),
        ("gharchive", "gharchive/min-2015-02-22-21.json.gz"),
        ("jetstream", "jetstream/corpus_v1_152.redacted.jsonl"),
    ],
)
def test_real_events_are_ordinary(form: str, file: str, real: Callable[[str], str]) -> None:  # noqa: F811
    """All of them."""
    assert usual(islice(open_source(real(file), form), 2_000)) == 1.0


_BARE = {"id": "3k2a-77", "network": "bluesky", "actor": "did:plc:abc", "target": "did:plc:xyz", "ts": T0}


@pytest.mark.parametrize("more", [
    {},
    {"type": "share"},
    {"type": None, "object": None, "topics": None, "ref": None},
    {"undo": False},
    {"undo": True, "ref": "3k2a-76"},
    {"object": "at://did:plc:xyz/app.bsky.feed.post/3k", "topics": ["art", "Jazz", "#blues and soul"]},
    {"topics": []},
    {"x": 1, "y": -2.5, "z": True, "a_long_name_of_a_field": "of a text", "n": None, "0": 0},
    {"actor": "zoë", "target": "世界"},
    {"actor": "a" * 256, "target": "t" * 240, "id": "i" * 239, "network": "n" * 64},
    {"id": "a", "actor": "b", "target": "c", "network": "d"},
    {"ts": NEWEST},
    {"ts": 100_000_000_001},
])  # fmt: skip
@pytest.mark.parametrize(
    "write",
    [
        orjson.dumps,
        msgspec.json.encode,
        lambda event: json.dumps(event, ensure_ascii=False).encode(),
        lambda event: json.dumps(event, ensure_ascii=False, indent=2).encode() + b"\r\n",
        lambda event: json.dumps(dict(reversed(event.items())), ensure_ascii=False, separators=(",", ":")).encode(),
    ],
    ids=["orjson", "msgspec", "json", "indented", "backwards"],
)
def test_ordinary_events(more: dict[str, object], write: Callable[[dict[str, object]], bytes]) -> None:
    """With all that an event may have, as libraries write it, up to the longest texts."""
    assert Parser()(write(_BARE | more), KINDS.index("share"))


def test_escapes_take_the_long_way() -> None:
    """`json.dumps` writes what is no ASCII as escapes: such events are unusual, and cost more. So are topics that are no ASCII."""
    assert Parser()(json.dumps(_BARE).encode(), 0)
    assert not Parser()(json.dumps(_BARE | {"actor": "zoë"}).encode(), 0)
    assert not Parser()(orjson.dumps(_BARE | {"topics": ["art", "müsik"]}), 0)


@pytest.mark.parametrize(
    "again", [b'"ref":null', b'"ref":"r2"', b'"undo":true', b'"id":"2"', b'"ts":1767225600001', b'"type":null']
)
def test_a_field_that_comes_twice_is_unusual(again: bytes) -> None:
    """Which of the two counts is not for the kernel to say: a `ref` that is null behind a good one is none."""
    value = orjson.dumps(_BARE | {"undo": True, "ref": "r", "type": "like"})
    assert Parser()(value, 0)
    assert not Parser()(value[:-1] + b"," + again + b"}", 0)
