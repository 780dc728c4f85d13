"""How live sources stand: what `clout feed` of one writes to Redis, and what is answered of it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class SourceStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How one source stands."""

    source: Annotated[str, Meta(description="its name")]
    network: Annotated[str, Meta(description="whose events it gives")]
    state: Annotated[
        Literal["reading", "waiting", "stopped"],
        Meta(description="`waiting`: there is no connection; `stopped`: on purpose"),
    ]
    endpoint: Annotated[str, Meta(description="where it is read, or was read last")]
    instance: Annotated[str, Meta(description="the process that reads it")]
    at: Annotated[int, Meta(description="of which moment this is, ms since epoch")]
    lag_ms: Annotated[int | None, Meta(description="how old the newest that was read is; null: nothing was read")]
    rate: Annotated[float, Meta(description="events a second lately", ge=0)]
    events: Annotated[int, Meta(description="events fed, by all processes", ge=0)]
    errors: Annotated[int, Meta(description="connections that were lost, since this process began", ge=0)]
    last: Annotated[str, Meta(description="why the last one was; empty: none was")]
    skipped: Annotated[dict[str, int], Meta(description="what gave no event, by reason, by all processes")]
    cursor: Annotated[str | None, Meta(description="how far it was read: JSON that the source understands")]
    committed: Annotated[
        int, Meta(description="when that was written, ms since epoch; 0: not yet by this process", ge=0)
    ]
    gap: Annotated[int | None, Meta(description="since when a gap of its network is on, ms since epoch; null: none is")]
