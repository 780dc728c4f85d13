"""Records of the topic `deliveries`: what waits to be delivered to a channel, dead letters, and channels that are switched off.

Key: the channel, `/` and the id of the alert; of the channel itself its name alone. All of a channel are in one partition.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from streams.events import NEWEST_MS

FORMAT = 1
DEAD = "dead"
MOST_MEMBERS = 1_000  #: alerts that one message tells of


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message to one channel: an alert, or several as one."""

    channel: str
    id: str  #: of the alert; of several `digest/CHANNEL/MS`. The same in each attempt
    at: int  #: when it was taken up, ms since epoch
    due: int  #: when it is tried next, ms since epoch
    state: Literal["waiting", "dead"] = "waiting"
    attempts: int = 0  #: made
    outcome: str = ""  #: of the last attempt, in words
    #: as it stands in `alerts`; of several a `Digest`
    alert: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    members: tuple[str, ...] = ()  #: ids of the alerts that a digest tells of
    format: int = FORMAT

    @property
    def key(self) -> bytes:
        """Of its record."""
        return key_of(self.channel, self.id)


class Digest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="digest"):
    """Several alerts as one message."""

    id: str
    channel: str
    at: int  #: ms since epoch
    count: int
    since: int  #: of the first alert, ms since epoch
    until: int  #: of the last
    severity: str  #: of the loudest
    why: Literal["storm", "quiet", "group"]  #: why they are told as one
    rules: dict[str, int]  #: alerts by rule
    states: dict[str, int]  #: alerts by state
    sentence: str
    worst: msgspec.Raw  #: the alert that is loudest, and of these the one that moved farthest
    alerts: list[msgspec.Raw] = []  # the first few


class Off(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="off"):
    """The channel is switched off, because its receiver says that it is gone."""

    channel: str
    at: int  #: ms since epoch
    of: str  #: fingerprint of the channel as it was: another one is on again
    outcome: str
    format: int = FORMAT


class _Head(msgspec.Struct):
    format: int = FORMAT


class _Alert(msgspec.Struct):
    """What lanes and digests look at."""

    id: str
    at: Annotated[int, msgspec.Meta(ge=0, le=NEWEST_MS)] = 0
    rule: str | None = None
    state: str | None = None
    severity: str | None = None
    user: str | None = None
    network: str | None = None
    change: float | None = None


_encode = msgspec.json.Encoder().encode
_head = msgspec.json.Decoder(_Head).decode
_alert = msgspec.json.Decoder(_Alert).decode
_delivery = msgspec.json.Decoder(Delivery).decode
_off = msgspec.json.Decoder(Off).decode


def key_of(channel: str, id_: str) -> bytes:
    """The key of a delivery."""
    return f"{channel}/{id_}".encode()


def home(channel: str, partitions: int) -> int:
    """The partition that holds all of a channel."""
    from streams.partitioner import partition_of  # it brings numpy, which schemas do without

    return partition_of(channel.encode(), partitions)


def encode(one: Delivery | Off) -> tuple[bytes, bytes]:
    """Key and value of its record."""
    return (one.channel.encode() if isinstance(one, Off) else one.key), _encode(one)


def decode(key: bytes, value: bytes) -> Delivery | Off:
    """Raises ValueError for what is none, of a newer format, or of another key."""
    try:
        if (format_ := _head(value).format) > FORMAT:  # first: what another format looks like is not known
            raise ValueError(f"a delivery of format {format_}; this version knows {FORMAT}: update it")
        found: Any = _delivery(value) if b"/" in key else _off(value)
        if isinstance(found, Delivery):
            _alert(found.alert)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no delivery: {error}") from None
    own = found.key if isinstance(found, Delivery) else found.channel.encode()
    if own != key:
        raise ValueError("a delivery under the key of another: it could never be taken away")
    return found  # type: ignore[no-any-return]
