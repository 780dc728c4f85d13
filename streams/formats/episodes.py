"""Records of `state` for what rules keep of users, `a` + user: 25 bytes an episode; empty: nothing any more.

hash of the rule's name u64   phase u8   when it began, ms, i64   the score that it was compared with f64
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import isfinite

import numpy as np

from streams.errors import CloutError
from streams.fold.episodes import FIRING, IGNORED, MOST
from streams.model.episodes import Episode
from streams.model.table import Table
from streams.model.users import Slots

KEY = b"a"
_ENTRY = struct.Struct("<QBqd")


def records(table: Table, slots: Slots) -> list[tuple[bytes, bytes]]:
    """(key, value) of these, (n,)."""
    names = table.users.texts(slots)
    return [
        (KEY + name, b"".join(_ENTRY.pack(*one) for one in table.episodes.of(table.cells, slot)))
        for slot, name in zip(slots.tolist(), names, strict=True)
    ]


def load(table: Table, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """Put such records into a table. Raises CloutError."""
    for key, value in rows:
        if len(value) % _ENTRY.size or len(value) > MOST * _ENTRY.size:
            raise _damaged(key)
        try:
            slot = table.slot(key[1:].decode())
        except ValueError:
            raise _damaged(key) from None
        for old in table.episodes.of(table.cells, slot):
            table.episodes.drop(table.cells, slot, old.rule)
        for entry in reversed([Episode(*one) for one in _ENTRY.iter_unpack(value)]):
            if not (FIRING <= entry.phase <= IGNORED and isfinite(entry.reference)):
                raise _damaged(key)
            table.episodes.put(table.cells, slot, entry)


def changed(touched: Sequence[Slots]) -> Slots:
    """Each of these once, ascending."""
    return np.unique(np.concatenate([*touched, np.empty(0, np.intp)])).astype(np.intp)


def _damaged(key: bytes) -> CloutError:
    return CloutError(f"the topic `state` has a damaged record: key {key[:40]!r}")
