"""Kernels that read what strangers send, fed with broken things, beside plain readers of the same.

    python -m tests.fold.fuzz 500000     then the tests of this folder once more, each place in an array checked by numba: 100 s

A kernel may say no to anything unusual; where it says yes, it must have read what the plain reader reads. All it reads lies
between two pages that nobody may touch: see `edge.py`.
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import msgspec
import numpy as np
import orjson
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams import events
from streams.broker import batches as read_batches
from streams.events import KINDS, NEWEST_MS, Event
from streams.fold import words
from streams.fold.event import EVENT
from streams.fold.parse import parse
from streams.fold.rows import ENTRY, HEAD, KIND_BITS, PER_KIND
from streams.fold.words import SPARE
from streams.formats import engagements as wire
from streams.formats.engagements import decode, encode
from streams.model import memory
from streams.model.engagements import packed
from streams.model.memory import Memory, id_key, target_key
from streams.model.parsed import _bounds
from streams.model.receiving import receive
from streams.model.table import Table
from streams.model.versions import PLAIN
from tests.fold.edge import Edge
from tests.model.memories import Remembered, entries, memory_of

T0 = 1_767_225_600_000
NEWEST = T0 + 600_000

# -- broken bytes ------------------------------------------------------------------------------------------------------

#: what is put into JSON: all of its signs, ends of words and numbers, letters that are none or are forbidden
_TOKENS = [
    *(bytes((n,)) for n in b'"\\{}[]:,. \t\r\n-+0159eEtfnu\x00\x01\x1f\x7f\x80\xc2\xe2\xed\xf0\xf4\xff'),
    *(b"null", b"true", b"false", b"1e5", b"-0", b"00", b"0.5", b"NaN", b"\\u0041", b"\\n", b'\\"', b'""', b"{}", b"\\ud800"),
    *("\x85", "\u2028", "é", "世", "😀", "\ufeff", "\x9f", "\xa0"),
    *(b"\xed\xa0\x80", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf4\x90\x80\x80", b"\xf0\x80\x80\xaf", b"\xc2", b"\xe2\x80"),
    *(b'"id"', b'"ts"', b'"undo":true', b'"ref":"r"', b'"target":null', b'"undo":null', b',"x":1', b',"id":null', b"1767225600000"),
]  # fmt: skip
TOKENS = [token.encode() if isinstance(token, str) else token for token in _TOKENS]


def broken(dice: random.Random, data: bytes, tokens: list[bytes] = TOKENS) -> bytes:
    """A few changes anywhere: bytes set, put in, taken out, doubled or cut off."""
    for _ in range(dice.choice((1, 1, 1, 2, 3, 5))):
        at, how = dice.randint(0, len(data)), dice.randrange(7)
        to = min(len(data), at + dice.choice((0, 1, 1, 1, 2, 4, 8, 20)))
        if how == 0:
            data = data[:at] + bytes((dice.randrange(256),)) + data[at + 1 :]
        elif how <= 2:
            data = data[:at] + dice.choice(tokens) + data[to:]
        elif how == 3:
            data = data[:at] + data[to:]
        elif how == 4:
            other = dice.randint(0, len(data))
            data = data[:other] + data[at:to] + data[other:]
        elif how == 5 and dice.random() < 0.3:
            data = data[:at]
        elif at < len(data):
            data = data[:at] + bytes((data[at] ^ 1 << dice.randrange(8),)) + data[at + 1 :]
    return data


def behind(dice: random.Random) -> bytes:
    """What may lie behind the data: nothing, more of the same, or what would go on with it."""
    return dice.choice(
        (bytes(SPARE), b"9" * SPARE, b'"' * SPARE, b"}" * SPARE, b'"}{"id":"' * 9, b"\xff" * SPARE, b"e" * SPARE)
    )[:SPARE]


# -- records -----------------------------------------------------------------------------------------------------------


def text(dice: random.Random, most: int) -> str:
    """Short as a rule, sometimes as long as may be, and a little longer."""
    letters = dice.choice(
        ("abcdefgh", "abc:._-/ ", "äöüß", "世界", "😀", 'a"b\\', "\x00\x1f\x7fab", "a\x85\u2028b", "a\xa0")
    )
    n = (
        dice.choice((0, 1, 3, 7, 8, 9, 16, most // 4, most - 1, most, most + 1))
        if dice.random() < 0.3
        else dice.randint(1, 20)
    )
    return (
        "".join(dice.choice(letters[:3] if dice.random() < 0.9 else letters) for _ in range(n))
        if n < 40
        else letters[0] * n
    )


def plain(dice: random.Random, kind: int) -> dict[str, Any]:
    """An ordinary event, as any producer would send it."""
    event: dict[str, Any] = {"id": f"e{dice.randrange(10**6)}", "network": "net", "actor": f"user{dice.randrange(999)}"}
    event |= {"target": f"did:plc:{dice.randrange(10**9)}", "ts": T0 - dice.randrange(10**10)}
    if dice.random() < 0.1:
        event |= {"undo": True, "ref": f"e{dice.randrange(10**6)}"}
        if dice.random() < 0.5:
            del event["target"]
    if dice.random() < 0.3:
        event["type"] = KINDS[kind]
    if dice.random() < 0.2:
        event |= {"object": "at://x/y/3k", "topics": ["art", "music"][: dice.randrange(3)]}
    return event


def odd(dice: random.Random, kind: int) -> dict[str, Any]:
    """An event with any of its fields, or others, of any sort."""
    event = plain(dice, kind)
    for _ in range(dice.randrange(4)):
        field = dice.choice(
            ("id", "network", "actor", "target", "ts", "type", "ref", "object", "topics", "undo", "x", "targets", "tsx")
        )
        event[field] = dice.choice(
            (
                lambda: text(dice, dice.choice((64, 240, 256))),
                lambda: text(dice, dice.choice((64, 240, 256))),
                lambda: dice.choice(
                    (None, True, False, [], {}, 0, -1, 1.5, 1e300, 2**63, NEWEST, NEWEST + 1, 10**11, 10**15, 10**16)
                ),
                lambda: [text(dice, 128) for _ in range(dice.choice((0, 1, 2, 33)))],
                lambda: dice.choice(KINDS),
            )
        )()
    items = list(event.items())
    if dice.random() < 0.2:
        dice.shuffle(items)
    return dict(items)


def as_json(dice: random.Random, event: dict[str, Any]) -> bytes:
    """In one of the ways in which libraries write it."""
    form = dice.randrange(4)
    if form == 0:
        return json.dumps(event, ensure_ascii=dice.random() < 0.5).encode("utf-8", "replace")
    if form == 1:
        return (
            json.dumps(event, ensure_ascii=False, indent=dice.choice((1, 4, "\t"))).encode("utf-8", "replace") + b"\n"
        )
    return msgspec.json.encode(event)


def in_pieces(dice: random.Random, event: dict[str, Any]) -> bytes:
    """An event with fields that come twice, in any order, blanks between all its signs."""
    fields = [(msgspec.json.encode(name), msgspec.json.encode(value)) for name, value in event.items()]
    for _ in range(dice.randrange(3)):
        name, value = dice.choice(fields)
        if dice.random() < 0.4:
            name = dice.choice((b'"ref"', b'"undo"', b'"type"', b'"target"', b'"object"', b'"topics"', b'"x"'))
        if dice.random() < 0.7:
            value = dice.choice(
                (b"null", b"true", b"false", b'"like"', b'"r"', b"[]", b'["a" , "b"]', b"1", b"-0.5", b"1e3", b"{}")
            )
        fields.insert(dice.randint(0, len(fields)), (name, value))
    blanks = [b"", b"", b"", b" ", b"\n\t", b"  \r\n"] if dice.random() < 0.5 else [b""]
    some = []
    for name, value in fields:
        some.append(
            dice.choice(blanks) + name + dice.choice(blanks) + b":" + dice.choice(blanks) + value + dice.choice(blanks)
        )
    return dice.choice(blanks) + b"{" + b",".join(some) + b"}" + dice.choice(blanks)


class Parser:
    """The kernel, one record at a time, at the edge."""

    def __init__(self, newest_ms: int = NEWEST) -> None:
        self.edge, self.lines, self.usual = Edge(), np.zeros(1, EVENT), np.zeros(1, np.bool_)
        self.newest_ms, self.bounds = newest_ms, _bounds(newest_ms)

    def __call__(self, value: bytes, kind: int) -> bool:
        """Does it say yes? If so, it must agree with `streams.events.parse`."""
        text = self.edge.hold(value)
        one = np.zeros(1, np.int64), np.array([len(value)], np.int32), np.array([kind], np.uint8)
        parse(text, *one, self.bounds, self.lines, 0, self.usual)
        event, line = events.parse(value, KINDS[kind], self.newest_ms), self.lines[0]
        if not self.usual[0]:
            return False
        assert isinstance(event, Event), (value, event)
        read = {
            name: text[line[f"{name}_at"] :][: line[f"{name}_len"]].tobytes().decode()
            for name in ("network", "actor", "target")
        }
        assert read == {"network": event.network, "actor": event.actor, "target": event.target}, value
        assert (line["ts"], line["kind"], bool(line["undo"])) == (event.ts, kind, event.undo), value
        assert line["id_key"] == id_key(event.id, kind), value
        assert line["target_key"] == target_key(event.target), value
        assert not event.undo or line["ref_key"] == id_key(event.ref or "", kind), value
        return True


def records(seed: int, n: int) -> dict[str, float]:
    """So many records, most of them broken; how many of the ordinary, and of the broken ones, the kernel says yes to."""
    dice, parser = random.Random(seed), Parser()
    said = {"ordinary": [0, 0], "odd": [0, 0], "broken": [0, 0]}
    for number in range(n):
        kind = dice.randrange(len(KINDS))
        if number % 8 == 0:
            parser.edge.behind, parser.edge.left = behind(dice), dice.random() < 0.2
            sort, value = "ordinary", orjson.dumps(plain(dice, kind))
        elif number % 8 == 1:
            sort, value = "odd", as_json(dice, odd(dice, kind))
        elif number % 8 == 2:
            sort, value = "odd", in_pieces(dice, plain(dice, kind))
        else:
            sort, value = "broken", broken(dice, as_json(dice, (plain if dice.random() < 0.7 else odd)(dice, kind)))
        said[sort][0] += 1
        said[sort][1] += parser(value, kind)
    return {sort: yes / max(all_, 1) for sort, (all_, yes) in said.items()}


# -- packs -------------------------------------------------------------------------------------------------------------

_PACKED = [
    bytes((n,))
    for n in (
        0x00,
        0x01,
        0x7F,
        0x80,
        0x90,
        0x96,
        0xA0,
        0xC0,
        0xC4,
        0xC5,
        0xC6,
        0xCC,
        0xCF,
        0xD9,
        0xDA,
        0xDB,
        0xDC,
        0xDD,
        0xFF,
    )
]
_PACKED += [
    b"\xdd\xff\xff\xff\xff",
    b"\xdc\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xda\xff\xff",
    b"\xcf" + b"\xff" * 8,
    b"\x00\x00\xc0\x7f",
]


def pack(dice: random.Random) -> bytes:
    """A good one: as a worker writes it, or as MessagePack would be written by another library."""
    n = dice.choice((0, 1, 1, 2, 3, 15, 16, 17, 40, 300))
    targets = [f"net:{text(dice, 256)}" if dice.random() < 0.1 else f"net:u{dice.randrange(99)}" for _ in range(n)]
    columns = (
        [dice.uniform(-8, 8) for _ in range(n)],
        [dice.randrange(NEWEST) for _ in range(n)],
        [dice.choice((0, 5, 8, 25, 36)) for _ in range(n)],
    )
    if n and dice.random() < 0.1:  # numbers that nobody sends
        column, at = dice.randrange(3), dice.randrange(n)
        columns[column][at] = dice.choice(
            ((math.nan, math.inf, -math.inf), (-1, NEWEST_MS + 1, 2**62), (6, 7, 62))[column]
        )
    if n and dice.random() < 0.5:
        return next(iter(encode(packed(targets, *columns), T0)))
    arrays = [np.array(c, t).tobytes() for c, t in zip(columns, ("<f4", "<i8", "u1"), strict=True)]
    return msgspec.msgpack.encode((1, dice.choice((0, 1, 127, 128, 70_000, T0, 2**62)), targets, *arrays))


def unpacked(record: bytes) -> tuple[Any, ...]:
    """What MessagePack says is in it. Raises what msgspec raises."""
    found = msgspec.msgpack.decode(record)
    version, clock, targets, weights, times, codes = found
    assert version == 1
    return clock, targets, *(np.frombuffer(c, t).tolist() for c, t in ((weights, "<f4"), (times, "<i8"), (codes, "u1")))


def check_pack(record: bytes) -> bool:
    """Is it taken? Then it must be what MessagePack reads, and numbers in range; it can be folded."""
    try:
        found = decode(record, NEWEST_MS)
    except ValueError:
        return False
    assert is_usual(record), record
    clock, targets, weights, times, codes = unpacked(record)
    assert (found.clock, found.targets, found.times.tolist(), found.codes.tolist()) == (clock, targets, times, codes), (
        record
    )
    assert found.weights.tolist() == weights, record
    assert found.newest_ms == max(times, default=0)
    table = Table(PLAIN)
    (slots,) = receive(table, [found])
    assert [table.users[slot] for slot in slots.tolist()] == targets
    assert (table.counts.folded, len(table)) == (len(targets), len(set(targets)))
    return True


def is_usual(record: bytes) -> bool:
    """A pack as Clout writes it: with times that there are, names that there may be, numbers, and kinds that are known."""
    clock, targets, weights, times, codes = unpacked(record)
    names = all(len(target.encode()) <= 64 + 1 + 256 for target in targets)
    kinds = all(code & KIND_BITS < len(KINDS) for code in codes)
    return names and kinds and all(map(math.isfinite, weights)) and all(0 <= ts <= NEWEST_MS for ts in [clock, *times])


def packs(seed: int, n: int) -> dict[str, float]:
    """So many packs, half of them broken; how many of each are taken."""
    dice, edge, taken = random.Random(seed), Edge(), [0, 0]
    with mock.patch.object(wire, "padded", edge.padded):
        for number in range(n):
            edge.behind, edge.left = behind(dice), dice.random() < 0.2
            record = pack(dice)
            if number % 2:
                record = broken(dice, record, _PACKED)
            good = check_pack(record)
            assert good or number % 2 or not is_usual(record), record
            taken[number % 2] += good
    return {"good": 2 * taken[0] / max(n, 1), "broken": 2 * taken[1] / max(n, 1)}


# -- batches -----------------------------------------------------------------------------------------------------------


def a_batch(dice: random.Random) -> bytes:
    """Records as a producer's library writes them, not compressed."""
    made = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for offset in range(dice.choice((1, 1, 2, 5))):
        key, value = (
            None if dice.random() < 0.1 else dice.randbytes(dice.choice((0, 5, 63, 64, 200))) for _ in range(2)
        )
        headers = [
            (dice.choice(("", "a", "é")), dice.choice((None, b"", b"x"))) for _ in range(dice.choice((0, 0, 0, 1, 3)))
        ]
        assert made.append(offset, T0, key, value, headers) is not None
    return bytes(made.build())


