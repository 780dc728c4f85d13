"""The commands on a real Kafka and a real Redis."""

from __future__ import annotations

import asyncio
import base64
import itertools
import time
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.partitioner.default import murmur2
from msgspec import UNSET

from streams.broker.admin import Admin
from streams.events import Reject
from streams.formats import rejects
from streams.formats.rejects import Origin
from streams.model.dates import day
from streams.model.explained import Explanation
from streams.model.standing import Place, Places
from streams.partitioner import partition_of
from streams.scoreboard import closes as kept
from streams.scoreboard.connect import connect, connect_sync
from streams.scoreboard.flush import Flush
from streams.scoreboard.layout import Keys
from streams.scoreboard.writer import Writer
from streams.settings import Settings
from streams.topics import ALL
from tests.alerts import told
from tests.scoreboard.records import NOW_MS, bins, rows

HOUR_MS = 3_600_000
PULSE = {"event_ts": NOW_MS, "owner": "w1"}
Ask = Callable[..., Any]


@pytest.fixture
def on_kafka(clout: Ask, kafka: str, prefix: str) -> Ask:
    """The command with the real Kafka and topics of its own, that do not exist yet."""
    return lambda *words, **more: clout(*words, **{"kafka": kafka, "topic_prefix": prefix} | more)


@pytest.fixture
def with_topics(on_kafka: Ask, kafka: str, prefix: str) -> Ask:
    """The same with the topics."""
    with Admin(Settings.load({}, kafka=kafka, topic_prefix=prefix)) as admin:
        admin.create()
    return on_kafka


def read(kafka: str, topic: str) -> list[Any]:
    """Everything in a topic, partition by partition."""
    consumer = KafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="earliest")
    partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    found: dict[Any, list[Any]] = {tp: [] for tp in partitions}
    while any(consumer.position(tp) < ends[tp] for tp in partitions):
        for tp, records in consumer.poll(timeout_ms=500).items():
            found[tp] += records
    consumer.close()
    return [record for records in found.values() for record in records]


def test_topics_create_check_list(on_kafka: Ask, prefix: str) -> None:
    """`check` fails until `create` has made all topics, and again when another number of partitions is asked for."""
    before = on_kafka("topics", "check")
    assert before.exit_code == 1
    assert before.stderr.count("clout topics create") == len(ALL)
    created = on_kafka("topics", "create", "--json")
    assert {orjson.loads(line)["created"] for line in created.stdout.splitlines()} == {
        prefix + topic.name for topic in ALL
    }
    assert on_kafka("topics", "create").stdout == ""
    assert on_kafka("topics", "check").exit_code == 0
    listed = [orjson.loads(line) for line in on_kafka("topics", "list", "--json").stdout.splitlines()]
    assert [(topic["partitions"], topic["ok"]) for topic in listed] == [
        (topic.partitions or 4, True) for topic in ALL
    ]
    other = on_kafka("topics", "check", "--partitions", "5")
    assert other.exit_code == 1
    assert f"{prefix}likes has 4 partitions and should have 5" in other.stderr


def test_the_broker_says_why_it_creates_no_topic(on_kafka: Ask, prefix: str) -> None:
    """Its own reason for each topic, at once, exit code 1; and the topics can still be made as it wants them."""
    refused = on_kafka("topics", "create", "--replication", "3")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert all(prefix + topic.name in refused.stderr for topic in ALL)
    assert "InvalidReplicationFactor" in refused.stderr
    assert "set CLOUT_REPLICATION" in refused.stderr
    assert "only 1 broker(s) are registered" in refused.stderr
    dotted = {"topic_prefix": f"{prefix}."}
    assert on_kafka("topics", "create", **dotted).exit_code == 0
    collides = on_kafka("topics", "create", topic_prefix=f"{prefix}_")
    assert collides.exit_code == 1
    assert collides.stderr.count("collides with existing topic") == len(ALL)
    assert "CLOUT_TOPIC_PREFIX" in collides.stderr
    assert on_kafka("topics", "create").exit_code == 0


