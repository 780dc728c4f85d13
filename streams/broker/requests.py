"""Requests that bring batches to a broker, put together in one piece: what is private about them in aiokafka. For aiokafka 0.14.

aiokafka puts such a request together from the inside out, and copies its batches at each of eight levels: bytes, partition,
partitions, topic, topics, request, header, length. Here the small parts are listed and all is joined once.

Known are: that a client sends through its `send`; that the connection asks `prepare` for what is sent and calls its `encode`
once, puts the header before it and the length before both, each with `+`; the one schema that versions 3 to 7 have. Whatever
is not as known is sent as aiokafka does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import aiokafka
from aiokafka import AIOKafkaProducer
from aiokafka.client import ConnectionGroup
from aiokafka.protocol.produce import ProduceRequest, ProduceRequest_v3
from aiokafka.protocol.types import Int16, Int32, String

_KNOWN = aiokafka.__version__.startswith("0.14.")
_LENGTH_BYTES = 4
_text = String("utf-8").encode


def joined_once(producer: AIOKafkaProducer) -> AIOKafkaProducer:
    """The same producer; from here on it copies its batches once a request."""
    client = producer.client
    if _KNOWN:
        send = client.send

        async def send_joined(node: int, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
            if type(request) is ProduceRequest and request.required_acks:
                request = _Request(request)
            return await send(node, request, group=group)

        client.send = send_joined
    return producer


class _Request:
    """What a connection asks for the request that its broker understands."""

    def __init__(self, request: ProduceRequest) -> None:
        self._request = request

    def prepare(self, versions: dict[int, tuple[int, int]]) -> Any:
        prepared: Any = self._request.prepare(versions)
        if prepared.SCHEMA is ProduceRequest_v3.SCHEMA and not prepared.FLEXIBLE_VERSION:
            # nothing that holds `prepared` itself: a circle of batches would wait for the garbage collector
            prepared.encode = partial(_Parts, list(_parts(prepared)))
        return prepared


def _parts(request: Any) -> Iterator[bytes]:
    yield _text(request.transactional_id) + Int16.encode(request.required_acks) + Int32.encode(request.timeout)
    yield Int32.encode(len(request.topics))
    for topic, batches in request.topics:
        yield _text(topic) + Int32.encode(len(batches))
        for partition, batch in batches:
            yield Int32.encode(partition) + Int32.encode(len(batch))
            yield batch


class _Parts:
    """Bytes not yet joined: `length + (header + parts)` is a bytes object."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = list(parts)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __radd__(self, before: bytes) -> _Parts | bytes:
        if len(before) == _LENGTH_BYTES:
            return b"".join((before, *self._parts))
        return _Parts((before, *self._parts))
