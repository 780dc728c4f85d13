"""The real Kafka of the tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient


def test_transactions_commit_and_abort(kafka: str, prefix: str) -> None:
    """The broker runs transactions: what was committed can be read, what was aborted cannot."""
    topic = f"{prefix}scores"
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
    admin.close()

    async def run() -> list[bytes | None]:
        async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=prefix) as producer:
            for value, keep in ((b"kept", True), (b"dropped", False), (b"last", True)):
                await producer.begin_transaction()
                await producer.send_and_wait(topic, value, partition=0)
                await (producer.commit_transaction() if keep else producer.abort_transaction())
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        async with consumer:
            consumer.assign([TopicPartition(topic, 0)])
            return [(await asyncio.wait_for(consumer.getone(), 10)).value for _ in range(2)]

    assert asyncio.run(run()) == [b"kept", b"last"]


def test_a_topic_nobody_created_is_an_error(kafka: str, prefix: str) -> None:
    """Topics are never made by accident."""
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    assert prefix not in admin.list_topics()
    assert admin.describe_topics([prefix])[0]["error_code"] == 3  # UNKNOWN_TOPIC_OR_PARTITION
    assert prefix not in admin.list_topics()
    admin.close()


def text(file: Path) -> str:
    """What it holds; nothing of a process that has ended meanwhile."""
    with contextlib.suppress(OSError):
        return file.read_text(errors="replace")
    return ""


@pytest.mark.skipif(
    sys.platform != "linux", reason="archive of classes: which files a process has mapped is read from Linux"
)
@pytest.mark.skipif(
    "CLOUT_TEST_KAFKA" in os.environ, reason="archive of classes: CLOUT_TEST_KAFKA names another's broker"
)
@pytest.mark.usefixtures("kafka")
def test_a_broker_has_its_classes_from_an_archive() -> None:
    """What `kafka-up -j` made beside the jars is mapped, so a broker is up in half the time."""
    archives = {
        argument.removeprefix("-XX:SharedArchiveFile="): text(process / "maps")
        for process in Path("/proc").glob("[0-9]*")
        if "kafka.Kafka" in (said := text(process / "cmdline"))
        for argument in said.split("\0")
        if argument.startswith("-XX:SharedArchiveFile=")
    }
    assert archives
    assert any(archive in maps for archive, maps in archives.items())
