"""Reading the topic `cursors`: how far each source was read."""

from __future__ import annotations

from aiokafka import TopicPartition

from streams.broker.scan import Scan
from streams.formats.cursors import Cursor, decode
from streams.settings import Settings
from streams.topics import CURSORS


async def read(settings: Settings) -> dict[str, Cursor]:
    """What is committed now, by source. Raises ValueError for a record that this version cannot use, NotAllowed,
    TopicMismatch, and the client's errors."""
    found: dict[str, Cursor] = {}
    topic = settings.topic(CURSORS.name)
    async with Scan(settings, {TopicPartition(topic, 0): None}) as scan:
        async for fetch in scan.fetches():
            for record in (record for batches in fetch.values() for batch in batches for record in batch):
                key = record.key or b""
                if record.value is None:
                    found.pop(key.decode(errors="replace"), None)
                    continue
                try:
                    one = decode(key, record.value)
                except ValueError as error:
                    raise ValueError(f"{topic}[0]@{record.offset}: {error}") from None
                found[one.source] = one
    return found
