"""The header of a partition: the one record in `state` that says what is true at a commit. JSON, so that people can read it."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from streams.model.inforce import InForce, Models

FORMAT = 7


class Turn(NamedTuple):
    """Blocks that were folded together: what events weigh goes by the rows before a turn, and a turn is in order of time."""

    newest_ms: int  #: no event in it may be later: MAX_AHEAD_MS behind the clock on the wall
    blocks: tuple[tuple[str, int], ...]  #: base topic and next offset, as they were read


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of a partition at a commit."""

    format: Annotated[int, Meta(description="format of the rows")] = FORMAT
    generation: Annotated[int, Meta(description="rises with each take-over")]
    version: Annotated[int, Meta(description="under which the interval was published")]
    now_ms: Annotated[int, Meta(description="the time scores were last published for")]
    positions: Annotated[dict[str, int], Meta(description="base topic -> next offset to apply")]
    turns: Annotated[
        tuple[Turn, ...],
        Meta(
            description="what was folded together since the commit before: `[newest_ms, [[topic, next offset]...]]`, in that order"
        ),
    ] = ()
    topics: Annotated[dict[str, str], Meta(description="base topic -> id of the topic that the position is of")] = {}
    clock: Annotated[int, Meta(description="newest event time, ms")]
    day: Annotated[
        int, Meta(description="the day (since epoch) that had begun; rows know up to which their closes are taken")
    ]
    closed_ms: Annotated[int, Meta(description="when it began: the moment of the last daily close")] = 0
    half_lives_ms: Annotated[tuple[int, int, int], Meta(description="of the three windows")]
    counts: Annotated[dict[str, int], Meta(description="what the partition has counted since it began")]
    model: Annotated[str, Meta(description="name of the model that weighed; empty before it was kept")] = ""
    models: Annotated[
        tuple[InForce, ...],
        Meta(
            description="those in force, the oldest first; daily closes belong to that of their moment. Empty: `model` alone"
        ),
    ] = ()
    origin: Annotated[
        str,
        Meta(
            description="the import that these rows come from; empty: none. What Redis has of another origin counts for nothing"
        ),
    ] = ""
    begun: Annotated[
        int,
        Meta(description="take-overs in a row that began here and ended before anything more was committed"),
    ] = 0
    policies: Annotated[
        int, Meta(description="offset in `policies` of the last one that alerts were judged under; -1: none")
    ] = -1
    lines: Annotated[
        dict[str, float], Meta(description="where the percentiles and the top N begin that alerts were judged by")
    ] = {}
    published_from: Annotated[
        int,
        Meta(
            description="rows published under lower versions were published elsewhere, before an import: they come again"
        ),
    ] = 0

    def in_force(self, name: str) -> Models:
        """The models in force, the oldest first; `name`: the one of a header that was written before they were kept."""
        return self.models or (InForce(self.model or name, 0),)
