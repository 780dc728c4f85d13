"""How deliveries of alerts stand: what `clout alerting` writes to Redis, and what is answered of it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt, or the end of a delivery without one."""

    channel: Annotated[str, Meta(description="name of the channel")]
    id: Annotated[str, Meta(description="of the alert, or of the digest")]
    about: Annotated[str, Meta(description="the user, or the network, that it is about")]
    at: Annotated[int, Meta(description="when, ms since epoch")]
    state: Annotated[
        str, Meta(description="`delivered`, `failed`, `dead`, `silenced`, `acknowledged` or `merged` (told as one)")
    ]
    said: Annotated[str, Meta(description="what the receiver answered, or what went wrong")]
    attempts: Annotated[int, Meta(description="how many there were", ge=0)]


class ChannelStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How one channel stands."""

    channel: Annotated[str, Meta(description="its name")]
    kind: Annotated[str, Meta(description="`webhook`, `email` or `apprise`")]
    enabled: Annotated[bool, Meta(description="false: nothing goes there")]
    waiting: Annotated[int, Meta(description="alerts that wait", ge=0)]
    dead: Annotated[int, Meta(description="dead letters", ge=0)]
    oldest: Annotated[
        int | None, Meta(description="when the oldest that waits was taken up, ms since epoch; null: none waits")
    ]
    open_until: Annotated[
        int | None, Meta(description="it is left alone until then, ms since epoch; null: it is tried")
    ]
    off: Annotated[str, Meta(description="why it is switched off; empty: it is not")]
    delivered: Annotated[int, Meta(description="since the process that delivers began", ge=0)]
    failed: Annotated[int, Meta(description="the same of attempts that failed", ge=0)]
    last: Annotated[str, Meta(description="what came of the last attempt; empty: there was none")]
    at: Annotated[int, Meta(description="of which moment this is, ms since epoch")]
