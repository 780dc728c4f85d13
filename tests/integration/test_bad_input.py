"""Bad input on the real broker: each ends in a reject, a stray or a counted drop, and no neighbour is lost."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from kafka.admin import ConfigResource, ConfigResourceType

from streams.broker.admin import Admin
from streams.partitioner import partition_of
from tests.integration.stack import Stack

NOW = int(time.time() * 1000)


def event(**fields: Any) -> dict[str, Any]:
    return {"id": "e", "network": "n", "actor": "ann", "target": "bob", "ts": NOW, **fields}


BAD: dict[str, tuple[bytes | None, str]] = {
    "broken JSON": (b'{"id": "x', "not_json"),
    "no JSON at all": (b"\xff\xfe\x00", "not_json"),
    "wrong type of ts": (orjson.dumps(event(ts="now")), "wrong_type"),
    "wrong type of actor": (orjson.dumps(event(actor=7)), "wrong_type"),
    "an array": (b"[1,2]", "wrong_type"),
    "no id": (b'{"network":"n","actor":"a","target":"b","ts":%d}' % NOW, "missing_field"),
    "no target": (b'{"id":"e","network":"n","actor":"a","ts":%d}' % NOW, "missing_field"),
    "id of 257 bytes": (orjson.dumps(event(id="x" * 257)), "too_long"),
    "actor of 300 bytes in 100 characters": (orjson.dumps(event(actor="\u20ac" * 100)), "too_long"),
    "NUL": (orjson.dumps(event(actor="a\x00b")), "control_character"),
    "half a surrogate pair": (b'{"id":"\\ud800","network":"n","actor":"a","target":"b","ts":%d}' % NOW, "not_json"),
    "ts in seconds": (orjson.dumps(event(ts=NOW // 1000)), "ts_too_small"),
    "ts far in the future": (orjson.dumps(event(ts=4_070_908_800_000)), "ts_in_future"),
    "unknown kind": (orjson.dumps(event(type="poke")), "unknown_kind"),
    "a type that contradicts its topic": (orjson.dumps(event(type="retweet")), "kind_contradicts_topic"),
    "undo without ref": (orjson.dumps(event(undo=True)), "missing_field"),
    "empty value": (b"", "empty"),
    "null value": (None, "empty"),
    "900 KB": (orjson.dumps(event(object="x" * 900_000)), "too_large"),
}


def test_bad_records_become_rejects_and_neighbours_stay(stack: Callable[..., Stack]) -> None:
    """Every bad record is rejected with its reason, origin and bytes; the good ones around it count."""
    clout = stack(partitions=2)
    home = partition_of("n:ann", 2)
    records: list[tuple[str, int, bytes | None, bytes | None]] = []
    for number, (value, _) in enumerate(BAD.values()):
        records.append(("likes", home, b"n:ann", value))
        records.append(("likes", home, b"n:ann", orjson.dumps(event(id=f"good{number}"))))
    records.append(("likes", home, b"n:ann", orjson.dumps(event(id="self", target="ann"))))
    records.append(("likes", home, b"n:ann", orjson.dumps(event(id="self", target="ann"))))
    with clout.worker():
        clout.produce(records)
        counts = clout.settled(len(records))
    assert counts["rejected"] == len(BAD)
    assert counts["repeats"] == 1
    assert counts["self_engagements"] == 1
    found = clout.records(["n:ann", "n:bob"])
    assert found["n:bob"]["engagements"] == len(BAD)
    assert found["n:ann"]["actions"] == len(BAD) + 1
    rejects = {reject["offset"]: reject for _, reject in clout.consume("rejects")}
    assert len(rejects) == len(BAD)
    for number, (name, (value, reason)) in enumerate(BAD.items()):
        reject = rejects[2 * number]
        assert (name, reject["reason"]) == (name, reason)
        assert (reject["topic"], reject["partition"]) == (clout.settings.topic("likes"), home)
        assert reject["path"].startswith("$")
        kept = None if reject["value"] is None else base64.b64decode(reject["value"])
        assert kept == (value if value is None else value[:65_536])


def test_a_key_in_the_wrong_partition_is_a_stray_and_counts_once(stack: Callable[..., Stack]) -> None:
    """Events in any partition reach their actor's row, once, with repeats still noticed."""
    clout = stack(partitions=4)
    records = [
        ("likes", n % 4, None, orjson.dumps(event(id=f"e{n // 2}", actor=f"a{n // 2 % 20}", target="bob")))
        for n in range(400)
    ]
    with clout.worker():
        clout.produce(records)
        counts = clout.settled(len(records))
    assert counts["strays"] > 100
    assert counts["repeats"] == 200
    assert clout.records(["n:bob"])["n:bob"]["engagements"] == 200
    assert sum(r["actions"] for r in clout.records([f"n:a{n}" for n in range(20)]).values()) == 200


def test_a_batch_that_will_not_decompress_costs_itself_only(
    embedded_kafka: str, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    """The embedded broker stores any bytes (a real Kafka refuses such a batch): one reject, neighbours counted."""
    clout = Stack(embedded_kafka, redis_url, prefix, tmp_path, partitions=1, replication=1, transactions=False)
    good = [("likes", 0, b"n:ann", orjson.dumps(event(id=f"good{n}"))) for n in range(20)]
    with clout.worker():
        clout.produce(good[:10])
        clout.produce_damaged("likes", 0, [orjson.dumps(event(id=f"lost{n}")) for n in range(5)])
        clout.produce(good[10:])
        counts = clout.settled(21)
    assert counts["rejected"] == 1
    assert clout.records(["n:bob"])["n:bob"]["engagements"] == 20
    [(_, reject)] = clout.consume("rejects")
    assert reject["reason"] == "undecodable_batch"
    assert reject["offset"] == 10


def test_ten_megabytes_are_one_reject(stack: Callable[..., Stack]) -> None:
    """A record far beyond what a fetch brings is rejected by its size, cut in the reject, and its neighbours count."""
    clout = stack(partitions=1)
    with Admin(clout.settings) as admin:
        admin._client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, clout.settings.topic("likes"), {"max.message.bytes": "20000000"})]
        )
    huge = b'{"id":"' + b"x" * 10_000_000 + b'"}'
    good = [orjson.dumps(event(id=f"good{number}")) for number in range(2)]
    with clout.worker():
        clout.produce([("likes", 0, b"n:ann", value) for value in (good[0], huge, good[1])])
        assert clout.settled(3)["rejected"] == 1
    assert clout.records(["n:bob"])["n:bob"]["engagements"] == 2
    [(_, reject)] = clout.consume("rejects")
    assert (reject["reason"], reject["size"], reject["truncated"]) == ("too_large", len(huge), True)
