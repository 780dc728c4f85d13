"""Rejects go back to their topics once, whatever is killed and however many run: `clout rejects` on the real broker."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson
import pytest
from aiokafka import TopicPartition
from click.testing import CliRunner, Result

from agents.admin import reject_work
from agents.admin.reject_sorting import Choice
from agents.admin.reject_work import Tally, Told
from agents.cli.main import cli
from streams.broker.admin import Admin
from streams.broker.publisher import TransactionalPublisher, transactional_producer
from streams.broker.scan import Scan
from streams.errors import CloutError
from streams.events import Reject
from streams.formats import rejects
from streams.formats.rejects import DROPPED, REPLAYED, Origin
from streams.partitioner import partition_of
from streams.topics import EVENTS, REJECTS
from tests.integration.stack import Stack
from tests.integration.test_restart import until

NOW_MS = int(time.time() * 1000)
Make = Callable[..., Stack]


class Sent(NamedTuple):
    """A record of an event topic."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None


def event(n: int, **other: Any) -> bytes:
    """An event as no serializer of ours would write it: its bytes can be told from others of the same meaning."""
    return b" " * (n % 3) + orjson.dumps(
        {"new": n, "id": f"e{n}", "network": "n", "actor": f"a{n}é", "target": "bob", "ts": NOW_MS} | other
    )


def reject(
    clout: Stack, offset: int, value: bytes | None, reason: str = "ts_in_future", topic: str = "likes", **more: Any
) -> Any:
    """A record of `rejects` for `produce`: of partition 0 or 1 by its offset."""
    number = offset % clout.settings.partitions
    full = more.get("full") or clout.settings.topic(topic)
    return (REJECTS.name, number, *rejects.record(Reject(reason, "$", "why"), Origin(full, number, offset), value))


def many(clout: Stack, n: int) -> dict[bytes, str]:
    """Makes `n` rejects that a worker would accept now; returns which topic each event is of."""
    topics = [EVENTS[i % len(EVENTS)].name for i in range(n)]
    clout.produce(reject(clout, i, event(i), topic=topic) for i, topic in enumerate(topics))
    return {event(i): topic for i, topic in enumerate(topics)}


def call(clout: Stack, *words: str) -> Result:
    """`clout rejects ...` with these settings."""
    return CliRunner().invoke(cli, ["rejects", *words], env=clout.environ())


def summary(clout: Stack, *words: str) -> dict[str, Any]:
    """What it says as JSON."""
    done = call(clout, *words, "--json")
    assert done.exit_code == 0, done.output
    return orjson.loads(done.stdout)  # type: ignore[no-any-return]


def seen(clout: Stack) -> None:
    """Wait until what was committed can be read: that is a moment after the commit."""
    with Admin(clout.settings) as admin:
        until(lambda: all(at.committed == at.end for at in admin.bounds(REJECTS, *EVENTS).values()))


def sent(clout: Stack, topics: Iterable[str] = tuple(topic.name for topic in EVENTS)) -> list[Sent]:
    """Everything committed in these topics."""
    seen(clout)

    async def read() -> list[Sent]:
        parts = {
            TopicPartition(clout.settings.topic(t), n): None for t in topics for n in range(clout.settings.partitions)
        }
        prefix, found = len(clout.settings.topic_prefix), []
        async with Scan(clout.settings, parts) as scan:
            async for fetch in scan.fetches():
                for tp, batches in fetch.items():
                    found += [Sent(tp.topic[prefix:], tp.partition, r.key, r.value) for b in batches for r in b]
        return found

    return asyncio.run(read())


def each_once(clout: Stack, wanted: dict[bytes, str]) -> None:
    """Every event is in its topic once, and each has one mark."""
    assert sorted(record.value or b"" for record in sent(clout)) == sorted(wanted)
    assert {record.value: record.topic for record in sent(clout)} == wanted
    marks = Counter(key for key, body in clout.consume("rejects") if body["reason"] == REPLAYED)
    assert marks.total() == len(marks) == len(wanted)


def test_back_once_with_the_exact_bytes(stack: Make) -> None:
    """In its own topic, keyed by actor, where a feeder would put it; a second replay sends nothing, a dry run never does."""
    clout = stack(partitions=2)
    wanted = many(clout, 13)
    dry = summary(clout, "replay", "--dry-run")
    assert (dry["replayed"], dry["dry_run"], dry["reasons"], sent(clout)) == (13, True, {"ts_in_future": 13}, [])
    done = summary(clout, "replay")
    assert done == dry | {"dry_run": False}
    each_once(clout, wanted)
    for record in sent(clout):
        key = f"n:{orjson.loads(record.value or b'')['actor']}".encode()
        assert (record.key, record.partition) == (key, partition_of(key, 2))
    again = summary(clout, "replay")
    assert (again["replayed"], again["already"]) == (0, {"replayed": 13})
    each_once(clout, wanted)


