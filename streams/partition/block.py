"""The unit that travels through Faust, a list of them a message: the records that one fetch returned for one partition."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple


class Block(NamedTuple):
    """Records of one partition and what they do to the position.

    Offsets have gaps and transaction markers move positions, so a block says from where (`before`: the end of the block
    handed out before it) to where (`after`) it moves the position. `epoch` ends with each revocation.
    """

    topic: str  #: full name, with prefix
    partition: int
    before: int
    after: int
    epoch: int
    records: Sequence[Any]  #: with .offset, .key, .value, .headers


def blocks(
    topic: str, partition: int, before: int, after: int, epoch: int, records: Sequence[Any], most: int
) -> Iterator[Block]:
    """Records that move the position from `before` to `after`, at most so many a block."""
    for start in range(0, len(records), most):
        end = records[start + most].offset if start + most < len(records) else after
        yield Block(topic, partition, before, end, epoch, records[start : start + most])
        before = end


#: Header of the record that stands for a batch that cannot be read. Producers choose headers too, so it cannot be guessed.
UNDECODABLE = f"clout-undecodable-{secrets.token_hex(8)}"
