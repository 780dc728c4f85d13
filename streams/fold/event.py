"""A parsed event as one line of columns. What is not ordinary has been through `streams.events.parse`: one owner of the meaning."""

from __future__ import annotations

import numpy as np

#: Places (`*_at`) and lengths are of bytes in the text that the lines belong to; an event without a network is none: rejected.
EVENT = np.dtype(
    [
        ("ts", "i8"),  # ms since epoch
        ("id_key", "u8"),  # see `streams.model.memory.id_key`
        ("ref_key", "u8"),  # the same of what an undo takes back
        ("target_key", "u8"),
        ("network_at", "i4"),
        ("actor_at", "i4"),
        ("target_at", "i4"),
        ("object_at", "i4"),
        ("topics_at", "i4"),  # made normal, see `streams.fold.about`
        ("slot", "i4"),  # of the actor; ASTRAY or NOBODY
        ("network_len", "u2"),
        ("actor_len", "u2"),
        ("target_len", "u2"),
        ("object_len", "u2"),  # 0: none, or one that does not count
        ("topics_len", "u2"),
        ("kind", "u1"),
        ("undo", "u1"),
    ],
    align=True,
)
ASTRAY, NOBODY = -1, -2  #: the actor is at home elsewhere; the record was rejected
