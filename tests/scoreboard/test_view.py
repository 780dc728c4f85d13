"""A view on real servers to which things happen: what Redis shows in the end is what the worker knows."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.crc import key_slot

from agents.local.embedded import free_port
from streams.scoreboard.connect import AsyncRedis, connect, connect_sync
from streams.scoreboard.shown import BOARD_STEP
from tests.scoreboard.conftest import Board, on
from tests.scoreboard.records import bins, flush
from tests.scoreboard.servers import Server, serving
from tests.scoreboard.small import Small

PATIENCE_S = 15.0
PARTITION = 1
NEAR = BOARD_STEP * 0.1  # points that the board may be away from a record


class Worker(Small):
    """The same on a real server, which is looked at."""

    def __init__(self, board: Board) -> None:
        super().__init__(board.writer, PARTITION)
        self.board = board

    @property
    def rebuilds(self) -> int:
        """How often everyone was shown again."""
        return self.shown.rebuilds

    async def settled(self) -> None:
        """Redis has all of it, and exactly that: score, record, histogram and version of everyone."""
        assert await self.view.drained(PATIENCE_S)
        client, keys, truth = self.board.client, self.board.keys(), self.truth
        found = {user.decode(): score for user, score in await client.zrange(keys.board, 0, -1, withscores=True)}
        assert found == pytest.approx(truth, abs=NEAR)
        records = await client.hgetall(keys.users)
        assert {user.decode(): orjson.loads(record)["score"] for user, record in records.items()} == pytest.approx(
            truth
        )
        counts = await client.hgetall(keys.spread(PARTITION))
        assert {int(number): int(count) for number, count in counts.items() if int(count)} == bins(truth)
        assert {user.decode() for user in await client.hvals(keys.ids)} == truth.keys()
        assert await client.zcard(keys.search) == 2 * len(truth)
        pulse = (await self.board.reader.pulses())[PARTITION]
        assert (pulse["version"], pulse["complete"]) == (self.versions.last, self.cut)
        assert await client.xlen(keys.updates) == self.pushed or self.rebuilds


@contextlib.asynccontextmanager
async def showing(board: Board) -> AsyncIterator[Worker]:
    """A view that has shown a few users and goes on while the block lasts."""
    shown = Worker(board)
    task = asyncio.create_task(shown.view.run())
    try:
        shown.put({f"a:{i}": 1.0 + i for i in range(20)})
        shown.put({"a:3": 77.7, "b:1": 50.0})
        await shown.settled()
        assert shown.rebuilds == 0
        yield shown
    finally:
        if not task.cancel():  # it ended by itself
            task.result()


Story = Callable[[Worker], Awaitable[None]]


async def come_true(true: Callable[[], bool]) -> None:
    """Wait for something that only looks can tell."""
    while not true():  # noqa: ASYNC110 - nobody could set an event
        await asyncio.sleep(0.05)


@pytest.fixture
def server(kind: str, tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own."""
    with serving(kind, tmp_path) as own:
        yield own


def play(server: Server, story: Story, **options: Any) -> None:
    """Run a story with a view on this server."""
    url = f"redis://127.0.0.1:{server.port}/0"

    async def told(board: Board) -> None:
        async with showing(board) as shown:
            await story(shown)

    on(url, told, client=connect(url, **options))


def test_everything_deleted_is_written_again(server: Server) -> None:
    """After FLUSHALL the next change brings everyone back."""

    async def story(shown: Worker) -> None:
        await shown.board.client.flushall()
        shown.put({"a:0": 61.0})
        await shown.settled()
        assert shown.rebuilds >= 1

    play(server, story)


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "writing"])
@pytest.mark.parametrize("key", ["board", "users", "spread", "pulse", "search", "ids"])
def test_each_key_alone_is_written_again(server: Server, key: str, busy: bool) -> None:
    """Deleted or evicted: whichever it is, everyone is right again, whether changes go on or nothing happens."""

    async def story(shown: Worker) -> None:
        keys = shown.board.keys()
        name = keys.spread(PARTITION) if key == "spread" else getattr(keys, key)
        assert await shown.board.client.delete(name) == 1
        async with asyncio.timeout(PATIENCE_S):
            for score in itertools.count(1):
                if shown.rebuilds:
                    break
                if busy:  # few of all, so that the key is there again and most are not
                    shown.put({"a:1": 20.0 + score % 50})
                await asyncio.sleep(0.05)
        await shown.settled()
        assert shown.rebuilds == 1

    play(server, story)


