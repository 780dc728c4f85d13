"""Somebody has changed the partitions of one topic: the way out loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import orjson
import pytest
from aiokafka import TopicPartition
from click.testing import CliRunner, Result
from kafka.admin import KafkaAdminClient, NewTopic

from agents.admin import rest
from agents.admin.drain import Drain
from agents.cli.main import cli
from streams.broker.admin import Admin, Found
from streams.errors import CloutError
from streams.partitioner import partition_of
from streams.settings import Settings
from streams.sources import Produced
from streams.topics import EVENTS
from tests.integration.forked import Nursery
from tests.integration.stack import WORKER, Stack
from tests.integration.test_restart import exact, history, until

Make = Callable[..., Stack]
Record = tuple[str, int, bytes, bytes]

DRAIN = (*WORKER, "--drain")


def call(clout: Stack, *words: str) -> Result:
    """The command with these settings."""
    return CliRunner().invoke(cli, list(words), env=clout.environ())


def drained(clout: Stack) -> str:
    """What `clout worker --drain` says, which ends by itself with exit code 0."""
    with clout.worker(argv=DRAIN, wait=False) as process:
        assert process.wait(60) == 0
        return str(process.log.read_text())  # type: ignore[attr-defined]


@pytest.fixture
def admin(kafka: str) -> Iterator[KafkaAdminClient]:
    """Who changes topics behind our back."""
    client = KafkaAdminClient(bootstrap_servers=kafka)
    yield client
    client.close()


def give(admin: KafkaAdminClient, clout: Stack, **partitions: int) -> None:
    """So many partitions to these topics; the broker knows them a moment later."""
    wanted = {clout.settings.topic(name): many for name, many in partitions.items()}
    admin.create_partitions(wanted)
    until(lambda: {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics([*wanted])} == wanted)


def sent(events: list[Produced], partitions: dict[str, int]) -> list[Record]:
    """As Kafka's own partitioner sends them when topics have so many partitions. Every third event says no type."""
    records = []
    for number, event in enumerate(events):
        value = orjson.loads(event.value)
        if number % 3 == 0:
            del value["type"]
        at = partition_of(event.key, partitions.get(event.topic, 4))
        records.append((event.topic, at, event.key, orjson.dumps(value)))
    return records


def test_the_way_out_loses_and_doubles_nothing(
    kafka: str, redis_url: str, nursery: Nursery | None, prefix: str, admin: KafkaAdminClient, tmp_path: Path
) -> None:
    """Topics that got more partitions than they should: drained, moved, and the rest fed, everyone's counts and score are exact.

    Before, one had too few, and was raised: what it held counts.
    """
    admin.create_topics([NewTopic(f"{prefix}follows", 1, 1)])
    old = Stack(kafka, redis_url, prefix, tmp_path, nursery, model="plain", clock="stream")
    events = history(4_000, seed=31)
    old.produce(sent(events[:1_000], {"follows": 1}))
    assert "raise it with `kafka-topics.sh --alter --partitions 4`" in call(old, "topics", "check").stderr
    give(admin, old, follows=4)
    old.feed(events[1_000:1_500])
    with old.worker():
        old.settled(1_500)
        with Admin(old.settings) as asks, pytest.raises(CloutError, match=r"1 worker\(s\)"):
            Drain(old.settings, print).check(asks)
    # with 8, whoever moved is beyond; with 6, some are misplaced within as well
    more = {"likes": 8, "shares": 6}
    give(admin, old, **more)
    records = sent(events[1_500:], more)
    old.produce(records)
    surplus = Counter(topic for topic, partition, *_ in records if partition >= 4)
    assert surplus.keys() == more.keys()

    problems = call(old, "topics", "check").stderr
    assert f"{old.settings.topic('likes')} has 8 partitions and should have 4" in problems
    assert "deploy/README.md" in problems
    export, left = str(tmp_path / "rows.zst"), str(tmp_path / "rest.ndjson")
    assert "`clout worker --drain`" in call(old, "state", "export", export).stderr
    said = drained(old)
    assert f"{old.settings.topic('shares')} has 6 partitions: those from 4 on are left alone" in said
    assert "and should have 4" not in said
    old.settled(4_000 - surplus.total())
    offsets = admin.list_group_offsets([old.settings.app])[old.settings.app]
    assert {tp.partition for tp, at in offsets.items() if at.offset >= 0} == {0, 1, 2, 3}

    done = call(old, "state", "export", export)
    assert done.exit_code == 0, done.output
    done = call(old, "topics", "rest", "--out", left, "--json")
    assert done.exit_code == 0, done.output
    told = orjson.loads(done.stdout)
    assert (told["partitions"], told["topics"], told["left_out"]) == (6, dict(surplus), 0)

    new = Stack(kafka, redis_url, f"{prefix}new-", tmp_path, nursery, model="plain", clock="stream", partitions=8)
    assert call(new, "state", "import", export).exit_code == 0
    assert call(new, "feed", left).exit_code == 0
    with new.worker():
        new.settled(4_000)
        exact(new, events)


