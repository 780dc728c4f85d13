"""Stage 2: engagements, keyed by target.

A message is all blocks of a fetch. What is done with a block stands in `streams.partition.intake` and `streams.model`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import faust

from streams.partition.block import Block
from streams.topics import ENGAGEMENTS

if TYPE_CHECKING:
    from agents.worker.clout import Clout


def define(app: Clout) -> None:
    """The agent for `engagements`."""

    @app.agent(app.source(ENGAGEMENTS), name="scoring")
    async def scoring(fetches: faust.StreamT[list[Block]]) -> None:
        async for blocks in fetches:
            for block in blocks:
                app.partitions.deliver(block)
