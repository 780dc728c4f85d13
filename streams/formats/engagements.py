"""Engagements on the wire: one pack an interval and partition, format 2 of `streams.fold.packs`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import msgspec
import numpy as np

from streams.events import NEWEST_MS
from streams.fold import packing, packs
from streams.fold.packing import MOST, MOST_BYTES, MOST_COLUMNS
from streams.fold.packs import FORMAT, NAMES, NOTHING, SECTION_SIZES, SOMETIMES
from streams.fold.rows import LONGEST, MOST_ABOUT
from streams.fold.words import SPARE, padded
from streams.formats import feeds, lines, ranks
from streams.formats.feeds import Heard
from streams.formats.ranks import Counted
from streams.model.engagements import Engagements, Pack, packed
from streams.model.lines import Told

_KINDS = dict(
    zip(NAMES + SOMETIMES, ("<u2", "<u2", "<f4", "<i8", "u1", "<u8", "<i8", "<u2", "<f4"), strict=True)
)  # of the columns
_STRANGE = "a pack of engagements that no Clout has written: a name too long, or columns in another form"
_NAMELESS = "pack with an engagement of somebody who is not named in it"


class _Wire(msgspec.Struct, array_like=True, gc=False):
    version: int
    clock: int
    names: list[str]
    sections: dict[str, bytes]


class _Versioned(msgspec.Struct, array_like=True, gc=False):
    version: int


_decode, _version = msgspec.msgpack.Decoder(_Wire).decode, msgspec.msgpack.Decoder(_Versioned).decode


def encode(pack: Pack, clock: int) -> Iterator[bytes]:
    """The records that carry a pack, in order, each well below a megabyte."""
    if not len(pack):
        return
    whole, done = pack.whole(), 0
    size = len(whole.names) + pack.users.named(whole.actors.astype(np.intp)).size + MOST_COLUMNS * len(whole.ends)
    out = np.empty(min(size, MOST_BYTES) + MOST_COLUMNS + SPARE, np.uint8)
    while done < len(whole.ends):
        done, size = packing.write(pack.users.arrays, *whole, done, clock, out)
        yield out[:size].tobytes()


def decode(record: bytes, newest_ms: int = NEWEST_MS, *, careful: bool = False) -> Engagements:
    """A pack from the wire. Raises ValueError when it is not one this version understands.

    `careful`: no kernel reads it before it was taken apart and put together again.

    Anybody who may write to the topic could send one: a weight that is no number, or a time after `newest_ms`, would stay
    in the rows for ever.
    """
    found = arrived(record, newest_ms, careful=careful)
    if not isinstance(found, Engagements):
        raise ValueError("lines of persons, counted scores or feeds where engagements are read")  # noqa: TRY004 - wrong in a record
    return found


def arrived(
    record: bytes, newest_ms: int = NEWEST_MS, *, careful: bool = False
) -> Engagements | Told | Counted | Heard:
    """A record of the topic: engagements, or what comes beside them. Raises ValueError as `decode`."""
    if careful:
        wire = _wire(record)
        if other := _other(wire, newest_ms, careful=True):
            return other
        record = _again(wire, record)
    text = padded(record)
    count = max(packs.count_of(text, len(record)), 0)
    starts, lengths = np.empty(count, np.int32), np.empty(count, np.int32)
    found = packs.places(text, len(record), starts, lengths)
    if found.total < 0:
        if other := _other(_wire(record), newest_ms):
            return other
        raise ValueError(_STRANGE)
    if found.clock > newest_ms:
        raise ValueError(f"pack with a clock of {found.clock}, out of range")
    wrong, newest = packs.sound(text, found, lengths, newest_ms)
    if wrong == 1:
        raise ValueError("pack with a weight that is no number, or a kind that this worker does not know")
    if wrong == 2:
        raise ValueError("pack with a time out of range")
    if wrong == 3:
        raise ValueError(_NAMELESS)
    if wrong == 4:
        raise ValueError(_STRANGE)
    return Engagements(text, found, starts, lengths, newest)


def _other(wire: _Wire, newest_ms: int, *, careful: bool = False) -> Told | Counted | Heard | None:
    """What comes beside engagements; None if these are some."""
    if lines.SECTION in wire.sections:
        return lines.decode(wire.sections[lines.SECTION], newest_ms, wire.clock, careful=careful)
    if feeds.SECTION in wire.sections:
        return feeds.decode(wire.sections[feeds.SECTION], newest_ms)
    return ranks.decode(wire.sections[ranks.SECTION]) if ranks.SECTION in wire.sections else None


def _again(wire: _Wire, record: bytes) -> bytes:
    """The same pack, written by ourselves."""
    target, actor, weights, times, codes, kin, done, about, pairs = (
        np.frombuffer(wire.sections.get(name, b""), kind) for name, kind in _KINDS.items()
    )
    if len(target) > MOST or any(len(name.encode()) > MOST_ABOUT for name in wire.names):
        raise ValueError(_STRANGE)
    if max((int(i) for i in chain(target, actor, about[about != NOTHING])), default=0) >= max(len(wire.names), 1):
        raise ValueError(_NAMELESS)
    if any(len(wire.names[i].encode()) > LONGEST for i in chain(target, actor)):
        raise ValueError(_STRANGE)
    abouts = ["" if i == NOTHING else wire.names[i] for i in about]
    who = [wire.names[i] for i in target], [wire.names[i] for i in actor]
    people = packed(*who, weights, times, codes, kin, done, abouts, pairs)
    return next(encode(people, wire.clock), record)


def _wire(record: bytes) -> _Wire:
    """A pack taken apart without kernels. Raises ValueError with what is wrong with it."""
    try:
        version = _version(record).version
        wire = _decode(record) if version == FORMAT else None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"not a pack of engagements: {error}") from None
    if wire is None:
        raise ValueError(f"pack of format {version}; this worker knows {FORMAT}")
    if wire.clock < 0:
        raise ValueError(f"pack with a clock of {wire.clock}, out of range")
    alone = next((name for name in (lines.SECTION, ranks.SECTION, feeds.SECTION) if name in wire.sections), None)
    known = (alone,) if alone else tuple(_KINDS)
    for name in wire.sections:
        if name not in known:
            raise ValueError(
                f"pack with a section {name[:40]!r}, which this worker does not know: a newer Clout has written it, run that"
            )
    if alone:
        return wire
    for name in NAMES:
        if name not in wire.sections:
            raise ValueError(f"pack without the section {name!r}")
    sizes = {name: int(size) * len(wire.sections["code"]) for name, size in zip(_KINDS, SECTION_SIZES, strict=True)}
    if any(len(column) != sizes[name] for name, column in wire.sections.items()):
        raise ValueError("pack with columns of different lengths")
    return wire


def local(pack: Pack, clock: int) -> list[Engagements]:
    """A pack that does not travel: what decoding its encoding gives."""
    return [decode(record) for record in encode(pack, clock)]
