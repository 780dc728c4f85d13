"""The limit: read the events with confluent-kafka and decode them with msgspec, nothing else. No system in Python can be cheaper.

Says how many it has decoded, in one record, whenever there is nothing more to read.
"""

from __future__ import annotations

import json
import os

from confluent_kafka import Consumer, Producer

from agents.proof.bench.peer_job import READY, TOPICS, decode

BATCH = 10_000
prefix = os.environ["CLOUT_TOPIC_PREFIX"]
kafka = {"bootstrap.servers": os.environ["CLOUT_KAFKA"]}

consumer = Consumer(
    kafka
    | {
        "group.id": os.environ["CLOUT_APP"],
        "auto.offset.reset": "earliest",
        "fetch.min.bytes": 65_536,
        "fetch.wait.max.ms": 50,
        "queued.max.messages.kbytes": 65_536,
    }
)
consumer.subscribe([prefix + name for name in TOPICS])
producer = Producer(kafka)
decoded = told = 0
while True:
    messages = consumer.consume(BATCH, timeout=0.1)
    if messages and not decoded:
        print(READY, flush=True)  # noqa: T201
    for message in messages:
        decode(message.value())
        decoded += 1
    if not messages and decoded > told:
        told = decoded
        producer.produce(prefix + "scores", json.dumps({"user": "limit", "engagements": decoded}), "limit")
        producer.flush()
