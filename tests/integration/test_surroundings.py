"""What a worker learns of the world around it, on the real servers: it is said once, in words, wherever somebody asks."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import orjson
import pytest
from aiokafka import AIOKafkaProducer
from kafka.admin import KafkaAdminClient
from prometheus_client.parser import text_string_to_metric_families

from agents.api.serve import serving as api_serving
from agents.local.embedded import Process, free_port
from agents.surroundings import kafka as of_kafka
from agents.surroundings import redis as of_redis
from agents.surroundings.finding import OK, WRONG, Finding
from streams.model.versions import DAY_MS
from streams.scoreboard.connect import connect, connect_sync
from streams.scoreboard.layout import Keys
from streams.scoreboard.reader import Reader
from streams.scoreboard.user_alerts import packed
from streams.settings import Settings
from streams.sources import Produced
from tests.alerts import told
from tests.integration.stack import PATIENCE_S, Stack
from tests.integration.test_restart import until
from tests.scoreboard.servers import Server, serving

_LOOKS_OFTEN = (
    "from streams.partition import partitions; partitions.LOOK_S = 0.5; "
    "from agents.surroundings import watch, inside; watch.LOOK_S = 0.3; inside.HELD_S = 0.5; inside.REFUSED_S = 0.2; "
    "from agents.cli.main import main; main()"
)
_numbers = itertools.count(1)


class Worker(NamedTuple):
    """A running worker and its page."""

    process: Process
    url: str

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /readyz."""
        answer = httpx.get(f"{self.url}/readyz", timeout=PATIENCE_S)
        return answer.status_code, answer.json()

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        families = text_string_to_metric_families(httpx.get(f"{self.url}/metrics", timeout=PATIENCE_S).text)
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)

    @property
    def said(self) -> str:
        """Its log."""
        return str(self.process.log.read_text())  # type: ignore[attr-defined]


@contextlib.contextmanager
def working(clout: Stack) -> Iterator[Worker]:
    """A worker that looks often, with a page."""
    port = free_port()
    argv = (sys.executable, "-c", _LOOKS_OFTEN, "worker", "--port", str(port))
    with clout.worker(argv=argv) as process:
        yield Worker(process, f"http://127.0.0.1:{port}")


def likes(count: int, *, ahead_ms: int = 0) -> list[Produced]:
    """Likes of so many actors for three targets, now."""
    now_ms = int(time.time() * 1000) + ahead_ms
    made = []
    for n in range(count):
        number = next(_numbers)
        event = {"id": f"{now_ms}-{number}", "network": "n", "actor": f"a{number}", "target": f"b{n % 3}", "ts": now_ms}
        made.append(Produced("likes", f"n:a{number}".encode(), orjson.dumps(event), now_ms))
    return made


def doctor(settings: Settings) -> list[Finding]:
    """What `clout doctor` would say of Kafka and Redis."""

    async def ask() -> list[Finding]:
        client = connect(settings)
        try:
            return await of_redis.look(client, settings)
        finally:
            await client.aclose()

    return [*of_kafka.look(settings), *asyncio.run(ask())]


def bad(findings: list[Finding]) -> str:
    """All that is not well, in one text."""
    return "\n".join(finding.text for finding in findings if finding.status != OK)


@pytest.fixture
def clout(stack: Callable[..., Stack]) -> Stack:
    """Two partitions."""
    return stack(partitions=2, model="plain", alert_points=1.0)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Server]:
    """A Redis that the test may fill and turn around."""
    with serving("redis", tmp_path) as server:
        yield server


# -- Redis' keys -------------------------------------------------------------------------------------------------------