def test_doctor(on_kafka: Ask, redis_url: str, prefix: str) -> None:
    """Missing topics are wrong (exit code 1) with what to do; with topics all is well, also before any worker ran."""
    settings = {"redis": redis_url, "redis_prefix": prefix}
    sick = on_kafka("doctor", **settings)
    assert sick.exit_code == 1
    assert "clout topics create" in sick.stdout
    on_kafka("topics", "create")
    well = [orjson.loads(line) for line in on_kafka("doctor", "--json", **settings).stdout.splitlines()]
    status = {line["check"]: line["status"] for line in well}
    assert {status[check] for check in ("kafka", "topics", "redis", "clock")} == {"ok"}
    assert status["workers"] == "note"


def test_feed_keys_partitions_and_order(with_topics: Ask, event: Ask, events: Ask, kafka: str, prefix: str) -> None:
    """Each event is in its topic, keyed by actor, where Kafka's own partitioner puts it, in the order given, stamped now."""
    given = [event(kind, f"a{n % 7}é", f"b{n}") for n in range(300) for kind in ("like", "follow")]
    began_ms = time.time() * 1000
    done = with_topics("feed", events(*given), "--json")
    assert done.exit_code == 0, done.stderr
    assert orjson.loads(done.stdout) | {"seconds": 0, "events_per_s": 0} == {
        "fed": 600, "topics": {"likes": 300, "follows": 300}, "skipped": {}, "refused": 0, "not_acknowledged": 0,
        "first_bad_line": None, "seconds": 0, "events_per_s": 0,
    }  # fmt: skip
    for topic, kind in (("likes", "like"), ("follows", "follow")):
        got = read(kafka, prefix + topic)
        by_actor: dict[bytes, list[Any]] = {}
        for record in got:
            assert record.partition == (murmur2(record.key) & 0x7FFF_FFFF) % 4
            assert record.timestamp >= began_ms - 1
            by_actor.setdefault(record.key, []).append(orjson.loads(record.value))
        assert sorted(by_actor) == sorted(f"t:a{n}é".encode() for n in range(7))
        for key, found in by_actor.items():
            assert found == [e for e in given if e["type"] == kind and f"t:{e['actor']}".encode() == key]


def test_feed_loses_only_the_record_that_is_too_large(
    with_topics: Ask, event: Ask, events: Ask, kafka: str, prefix: str
) -> None:
    """A record larger than the topic takes is named by number, its neighbours arrive in order, and the exit code is 1."""
    given = [event("like", "ann", f"b{n}") for n in range(9)]
    given[4]["object"] = "x" * 1_500_000
    done = with_topics("feed", events(*given))
    assert done.exit_code == 1
    assert "record 5 (" in done.stderr
    assert "refused 1" in done.stderr
    targets = [orjson.loads(record.value)["target"] for record in read(kafka, prefix + "likes")]
    assert targets == [f"b{n}" for n in range(9) if n != 4]


def test_feed_from_a_batch_that_the_topic_refuses(
    with_topics: Ask, event: Ask, events: Ask, kafka: str, prefix: str
) -> None:
    """Where a topic takes less than a batch, the batch's records are sent one by one and all arrive in order."""
    with Admin(Settings.load({}, kafka=kafka, topic_prefix=prefix)) as admin:
        from kafka.admin import ConfigResource, ConfigResourceType

        admin._client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, prefix + "likes", {"max.message.bytes": "2000"})]
        )
    given = [event("like", "ann", f"b{n}") for n in range(60)]
    done = with_topics("feed", events(*given))
    assert done.exit_code == 0, done.stderr
    assert [orjson.loads(record.value)["target"] for record in read(kafka, prefix + "likes")] == [
        f"b{n}" for n in range(60)
    ]


def test_feed_makes_no_topic(on_kafka: Ask, event: Ask, events: Ask) -> None:
    """Without its topics a feed sends nothing, says how to make them, and does not let the broker make them."""
    done = on_kafka("feed", events(event("like", "ann", "bob")))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "clout topics create" in done.stderr
    assert on_kafka("topics", "check").stderr.count("does not exist") == len(ALL)


