"""The lines of a state file: exact on the way out and back, and nothing that was changed gets through."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

import msgspec
import pytest

from streams.errors import CloutError
from streams.formats import state
from streams.formats.state import Header
from streams.formats.statefile import Head, Reading, Written, headers_for
from streams.model.table import Counts
from streams.model.versions import DEFAULT

ODD = struct.pack("<IIdddddd", 2922, 0, 0.1 + 0.2, 7.0, 5e-324, 1.0, float("nan"), 2.0) + bytes(range(256))
ROWS = [
    (b"dnet:ann", ODD),
    (b"gnet:b\xc3\xb6b", struct.pack("<IIIIQd", 1, 2, 3, 0, 1 << 18, 12.0)),
    (b"gnet:idle", bytes(24)),
    (b"pnet:b\xc3\xb6b", b"\x02" + bytes(range(16))),
    (b"pnet:idle", b"\xff" + bytes(255) + b"\x01"),
    (b"tnet:idle", bytes(range(10)) * 3),
]


def header(**changed: object) -> Header:
    """A header of a partition that has counted three events."""
    fields = {
        "generation": 2,
        "version": 2 << 32,
        "now_ms": 5,
        "positions": {"likes": 3},
        "clock": 9,
        "day": 4,
    }
    counts = Counts(folded=3).as_dict()
    return Header(**fields | {"half_lives_ms": DEFAULT.half_lives_ms, "counts": counts, "model": "clout-1"} | changed)


def written(rows: Iterable[tuple[bytes, bytes]] = ROWS, **head: object) -> list[bytes]:
    """The lines of a file, without their ends."""
    lines = Written()
    raw = {1: msgspec.Raw(state.header_record(header())[1])}
    about = {"exported_at": "2026-01-01", "model": "clout-1", "half_lives_ms": DEFAULT.half_lives_ms, "partitions": 4}
    text = lines.head(Head(**about | {"headers": raw} | head)) + lines.rows(rows) + lines.tail()
    return text.splitlines()


def test_rows_come_back_byte_for_byte() -> None:
    """Any float, any memory and any name survive; what a person sees beside it is the count in it."""
    lines = written()
    reading = Reading(lines, "f")
    assert list(reading.rows()) == ROWS
    assert reading.headers == {1: header()}
    shown = [msgspec.json.decode(line) for line in lines[1:-1]]
    assert [(row["user"], row.get("actions"), row.get("engagements"), row.get("people")) for row in shown] == [
        ("net:ann", 7, None, None),
        ("net:böb", None, 12, None),
        ("net:idle", None, 0, None),
        ("net:böb", None, None, 2),
        ("net:idle", None, None, 1),
        ("net:idle", None, None, None),
    ]


DAMAGE: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "another count in a row": (lambda f: [*f[:1], f[1].replace(b":7", b":8"), *f[2:]], "SHA-256"),
    "another name": (lambda f: [*f[:1], f[1].replace(b"ann", b"eve"), *f[2:]], "SHA-256"),
    "another model in the head": (lambda f: [f[0].replace(b"clout-1", b"clout-2"), *f[1:]], "SHA-256"),
    "a row left out": (lambda f: [*f[:2], *f[3:]], "should have 6 records and has 5"),
    "two rows swapped": (lambda f: [f[0], f[2], f[1], *f[3:]], "SHA-256"),
    "no JSON": (lambda f: [*f[:2], f[2][:-5], *f[3:]], "damaged at line 3"),
    "a row of nothing": (lambda f: [*f[:1], b'{"user":"n:a"}', *f[2:]], "line 2.*none of"),
    "cut off": (lambda f: f[:-1], "cut off after 6 records"),
    "only a head": (lambda f: f[:1], "cut off after 0 records"),
    "two files in one": (lambda f: f + f, "more after the last line"),
    "something else": (lambda f: [b'{"id":"e1"}', *f], "no file of `clout state export`"),
    "nothing": (lambda f: f[:0], "no file of `clout state export`"),
    "a newer file": (lambda f: [f[0].replace(b'"format":3', b'"format":4', 1), *f[1:]], "another Clout"),
    "newer rows": (lambda f: [b'"format":8'.join(f[0].rsplit(b'"format":7', 1)), *f[1:]], "state is of format 8"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_was_changed_is_refused(name: str) -> None:
    """Whatever is missing, changed or not ours ends with a message that says so."""
    change, said = DAMAGE[name]
    with pytest.raises(CloutError, match=said):
        list(Reading(change(written()), "f").rows())


@pytest.mark.parametrize("partitions", [1, 2, 3, 5])
def test_new_headers_are_ahead_of_all_old_ones(partitions: int) -> None:
    """Newest clock and day, highest version and generation everywhere; the counts add up to what they were."""
    old = {
        0: header(),
        1: header(generation=5, clock=7, counts=Counts(folded=10, rejected=1).as_dict()),
        2: header(version=9 << 32, clock=99, day=6, now_ms=50, counts=Counts(folded=5).as_dict()),
    }
    made = headers_for(old, partitions)
    assert list(made) == list(range(partitions))
    for one in made.values():
        assert (one.generation, one.version, one.clock, one.day, one.now_ms) == (5, 9 << 32, 99, 6, 50)
        assert (one.positions, one.model) == ({}, "clout-1")
        assert one.origin != header().origin
    assert sum(one.counts["folded"] for one in made.values()) == 18
    assert sum(one.counts["rejected"] for one in made.values()) == 1