def test_any_key_that_is_lost_is_there_again(clout: Stack) -> None:
    """One after the other: board, records, histogram, histories, pulse; the alerts, and those of each user, from their topic."""
    settings, client = clout.settings, connect_sync(clout.settings)
    keys = Keys(settings.redis_prefix, 0)

    def seen() -> dict[str, Any]:
        board = dict(client.zrange(keys.board, 0, -1, withscores=True))
        spread = [client.hgetall(keys.spread(number)) for number in range(2)]
        return {
            "board": set(board),
            "users": set(client.hkeys(keys.users)),
            "spread": sum(int(count) for bins in spread for count in bins.values()),
            "pulse": len(client.hkeys(keys.pulse)),
            "history": client.hgetall(keys.history),
            "alerts": [fields for _, fields in client.xrange(keys.alerts)],
            "user_alerts": client.hgetall(keys.user_alerts),
        }

    with working(clout) as worker:
        clout.settled(clout.feed([*likes(3, ahead_ms=-3 * DAY_MS), *likes(90)]))  # so the three have daily closes
        until(lambda: (len(seen()["board"]), len(seen()["history"])) == (96, 3))
        assert bad(doctor(settings)) == ""
        # an alert as a worker publishes it: in the topic and in Redis
        alert = told("n:b1", at=int(time.time() * 1000))
        clout.produce([("alerts", 0, b"n:b1", alert)])
        client.xadd(keys.alerts, {"alert": alert})
        client.hset(keys.user_alerts, "n:b1", packed([alert]))
        before = seen()
        until(lambda: worker.metric("clout_redis_rebuilds_total") == 0)
        for name in ("board", "users", "spread", "history", "pulse", "alerts", "user_alerts"):
            assert client.delete(keys.spread(0) if name == "spread" else getattr(keys, name)) == 1
            until(lambda: seen() == before)
        assert worker.metric("clout_redis_rebuilds_total") >= 4
    assert "redis had lost alerts: 1 are there again" in worker.said
    assert "redis had lost the latest alerts of users: those of 1 are there again" in worker.said
    client.delete(keys.users)
    client.delete(keys.history)
    assert f"{keys.users} has 0 of 96 users" in bad(doctor(settings))
    assert f"{keys.history} has 0 of 3 users" in bad(doctor(settings))
    client.close()


def test_a_reader_of_changes_is_told_of_a_gap(clout: Stack) -> None:
    """Whoever follows `updates` and comes back with a cursor that is no longer there hears that something is missing."""

    async def story() -> None:
        settings = clout.settings
        client: Any = connect(settings)
        reader, key = Reader(client, settings.redis_prefix, 1, 2), Keys(settings.redis_prefix, 0).updates
        await client.xadd(key, {"batch": b"1"})
        [first] = await reader.updates("0-0")
        await client.xadd(key, {"batch": b"2"})
        [second] = await reader.updates(first.cursor)
        assert (first.gap, second.gap) == (False, False)
        await client.delete(key)
        await asyncio.sleep(0.01)  # a stream made anew may give an id of this millisecond once more
        await client.xadd(key, {"batch": b"3"})
        await client.xadd(key, {"batch": b"4"})
        third, fourth = await reader.updates(second.cursor)
        assert [(one.payload, one.gap) for one in (third, fourth)] == [(b"3", True), (b"4", False)]
        await client.aclose()

    asyncio.run(story())


def test_a_policy_that_may_evict(own_redis: Server, kafka: str) -> None:
    """The doctor warns of it, more so when there is a limit; not of one that leaves keys without expiry alone."""
    settings = Settings.load({}, kafka=kafka, redis=f"redis://127.0.0.1:{own_redis.port}/0")
    client = connect_sync(settings)
    said = {}
    for policy, most in (
        ("volatile-lru", 0),
        ("allkeys-lru", 0),
        ("allkeys-lru", 100 << 20),
        ("noeviction", 100 << 20),
    ):
        client.config_set("maxmemory-policy", policy)
        client.config_set("maxmemory", most)
        found = [one for one in doctor(settings) if one.check == "redis" and one.status != OK]
        said[policy, most > 0] = [one.status for one in found if policy in one.text]
    client.close()
    assert said == {
        ("volatile-lru", False): [],
        ("allkeys-lru", False): ["note"],
        ("allkeys-lru", True): [WRONG],
        ("noeviction", True): [],
    }


# -- Redis refuses writes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["full", "replica"])
def test_a_redis_that_refuses_writes(stack: Callable[..., Stack], own_redis: Server, how: str) -> None:
    """Log (once), /readyz, doctor and metrics say so, and why; when it takes writes again, nothing is missing."""
    clout = stack(partitions=2, model="plain", redis=f"redis://127.0.0.1:{own_redis.port}/0")
    client = connect_sync(clout.settings)
    words = {"full": "is full and refuses writes", "replica": "is a read-only replica"}[how]
    with working(clout) as worker:
        clout.settled(clout.feed(likes(10)))
        until(lambda: worker.ready()[0] == 200)
        if how == "full":
            client.config_set("maxmemory", 1)
        else:
            client.replicaof("127.0.0.1", str(free_port()))
        clout.feed(likes(20))
        until(lambda: worker.ready()[0] == 503)
        until(lambda: worker.metric("clout_redis_refused_seconds") > 0)
        status, body = worker.ready()
        assert (status, body["rule"]) == (503, "redis")
        assert words in body["reason"]
        assert words in bad(doctor(clout.settings))
        if how == "full":
            client.config_set("maxmemory", 0)
        else:
            client.replicaof("NO", "ONE")
        until(lambda: worker.ready()[0] == 200)
        clout.settled(30)
        assert worker.said.count(f"redis {words}") <= clout.settings.partitions
        assert "redis takes scores again" in worker.said
    client.close()