def test_feed_synthetic_with_rate_and_limit(with_topics: Ask) -> None:
    """The generator is paced and limited; another run has other ids."""
    began_s = time.monotonic()
    done = with_topics("feed", "synthetic", "--rate", "500", "--limit", "200", "--users", "50", "--json")
    assert done.exit_code == 0
    assert time.monotonic() - began_s > 0.39
    assert orjson.loads(done.stdout)["fed"] == 200


def test_feed_synthetic_with_persons(with_topics: Ask, kafka: str, prefix: str) -> None:
    """The links are there beside the events, which are as many as asked for."""
    done = with_topics("feed", "synthetic", "--linked", "0.5", "--limit", "50", "--users", "40", "--json")
    assert done.exit_code == 0, done.stderr
    fed = orjson.loads(done.stdout)
    controls = [orjson.loads(record.value) for record in read(kafka, f"{prefix}controls")]
    assert fed["fed"] == 50 + len(controls)
    assert fed["topics"]["controls"] == len(controls)
    assert 18 < sum(control["type"] == "link" for control in controls) <= 20


@pytest.mark.parametrize("open_one", [False, True])
def test_rejects_behind_markers_and_gaps(with_topics: Ask, kafka: str, prefix: str, open_one: bool) -> None:
    """N are N records, though markers of transactions and aborted records take offsets too, and one may still be open."""
    topic = f"{prefix}rejects"

    async def write() -> Any:
        producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{prefix}x")
        await producer.start()
        for n in range(26):
            key, value = rejects.record(Reject("not_json", "$", f"wrong {n}"), Origin("likes", 0, n), b"x")
            async with producer.transaction():
                await producer.send(topic, key=key, value=value, partition=n % 2, timestamp_ms=NOW_MS + n)
        await producer.begin_transaction()
        for n in range(60):  # of no use to anybody
            await producer.send_and_wait(topic, value=b"aborted", partition=n % 2)
        if open_one:
            await producer.flush()
            return producer
        await producer.abort_transaction()
        return await producer.stop()

    async def ask() -> Any:
        producer = await write()
        try:
            words = [("rejects", "-n", str(n), "--json") for n in (1, 5, 26, 99)]
            return [(await asyncio.to_thread(with_topics, *one)).stdout.splitlines() for one in words]
        finally:
            if producer:
                await producer.abort_transaction()
                await producer.stop()

    found = asyncio.run(ask())
    assert [len(records) for records in found] == [1, 5, 26, 26]
    for records in found:
        assert [orjson.loads(record)["message"] for record in records] == [f"wrong {n}" for n in range(26)][
            -len(records) :
        ]


def test_rejects(with_topics: Ask, kafka: str, prefix: str) -> None:
    """The last N rejects, newest last, with reason, path, origin and readable bytes; --json gives them as they are."""
    empty = with_topics("rejects")
    assert (empty.exit_code, empty.stdout, empty.stderr) == (0, "", "no rejects\n")
    producer, now_ms = KafkaProducer(bootstrap_servers=kafka), int(time.time() * 1000)
    for n in range(5):
        why = Reject("not_json", "$.x", "unexpected end")
        key, value = rejects.record(why, Origin(f"{prefix}likes", n % 4, n), b'{"a\x1b[2J\xff": %d' % n)
        producer.send(f"{prefix}rejects", key=key, value=value, partition=n % 4, timestamp_ms=now_ms + n)
    producer.close()
    done = with_topics("rejects", "-n", "2")
    assert done.exit_code == 0, done.output
    shown = done.stdout
    assert shown.index(f"not_json  $.x  {prefix}likes[3]@3") < shown.index(f"not_json  $.x  {prefix}likes[0]@4")
    assert '{"a\\x1b[2J\\xff": 4' in shown
    assert "\x1b" not in shown
    as_json = [orjson.loads(line) for line in with_topics("rejects", "--json").stdout.splitlines()]
    assert [reject["offset"] for reject in as_json] == [0, 1, 2, 3, 4]
    assert base64.b64decode(as_json[4]["value"]) == b'{"a\x1b[2J\xff": 4'