def in_batch(
    body: bytes, count: int
) -> Iterator[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]]:
    """Offset, key, value and headers of its records, as Kafka's protocol has them. Stops where one is not as it should be."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte, at = body[at], at + 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value >> 1 ^ -(value & 1)

    def some() -> bytes | None:
        nonlocal at
        if (n := number()) < 0:
            return None
        if at + n > len(body):
            raise IndexError
        at += n
        return body[at - n : at]

    for _ in range(count):
        try:
            n = number()
            end, at = at + n, at + 1  # a byte of attributes
            number()  # the time
            offset, key, value, headers = number(), some(), some(), list[tuple[str, bytes | None]]()
            more = number()
            while more > len(headers):
                name = some()
                assert name is not None
                headers.append((name.decode(errors="replace"), some()))
        except (IndexError, AssertionError):
            return
        if more < 0 or at != end:
            return
        yield offset, key, value, headers


def check_batch(raw: bytes, hold: Callable[[bytes], Any]) -> tuple[int, str]:
    """How many records are read, and why not those behind them; what is read is what is there."""
    with mock.patch.object(words, "padded", hold):
        found, why = read_batches.columns(read_batches._Batch(memoryview(raw)))
    count = int.from_bytes(raw[57:61], "big")
    expected = list(islice(in_batch(raw[61:], count), len(found)))
    assert [(one.offset, one.key, one.value, list(one.headers)) for one in found] == expected, raw
    assert found.offsets.tolist() == [offset for offset, *_ in expected]
    assert why or len(found) == count
    return len(found), why


def batches(seed: int, n: int) -> dict[str, float]:
    """So many batches, half of them broken behind their head; the share of broken ones that were read whole."""
    dice, edge, whole = random.Random(seed), Edge(), 0
    for number in range(n):
        edge.behind, edge.left, raw = behind(dice), dice.random() < 0.2, a_batch(dice)
        if number % 2:
            body = broken(dice, raw[61:], _PACKED)
            raw = raw[:8] + (49 + len(body)).to_bytes(4, "big") + raw[12:61] + body
        _, why = check_batch(raw, edge.padded)
        assert number % 2 or not why, raw
        whole += number % 2 and not why
    return {"broken": 2 * whole / max(n, 1)}


# -- memories ----------------------------------------------------------------------------------------------------------


def is_memory(data: bytes) -> bool:
    """Counts, whole entries that agree with them, kinds there are, not too many of a kind, no name longer than names are."""
    if not data:
        return True
    counts, at = [0] * HEAD, HEAD
    while at < len(data):
        if at + ENTRY > len(data) or data[at + 20] >= HEAD:
            return False
        counts[data[at + 20]] += 1
        n = data[at + 29] + 256 * data[at + 30]
        if n > 256:
            return False
        at += ENTRY + n
    return at == len(data) and list(data[:HEAD]) == counts and max(counts) <= PER_KIND


def a_memory(dice: random.Random) -> bytes:
    """Of any number of entries."""
    given, n = [], dice.choice((0, 1, 2, 5, 20, 97))
    for _ in range(n):
        kind = dice.randrange(HEAD) if dice.random() < 0.8 else 0
        if n < 97 and sum(e.kind == kind for e in given) == PER_KIND:
            continue
        name = dice.randbytes(dice.choice((0, 5, 30, 255, 256, 257)) if dice.random() < 0.1 else 12)
        given.append(Remembered(1.5, T0, dice.getrandbits(64), kind, dice.getrandbits(64), name))
    return memory_of(given)


def memories(seed: int, n: int) -> dict[str, float]:
    """So many memories, most of them damaged: what is none is named and nothing is put; what is one is put whole."""
    dice, edge, taken = random.Random(seed), Edge(), 0
    kept = Memory()
    kept.room(8)
    with mock.patch.object(memory, "padded", edge.padded):
        for _ in range(n):
            some = [a_memory(dice) for _ in range(dice.randint(1, 3))]
            some = [broken(dice, one, _PACKED) if dice.random() < 0.5 else one for one in some]
            slots = np.array(dice.sample(range(8), len(some)))
            before = [kept[slot] for slot in range(8)]
            edge.behind = behind(dice)
            bad = kept.put(slots, some)
            expected = next((i for i, one in enumerate(some) if not is_memory(one)), -1)
            assert bad == expected, some
            if bad < 0:
                taken += 1
                for slot, one in zip(slots.tolist(), some, strict=True):
                    before[slot] = one
                    entries(one)
            assert [kept[slot] for slot in range(8)] == before
    return {"taken": taken / max(n, 1)}


ALL: dict[str, Callable[[int, int], dict[str, float]]] = {
    "records": records,
    "packs": packs,
    "batches": batches,
    "memories": memories,
}


def main(most: int) -> Iterator[str]:
    """Everything, so many times (packs and memories a tenth of it); a line each."""
    for name, run in ALL.items():
        n, began = most if run is records else most // 10, time.perf_counter()
        shares = ", ".join(f"{what} {share:.1%}" for what, share in run(1, n).items())
        yield f"{name}: {n:,}, 0 differences; said yes to: {shares}; {time.perf_counter() - began:.0f} s"


def bounds_checked() -> int:
    """The tests beside this file with kernels that check each place in an array; they are compiled anew for it."""
    here = Path(__file__).parent
    with TemporaryDirectory() as folder:
        checked = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "CLOUT_KERNELS": folder}
        command = [sys.executable, "-m", "pytest", "-q", str(here), f"--ignore={here / 'test_compiled.py'}"]
        return subprocess.run(command, env=checked, check=False).returncode


if __name__ == "__main__":
    for line in main(int(sys.argv[1])):
        print(line, flush=True)
    sys.exit(bounds_checked())
