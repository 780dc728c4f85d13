"""Following a stream that lies on one or several shards, with a cursor that a web client can hand back."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from streams.errors import UsageError
from streams.scoreboard.connect import AsyncRedis

#: cursor for `from now on`
END = "$"
START = "0-0"
#: below the socket timeout of 5 s, or redis-py takes a quiet stream for a dead server
LONGEST_BLOCK_MS = 3_000
#: Redis Cluster cannot wait on several shards in one call: look this often
LOOK_S = 0.05
_ID = re.compile(r"\d{1,19}-\d{1,19}", re.ASCII)


class Entry(NamedTuple):
    """One entry of a stream. `cursor` continues after it, on all shards; `at_ms` is the server's clock."""

    cursor: str
    at_ms: int
    payload: bytes
    gap: bool = False  #: the entry of the cursor asked with is gone: others between it and this one may be, too
    stream: int = 0  #: in which of the streams it stands, by the order in which they were named

    def order(self) -> tuple[int, int]:
        """Of one stream: the older, the less."""
        return _order(self.cursor)


async def newest(client: Any, stream: str, n: int) -> list[Entry]:
    """The last n entries of one stream, newest first; their cursors are those of this stream alone."""
    return [_entry(ident, fields) for ident, fields in await client.xrevrange(stream, count=n)]


class Tail:
    """One logical stream. A cursor is the last seen id of each shard's stream, joined with commas."""

    def __init__(self, client: AsyncRedis, streams: Sequence[str], *, one_call: bool = True) -> None:
        self._client: Any = client
        self._streams = list(streams)
        self._numbers = {stream: number for number, stream in enumerate(streams)}
        self._one_call = one_call

    async def end(self) -> str:
        """The cursor after everything that is there now."""
        newest = await asyncio.gather(*(self._client.xrevrange(stream, count=1) for stream in self._streams))
        return ",".join(entries[0][0].decode() if entries else START for entries in newest)

    async def after(self, cursor: str, block_ms: int, count: int) -> list[Entry]:
        """Up to `count` entries of each shard after the cursor, oldest first; waits up to `block_ms` for the first.

        Entries that were trimmed or deleted meanwhile are gone: the answer goes on with the oldest there is, which says so
        (`gap`).
        """
        if cursor == END:
            cursor = await self.end()
        seen = self._parse(cursor)
        block_ms = min(block_ms, LONGEST_BLOCK_MS)
        look = self._together if self._one_call else self._one_by_one
        found = await look(seen, block_ms, count)
        gaps = await self._gaps(seen, {stream for stream, _, _ in found})
        entries = []
        for stream, ident, fields in sorted(found, key=lambda item: _order(item[1])):
            seen[stream] = ident
            entry = _entry(ident, fields)
            entries.append(
                entry._replace(cursor=",".join(seen.values()), gap=stream in gaps, stream=self._numbers[stream])
            )
            gaps.discard(stream)
        return entries

    async def _gaps(self, seen: dict[str, str], streams: set[str]) -> set[str]:
        """Those of these streams where the entry last seen is not there any more."""
        asked = [stream for stream in streams if seen[stream] != START]
        there = await asyncio.gather(*(self._client.xrange(name, seen[name], seen[name], count=1) for name in asked))
        return {stream for stream, entries in zip(asked, there, strict=True) if not entries}

    def _parse(self, cursor: str) -> dict[str, str]:
        idents = [START] * len(self._streams) if cursor in ("0", START) else cursor.split(",")
        if len(idents) != len(self._streams) or not all(_ID.fullmatch(ident) for ident in idents):
            raise UsageError(f"{cursor[:80]!r} is no cursor of this stream: use one it gave, '$' (from now) or '0-0'")
        return dict(zip(self._streams, idents, strict=True))

    async def _together(self, seen: dict[str, str], block_ms: int, count: int) -> list[tuple[str, str, Any]]:
        return list(_flat(await self._client.xread(seen, count=count, block=block_ms or None)))

    async def _one_by_one(self, seen: dict[str, str], block_ms: int, count: int) -> list[tuple[str, str, Any]]:
        until = time.monotonic() + block_ms / 1000
        while True:
            some = await asyncio.gather(*(self._client.xread({name: at}, count=count) for name, at in seen.items()))
            found = [item for answer in some for item in _flat(answer)]
            if found or time.monotonic() >= until:
                return found
            await asyncio.sleep(LOOK_S)


def _flat(answer: Any) -> Iterator[tuple[str, str, Any]]:
    """Stream, id, fields of each entry; RESP2 answers lists, RESP3 maps with one more list around the entries."""
    for stream, entries in answer.items() if isinstance(answer, dict) else answer or ():
        for ident, fields in entries[0] if isinstance(answer, dict) else entries:
            yield stream.decode(), ident.decode(), fields


def _entry(ident: bytes | str, fields: dict[bytes, bytes]) -> Entry:
    text = ident if isinstance(ident, str) else ident.decode()
    return Entry(text, int(text.partition("-")[0]), next(iter(fields.values())))


def _order(ident: str) -> tuple[int, int]:
    at_ms, _, number = ident.partition("-")
    return int(at_ms), int(number)