def test_what_stays_is_told(stack: Make) -> None:
    """Packs, what has no bytes or not all of them, what would be rejected again: by reason, and the exit code is 0."""
    clout = stack(partitions=2)
    ahead = orjson.dumps({"id": "e", "network": "n", "actor": "a", "target": "b", "ts": NOW_MS + 3_600_000})
    clout.produce(
        [
            reject(clout, 0, event(0)),
            reject(clout, 1, b"{", "not_json"),
            reject(clout, 2, ahead),
            reject(clout, 3, b"\x93\x01", "bad_pack", "engagements"),
            reject(clout, 4, b"\x93\x01", "bad_pack", "strays"),
            reject(clout, 5, None, "undecodable_batch"),
            reject(clout, 6, None, "empty"),
            reject(clout, 7, event(7, x="y" * 70_000), "too_large"),
            reject(clout, 8, event(8), full="elsewhere"),
            (REJECTS.name, 1, None, b"no JSON"),
        ]
    )
    left = {
        "not_json": 1, "ts_in_future": 1, "pack": 2, "undecodable_batch": 1, "no_value": 1, "truncated": 1,
        "other_topic": 1, "unreadable": 1,
    }  # fmt: skip
    assert summary(clout, "replay", "--dry-run")["left"] == left
    done = call(clout, "replay")
    assert done.exit_code == 0
    assert done.stdout == ""
    for line in (
        "1 replayed: ",
        "2 left: a worker would reject them again",
        "2 left: packed",
        "64 KB",
        "CLOUT_TOPIC_PREFIX",
    ):
        assert line in done.stderr
    assert [record.value for record in sent(clout)] == [event(0)]
    assert summary(clout, "replay") == {
        "replayed": 0, "reasons": {}, "topics": {}, "left": left, "already": {"replayed": 1}, "dry_run": False,
    }  # fmt: skip


def test_reasons_times_and_how_many(stack: Make) -> None:
    """Only what was chosen is sent, the oldest first."""
    clout = stack(partitions=1)
    clout.produce([reject(clout, 0, event(0), "old"), reject(clout, 1, event(1), "astray_twice")])
    since_ms = max(one["at"] for one in listed(clout)) + 1
    while time.time() * 1000 <= since_ms:
        time.sleep(0.001)
    clout.produce([reject(clout, n, event(n), "old" if n < 5 else "other") for n in range(2, 6)])
    since = ("--since", str(since_ms))
    assert [one["offset"] for one in listed(clout, *since)] == [2, 3, 4, 5]
    assert [one["offset"] for one in listed(clout, *since, "--reason", "other", "--reason", "astray_twice")] == [5]
    assert summary(clout, "replay", *since, "-n", "2")["reasons"] == {"old": 2}
    assert [record.value for record in sent(clout)] == [event(2), event(3)]
    assert summary(clout, "replay", *since, "--reason", "old")["replayed"] == 1
    assert [record.value for record in sent(clout)] == [event(2), event(3), event(4)]
    assert [(one["offset"], one["done"]) for one in listed(clout, "-n", "3")] == [
        (3, REPLAYED),
        (4, REPLAYED),
        (5, None),
    ]


def listed(clout: Stack, *words: str) -> list[dict[str, Any]]:
    """What `list` shows as JSON."""
    seen(clout)
    done = call(clout, "list", *words, "--json")
    assert done.exit_code == 0, done.output
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def test_dropped_ones_are_left(stack: Make) -> None:
    """Not sent, not listed without --all; a dry run marks nothing; and they cannot be dropped twice."""
    clout = stack(partitions=2)
    clout.produce([reject(clout, n, event(n), "bad" if n < 3 else "ts_in_future") for n in range(6)])
    assert summary(clout, "drop", "--reason", "bad", "--dry-run")["dropped"] == 3
    assert len(listed(clout)) == 6
    assert summary(clout, "drop", "--reason", "bad")["dropped"] == 3
    assert {one["offset"] for one in listed(clout)} == {3, 4, 5}
    done = {one["offset"]: one["done"] for one in listed(clout, "--all")}
    assert done == dict.fromkeys(range(3), DROPPED) | dict.fromkeys(range(3, 6))
    assert summary(clout, "replay")["already"] == {DROPPED: 3}
    assert {record.value for record in sent(clout)} == {event(3), event(4), event(5)}
    assert summary(clout, "drop")["already"] == {DROPPED: 3, REPLAYED: 3}


