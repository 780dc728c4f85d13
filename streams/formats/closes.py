"""Records of `state` for daily closes, `y` + user; written once a day of whoever has changed since.

day u32 (the last close is that at its beginning)   how many u32   mass at that close f64, of all facts then f64
masses at the closes f32, oldest first
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.errors import CloutError
from streams.fold.days import CLOSE, FACTS_THEN, KEPT_SINCE
from streams.fold.rows import DAYS
from streams.model.table import Table
from streams.model.users import Slots

KEY = b"y"
_HEAD = struct.Struct("<IIdd")


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
        head = _HEAD.pack(arrays.day[line], len(closes), arrays.since[line, CLOSE], arrays.since[line, FACTS_THEN])
        found.append((KEY + name.encode(), head + closes.astype("<f4").tobytes()))
    return found


def load(table: Table, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """Put such records into a table, before or after the rows that they belong to. Raises CloutError."""
    arrays = table.days.room_for(len(rows))
    for key, value in rows:
        try:
            slot = table.slot(key[1:].decode())
            day, count, close, facts = _HEAD.unpack_from(value)
        except (struct.error, ValueError):
            raise _damaged(key) from None
        closes = np.frombuffer(value, "<f4", offset=_HEAD.size) if len(value) == _HEAD.size + 4 * count else None
        if closes is None or not 0 <= count <= DAYS or not day or not np.isfinite((close, facts, *closes)).all():
            raise _damaged(key)
        line = int(arrays.line[slot])
        if not line:
            line = arrays.line[slot] = int(arrays.used[0])
            arrays.used[0] += 1
        if arrays.day[line] < day:  # what a row of an older day says has come before this close
            arrays.since[line, :KEPT_SINCE] = 0.0
        arrays.day[line] = arrays.kept[line] = day
        arrays.first[line] = day - count + 1
        arrays.closes[line, np.arange(day - count + 1, day + 1) % DAYS] = closes
        arrays.since[line, [CLOSE, FACTS_THEN]] = close, facts


def _damaged(key: bytes) -> CloutError:
    return CloutError(f"the topic `state` has a damaged record: key {key[:40]!r}")
