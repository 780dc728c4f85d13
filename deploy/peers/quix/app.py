"""The peer in Quix Streams: weigh, re-key through a topic, fold into its RocksDB state with a changelog, write scores.

Tuned as its documentation says: bytes in and out instead of JSON dicts, packed state, a larger block cache, a lingering
producer with large batches, a checkpoint every 5 s (its default). It cannot hold back: every engagement publishes its user.
"""

from __future__ import annotations

import os
import struct

import msgspec
from quixstreams import Application, State
from quixstreams.models import Topic
from quixstreams.state.rocksdb import RocksDBOptions

from agents.proof.bench.peer_job import READY, TOPICS, add, record, weigh

PACKED = struct.Struct("<qd")
ROW = struct.Struct("<dddqq")
reading = False

prefix = os.environ["CLOUT_TOPIC_PREFIX"]
app = Application(
    broker_address=os.environ["CLOUT_KAFKA"],
    consumer_group=os.environ["CLOUT_APP"],
    auto_offset_reset="earliest",
    processing_guarantee=os.environ.get("CLOUT_PEER_GUARANTEE", "at-least-once"),
    commit_interval=1.0 if os.environ.get("CLOUT_PEER_GUARANTEE") == "exactly-once" else 5.0,
    state_dir="state",
    rocksdb_options=RocksDBOptions(block_cache_size=256 << 20),
    consumer_extra_config={"fetch.min.bytes": 65_536, "fetch.wait.max.ms": 50},
    producer_extra_config={"linger.ms": 50, "batch.size": 1_000_000, "queue.buffering.max.messages": 500_000},
    loglevel="WARNING",
)
encode = msgspec.json.Encoder().encode


def weighed(value: bytes) -> bytes | None:
    """The engagement, packed, with its user behind it."""
    global reading  # noqa: PLW0603
    if not reading:
        reading = True
        print(READY, flush=True)  # noqa: T201
    engagement = weigh(value)
    return engagement and PACKED.pack(engagement[1], engagement[2]) + engagement[0].encode()


def fold(value: bytes, user: bytes, _timestamp: int, _headers: object, state: State) -> bytes:
    """The user's record after one engagement more."""
    packed = state.get_bytes("row")
    row = add(ROW.unpack(packed) if packed else None, *PACKED.unpack_from(value))
    state.set_bytes("row", ROW.pack(*row))
    return encode(record(user.decode(), row))


def topic(name: str) -> Topic:
    """A topic of bytes."""
    kinds = ("key_serializer", "key_deserializer", "value_serializer", "value_deserializer")
    return app.topic(prefix + name, **dict.fromkeys(kinds, "bytes"))


engagements = topic("engagements")
for name in TOPICS:
    given = app.dataframe(topic(name)).apply(weighed)
    given = given[given.apply(lambda made: made is not None)]
    given.to_topic(engagements, key=lambda made: made[PACKED.size :])
app.dataframe(engagements).apply(fold, stateful=True, metadata=True).to_topic(topic("scores"))
app.run()
