"""Stage 1: events, keyed by actor. What is done with a block stands in `streams.partition.intake` and `streams.model.acting`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import faust

from streams.partition.block import Block
from streams.topics import EVENTS, STRAYS

if TYPE_CHECKING:
    from agents.worker.clout import Clout


def define(app: Clout) -> None:
    """The agent for the six event topics and `strays`."""

    @app.agent(app.source(*EVENTS, STRAYS), name="actions")
    async def actions(blocks: faust.StreamT[Block]) -> None:
        async for block in blocks:
            app.partitions.deliver(block)
