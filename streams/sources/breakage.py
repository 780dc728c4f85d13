"""Ways in which real producers get an event wrong. Each is refused by `streams.events.parse`, whatever the kind."""

from __future__ import annotations

import re
from collections.abc import Callable

_TS = re.compile(rb'"ts":(\d+)')


def _renamed(field: bytes) -> Callable[[bytes], bytes]:
    return lambda value: value.replace(b'"%b":' % field, b'"%b_":' % field, 1)


BREAKAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda value: value[: len(value) // 2],
    "empty": lambda _: b"",
    "no object": lambda value: b"[%b]" % value,
    "invalid UTF-8": lambda value: value.replace(b'"actor":"', b'"actor":"\xff\xfe', 1),
    "actor missing": _renamed(b"actor"),
    "id missing": _renamed(b"id"),
    "actor is a number": lambda value: re.sub(rb'"actor":"[^"]*"', b'"actor":42', value, count=1),
    "ts is text": lambda value: _TS.sub(rb'"ts":"\1"', value, count=1),
    "ts in seconds": lambda value: _TS.sub(lambda found: b'"ts":%d' % (int(found[1]) // 1000), value, count=1),
    "ts in microseconds": lambda value: _TS.sub(rb'"ts":\g<1>000', value, count=1),
    "unknown kind": lambda value: re.sub(rb'"type":"[^"]*"', b'"type":"poke"', value, count=1),
}
NAMES: tuple[str, ...] = tuple(BREAKAGES)
