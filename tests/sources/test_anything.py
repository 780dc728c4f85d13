"""Any file, in any format, however it is packed, cut and spelt: no traceback, right counts, and the first bad line is named."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
import zstandard
from click.testing import CliRunner

from agents.cli.main import cli
from streams.errors import CloutError
from streams.events import KINDS, Event, Reject, parse
from streams.sources import FORMATS, open_source
from streams.topics import KIND_OF
from tests.sources.test_files import event
from tests.sources.test_torn import follow, reduced, star

SEEDS = range(60)


def act(n: int) -> bytes:
    return b"%d %d %d %b" % (n, n + 1, 1_341_100_972 + n, (b"RT", b"RE", b"MT")[n % 3])


GOOD: dict[str, list[Callable[[int], bytes]]] = {
    "events": [event, lambda n: event(n, "follow")],
    "higgs": [act],
    "jetstream": [follow],
    "gharchive": [star, reduced],
    "csv": [lambda n: b"%d,like,demo,a%d,b,1767225600000" % (n, n) if n else b"id,type,network,actor,target,ts"],
}
#: formats in which each line stands alone
LINED = [name for name in FORMATS if name != "csv"]
DID = "did:plc:z72i7hdynmk6r22z27h6tvur"
POST = {
    "did": DID, "time_us": 1_767_225_600_000_000, "kind": "commit",
    "commit": {
        "operation": "create", "collection": "app.bsky.feed.post", "rkey": "3k", "rev": "1", "cid": "b",
        "record": {
            "text": "hello", "langs": ["en"], "createdAt": "2026-01-01T00:00:00Z",
            "embed": {"$type": "app.bsky.embed.record", "record": {"uri": f"at://{DID}/app.bsky.feed.post/2"}},
            "reply": {"root": {"uri": f"at://{DID}/app.bsky.feed.post/1"}, "parent": {"uri": f"at://{DID}/app.bsky.feed.post/1"}},
            "facets": [{"index": {"byteStart": 0}, "features": [{"$type": "app.bsky.richtext.facet#mention", "did": DID}]}],
        },
    },
}  # fmt: skip
HUB = {
    "id": "1", "type": "WatchEvent", "actor": {"id": 1, "login": "ann"}, "repo": {"id": 2, "name": "bob/lib"},
    "payload": {"action": "started"}, "public": True, "created_at": "2015-02-22T21:00:01Z", "org": {"login": "o"},
}  # fmt: skip
OLD_HUB = {
    "type": "ForkEvent", "actor": "ann", "repository": {"owner": "bob", "name": "lib"}, "payload": {"forkee": 1},
    "created_at": "2012/04/01 00:00:00 -0700",
}  # fmt: skip
OLD_FOLLOW = {
    "type": "FollowEvent", "actor": "ann", "payload": {"target": {"login": "bob"}}, "created_at": "2012-04-01T00:00:00Z"
}  # fmt: skip
#: whole records, with their optional parts
REAL = {
    "events": (event(1)[:-1] + b',"object":"x","topics":["a"],"ref":"r","undo":false}',),
    "jetstream": (json.dumps(POST).encode(),),
    "gharchive": tuple(json.dumps(one).encode() for one in (HUB, OLD_HUB, OLD_FOLLOW)),
}
BAD = (b"what is this", b"{oops", b"\xff\xfe\xfd", b"{}", b"12", b"1 2 x RT", b'"\xe9"', b"\x80" * 9, b'{"type":7}')


def members(dice: Random, data: bytes, pack: Callable[[bytes], bytes]) -> bytes:
    """The data in one to four packed parts, cut anywhere; now and then an empty one."""
    cuts = sorted([0, len(data), *(dice.randrange(len(data) + 1) for _ in range(dice.randrange(4)))])
    return b"".join(pack(data[a:b]) for a, b in itertools.pairwise(cuts)) or pack(b"")


def frame(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


SKIPPED_FRAME = b"\x50\x2a\x4d\x18\x04\x00\x00\x00note"
PACKINGS: dict[str, Callable[[Random, bytes], bytes]] = {
    "plain": lambda _, data: data,
    "gzip": lambda dice, data: members(dice, data, gzip.compress) + b"\0" * dice.choice([0, 512]),
    "zstd": lambda dice, data: members(dice, data, frame),
    "zstd with a note": lambda dice, data: SKIPPED_FRAME + members(dice, data, frame) + SKIPPED_FRAME,
}


def lines_of(dice: Random, format_: str) -> tuple[list[bytes], list[int], int]:
    """Lines of a file, the places of bad ones from 1, and how many are good."""
    lines, bad, good = [], [], 0
    for n in range(dice.randrange(1, 60)):
        what = dice.random()
        if what < 0.75 or n == 0:
            lines.append(dice.choice(GOOD[format_])(n))
            good += 1
        elif what < 0.9:
            lines.append(dice.choice(BAD))
            bad.append(len(lines))
        else:
            lines.append(dice.choice([b"", b" ", b"\t"]))
    return lines, bad, good


@pytest.mark.parametrize("format_", LINED)
@pytest.mark.parametrize("packing", PACKINGS)
def test_counts_are_right(tmp_path: Path, format_: str, packing: str) -> None:
    """Every good line is read, every bad one counted, the first of them named, in however many parts a file was packed."""
    for seed in SEEDS:
        dice = Random(f"{format_} {packing} {seed}")
        lines, bad, good = lines_of(dice, format_)
        end = dice.choice([b"\n", b"\r\n"])
        text = dice.choice([b"", b"\xef\xbb\xbf"]) + end.join(lines) + dice.choice([b"", end])
        file = tmp_path / "file"
        file.write_bytes(PACKINGS[packing](dice, text))
        source = open_source(str(file), format_)
        records = list(source)
        assert len(records) == good + source.useless, seed
        wrong = sum(n for reason, n in source.skipped.items() if reason.startswith("malformed"))
        assert wrong + source.useless == len(bad), seed
        assert source.first_bad == (bad[0] if bad else None), seed
        assert source.line == text.count(b"\n") + (not text.endswith(b"\n")), seed


@pytest.mark.parametrize("format_", LINED)
@pytest.mark.parametrize("packing", [name for name in PACKINGS if name != "plain"])
def test_what_comes_before_damage_is_read(tmp_path: Path, format_: str, packing: str) -> None:
    """Cut short or with garbage behind: the message names the last good line, and all lines up to it are records."""
    for seed in SEEDS:
        dice = Random(f"{format_} {packing} {seed} damage")
        lines = [dice.choice(GOOD[format_])(n) for n in range(dice.randrange(1, 60))]
        packed = PACKINGS[packing](dice, b"\n".join(lines) + b"\n")
        garbage = dice.random() < 0.3
        packed = packed + dice.randbytes(40) if garbage else packed[: dice.randrange(8, len(packed))]
        file = tmp_path / "file"
        file.write_bytes(packed)
        source = open_source(str(file), format_)
        records = []
        try:
            for record in source:
                records.append(record)  # noqa: PERF402 - what came before the error is looked at
        except CloutError as error:
            assert f"after line {source.line}" in str(error), seed  # noqa: PT017
        else:
            assert not garbage, seed
            continue  # cut between two parts, which nobody can see
        assert len(records) == source.line, seed
        assert not source.skipped, seed
        if garbage:
            assert len(records) == len(lines), seed


OTHERS: tuple[Any, ...] = (None, True, 0, -1, 1.5, 1 << 70, "", "x", "did:", [], [None], [[]], {}, {"a": 1}, "\ud800")


def changed(value: Any) -> Iterator[Any]:
    """The value with each of its parts in turn left out, or something else in its place."""
    yield from OTHERS
    if isinstance(value, dict):
        for name in value:
            yield {other: part for other, part in value.items() if other != name}
            yield from (value | {name: part} for part in changed(value[name]))
    if isinstance(value, list):
        for n in range(len(value)):
            yield from ([*value[:n], part, *value[n + 1 :]] for part in changed(value[n]))


@pytest.mark.parametrize("format_", [name for name in LINED if name != "higgs"])
def test_any_part_may_be_anything(tmp_path: Path, format_: str) -> None:
    """Each part of a record of each layout, replaced: no error, and every line is a record, skipped or told as wrong."""
    good = [make(1) for make in GOOD[format_]] + list(REAL[format_])
    lines = [json.dumps(other).encode() for line in good for other in changed(json.loads(line))]
    file = tmp_path / "file"
    file.write_bytes(b"\n".join([good[0], *lines]))
    source = open_source(str(file), format_)
    records = list(source)
    assert len(records) >= len(good)
    assert len(records) + source.skipped.total() >= len(lines)
    for record in records:
        assert isinstance(parse(record.value, KINDS[KIND_OF[record.topic]], 1 << 50), Event | Reject)


ENCODINGS = (
    "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1", "cp1252", "utf-7",
    "cp037", "shift_jis", "gb18030", "koi8-r", "mac-roman",
)  # fmt: skip


@pytest.mark.parametrize("format_", FORMATS)
def test_no_traceback_whatever_it_is(tmp_path: Path, format_: str) -> None:
    """Other encodings, changed and lost bytes, noise: `clout offline` ends with a code of its own and says something."""
    file = tmp_path / "file"
    for seed in SEEDS:
        dice = Random(f"{format_} {seed} anything")
        data = b"\n".join(dice.choice([*GOOD[format_], lambda _: BAD[0]])(n) for n in range(30))
        encoding = dice.choice(ENCODINGS)
        if dice.random() < 0.4:
            data = data.replace(b"demo", b"d\\u00e9mo").decode().encode(encoding, "replace")
        data = bytearray(dice.choice(list(PACKINGS.values()))(dice, data))
        for _ in range(dice.randrange(6)):
            at = dice.randrange(len(data))
            data[at : at + dice.choice([0, 1, 1, 9])] = dice.randbytes(dice.choice([0, 1, 1, 30]))
        file.write_bytes(data)
        done = CliRunner().invoke(cli, ["offline", str(file), "--format", format_, "--json"])
        assert done.exception is None or isinstance(done.exception, SystemExit), (seed, done.exception)
        assert done.exit_code in (0, 1, 2), seed
        assert done.stderr, seed
        for line in done.stdout.splitlines():
            assert orjson.loads(line)["user"], seed
