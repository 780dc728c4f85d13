"""Stage 1: events, keyed by actor; controls, keyed by user.

A message is all blocks of a fetch. What is done with a block stands in `streams.partition.intake` and `streams.model.acting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import faust

from streams.partition.block import Block
from streams.topics import CONTROLS, EVENTS, STRAYS

if TYPE_CHECKING:
    from agents.worker.clout import Clout


def define(app: Clout) -> None:
    """The agent for the six event topics, `controls` and `strays`."""

    @app.agent(app.source(*EVENTS, CONTROLS, STRAYS), name="actions")
    async def actions(fetches: faust.StreamT[list[Block]]) -> None:
        async for blocks in fetches:
            for block in blocks:
                app.partitions.deliver(block)