def test_users_of_a_partition_that_nobody_holds_are_not_ours_to_write(server: Server) -> None:
    """They stay missing; our own are written once, and not again and again."""

    async def story(shown: Worker) -> None:
        board, looks = shown.board, 0
        other = {f"z:{i}": 5.0 for i in range(7)}
        await board.writer.write(flush(9, other, PARTITION + 1, len(other), bins=bins(other)))

        async def look(partition: int, real: Any = board.writer.look) -> Any:
            nonlocal looks
            looks += 1
            return await real(partition)

        board.writer.look = look  # type: ignore[method-assign]
        await board.client.delete(board.keys().board)
        async with asyncio.timeout(PATIENCE_S):
            await come_true(lambda: shown.rebuilds > 0)
            seen = looks
            await come_true(lambda: looks >= seen + 3)
        assert (shown.rebuilds, await board.reader.population()) == (1, len(shown.truth))

    play(server, story)


def test_a_forgotten_script_changes_nothing(server: Server) -> None:
    """After SCRIPT FLUSH the view goes on, and nobody has to be shown again."""

    async def story(shown: Worker) -> None:
        for score in (20.0, 30.0, 40.0):
            await shown.board.client.script_flush()
            shown.put({"a:0": score})
            await shown.settled()
        assert shown.rebuilds == 0

    play(server, story)


def test_back_and_empty(server: Server) -> None:
    """A server that was down, while scores went on, and comes back without its data shows everyone in the end."""

    async def story(shown: Worker) -> None:
        server.stop()
        for score in range(10, 20):
            shown.put({"a:0": float(score), f"c:{score}": 33.0})
        assert not await shown.view.drained(0.3)
        server.start()
        await shown.settled()
        assert shown.rebuilds >= 1

    play(server, story)


@pytest.mark.parametrize("options", [{}, {"timeout_s": 0.2, "retries": 0}], ids=["patient", "gives up first"])
def test_answers_that_take_half_a_second(server: Server, options: dict[str, Any]) -> None:
    """Slow answers delay the view; a client that gives up and repeats writes nothing twice, and nobody is shown again."""

    async def story(shown: Worker) -> None:
        client = shown.board.client
        for score in (20.0, 30.0, 40.0):
            await client.execute_command("CLIENT", "PAUSE", 500, "ALL")
            shown.put({"a:0": score})
            shown.put({"a:1": score})
            assert not await shown.view.drained(0.1)
            assert await shown.view.drained(PATIENCE_S)
        await shown.settled()
        assert shown.rebuilds == 0
        assert await client.xlen(shown.board.keys().updates) == shown.pushed

    play(server, story, **options)


def test_a_server_that_hangs(server: Server) -> None:
    """A server that stands still with its connections open is waited for; what it did at last is not done twice."""

    async def story(shown: Worker) -> None:
        server.freeze()
        try:
            shown.put({"a:0": 91.0})
            shown.put({"a:1": 92.0})
            assert not await shown.view.drained(0.7)
        finally:
            server.thaw()
        await shown.settled()
        assert shown.rebuilds == 0
        assert await shown.board.client.xlen(shown.board.keys().updates) == shown.pushed

    play(server, story, timeout_s=0.2, retries=0)


def test_an_older_copy_is_noticed(server: Server) -> None:
    """Restored from a backup, or failed over to a replica that lagged: the next change brings everybody up to date."""

    async def story(shown: Worker) -> None:
        client = shown.board.client
        copy = {name: await client.dump(name) for name in await client.keys("*")}
        shown.put({"a:0": 95.0, "new:1": 42.0})
        shown.put({"a:1": 96.0})
        await shown.settled()
        await client.flushall()
        for name, value in copy.items():
            await client.restore(name, 0, value)
        shown.put({"a:2": 97.0})
        await shown.settled()
        assert shown.rebuilds >= 1

    play(server, story)


def test_a_lost_pulse_is_noticed(server: Server) -> None:
    """Without the pulse nothing is known of Redis, so everyone is shown."""

    async def story(shown: Worker) -> None:
        await shown.board.client.delete(shown.board.keys().pulse)
        shown.put({"a:2": 97.0})
        await shown.settled()
        assert shown.rebuilds >= 1

    play(server, story)


