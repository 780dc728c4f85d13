"""Answers: JSON of now, what a client may keep and ask again with its ETag, and the headers of every answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson
from fastapi import Request, Response

from streams.scoreboard import shards

JSON = "application/json"
NOT_KEPT = "no-store"
ASKED_AGAIN = "private, no-cache"  #: kept, but asked again with If-None-Match before each use
PARTIAL = "These shards of Redis do not answer, or did not on an earlier page: what they hold is left out."
_is_quality = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?").fullmatch  # RFC 9110 12.4.2
HEADERS = {
    # nothing from elsewhere, nothing inline: text from events can do nothing even if it got into the page as markup
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def packed(body: dict[str, Any]) -> bytes:
    """As JSON; `partial` in it says which shards what was read is without, if any."""
    left_out = sorted(shards.missing())
    return orjson.dumps({**body, "partial": {"shards": left_out, "why": PARTIAL}} if left_out else body)


def json(body: Any, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
    """JSON as it is now: no cache may keep it. Bytes are JSON already."""
    text = packed(body) if isinstance(body, dict) else body if isinstance(body, bytes) else orjson.dumps(body)
    return Response(text, status, {"cache-control": NOT_KEPT, **headers}, JSON)


def prefers(accept: str, media_type: str, other: str) -> bool:
    """Does an Accept header name this type, and want it no less than the other?"""
    wanted: dict[str, float] = {}
    for one in accept.split(","):
        name, *rest = (part.strip().lower() for part in one.split(";"))
        quality = next((part[2:] for part in rest if part.startswith("q=")), "1")
        wanted[name] = float(quality) if _is_quality(quality) else 0.0
    return wanted.get(media_type, 0.0) > 0 and wanted[media_type] >= wanted.get(other, 0.0)


def etag(*essence: Any) -> str:
    """A weak ETag: answers with the same essence say the same, though their `as_of` differs."""
    return f'W/"{hashlib.blake2b(orjson.dumps(essence), digest_size=12).hexdigest()}"'


def unless_known(
    request: Request, tag: str, body: Any, media_type: str = JSON, *, kept: str = ASKED_AGAIN, **headers: str
) -> Response:
    """The answer, or 304 without a body if the client's If-None-Match has this tag. What is partial has none: nobody keeps it."""
    if shards.missing():
        return json(body)
    headers = {"etag": tag, "cache-control": kept} | headers
    if _known(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(body if isinstance(body, str | bytes) else orjson.dumps(body), 200, headers, media_type)


def _known(given: str, tag: str) -> bool:
    """Weak comparison, RFC 9110 8.8.3.2."""
    tags = {one.strip().removeprefix("W/") for one in given.split(",")}
    return "*" in tags or tag.removeprefix("W/") in tags