def test_drop_asks_a_person(stack: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, unless --yes is given; "no" marks nothing. What came after the look is not touched."""
    clout = stack(partitions=1)
    clout.produce([reject(clout, n, b"{", "not_json") for n in range(2)])
    monkeypatch.setattr("agents.cli.rejects._somebody_there", lambda: True)
    refused = CliRunner().invoke(cli, ["rejects", "drop"], env=clout.environ(), input="n\n")
    assert (refused.exit_code, "2 rejects (not_json 2)" in refused.stderr, len(listed(clout))) == (130, True, 2)
    ends = reject_work.look(clout.settings, Choice(), DROPPED, Told()).ends
    clout.produce([reject(clout, 2, b"{", "not_json")])
    assert reject_work.work(clout.settings, Choice(), DROPPED, Told(), ends=ends).done == 2
    assert CliRunner().invoke(cli, ["rejects", "drop"], env=clout.environ(), input="y\n").exit_code == 0
    assert listed(clout) == []
    assert summary(clout, "drop", "--yes")["already"] == {DROPPED: 3}


def test_show(stack: Make) -> None:
    """One reject by what `list` prints, with its bytes; an unknown one is exit code 1."""
    clout = stack(partitions=2)
    value = b'{"a\x1b[2J\xff":' + b"x" * 500
    clout.produce([reject(clout, 3, value, "not_json"), reject(clout, 5, event(5))])
    origin = f"{clout.settings.topic('likes')}[1]@3"
    assert origin in call(clout).stdout
    shown = call(clout, "show", origin)
    assert shown.exit_code == 0, shown.output
    for text in (origin, "not_json", "why", "510 bytes", "nothing", '{"a\\x1b[2J\\xff":' + "x" * 500):
        assert text in shown.stdout
    assert call(clout, "show", "likes[1]@3", "--raw").stdout_bytes == value
    as_json = orjson.loads(call(clout, "show", "likes[1]@3", "--json").stdout)
    assert (base64.b64decode(as_json["value"]), as_json["done"]) == (value, None)
    summary(clout, "drop", "--reason", "not_json")
    seen(clout)
    assert DROPPED in call(clout, "show", origin).stdout
    unknown = call(clout, "show", "likes[1]@4")
    assert (unknown.exit_code, unknown.stdout) == (1, "")


def test_list_finds_few_among_many(stack: Make) -> None:
    """Beyond the part of the log that is read first; and marks do not count as rejects."""
    clout = stack(partitions=2)
    rare = [reject(clout, n, b"{", "rare") for n in range(2)]
    clout.produce([*rare, *(reject(clout, n, b"{", "usual") for n in range(2, 6_000))])
    assert {one["offset"] for one in listed(clout, "--reason", "rare")} == {0, 1}
    summary(clout, "drop", "--reason", "usual", "-n", "5990")
    assert len(listed(clout)) == 10


#: A replay that kills itself before its n-th begin, send or commit, once what it has sent is with the broker.
KILLED = """
import os, signal, sys
from agents.admin import reject_work
from agents.cli.main import main
from streams.broker.publisher import TransactionalPublisher as Publisher

reject_work.MOST_RECORDS = 4
_, name, left = sys.argv
left = int(left)
was = getattr(Publisher, name)

async def step(self, *args, **more):
    global left
    left -= 1
    if left == 0:
        await self._producer.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    return await was(self, *args, **more)

setattr(Publisher, name, step)
sys.argv[1:] = ["rejects", "replay"]
main()
"""


def test_killed_at_any_moment_each_goes_back_once(stack: Make) -> None:
    """With everything sent and nothing committed, and between two transactions: a rerun does the rest, and only that."""
    clout = stack(partitions=2)
    wanted = many(clout, 16)
    for step in ("commit 1", "begin 2", "commit 2"):
        argv = [sys.executable, "-c", KILLED, *step.split()]
        died = subprocess.run(argv, env=clout._around(), capture_output=True, text=True, check=False, timeout=60)
        assert died.returncode == -9, died.stderr
    assert summary(clout, "replay")["already"] == {REPLAYED: 8}
    each_once(clout, wanted)


def test_of_two_at_once_the_older_ends(stack: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The younger fences it in the middle of its work and does the rest; it says so, and how far it was."""
    monkeypatch.setattr(reject_work, "MOST_RECORDS", 3)
    clout = stack(partitions=2)
    wanted = many(clout, 12)
    half, go_on, tally, failed = threading.Event(), threading.Event(), Tally(), []

    def pause(_: int) -> None:
        if tally.done == 6 and not half.is_set():
            half.set()
            go_on.wait()

    def older() -> None:
        try:
            reject_work.work(clout.settings, Choice(), REPLAYED, Told(moves=pause), tally)
        except CloutError as error:
            failed.append(str(error))

    thread = threading.Thread(target=older)
    thread.start()
    assert half.wait(60)
    younger = summary(clout, "replay")
    go_on.set()
    thread.join(60)
    assert (younger["replayed"], younger["already"]) == (6, {REPLAYED: 6})
    assert len(failed) == 1
    assert "another `clout rejects`" in failed[0]
    assert "has replayed 6" in failed[0]
    each_once(clout, wanted)


def test_marks_behind_an_open_transaction_are_waited_for(stack: Make) -> None:
    """A worker's open transaction hides later marks from those who read committed: a replay must not go on without them."""
    clout = stack(partitions=1)
    wanted = many(clout, 3)
    name = clout.settings.topic(REJECTS.name)

    async def scene() -> Tally:
        worker = TransactionalPublisher(transactional_producer(clout.settings, f"{name}-worker"), "")
        await worker.start()
        waits = threading.Event()
        try:
            await worker.begin()
            await worker.send(name, 0, [rejects.record(Reject("late", "$", "why"), Origin("x", 0, 9), b"{")])
            await worker.push()
            await worker._sent[name, 0][-1][1]
            # as another replay would, that has read to the end before the worker began
            values = list(wanted)
            marks = [
                rejects.mark(REPLAYED, Origin(clout.settings.topic(wanted[v]), 0, n), n) for n, v in enumerate(values)
            ]
            other = TransactionalPublisher(transactional_producer(clout.settings, f"{name}-other"), "")
            await other.start()
            await other.begin()
            for value, topic in wanted.items():
                await other.send(clout.settings.topic(topic), 0, [(b"n:a", value)])
            await other.send(name, 0, marks)
            await other.commit({})
            await other.stop()
            told = Told(waits=waits.set)
            replay = asyncio.create_task(asyncio.to_thread(reject_work.work, clout.settings, Choice(), REPLAYED, told))
            await asyncio.to_thread(waits.wait, 60)
            await worker.commit({})
            return await replay
        finally:
            await worker.stop()

    tally = asyncio.run(scene())
    assert (tally.done, dict(tally.already), dict(tally.left)) == (0, {REPLAYED: 3}, {"other_topic": 1})
    each_once(clout, wanted)


def test_a_topic_that_refuses_an_event(stack: Make) -> None:
    """Nothing of its transaction is seen or marked; what to do is said; afterwards it goes back."""
    from kafka.admin import ConfigResource, ConfigResourceType

    clout = stack(partitions=1)
    clout.produce([reject(clout, n, event(n, x="y" * 3_000)) for n in range(2)])

    def limit(size: str) -> None:
        with Admin(clout.settings) as admin:
            admin._client.alter_configs(
                [ConfigResource(ConfigResourceType.TOPIC, clout.settings.topic("likes"), {"max.message.bytes": size})]
            )

    limit("2000")
    done = call(clout, "replay")
    assert done.exit_code == 1
    assert "max.message.bytes" in done.stderr
    assert sent(clout) == []
    limit("1000000")
    assert summary(clout, "replay")["replayed"] == 2


def test_an_event_that_came_too_early_counts_after_its_replay(stack: Make) -> None:
    """A worker counts what went back, once, also if it is fed again; and rejects what is still in the future."""
    clout = stack(partitions=2)
    early = {"network": "n", "actor": "ann", "target": "bob"}
    was_ahead = orjson.dumps({**early, "id": "early", "ts": NOW_MS})
    is_ahead = orjson.dumps({**early, "id": "ahead", "ts": NOW_MS + 3_600_000})
    home = partition_of("n:ann", 2)
    with clout.worker():
        clout.produce([("likes", home, b"n:ann", is_ahead)])
        assert clout.settled(1)["rejected"] == 1
        until(lambda: len(clout.consume("rejects")) == 1)  # Redis may show what is committed only a moment later
        clout.produce([reject(clout, 0, was_ahead)])  # as if its worker's clock had been an hour behind
        done = summary(clout, "replay")
        assert (done["replayed"], done["left"]) == (1, {"ts_in_future": 1})
        clout.settled(2)
        clout.produce([("likes", home, b"n:ann", was_ahead)])
        assert clout.settled(3)["repeats"] == 1
    [record] = clout.records(["n:bob"]).values()
    assert record
    assert record["engagements"] == 1
