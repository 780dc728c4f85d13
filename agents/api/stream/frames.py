"""Frames of server-sent events. An `id` covers all that was sent up to it: who comes back with it misses nothing."""

from __future__ import annotations

from typing import Any

import orjson

_BREAKS = [(chr(code).encode(), b"\\u%04x" % code) for code in (0x85, 0x2028, 0x2029)]


def event(name: str, data: Any, cursor: str = "") -> bytes:
    """One event; bytes are JSON already."""
    text = data if isinstance(data, bytes) else orjson.dumps(data)
    return b"%bevent: %b\ndata: %b\n\n" % (_id(cursor), name.encode(), _line(text))


def opening(cursor: str) -> bytes:
    """The first frame: how soon to come back, and from where."""
    return b"retry: 1000\n%b\n" % _id(cursor)


def heartbeat(cursor: str) -> bytes:
    """Keeps the connection open, and moves the cursor without an event."""
    return b": still here\n%b\n" % _id(cursor)


def _line(text: bytes) -> bytes:
    """JSON has bare line breaks between its values only. What Unicode calls one is escaped, for some clients go by that."""
    if b"\n" in text or b"\r" in text:
        text = b" ".join(text.splitlines())
    if not text.isascii():
        for broken, escaped in _BREAKS:
            text = text.replace(broken, escaped)
    return text


def _id(cursor: str) -> bytes:
    return b"id: %b\n" % cursor.encode() if cursor else b""
