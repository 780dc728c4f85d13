"""Documents of users and boards of topics: what a call writes, how far they grow, what is read back; on Redis and Valkey."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest

from streams.fold.rows import QUARTER
from streams.model.influential import Influence, TopicShare
from streams.model.table import Table
from streams.model.versions import DAY_MS, PLAIN
from streams.offline import Core
from streams.scoreboard import influences, layout, writer
from streams.scoreboard.connect import connect
from streams.scoreboard.flush import MAX_USERS
from streams.scoreboard.layout import MOST_ON_TOPIC, place_of
from streams.scoreboard.reader import Reader
from streams.scoreboard.topic_boards import Placed
from streams.scoreboard.writer import Writer
from tests.model.memories import Remembered, memory_of
from tests.scoreboard.conftest import Board
from tests.scoreboard.records import NOW_MS, flush, record
from tests.scoreboard.servers import serving
from tests.scoreboard.small import Small
from tests.scoreboard.test_view import PATIENCE_S, come_true
from tests.servers import ROOT

Play = Callable[..., None]
LIFE_MS = PLAIN.half_lives_ms[-1]
SHARDS = pytest.mark.parametrize("shards", [1, 3])


def document(user: str, topics: dict[str, float] | None = None, got: float = 8.0, **more: Any) -> Influence:
    """Of a user, by topic its share."""
    seen = {"error": 0.0, "people": 3, "first": NOW_MS - 2 * DAY_MS, "last": NOW_MS}
    some = [TopicShare(topic=name, share=share, **seen) for name, share in (topics or {}).items()]
    sums = {"as_of": NOW_MS, "got": got, "gave": 0.0, "influencees": [], "influencers": [], "moments": []}
    return Influence(user=user, topics=some, **sums | more)


def written(*documents: Influence) -> list[tuple[str, bytes]]:
    """As a flush carries them."""
    return [(one.user, msgspec.json.encode(one)) for one in documents]


async def board_of(board: Board, topic: str, shard: int = 0) -> dict[str, float]:
    """User and place, the highest first."""
    found = await board.client.zrange(board.keys(shard).topic(topic), 0, -1, desc=True, withscores=True)
    return {user.decode(): place for user, place in found}


async def listed(board: Board) -> dict[str, float]:
    """Topics with a board, and the highest place of each."""
    found = await board.client.zrange(board.keys().topics, 0, -1, desc=True, withscores=True)
    return {topic.decode(): place for topic, place in found}


def test_documents_and_boards_are_written(play: Play) -> None:
    """With the rest of a call; a later one replaces, a place may fall, and the topic keeps the highest there was."""

    async def story(board: Board) -> None:
        ann = document("a:1", {"jazz": 0.5})
        topics: dict[str, list[Any]] = {"jazz": [7.0, "a:1", 9.5, "b:1"], "rock \u65e5": [3.0, "a:1"]}
        assert await board.writer.write(flush(1, influence=written(ann, document("b:1")), topics=topics)) == 0
        assert await board.client.hgetall(board.keys().influence) == {
            user.encode(): text for user, text in written(ann, document("b:1"))
        }
        assert await board_of(board, "jazz") == {"b:1": 9.5, "a:1": 7.0}
        assert await listed(board) == {"jazz": 9.5, "rock \u65e5": 3.0}
        again = flush(2, influence=written(document("a:1")), topics={"jazz": [6.0, "b:1"]})
        assert await board.writer.write(again) == 1
        assert await board.reader.influence(record("a:1", 40.0)) == document("a:1")
        assert await board_of(board, "jazz") == {"a:1": 7.0, "b:1": 6.0}
        assert await board.writer.write(flush(1, influence=written(ann), topics={"new": [1.0, "a:1"]})) == 2
        assert "new" not in await listed(board)

    play(story, partitions=1)


def test_only_the_highest_topics_have_a_board(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three at most a fourth takes the place of the lowest, whose board goes; a lower one gets none, nor its users a place."""
    monkeypatch.setattr(writer, "MOST_TOPICS", 3)

    async def story(board: Board) -> None:
        await board.writer.write(flush(1, topics={f"t{n}": [10.0 + n, "a:1"] for n in range(3)}))
        await board.writer.write(flush(2, topics={"low": [9.0, "b:1"], "t0": [1.0, "b:1"]}))
        assert set(await listed(board)) == {"t0", "t1", "t2"}
        assert await board_of(board, "low") == {}
        assert await board_of(board, "t0") == {"a:1": 10.0, "b:1": 1.0}
        await board.writer.write(flush(3, topics={"high": [20.0, "b:1"]}))
        assert await listed(board) == {"high": 20.0, "t2": 12.0, "t1": 11.0}
        assert not await board.client.exists(board.keys().topic("t0"))
        await board.writer.write(flush(4, topics={"t0": [30.0, "a:1"]}))
        assert await listed(board) == {"t0": 30.0, "high": 20.0, "t2": 12.0}
        assert await board_of(board, "t0") == {"a:1": 30.0}

    play(story)


