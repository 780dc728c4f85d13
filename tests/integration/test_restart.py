"""Whatever stops a worker, every event has counted once: in Redis, and in `scores` read committed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from redis import Redis

from agents.local.embedded import Process, ask, child, free_port
from streams import offline
from streams.model.versions import PLAIN
from streams.scoreboard.connect import connect
from streams.scoreboard.flush import Flush
from streams.scoreboard.writer import Writer
from streams.sources import Produced, Shape, Synthetic
from tests.integration.compare import difference, lists_apart, records_of
from tests.integration.forked import Nursery
from tests.integration.stack import Stack


def history(count: int, seed: int) -> list[Produced]:
    """Good events of the near past, undos among them."""
    return list(islice(Synthetic(seed=seed, users=2_000, rate=500, shape=Shape().clean()), count))


def exact(clout: Stack, events: list[Produced]) -> None:
    """Everyone has the offline fold's counts and score, in Redis and in the last record of `scores`; and its lists in `state`."""
    as_of_ms = max(event.ts for event in events) + 1000
    fold = offline.fold(events, PLAIN, newest_ms=2**60)
    wanted = records_of(fold, as_of_ms)
    found = difference(clout, wanted, as_of_ms)
    assert (found.engagements, found.actions, found.actors) == (0, 0, 0), str(found)
    assert found.largest <= 1e-6
    counts = {user: (record["engagements"], record["actions"]) for user, record in wanted.items()}
    deadline = time.monotonic() + 10.0
    while published(clout) != counts and time.monotonic() < deadline:  # Redis shows an interval before it is committed
        time.sleep(0.2)
    assert published(clout) == counts
    assert lists_apart(clout, fold)[:3] == []


def published(clout: Stack) -> dict[str, tuple[int, int]]:
    """Engagements and actions of everyone in `scores`, read committed: the record of the highest version."""
    newest: dict[str, dict[str, int]] = {}
    for user, record in clout.consume("scores"):
        assert user
        if user not in newest or record["version"] > newest[user]["version"]:
            newest[user] = record
    return {user: (record["engagements"], record["actions"]) for user, record in newest.items()}


def test_kill_9_again_and_again(stack: Callable[..., Stack]) -> None:
    """Five kills at arbitrary moments of a catch-up lose and double nothing, with a name and without."""
    clout = stack(model="plain", clock="stream")
    events = history(40_000, seed=11)
    half = len(events) // 2
    clout.feed(events[:half])
    for round_ in range(5):
        name = (
            {"CLOUT_NAME": "one"} if round_ < 4 else {}
        )  # who has none waits for the end of its predecessor's session
        with clout.worker(stop_s=0, **name) as worker:
            time.sleep(0.15 * round_)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        if round_ == 2:
            clout.feed(events[half:])
    with clout.worker():
        clout.settled(len(events))
        exact(clout, events)


def test_a_clean_restart_and_a_join_keep_the_rows(stack: Callable[..., Stack]) -> None:
    """Rows survive SIGTERM, a second worker that joins and one that leaves, while events flow."""
    clout = stack(model="plain", clock="stream")
    events = history(12_000, seed=12)
    thirds = [events[:4_000], events[4_000:8_000], events[8_000:]]
    with clout.worker():
        clout.feed(thirds[0])
        clout.settled(4_000)
    with clout.worker():
        clout.feed(thirds[1])
        with clout.worker():
            clout.feed(thirds[2])
            clout.settled(12_000)
    with clout.worker():
        clout.settled(12_000)
        exact(clout, events)


def test_redis_emptied_is_written_again(stack: Callable[..., Stack]) -> None:
    """Keys deleted under a running worker come back within seconds, and after a restart too."""
    clout = stack(model="plain", clock="stream", idle_s=0.5)
    events = history(3_000, seed=13)
    redis = Redis.from_url(clout.settings.redis)

    def forget() -> None:
        for key in redis.scan_iter(f"{clout.settings.redis_prefix}:*"):
            redis.delete(key)

    with clout.worker():
        clout.feed(events)
        clout.settled(3_000)
        forget()
        until(lambda: len(clout.pulses()) == 4 and _all_there(clout, events))
        exact(clout, events)
    forget()
    with clout.worker():
        until(lambda: len(clout.pulses()) == 4 and _all_there(clout, events))
        exact(clout, events)


def test_a_late_write_does_not_hide_that_redis_was_emptied(stack: Callable[..., Stack]) -> None:
    """Redis is emptied, a worker that wakes up writes one last call into it and dies: its successor shows everyone again."""
    clout = stack(model="plain", clock="stream", idle_s=0.5)
    events = history(3_000, seed=15)
    with clout.worker():
        clout.feed(events)
        clout.settled(3_000)
        until(lambda: _all_there(clout, events))
    last = clout.pulses()
    redis = Redis.from_url(clout.settings.redis)
    for key in redis.scan_iter(f"{clout.settings.redis_prefix}:*"):
        redis.delete(key)

    async def late() -> None:
        settings = clout.settings
        writer = Writer(connect(settings), settings.redis_prefix, settings.redis_shards, settings.partitions)
        for number, pulse in last.items():
            await writer.write(Flush(number, pulse["version"] + 1, pulse, after=pulse["version"]))
        await writer.close()

    asyncio.run(late())
    with clout.worker():
        until(lambda: _all_there(clout, events))
        exact(clout, events)


def _all_there(clout: Stack, events: list[Produced]) -> bool:
    users = {event.key.decode() for event in events}
    return all(record is not None for record in clout.records(users).values())


def until(true: Callable[[], bool], patience_s: float = 20.0) -> None:
    """Wait for it."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


def test_redis_down_delays_only_the_view(kafka: str, nursery: Nursery | None, prefix: str, tmp_path: Path) -> None:
    """Without Redis the worker goes on folding and publishing; a new, empty Redis gets everything, also after a kill -9."""
    port = free_port()
    server = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    redis_url = f"redis://127.0.0.1:{port}/0"
    clout = Stack(kafka, redis_url, prefix, tmp_path, nursery, model="plain", clock="stream", idle_s=0.5)
    events = history(3_000, seed=14)

    def up(_: Process) -> bool:
        return b"PONG" in ask(port, b"PING\r\n")

    with contextlib.ExitStack() as redis, contextlib.ExitStack() as workers:
        redis.enter_context(child(server, up))
        worker = workers.enter_context(clout.worker(stop_s=0))
        clout.feed(events[:1_000])
        clout.settled(1_000)
        redis.close()
        clout.feed(events[1_000:2_000])
        users = {event.key.decode() for event in events[:2_000]}
        until(lambda: users <= {user for user, _ in clout.consume("scores")})
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    with child(server, up), clout.worker():
        clout.feed(events[2_000:])
        clout.settled(3_000)
        until(lambda: _all_there(clout, events))
        exact(clout, events)