@pytest.fixture
def board(clout: Ask, redis_url: str, prefix: str) -> Ask:
    """The command on a scoreboard with three users, one of them with a difficult name, and five alerts about one."""
    scores = {"t:ann": 70.5, "t:bob": 40.0, "t:[b]c\u202ed": 20.0}
    quarters = {"t:ann": 40.0, "t:bob": 4.0, "t:[b]c\u202ed": 0.4}
    versions = itertools.count(1)

    async def write() -> None:
        client = connect(redis_url)
        writer = Writer(client, prefix, 1, 4)
        for user, quarter in quarters.items():
            windows = {"day": 0.0, "week": 0.0, "quarter": quarter}
            p = partition_of(user, 4)
            found = [name for name in scores if partition_of(name, 4) == p]
            users = rows({user: scores[user]}, windows=windows, actors_error=0.0)
            await writer.write(Flush(p, next(versions), PULSE, users, bins({name: scores[name] for name in found})))
        alerts = [told("t:bob", n - 10, change=-n) for n in range(1, 6)]
        await writer.write(Flush(partition_of("t:bob", 4), next(versions), PULSE, alerts=alerts))
        await client.aclose()

    asyncio.run(write())
    return lambda *words, **more: clout(*words, **{"redis": redis_url, "redis_prefix": prefix} | more)


def test_score_decays_to_the_time_asked_for(board: Ask) -> None:
    """A record reads as at --as-of, else as now: by the wall clock, or with the stream clock by the newest event."""
    at = {}
    for name, words, clock in (
        ("newest event", [], "stream"),
        ("as of", ["--as-of", str(NOW_MS + 24 * HOUR_MS)], "stream"),
        ("wall", [], "wall"),
    ):
        done = board("score", "t:ann", "--json", *words, clock=clock)
        assert done.exit_code == 0
        at[name] = orjson.loads(done.stdout)
    assert at["newest event"]["as_of"] == NOW_MS
    assert at["as of"]["as_of"] == NOW_MS + 24 * HOUR_MS
    assert abs(at["wall"]["as_of"] - time.time() * 1000) < 60_000
    assert at["newest event"]["windows"]["quarter"] == 40.0
    assert at["as of"]["windows"]["quarter"] == pytest.approx(40.0 * 0.5 ** (1 / 62.4))
    assert at["newest event"]["score"] > at["as of"]["score"]


def test_score_for_people(board: Ask) -> None:
    """Score, parts, windows, confidence, rank and percentile, for each user asked for."""
    shown = board("score", "t:ann", "t:[b]c\u202ed", clock="stream").stdout
    names = ("t:ann", "rank 1 of 3", "t:[b]c\\u202ed", "rank 3 of 3")
    for text in (*names, "like ", "quarter 40.00", "confidence 64%", "2025-12-31T23:59:59Z"):
        assert text in shown, text


def test_explain_for_people(board: Ask, redis_url: str, prefix: str) -> None:
    """A page on each, with place and daily closes up to the time asked for; with --json an explanation a line."""
    closes = {"2025-12-29": 61.5, "2025-12-30": 12.25, "2025-12-31": 70.0}
    with connect_sync(redis_url) as redis:
        redis.hset(Keys(prefix, 0).history, "t:ann", kept.text(day("2025-12-29"), [6150, 1225, 7000], {}))
    page = board("score", "t:bob", "t:ann", "--explain", clock="stream").stdout
    for said in (
        "rank 1 of 3, above 66.7 % of those engaged with in 90 days",
        "61.50 on 2025-12-29, 70.00 on 2025-12-31",
        "lowest 12.25 on 2025-12-30",
        "\nAlerts\n",
        "fell 5 points (idle, rule day-fall)",
    ):
        assert page.count(said) == 1, said
    assert page.count("If nothing happens") == 2
    assert page.count("rule day-fall") == 3  # the latest three of bob, none of ann
    for as_of, days in ((NOW_MS, 3), (NOW_MS - 2 * 24 * HOUR_MS, 1)):
        done = board("score", "t:ann", "t:bob", "--explain", "--json", "--as-of", str(as_of))
        ann, bob = (msgspec.json.decode(line, type=Explanation) for line in done.stdout.splitlines())
        assert [(close.date, close.score) for close in ann.history] == list(closes.items())[:days]
        assert (ann.user, ann.as_of, bob.user, bob.history) == ("t:ann", as_of, "t:bob", [])
        until_then = [-5.0, -4.0, -3.0, -2.0, -1.0] if as_of == NOW_MS else []
        assert [one.change for one in bob.alerts or ()] == until_then
        assert ann.alerts is UNSET
        place = Place(rank=1, of=3)
        assert ann.places == Places(overall=place, percentile=pytest.approx(66.7, abs=0.1), network=place)
        assert (ann.standing.style, ann.standing.activity > 0) == (UNSET, True)