def test_a_board_has_so_many_users_at_most(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lowest leave it, whether they were there or come."""
    monkeypatch.setattr(writer, "MOST_ON_TOPIC", 5)

    async def story(board: Board) -> None:
        for version, some in ((1, range(4)), (2, range(10, 13)), (3, range(-3, 0))):
            places: list[Any] = [value for n in some for value in (float(n), f"u:{n}")]
            await board.writer.write(flush(version, topics={"jazz": places}))
        assert await board_of(board, "jazz") == {f"u:{n}": float(n) for n in (12, 11, 10, 3, 2)}

    play(story)


def test_the_largest_board_is_written_at_once(play: Play) -> None:
    """As many as a call has, and boards of as many topics as users who hide all they may."""

    async def story(board: Board) -> None:
        places: list[Any] = [value for n in range(MAX_USERS) for value in (float(n), f"u:{n}")]
        off = {f"h{n}": ["u:1"] for n in range(64 * influences.AT_ONCE)}
        topics = {"jazz": places} | {f"t{n}": [1.0, "u:1"] for n in range(10 * influences.AT_ONCE)}
        await board.writer.write(flush(1, topics=topics, off_topics=off))
        assert await board.client.zcard(board.keys().topic("jazz")) == MOST_ON_TOPIC
        assert await board.client.zcard(board.keys().topics) == layout.MOST_TOPICS

    play(story)


def strangers(n: int) -> Table:
    """To each of n users three others come on two days, all under fresh names, for a topic of their own and for one of all.

    Each time a little later: so the place of each topic is higher than those before.
    """
    table, core = Table(PLAIN), Core()
    for i in range(n):
        one = {"id": "e", "network": "n", "target": f"b{i}", "topics": [f"t{i}", "all"]}
        times = [NOW_MS - days * DAY_MS - (n - i) * 1_000 for days in range(3)]
        events = [orjson.dumps({**one, "actor": f"a{i}.{days}", "ts": ts}) for days, ts in enumerate(times)]
        core.fold(table, events, [0] * len(events), NOW_MS)
    return table


async def shown(board: Board, table: Table) -> None:
    """All documents, and the boards that come of them."""
    some = influences.Influences(table)
    some.changed(np.arange(len(table)))
    for version in count(1):
        if not len(some):
            return
        await board.writer.write(flush(version, **some.content(NOW_MS, beside=False)))


def test_strangers_make_no_keys_without_bound(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever topics and names come: so many boards, so many users on each; each further user is a field and no key."""
    monkeypatch.setattr(writer, "MOST_TOPICS", 20)
    monkeypatch.setattr(writer, "MOST_ON_TOPIC", 5)

    async def story(board: Board) -> None:
        await shown(board, strangers(120))
        names = {key.decode().rpartition("}:")[2] async for key in board.client.scan_iter(f"{board.prefix}:*")}
        boards = {f"topics:{topic}" for topic in await listed(board)}
        assert names == {"influence", "topics", "pulse", *boards}
        assert (len(boards), await board.client.hlen(board.keys().influence)) == (20, 480)
        assert {"topics:all", "topics:t119"} <= boards
        assert set(await board_of(board, "all")) == {f"n:b{n}" for n in range(115, 120)}

    play(story)


def test_who_hides_a_topic_leaves_its_board(play: Play) -> None:
    """The topic then has the highest place of who is left; without anybody it has no board, and makes room."""

    async def story(board: Board) -> None:
        jazz: list[Any] = [5.25, "a:1", 9.0, "b:1", 7.0 + 1 / 3, "c:1"]
        await board.writer.write(flush(1, topics={"jazz": jazz, "rock": [3.0, "b:1"]}))
        await board.writer.write(flush(2, off_topics={"jazz": ["b:1", "stranger:1"], "rock": ["b:1"], "none": ["b:1"]}))
        assert await board_of(board, "jazz") == {"c:1": 7.0 + 1 / 3, "a:1": 5.25}
        assert await listed(board) == {"jazz": 7.0 + 1 / 3}
        assert await board.reader.topic_ranks("b:1", ["jazz", "rock"]) == {}
        await board.writer.write(flush(3, off_topics={"jazz": ["a:1"]}, topics={"jazz": [8.0, "b:1"]}))
        assert await board_of(board, "jazz") == {"b:1": 8.0, "c:1": 7.0 + 1 / 3}
        assert await listed(board) == {"jazz": 8.0}

    play(story)


@SHARDS
def test_boards_are_read_over_all_shards(play: Play, shards: int) -> None:
    """The highest first, equal ones by name; a rank counts who is above in any shard; strangers have none."""

    async def story(board: Board) -> None:
        users = [f"a:{n}" for n in range(20)]
        homes = {user: board.reader._of(user).shard for user in users}
        for shard in range(shards):
            own: list[Any] = [v for n, user in enumerate(users) if homes[user] == shard for v in (float(n // 2), user)]
            solo: dict[str, list[Any]] = {f"only {shard}": [50.0 + shard, users[0]]}
            await board.writer.write(flush(1, partition=shard, topics={"jazz": own} | solo))
        assert await board.reader.topics.topics(10) == [*(f"only {shard}" for shard in reversed(range(shards))), "jazz"]
        assert await board.reader.topics.topics(1) == [f"only {shards - 1}"]
        top = await board.reader.topics.top("jazz", 4)
        assert [one.user for one in top] == ["a:18", "a:19", "a:16", "a:17"]
        assert await board.reader.topics.top("none", 5) == []
        assert await board.reader.topic_ranks("a:16", ["jazz", "none"]) == {"jazz": 3}
        assert await board.reader.topic_ranks("a:19", ["jazz"]) == {"jazz": 1}
        assert await board.reader.topic_ranks("b:1", ["jazz"]) == {}

    play(story, shards=shards, partitions=shards)


def test_a_place_stays_true() -> None:
    """It gives the weight of any moment: half of it a half-life later."""
    placed = Placed("a:1", place_of(6.0, NOW_MS, LIFE_MS))
    assert placed.weight(NOW_MS, LIFE_MS) == pytest.approx(6.0)
    assert placed.weight(NOW_MS + LIFE_MS, LIFE_MS) == pytest.approx(3.0)
    assert place_of(3.0, NOW_MS + LIFE_MS, LIFE_MS) == pytest.approx(placed.place)


@SHARDS
def test_a_person_has_what_its_accounts_have_together(play: Play, shards: int) -> None:
    """But for what the person hides, wherever the document of the person is; without documents nothing is known."""
    person = {**record("person:p", 50.0), "accounts": ["a:1", "b:1", "c:9"]}

    async def story(board: Board) -> None:
        assert await board.reader.influence(person) is None
        assert await board.reader.influence(record("a:1", 40.0)) is None
        own = document("person:p", got=0.0, hidden=["jazz"])
        for version, some in (
            (1, (document("a:1", {"jazz": 0.5, "rock": 0.25}), document("b:1", {"rock": 0.5}))),
            (2, (own,)),
        ):
            for one in some:
                home = board.reader._of(one.user).shard
                await board.writer.write(
                    flush(version * 10 + (one.user == "b:1"), partition=home, influence=written(one))
                )
            found = await board.reader.influence(person)
            assert found
            shares = {"jazz": 0.25, "rock": 0.375} if version == 1 else {"rock": 0.375}
            assert {one.topic: one.share for one in found.topics} == pytest.approx(shares)
            assert found.hidden == own.hidden[: version - 1]
        assert await board.reader.influence(record("person:p", 50.0)) == own

    play(story, shards=shards, partitions=shards)


def test_the_least_rights_are_enough(kind: str, tmp_path: Path) -> None:
    """The Redis users of deploy/README.md write and read documents and boards, a board that gives way and one that is left."""
    lines = (ROOT / "deploy" / "README.md").read_text().splitlines()
    users = [line.replace(">PASSWORD", "nopass") for line in lines if line.startswith("user ")]
    (tmp_path / "users.acl").write_text("\n".join(["user default off", *users]) + "\n")
    with serving(kind, tmp_path, "--aclfile", str(tmp_path / "users.acl")) as server:

        async def story() -> None:
            shape = ("clout", 1, 1)
            clients = [connect(f"redis://{user}:x@127.0.0.1:{server.port}/0") for user in ("worker", "reader")]
            writing, reading = Writer(clients[0], *shape), Reader(clients[1], *shape)
            topics: dict[str, list[Any]] = {f"t{n}": [float(n), "a:1"] for n in range(layout.MOST_TOPICS + 1)}
            await writing.write(flush(1, {"a:1": 40.0}, influence=written(document("a:1")), topics=topics))
            await writing.write(flush(2, topics={"t9": [1.0, "b:1"]}, off_topics={"t9": ["a:1"], "t8": ["a:1"]}))
            assert (await writing.look(0)).influence == 1
            assert await reading.topics.topics(1) == [f"t{layout.MOST_TOPICS}"]
            assert [one.user for one in await reading.topics.top("t9", 9)] == ["b:1"]
            assert await reading.topic_ranks("b:1", ["t9"]) == {"t9": 1}
            assert await reading.influence(record("a:1", 40.0)) == document("a:1")
            for client in clients:
                await client.aclose()

        asyncio.run(story())


class Worker(Small):
    """A partition on a real server."""

    def __init__(self, board: Board) -> None:
        super().__init__(board.writer)
        self.board = board

    async def told(self) -> dict[str, Influence]:
        """The documents in Redis, once the queue is empty."""
        await asyncio.wait_for(come_true(lambda: not len(self.shown.influences) and self.view.caught_up), PATIENCE_S)
        found = await self.board.client.hgetall(self.board.keys().influence)
        return {user.decode(): msgspec.json.decode(text, type=Influence) for user, text in found.items()}


def showing(play: Play, story: Callable[[Worker], Any]) -> None:
    """A view that writes while the story lasts; a has jazz and rock, b has jazz."""

    async def told(board: Board) -> None:
        worker = Worker(board)
        task = asyncio.create_task(worker.view.run())
        try:
            worker.about("n:a", {"jazz": 4.0, "rock": 2.0})
            worker.about("n:b", {"jazz": 1.0})
            worker.put({"n:a": 8.0, "n:b": 8.0})
            assert set(await worker.told()) == {"n:a", "n:b"}
            await story(worker)
        finally:
            if not task.cancel():  # it ended by itself
                task.result()

    play(told, partitions=1)


def test_what_a_worker_shows(play: Play) -> None:
    """A place is the weight that the list has; shares are of all engagement."""

    async def story(worker: Worker) -> None:
        found, got = (await worker.told())["n:a"], 8.0 * worker.table.decays(NOW_MS)[QUARTER]
        assert found.got == pytest.approx(got)
        shares = {"jazz": 4.0 / got, "rock": 2.0 / got}
        assert {one.topic: one.share for one in found.topics} == pytest.approx(shares, rel=1e-5)
        wanted = {"n:a": place_of(4.0, NOW_MS, LIFE_MS), "n:b": place_of(1.0, NOW_MS, LIFE_MS)}
        assert await board_of(worker.board, "jazz") == pytest.approx(wanted)
        pulse = (await worker.board.reader.pulses())[0]
        assert pulse["influence"] == 2

    showing(play, story)


def test_what_is_hidden_leaves_redis_and_comes_back(play: Play) -> None:
    """Document and board; a person who hides something has a document, others who have nothing have none."""

    async def story(worker: Worker) -> None:
        worker.hide("n:a", "jazz", "never seen")
        worker.hide("person:p", "rock")
        worker.put({"n:c": 1.0})
        found = await worker.told()
        assert [one.topic for one in found["n:a"].topics] == ["rock"]
        assert found["n:a"].hidden == ["jazz", "never seen"]
        assert found["person:p"].hidden == ["rock"]
        assert set(found) == {"n:a", "n:b", "person:p"}
        assert list(await board_of(worker.board, "jazz")) == ["n:b"]
        assert list(await board_of(worker.board, "rock")) == ["n:a"]
        assert (await listed(worker.board))["jazz"] == pytest.approx(place_of(1.0, NOW_MS, LIFE_MS))
        worker.hide("n:a")
        worker.hide("person:p")
        worker.publish()
        found = await worker.told()
        assert found["n:a"].hidden == found["person:p"].hidden == []
        assert list(await board_of(worker.board, "jazz")) == ["n:a", "n:b"]

    showing(play, story)


def test_lost_documents_are_written_again(play: Play) -> None:
    """The look sees that some are missing, and nobody's score is written for it."""

    async def story(worker: Worker) -> None:
        client, keys, shown = worker.board.client, worker.board.keys(), worker.shown.rebuilds
        before = await worker.told()
        calls = len(worker.shown.calls)
        await client.delete(keys.influence, keys.topic("jazz"), keys.topics)

        async def again() -> None:
            while await client.hlen(keys.influence) < 2:  # noqa: ASYNC110 - nobody could set an event
                await asyncio.sleep(0.05)

        await asyncio.wait_for(again(), PATIENCE_S)
        assert await worker.told() == before
        assert list(await board_of(worker.board, "jazz")) == ["n:a", "n:b"]
        assert worker.shown.rebuilds == shown
        assert not any(len(one.users) for one in worker.shown.calls[calls:])

    showing(play, story)


def test_a_board_restored_with_somebody_on_it(play: Play) -> None:
    """When everyone is written again, whoever hides a topic is taken off its board, wherever Redis has it from."""

    async def story(worker: Worker) -> None:
        worker.hide("n:a", "jazz")
        worker.publish()
        await worker.told()
        await worker.board.client.zadd(worker.board.keys().topic("jazz"), {"n:a": 99.0})
        await worker.board.client.delete(worker.board.keys().pulse)
        await asyncio.wait_for(come_true(lambda: worker.shown.rebuilds > 0), PATIENCE_S)
        await worker.told()
        assert list(await board_of(worker.board, "jazz")) == ["n:b"]

    showing(play, story)


def test_the_queue() -> None:
    """First come, first told; who changes while waiting is told once; so many at once, and everyone after a loss."""
    small = Small(None)  # type: ignore[arg-type]  # nothing is written
    for n in range(5):
        small.about(f"n:{n}", {"jazz": 1.0 + n})
    small.table.slot("n:nothing")
    queue = influences.Influences(small.table)

    def told() -> list[str]:
        return [one.user for one in queue.some(NOW_MS, 3)]

    queue.changed(np.array([4, 1]))
    queue.changed(np.array([1, 0, 3, 2]))
    assert len(queue) == 5
    assert told() == ["n:4", "n:1", "n:0"]
    assert queue.users == 3
    queue.changed(np.array([4]))
    assert told() == ["n:3", "n:2", "n:4"]
    assert told() == []
    assert (len(queue), queue.users) == (0, 5)
    queue.everyone()
    assert (len(queue), queue.users) == (5, 0)
    assert told() + told() == [f"n:{n}" for n in range(5)]
    small.table.memory[5] = memory_of([Remembered(1.0, NOW_MS, 7, 0, 9, b"bob")])
    queue.everyone()
    assert len(queue) == 6


@pytest.mark.parametrize(("beside", "told"), [(True, influences.BESIDE), (False, influences.AT_ONCE)])
def test_fewer_are_told_beside_scores(beside: bool, told: int) -> None:
    """A sweep that writes scores takes few of the queue, one that has nothing else to write takes many."""
    small = Small(None)  # type: ignore[arg-type]  # nothing is written
    for n in range(influences.AT_ONCE + 1):
        small.about(f"n:{n}", {"jazz": 1.0})
    queue = influences.Influences(small.table)
    queue.everyone()
    assert len(queue.content(NOW_MS, beside=beside)["influence"]) == told
    assert len(queue) == influences.AT_ONCE + 1 - told


def test_no_weight_has_no_place() -> None:
    """A share of nothing is on no board: there is no logarithm of it."""
    small = Small(None)  # type: ignore[arg-type]  # nothing is written
    queue = influences.Influences(small.table)
    assert queue.on_boards([document("n:a", {"jazz": 0.0, "rock": 0.5})]) == {
        "rock": [pytest.approx(math.log2(4.0) + NOW_MS / LIFE_MS), "n:a"]
    }
