"""Records of the topic `names`: what users are called. Key: `name/` or `handle/` and the user; null takes it back."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from streams.display_names import Named, shown

_KINDS = {"name/": False, "handle/": True}  # is it a handle?
_KEY = {handle: kind for kind, handle in _KINDS.items()}


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """What a user is called."""

    name: Annotated[str, Meta(description="a display name, or a handle without its @", min_length=1)]
    ts: Annotated[int, Meta(description="when the source said so, ms since epoch, UTC; 0: not known")] = 0


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Name).decode


def encode(one: Named, ts_ms: int) -> tuple[bytes, bytes | None]:
    """Key and value of its record, cleaned; a name of which nothing is left is one that is taken back."""
    key = (_KEY[one.handle] + one.user).encode()
    name = shown(one)
    return key, _encode(Name(name=name[one.handle :], ts=ts_ms)) if name else None


def decode(key: bytes, value: bytes | None) -> Named:
    """As it is shown, whoever wrote it. Raises ValueError for what is none."""
    try:
        kind, _, user = key.decode().partition("/")
        handle = _KINDS[f"{kind}/"]
        named = Named(user, None if value is None else _decode(value).name, handle)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise ValueError(f"no name: {error}") from None
    if not user:
        raise ValueError("no name: the key has no user")
    return named._replace(name=shown(named) or None)