def test_a_page_without_a_worker_says_that_redis_refuses(own_redis: Server) -> None:
    """No worker can tell it, so it looks itself, as soon as somebody asks; a reader's user that may not write says nothing."""
    settings = Settings.load({}, redis=f"redis://127.0.0.1:{own_redis.port}/0")
    client = connect_sync(settings)
    with api_serving(settings) as port:
        url = f"http://127.0.0.1:{port}/readyz"
        assert httpx.get(url).json()["rule"] == "pulse"
        client.config_set("maxmemory", 1)
        answer = httpx.get(url)
        assert (answer.status_code, answer.json()["rule"]) == (503, "redis")
        assert "is full and refuses writes" in answer.json()["reason"]
    client.close()


# -- Kafka -------------------------------------------------------------------------------------------------------------


def test_partitions_added_to_one_topic(clout: Stack) -> None:
    """The worker ends, and names the topic and both counts, not a consumer of another program."""
    with working(clout) as worker:
        clout.settled(clout.feed(likes(10)))
        admin = KafkaAdminClient(bootstrap_servers=clout.settings.kafka.split(","))
        admin.create_partitions({clout.settings.topic("likes"): 4})
        admin.close()
        assert worker.process.wait(PATIENCE_S) == 1
    ends = worker.said[worker.said.index("clout worker ends: ") :]
    assert f"topic {clout.settings.topic('likes')} has 4 partitions now, the others 2" in ends
    assert "Nothing is lost" in ends
    assert "another program" not in ends


def test_a_transaction_that_stays_open(clout: Stack) -> None:
    """What waits behind it is counted, said in /readyz and the log, and gone again when it is decided."""

    async def held(worker: Worker) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=clout.settings.kafka, transactional_id=clout.settings.app + "-slow"
        )
        await producer.start()
        try:
            async with producer.transaction():
                for event in likes(30):
                    await producer.send(clout.settings.topic("likes"), event.value, event.key, 0)
                await producer.flush()
                await asyncio.to_thread(until, lambda: worker.metric("clout_input_undecided_offsets") == 30)
                await asyncio.to_thread(until, lambda: worker.metric("clout_findings") == 1)
                status, body = worker.ready()
                assert status == 200
                assert "likes[0]: for " in body["findings"][0]["text"]
                assert "30 records" in body["findings"][0]["text"]
        finally:
            await producer.stop()

    with working(clout) as worker:
        clout.settled(clout.feed(likes(10)))
        asyncio.run(held(worker))
        until(lambda: worker.metric("clout_input_undecided_offsets") == 0)
        until(lambda: worker.metric("clout_findings") == 0)
        clout.settled(40)
    # when it was found, and when it was gone; a machine under load may find the worker's own open, too
    told = [line for line in worker.said.splitlines() if "a transaction has been open" in line and "likes[0]: for " in line]
    assert len(told) == 2


# -- clocks ------------------------------------------------------------------------------------------------------------


def test_a_clock_that_is_behind(clout: Stack) -> None:
    """Live events that lie ahead of this machine's clock: not ready, the clock is named, and how they come back.

    Microseconds are a producer's mistake, and say nothing of the clock.
    """
    with working(clout) as worker:
        clout.settled(clout.feed(likes(10)))
        until(lambda: worker.ready()[0] == 200)
        clout.settled(10 + clout.feed(likes(30, ahead_ms=10**15)))
        until(lambda: worker.metric("clout_events_rejected_for_total") == 30)
        clout.settled(40 + clout.feed(likes(50, ahead_ms=3_600_000)))
        until(lambda: worker.ready()[0] == 503)
        body = worker.ready()[1]
        assert body["rule"] == "clock"
        assert body["reason"].startswith("50 of the last ")
        assert "clout rejects replay --reason ts_in_future" in body["reason"]
        until(lambda: worker.metric("clout_events_rejected_for_total") == 80)