def test_an_unknown_user_may_be_on_another_network(board: Ask) -> None:
    """Whoever has the same id elsewhere is named, and the exit code is 1."""
    for given in ("z:ann", "ann", "person:ann"):
        done = board("score", given, "--explain")
        assert (done.exit_code, done.stdout) == (1, "")
        assert f"unknown user {given}; did you mean t:ann?" in done.stderr


def test_boards_of_networks(board: Ask, redis_url: str, prefix: str) -> None:
    """`top --network` has those of one network; an account of a person is overall nowhere, and has its place there."""
    of_t = board("top", "--network", "t", "--json", clock="stream")
    assert [orjson.loads(line)["user"] for line in of_t.stdout.splitlines()] == ["t:ann", "t:bob", "t:[b]c\u202ed"]
    none = board("top", "--network", "z\u202e", clock="stream")
    assert "no board of the network z\\u202e; there are: t" in none.stderr
    place = "rank 1 of 3, above 66.7 % of those engaged with in 90 days, rank 1 of 3 on t"
    assert place in board("score", "t:ann", clock="stream").stdout
    with connect_sync(redis_url) as redis:
        redis.zrem(Keys(prefix, 0).board, "t:ann")
    assert "account of a person, rank 1 of 3 on t\n" in board("score", "t:ann", clock="stream").stdout
    overall = board("top", "--json", clock="stream").stdout.splitlines()
    assert [orjson.loads(line)["user"] for line in overall] == ["t:bob", "t:[b]c\u202ed"]


def test_unknown_users_go_to_stderr(board: Ask) -> None:
    """Known users are answered in the order asked for, unknown ones named on stderr, and the exit code is 1."""
    done = board("score", "t:bob", "t:nobody", "nobody", "t:ann", "--json")
    assert done.exit_code == 1
    assert [orjson.loads(line)["user"] for line in done.stdout.splitlines()] == ["t:bob", "t:ann"]
    assert "t:nobody" in done.stderr
    assert "network:id" in done.stderr


def test_as_of_before_the_newest_event_is_said(board: Ask) -> None:
    """A time before what the record holds is answered, with a remark on stderr."""
    done = board("score", "t:ann", "--json", "--as-of", "2025-12-01")
    assert done.exit_code == 0
    assert "before the newest event" in done.stderr
    assert orjson.loads(done.stdout)["as_of"] < NOW_MS


def test_top(board: Ask) -> None:
    """The highest first, as many as asked for, names safe to print."""
    two = board("top", "-n", "2", "--json", clock="stream").stdout
    assert [orjson.loads(line)["user"] for line in two.splitlines()] == ["t:ann", "t:bob"]
    shown = board("top", clock="stream").stdout
    assert "t:[b]c\\u202ed" in shown
    assert len(shown.splitlines()) == 4


def test_top_of_nobody(clout: Ask, redis_url: str, prefix: str) -> None:
    """An empty board is no failure; what to do is said on stderr."""
    done = clout("top", redis=redis_url, redis_prefix=prefix)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "clout worker" in done.stderr
