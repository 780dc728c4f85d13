"""Torn lines, blocks of NUL, two events in a line: what is whole is read, and what is not is counted."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from streams.sources import open_source
from streams.sources.torn import MOST_BYTES
from tests.sources.test_files import event
from tests.sources.test_gharchive import ORIGINAL, REDUCED, TIMELINE
from tests.sources.test_jetstream import YOU, commit

Write = Callable[..., str]
Make = Callable[[int], bytes]


def star(n: int) -> bytes:
    return orjson.dumps({**ORIGINAL, "id": str(n), "payload": {"commits": [{"author": {"name": "x"}}] * 3}})


def reduced(n: int) -> bytes:
    return orjson.dumps({**REDUCED, "id": str(n)})


def old_star(n: int) -> bytes:
    return orjson.dumps({**TIMELINE, "actor": f"a{n}"})


def follow(n: int) -> bytes:
    return orjson.dumps({**commit("app.bsky.graph.follow", {"subject": YOU}), "time_us": 1783123200000000 + n})


ALL: list[tuple[str, Make]] = [
    ("events", event),
    ("gharchive", star),
    ("gharchive", reduced),
    ("gharchive", old_star),
    ("jetstream", follow),
]


def values(write: Write, format_: str, data: bytes) -> tuple[list[bytes], dict[str, int], int]:
    source = open_source(write(data), format_)
    return [record.value for record in source], dict(source.skipped), source.useless


@pytest.mark.parametrize(("format_", "make"), ALL)
@pytest.mark.parametrize("between", [b"", b" ", b",", b"\0" * 500, b"\r", b"\x1e"])
@pytest.mark.parametrize("where", ["first", "later"])
def test_events_without_a_line_end_between_them(
    write: Write, format_: str, make: Make, between: bytes, where: str
) -> None:
    """Each is read as if it had its line, and nothing is malformed; in the first line too."""
    whole = values(write, format_, b"\n".join(make(n) for n in range(4)))
    assert len(whole[0]) == 4
    lines = [make(0) + between + make(1) + between, make(2), make(3)]
    if where == "later":
        lines = [make(0), make(1), between + make(2) + between + make(3)]
    assert values(write, format_, b"\n".join(lines)) == whole


@pytest.mark.parametrize(("format_", "make"), ALL)
def test_a_line_torn_anywhere(write: Write, format_: str, make: Make) -> None:
    """Wherever a writer stopped, what it wrote next in the same line is read; the torn part is one malformed line or reject."""
    front, torn, next_, last = (make(n) for n in range(4))
    (wanted, _, _) = values(write, format_, b"\n".join((front, next_, last)))
    for cut in range(1, len(torn) - 1, 7):
        read, skipped, useless = values(write, format_, front + b"\n" + torn[:cut] + next_ + b"\n" + last)
        if format_ == "events":
            assert (useless, read.pop(2)) == (1, torn[:cut])
        else:
            assert skipped == {"malformed: torn: part of a line": 1}
        assert read == wanted, cut


@pytest.mark.parametrize(("format_", "make"), ALL)
def test_blocks_of_nul(write: Write, format_: str, make: Make) -> None:
    """What a machine leaves that lost power: a line of nothing but NUL is named, and costs no other."""
    wanted, _, _ = values(write, format_, make(0) + b"\n" + make(1))
    holes = b"\0" * 4096
    read, skipped, useless = values(write, format_, make(0) + b"\n" + holes + b"\n" + holes + make(1) + holes)
    if format_ == "events":
        assert (useless, read.pop(1)) == (1, holes)
        skipped = {"malformed: a block of NUL bytes": 1}
    assert (read, skipped) == (wanted, {"malformed: a block of NUL bytes": 1})


@pytest.mark.parametrize("format_", ["events", "gharchive", "jetstream"])
def test_an_object_within_a_torn_one_is_no_event(write: Write, format_: str) -> None:
    """Only what has the fields of the format is taken out of a torn line."""
    line = b'{"actor":{"id":1,"login":"ann"},"repo":{"name":"a/b"},"x":{"type":"like"}'
    good = dict(ALL)[format_](1)
    read, skipped, useless = values(write, format_, good + b"\n" + line)
    assert len(read) - useless == 1
    assert useless or skipped == {"malformed: no JSON": 1}


def test_hostile_lines_take_no_time(write: Write) -> None:
    """Deep or long rubbish is given up early: each try reads on from where it begins."""
    deep = b'{"a":' * (MOST_BYTES // 6)
    long = b'{"a":[' + b"{}," * (MOST_BYTES // 4)
    read, _, useless = values(write, "events", b"\n".join((event(1), deep, long, deep * 3, b"[" * 100_000)))
    assert (len(read), useless) == (5, 4)
