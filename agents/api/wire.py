"""Connections as bytes: how many there may be, how long a request may be on its way, and how much of it before anybody looks.

uvicorn closes a connection that is silent after an answer; whoever sends a header a minute, or nothing at all, it would keep.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger("clout.api")

MOST_HEAD_BYTES = 65_536  #: of a request line and its headers: 431
ASKING_S = 15.0  #: from the first byte, or from when the connection was opened, to the end of the request: 408
GONE_S = 60.0  #: from then too, until whoever does not take the last words is cut off
SPARE_FILES = 256  #: of those that the system lets us open; for Redis, Kafka, logs
FEW_FILES = 4_096
SYSTEM_HAS_NO_LIMIT = 1_000_000  # where nobody says: Windows counts otherwise


class Wire(HttpToolsProtocol):
    """One connection. Beyond `most` of them who comes is told so: without a file left nobody could be let in at all."""

    def __init__(self, *args: Any, most: int = SYSTEM_HAS_NO_LIMIT, **options: Any) -> None:
        super().__init__(*args, **options)
        self._most = most
        self._in_head = True  # what comes next is of a head
        self._head_bytes = 0  # that came, and that are no whole head yet

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        super().connection_made(transport)
        if len(self.connections) > self._most:
            self.refuse(b"503 Service Unavailable\r\nretry-after: 2")

    def data_received(self, data: bytes) -> None:
        """More of a request."""
        before, in_head = self.cycle, self._in_head
        super().data_received(data)
        in_head = in_head and self._in_head and self.cycle is before
        self._head_bytes = self._head_bytes + len(data) if in_head else 0
        if self._head_bytes > MOST_HEAD_BYTES:
            self.refuse(b"431 Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        """The rest is a body."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next one begins with a head."""
        self._in_head = True
        super().on_message_complete()

    @property
    def asking(self) -> bool:
        """Is a request on its way, or none yet?"""
        cycle = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body

    def late(self) -> None:
        """The request is not whole in time; or there is none."""
        if self._head_bytes or (self.cycle and not self.cycle.response_started):
            self.refuse(b"408 Request Timeout")
        else:
            self.transport.close()

    def refuse(self, status: bytes) -> None:
        """The last words."""
        self.transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        self.transport.close()


class Patience:
    """Looks once a second at who has been asking for too long: one loop over all, and nothing to do for each request."""

    def __init__(self, connections: Iterable[Any]) -> None:
        self._connections = connections
        self._since: dict[Wire, tuple[Any, float]] = {}  # what it was asking after, and when that was seen first

    def look(self, now_s: float) -> None:
        """End those that have been asking for `ASKING_S`; and those that do not take their last words for `GONE_S`."""
        before, self._since = self._since, {}
        for one in list(self._connections):
            if not one.asking:
                continue
            after, since_s = before.get(one, (one.cycle, now_s))
            since_s = since_s if after is one.cycle else now_s
            self._since[one] = one.cycle, since_s
            if now_s - since_s >= GONE_S:
                one.transport.abort()
            elif now_s - since_s >= ASKING_S and not one.transport.is_closing():
                one.late()


def most_connections() -> int:
    """How many there may be at once: as many files as this process may open, after asking the system for all it gives."""
    if sys.platform == "win32":
        return SYSTEM_HAS_NO_LIMIT
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    files = SYSTEM_HAS_NO_LIMIT if soft == resource.RLIM_INFINITY else soft
    if files < FEW_FILES:
        log.warning("at most %d connections at once: raise the limit of open files (ulimit -Hn)", files - SPARE_FILES)
    return max(files - SPARE_FILES, 1)