class Node(contextlib.ExitStack):
    """One node of a cluster, with a blocking client for its administration."""

    def __init__(self, kind: str, folder: Path) -> None:
        super().__init__()
        folder.mkdir()
        bus = free_port()  # else 10,000 above the server's, which may be beyond the last port
        options = ("--cluster-enabled", "yes", "--cluster-port", str(bus))
        self.server = self.enter_context(serving(kind, folder, *options))
        self.client: Any = self.enter_context(
            contextlib.closing(connect_sync(f"redis://127.0.0.1:{self.server.port}/0"))
        )
        self.id = str(self.client.execute_command("CLUSTER", "MYID"), "ascii")
        self.bus = bus

    def cluster(self, *words: object) -> Any:
        """CLUSTER ..."""
        return self.client.execute_command("CLUSTER", *words)


def until(what: Callable[[], bool]) -> None:
    """Wait for the cluster to agree."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@pytest.fixture
def cluster(kind: str, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """Two nodes; the first has all slots."""
    with Node(kind, tmp_path / "first") as first, Node(kind, tmp_path / "second") as second:
        first.cluster("ADDSLOTS", *range(16_384))
        second.cluster("MEET", "127.0.0.1", first.server.port, first.bus)
        for node in (first, second):
            until(lambda node=node: node.client.cluster("INFO")["cluster_state"] == "ok")  # type: ignore[misc]
            until(lambda node=node: node.client.cluster("INFO")["cluster_known_nodes"] == "2")  # type: ignore[misc]
        yield first, second


class OnCluster:
    """The settings of a cluster."""

    redis_cluster = True

    def __init__(self, url: str) -> None:
        self.redis = url


def test_a_slot_that_moves_while_it_is_written(cluster: tuple[Node, Node]) -> None:
    """Keys that move to another node one by one, under a steady stream of calls, end up there complete and up to date."""
    source, target = cluster

    async def move(board: Board) -> None:
        slot = key_slot(board.keys().board.encode())

        def step(node: Node, *words: object) -> Awaitable[Any]:
            return asyncio.to_thread(node.cluster, "SETSLOT", slot, *words)

        await step(target, "IMPORTING", source.id)
        await step(source, "MIGRATING", target.id)
        while keys := await asyncio.to_thread(source.cluster, "GETKEYSINSLOT", slot, 1):
            await asyncio.to_thread(
                source.client.execute_command, "MIGRATE", "127.0.0.1", target.server.port, keys[0], 0, 5_000
            )
            await asyncio.sleep(0.05)  # half moved: the calls of the view are refused meanwhile
        for node in (target, source):
            await step(node, "NODE", target.id)

    async def story(board: Board) -> None:
        async with showing(board) as shown:
            moving = asyncio.create_task(move(board))
            scores = itertools.count(1)
            while not moving.done():
                shown.put({"a:0": 1.0 + next(scores) % 99})
                await asyncio.sleep(0.02)
            await moving
            shown.put({"a:1": 98.0})
            await shown.settled()
            slot = key_slot(board.keys().board.encode())
            assert source.cluster("COUNTKEYSINSLOT", slot) == 0
            assert target.cluster("COUNTKEYSINSLOT", slot) > 4
            assert await board.client.xlen(board.keys().updates) == shown.pushed
            assert await board.reader.search.begins("B:") == ["b:1"]

    url = f"redis://127.0.0.1:{source.server.port}/0"
    client: AsyncRedis = connect(OnCluster(url), timeout_s=1.0)
    on(url, story, client=client)


def test_a_cluster_that_is_gone_for_a_while(cluster: tuple[Node, Node]) -> None:
    """When no node answers the view waits like for any other Redis; back without their data, everyone is shown."""

    async def story(board: Board) -> None:
        async with showing(board) as shown:
            for node in cluster:
                node.server.stop()
            shown.put({"a:0": 91.0})
            assert not await shown.view.drained(1.5)
            for node in cluster:
                node.server.start()
            shown.put({"a:1": 92.0})
            await shown.settled()
            assert shown.rebuilds >= 1

    url = f"redis://127.0.0.1:{cluster[0].server.port}/0"
    on(url, story, client=connect(OnCluster(url), timeout_s=0.5))
