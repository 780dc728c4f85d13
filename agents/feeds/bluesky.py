"""Connections to Bluesky's Jetstream: `clout feed bluesky`. What its frames say: streams/sources/bluesky.py."""

from __future__ import annotations

import email.utils
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import aiohttp

from streams.errors import UsageError
from streams.sources.bluesky import COLLECTIONS, V2_PATH, AnotherSequence, Frames, asked, place_of
from streams.sources.live import Batch, Lost

#: version 2 first; the others are asked when it cannot be had
ENDPOINTS = (
    "wss://jetstream.us-west.bsky.network",
    "wss://jetstream.us-east.bsky.network",
    "wss://jetstream1.us-east.bsky.network/subscribe",
    "wss://jetstream2.us-west.bsky.network/subscribe",
)
STALL_S = 30.0  #: there are hundreds of events a second
_CONNECT_S = 15.0
_CLOSE_S = 1.0  # so long a server that has fallen silent is waited for, to say goodbye
_MOST_FRAME_BYTES = 4 << 20
_V2_PROTOCOL = "xrpc.v1.json"
_TEXT = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)


def wall_ms() -> float:
    """Now, ms since epoch."""
    return time.time() * 1000


class Bluesky:
    """Likes, reposts, quotes, replies, mentions and follows of all of Bluesky, and what of it is taken back."""

    name = network = "bluesky"
    replays = True
    stall_s: float | None = STALL_S

    def __init__(self, endpoints: Sequence[str] = ENDPOINTS, wall_ms: Callable[[], float] = wall_ms) -> None:
        """URLs with ws or wss; one with the path /subscribe speaks version 1. Raises UsageError for what is none."""
        self.endpoints = tuple(_checked(url) for url in endpoints)
        self._frames = Frames(wall_ms, self.network)
        self._by_time: set[str] = set()  # endpoints that no longer have what their sequence names

    async def events(self, endpoint: str, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """See LiveSource."""
        place, by_time = place_of(cursor), endpoint in self._by_time
        by_sequence = bool(place and place.seq is not None and place.endpoint == endpoint and not by_time)
        url = _url(endpoint, asked(place, endpoint, by_time=by_time))
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
            try:
                socket = await session.ws_connect(
                    url,
                    protocols=() if _is_v1(endpoint) else (_V2_PROTOCOL,),
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_S),
                    max_msg_size=_MOST_FRAME_BYTES,
                    decode_text=False,  # what is no UTF-8 costs its frame, not the connection
                )
            except aiohttp.WSServerHandshakeError as error:
                if error.status == 400 and by_sequence:  # CursorTooOld
                    self._by_time.add(endpoint)
                raise Lost(_refusal(error), _wait_s(error, time.time())) from None
            except (aiohttp.ClientError, OSError) as error:
                raise Lost(f"no connection: {error or type(error).__name__}") from None
            async with socket:
                self._frames.begin(endpoint, place, by_time=by_time)
                self._by_time.discard(endpoint)
                try:
                    while (message := await socket.receive()).type in _TEXT:
                        if batch := self._frames.read(message.data):
                            yield batch
                except AnotherSequence:
                    self._by_time.add(endpoint)
                    raise
                raise Lost(_closed(socket, message))


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{url!r} is no endpoint of Jetstream; as in {ENDPOINTS[0]}, or {ENDPOINTS[-1]} for version 1")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or V2_PATH, "", ""))


def _is_v1(endpoint: str) -> bool:
    return endpoint.endswith("/subscribe")


def _url(endpoint: str, cursor: int | None) -> str:
    name = "wantedCollections" if _is_v1(endpoint) else "collections"
    query = [(name, one) for one in COLLECTIONS] + ([] if cursor is None else [("cursor", str(cursor))])
    return f"{endpoint}?{urlencode(query)}"


def _refusal(error: aiohttp.WSServerHandshakeError) -> str:
    kind = _header(error, "Content-Type")
    what = f" ({kind.partition(';')[0]})" if kind else ""
    return f"the server answers HTTP {error.status}{what} in place of a websocket"


def _header(error: aiohttp.WSServerHandshakeError, name: str) -> str:
    return error.headers.get(name, "") if error.headers else ""


def _wait_s(error: aiohttp.WSServerHandshakeError, now_s: float) -> float | None:
    """What `Retry-After` says, as seconds or as a date."""
    text = _header(error, "Retry-After")
    if text.isdecimal():
        return float(text)
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - now_s, 0.0)
    except (TypeError, ValueError):
        return 60.0 if error.status == 429 else None


def _closed(socket: aiohttp.ClientWebSocketResponse[Any], message: Any) -> str:
    if message.type is aiohttp.WSMsgType.ERROR:
        return f"the connection broke: {message.data or type(message.data).__name__}"
    return f"the server has closed the connection (code {socket.close_code})"
