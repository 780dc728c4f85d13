"""Requests put together in one piece: byte for byte what aiokafka makes, over its own connection, and what a broker takes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import struct
import weakref
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest
from kafka.admin import KafkaAdminClient

from streams.broker import requests
from streams.broker.publisher import MAX_BATCH_BYTES, plain_producer, transactional_producer
from streams.broker.requests import joined_once
from streams.settings import Settings

Topics = list[tuple[str, list[tuple[int, Any]]]]

TOPICS: list[Topics] = [
    [],
    [("scores", [])],
    [("scores", [(0, b"")])],
    [("scores", [(3, bytearray(b"batch"))])],
    [("scöres", [(0, b"one"), (7, bytearray(900_000))]), ("state", [(2**31 - 1, b"\x00\xff" * 20_000)])],
]


async def sent(prepare: Callable[[Any], Any], request: Any, version: int) -> tuple[bytes, Any]:
    """What aiokafka's connection writes for a request to a broker that understands one version, and what it waits for."""
    written: list[bytes] = []

    def client_send(_: int, asked: Any, **__: Any) -> Any:
        connection.send(asked).close()
        return asyncio.sleep(0)

    connection: Any = object.__new__(AIOKafkaConnection)
    connection._writer = SimpleNamespace(write=written.append)
    connection._versions = {ProduceRequest.API_KEY: (version, version), MetadataRequest.API_KEY: (0, 1)}
    connection._correlation_id, connection._client_id = 41, "client"
    connection._host, connection._port, connection._reader = "broker", 9092, None
    connection._loop, connection._requests, connection._request_timeout = asyncio.get_running_loop(), deque(), None
    producer = prepare(SimpleNamespace(client=SimpleNamespace(send=client_send)))
    await producer.client.send(0, request)
    [(_, waits_for, _)] = connection._requests
    connection._requests.clear()
    return b"".join(written), waits_for


def as_it_was(producer: Any) -> Any:
    """Aiokafka's own way."""
    return producer


@pytest.mark.parametrize("topics", TOPICS)
def test_the_same_bytes(topics: Topics) -> None:
    """In every version that aiokafka has, with and without a transaction."""
    for version in range(8):
        for transactional_id in (None, "a-0") if version >= 3 else (None,):
            request = ProduceRequest(transactional_id, -1, 40_000, topics)
            theirs, their_struct = asyncio.run(sent(as_it_was, request, version))
            ours, our_struct = asyncio.run(sent(joined_once, request, version))
            assert ours == theirs
            assert struct.unpack_from(">i", ours)[0] == len(ours) - 4
            assert type(our_struct) is type(their_struct)


def test_only_what_is_known_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other requests, those nobody answers, other versions of the request: as aiokafka sends them."""
    joined: list[Any] = []
    monkeypatch.setattr(requests, "_parts", lambda request: joined.append(request) or iter([b"parts"]))
    batches = [("scores", [(0, b"batch")])]
    for request, version in (
        (MetadataRequest(["scores"]), 7),
        (ProduceRequest(None, 0, 1, batches), 7),
        (ProduceRequest(None, -1, 1, batches), 2),
    ):
        assert asyncio.run(sent(joined_once, request, version))[0] == asyncio.run(sent(as_it_was, request, version))[0]
    assert not joined
    asyncio.run(sent(joined_once, ProduceRequest(None, -1, 1, batches), 7))
    assert len(joined) == 1


def test_another_aiokafka_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is put before a client whose private ways are not known."""
    monkeypatch.setattr(requests, "_KNOWN", False)
    client = SimpleNamespace(send=object())
    before = client.send
    joined_once(SimpleNamespace(client=client))  # type: ignore[arg-type]
    assert client.send is before


def test_this_aiokafka_is_known() -> None:
    """Else nothing is gained any more, and nobody notices."""
    assert requests._KNOWN


@pytest.mark.parametrize("transactional", [False, True])
def test_a_broker_takes_them(kafka: str, prefix: str, transactional: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small and large batches of several partitions and topics, joined, arrive whole and in order."""
    joined: list[Any] = []
    parts = requests._parts
    monkeypatch.setattr(requests, "_parts", lambda request: joined.append(request) or parts(request))
    values = [b"small", bytes(MAX_BATCH_BYTES - 1_000), b"last"]
    places = [(f"{prefix}{name}", 0) for name in ("one", "two")]

    with contextlib.closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        topic = {"num_partitions": 1, "replication_factor": 1}
        admin.create_topics({name: topic for name, _ in places}, wait_for_metadata=True)

    async def there_and_back() -> list[list[bytes]]:
        settings = Settings(kafka=kafka)
        made = transactional_producer(settings, f"{prefix}0") if transactional else plain_producer(settings)
        async with joined_once(made) as producer:
            if transactional:
                await producer.begin_transaction()
            await asyncio.gather(*[await send(producer, *place, value) for value in values for place in places])
            if transactional:
                await producer.commit_transaction()
        return [await read(*place) for place in places]

    async def send(producer: AIOKafkaProducer, topic: str, partition: int, value: bytes) -> Any:
        batch = producer.create_batch()
        batch.append(key=b"key", value=value, timestamp=None)
        return await producer.send_batch(batch, topic, partition=partition)

    async def read(topic: str, partition: int) -> list[bytes]:
        async with AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed") as consumer:
            consumer.assign([TopicPartition(topic, partition)])
            await consumer.seek_to_beginning()
            return [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in values]

    assert asyncio.run(there_and_back()) == [values, values]
    assert joined


def test_a_request_is_gone_once_nobody_waits_for_it() -> None:
    """Not when the garbage collector comes by, which is seldom in a worker: a request holds a megabyte."""
    request = ProduceRequest("a-0", -1, 40_000, TOPICS[-1])
    prepared = requests._Request(request).prepare({ProduceRequest.API_KEY: (3, 7)})
    assert len(prepared.encode()) > 900_000
    gone = weakref.ref(prepared)
    gc.disable()
    try:
        del prepared
        assert gone() is None
    finally:
        gc.enable()
