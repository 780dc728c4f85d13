"""What facts give, and how accounts tell their persons: MessagePack [[name, mass, date], ...]; without facts nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from streams.model.versions import MOST_FACTS


class Given(NamedTuple):
    """What a fact gives."""

    name: str
    mass: float  #: at its date
    date: int  #: ms


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(list[Given]).decode


def as_told(facts: Sequence[Given]) -> bytes:
    """The facts of a line."""
    return _encode(facts) if facts else b""


@lru_cache(4_096)
def given(told: bytes) -> tuple[Given, ...]:
    """What `as_told` was given. Raises ValueError for what it never wrote."""
    try:
        found = _decode(told) if told else []
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"a line with facts that are none: {error}") from None
    if len(found) > MOST_FACTS:
        raise ValueError("a line with too many facts")
    if not all(np.isfinite(fact.mass) for fact in found):
        raise ValueError("a line with a fact that is no number")
    return tuple(found)