def test_an_export_wants_all_partitions(stack: Make, admin: KafkaAdminClient, tmp_path: Path) -> None:
    """Topics that have fewer than CLOUT_PARTITIONS, and one that is gone, are named; there is no file."""
    clout = stack()
    admin.delete_topics([clout.settings.topic("follows")])
    until(lambda: clout.settings.topic("follows") not in admin.list_topics())
    export = tmp_path / "rows.zst"
    for partitions, named in (
        (4, f"topic {clout.settings.topic('follows')} does not exist; create it with `clout topics create`"),
        (8, f"topic {clout.settings.topic('state')} has 4 partitions and should have 8: set CLOUT_PARTITIONS=4"),
    ):
        env = clout.environ() | {"CLOUT_PARTITIONS": str(partitions)}
        refused = CliRunner().invoke(cli, ["state", "export", str(export)], env=env)
        assert (refused.exit_code, named in refused.stderr) == (1, True), refused.output
        assert list(tmp_path.glob("rows*")) == []


LIKE = b'{"id":"e1","network":"n","actor":"ann","target":"bob","ts":1767225600000%s}'


def test_the_rest_says_what_cannot_be_fed(stack: Make, admin: KafkaAdminClient) -> None:
    """Events come out as they were sent, in order, the others are named by their place; exit code 1 then, and again 0."""
    clout = stack()
    none = call(clout, "topics", "rest")
    assert (none.exit_code, none.stdout) == (0, "")
    assert "there is no rest" in none.stderr
    likes = clout.settings.topic("likes")
    give(admin, clout, likes=6)
    clout.produce(
        [("likes", 5, b"n:ann", LIKE % b',"type":"like"'), ("likes", 4, None, LIKE % b""), ("likes", 0, None, b"x")]
    )
    fine = call(clout, "topics", "rest")
    assert (fine.exit_code, "left out" in fine.stderr) == (0, False)
    wanted = [LIKE % b',"type":"like"', LIKE % b',"type":"like"']
    assert fine.stdout_bytes.splitlines() == wanted
    clout.produce([("likes", 4, b"n:ann", value) for value in (b"no json", b"[1]", None, LIKE % b',"type":"share"')])
    clout.produce([("likes", 5, None, b'{"type": null,\n"id": "e2"}')])
    wrong = call(clout, "topics", "rest")
    assert wrong.exit_code == 1
    assert [line.split(" was left out")[0] for line in wrong.stderr.splitlines()[:-1]] == [
        f"clout: {likes}[{partition}]@{offset}" for partition, offset in ((4, 1), (4, 2), (4, 3), (4, 4))
    ]
    assert "3 events of 2 surplus partitions: likes 3; left out 4" in wrong.stderr
    assert wrong.stdout_bytes.splitlines() == [*wanted, b'{"type":"like","id":"e2"}']


def test_a_rest_that_grows_meanwhile_is_not_whole(
    stack: Make, admin: KafkaAdminClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody sends while it is read: an error, and no file."""
    clout = stack()
    give(admin, clout, likes=5)
    clout.produce([("likes", 4, None, LIKE % b"")])
    write = rest._write

    async def and_one_more(*args: Any) -> None:
        await write(*args)
        await asyncio.to_thread(clout.produce, [("likes", 4, None, LIKE % b"")])

    monkeypatch.setattr(rest, "_write", and_one_more)
    refused = call(clout, "topics", "rest", "--out", str(tmp_path / "rest.ndjson"))
    assert (refused.exit_code, "stop who sends" in refused.stderr) == (1, True)
    assert list(tmp_path.glob("rest*")) == []


class Damaged:
    """A batch that breaks off; a real broker refuses one, a disk does not."""

    base_offset, max_timestamp = 7, 0

    def __iter__(self) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(offset=7, value=LIKE % b"", headers=())
        raise ValueError("no gzip")


def test_a_damaged_batch_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes before the damage is written, the rest is named by its place."""
    tp = TopicPartition("likes", 4)

    class Scan:
        firsts: ClassVar = {tp: 0}

        def __init__(self, *_: object) -> None:
            pass

        async def __aenter__(self) -> Scan:
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

        async def fetches(self) -> AsyncIterator[dict[TopicPartition, list[Damaged]]]:
            yield {tp: [Damaged()]}

    monkeypatch.setattr(rest, "Scan", Scan)
    done, to, said = rest.Rest(), io.BytesIO(), list[rest.LeftOut]()
    found = Found(EVENTS[0], "likes", 4, 5)
    asyncio.run(rest._write(Settings.load({}), done, found, tp, to, said.append, lambda _: None))
    assert (to.getvalue().count(b"\n"), done.left_out) == (1, 1)
    assert str(said[0]).startswith("likes[4]@8 was left out")
    assert "no gzip" in str(said[0])
