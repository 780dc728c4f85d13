"""Records of `state` for daily closes, `y` + user; written once a day of whoever has changed since.

day u32 (the last close is that at its beginning)   how many u32   mass at that close f64, of all facts then f64
masses at the closes f32, oldest first
a bit for each entry that the last LEDGER_DAYS of these days gave (the last day first), and those that are set f32
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.errors import CloutError
from streams.fold.rows import DAYS, LEDGER_DAYS
from streams.fold.since import CLOSE, ENTRIES, FACTS_THEN, KEPT_SINCE
from streams.model.table import Table
from streams.model.users import Slots

KEY = b"y"
_HEAD = struct.Struct("<IIdd")
_BITS = (LEDGER_DAYS * ENTRIES + 7) // 8
_WHOLE = (_HEAD.size + _BITS) % 4  # what is left of a record's length, divided by 4


def lacking(table: Table, slots: Slots) -> NDArray[np.bool_]:
    """Which of these, (n,), have closes that `state` has not."""
    lines, arrays = table.days.lines(slots), table.days.arrays
    found: NDArray[np.bool_] = (lines > 0) & (arrays.kept[lines] != arrays.day[lines])
    return found


def cut(table: Table, slots: Slots) -> list[tuple[bytes, bytes]]:
    """(key, value) of these, (n,), who have some. `Days.known` has computed them."""
    days, arrays = table.days, table.days.arrays
    own = days.lines(slots)
    names = table.users.of(slots)
    arrays.kept[own] = arrays.day[own]
    found = []
    for name, line in zip(names, own.tolist(), strict=True):
        _, closes = days.of(line)
        booked = days.booked(line).reshape(-1)
        head = _HEAD.pack(arrays.day[line], len(closes), arrays.since[line, CLOSE], arrays.since[line, FACTS_THEN])
        ledger = np.packbits(booked != 0.0).tobytes() + booked[booked != 0.0].astype("<f4").tobytes()
        found.append((KEY + name.encode(), head + closes.astype("<f4").tobytes() + ledger))
    return found


def load(table: Table, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """Put such records into a table, before or after the rows that they belong to. Raises CloutError."""
    names = [_user(key) for key, _ in rows]
    arrays, lines = table.days.arrays, table.days.begun(table.slots(names))
    for (key, value), line in zip(rows, lines.tolist(), strict=True):
        try:
            day, count, close, facts = _HEAD.unpack_from(value)
        except struct.error:
            raise _damaged(key) from None
        end = _HEAD.size + 4 * count
        if not 0 <= count <= DAYS or not day or len(value) < end + _BITS:
            raise _damaged(key)
        set_ = np.unpackbits(np.frombuffer(value, np.uint8, _BITS, end), count=LEDGER_DAYS * ENTRIES) != 0
        rest = (
            np.frombuffer(value[_HEAD.size : end] + value[end + _BITS :], "<f4") if len(value) % 4 == _WHOLE else None
        )
        if rest is None or len(rest) != count + set_.sum() or not np.isfinite((close, facts, *rest)).all():
            raise _damaged(key)
        closes, booked = rest[:count], np.zeros(LEDGER_DAYS * ENTRIES, np.float32)
        booked[set_] = rest[count:]
        if arrays.day[line] < day:  # what a row of an older day says has come before this close
            arrays.since[line, :KEPT_SINCE] = 0.0
        arrays.day[line] = arrays.kept[line] = day
        arrays.first[line] = day - count + 1
        arrays.closes[line, np.arange(day - count + 1, day + 1) % DAYS] = closes
        arrays.since[line, [CLOSE, FACTS_THEN]] = close, facts
        arrays.ledger[line, np.arange(day, day - LEDGER_DAYS, -1) % LEDGER_DAYS] = booked.reshape(LEDGER_DAYS, ENTRIES)


def _user(key: bytes) -> str:
    try:
        return key[1:].decode()
    except ValueError:
        raise _damaged(key) from None


def _damaged(key: bytes) -> CloutError:
    return CloutError(f"the topic `state` has a damaged record: key {key[:40]!r}")
