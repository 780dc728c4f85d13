"""Boards of networks, and accounts of persons, who are on these alone: the same cases on Redis and Valkey, and beside the twin."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack
from redis.exceptions import ResponseError

from agents.admin import rebuild
from agents.proof.simulation.redis import Redis as Twin
from streams.fold.rows import ENGAGEMENTS, GOT_TS, PUBLISHED, SCORE, UNSEEN
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.users import Slots
from streams.scoreboard.changes import Changes
from streams.scoreboard.flush import MAX_USERS, Flush, Versions
from streams.scoreboard.layout import MOST_NETWORKS, network_of
from streams.scoreboard.networks import Networks, Where
from streams.scoreboard.ranks import Rank
from streams.scoreboard.shown import Shown
from tests.scoreboard.conftest import Board
from tests.scoreboard.records import NOW_MS, bins, by_partition, flush, record
from tests.scoreboard.small import Small

Play = Callable[..., None]
PARTITION = 1
PATIENCE_S = 15.0
ODD = ('q"{}', "世界", "with space", "%41", "back\\slash", "a")


def network(users: dict[str, float], name: str) -> dict[str, float]:
    """Those of one network."""
    return {user: score for user, score in users.items() if network_of(user) == name}


# -- readers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shards", [1, 3])
def test_everyone_is_on_the_board_of_their_network(play: Play, shards: int) -> None:
    """Whatever it is called; persons are on the overall board alone."""
    people = {f"{name}:{i}": 2.0 + 3 * i + at / 8 for at, name in enumerate(ODD) for i in range(20)}
    everyone = people | {f"person:{i}": 71.0 + i for i in range(5)}

    async def story(board: Board) -> None:
        reader = board.reader
        for some in by_partition(everyone, 6):
            await board.writer.write(some)
        assert await reader.networks() == dict.fromkeys(sorted(ODD), 20)
        assert await reader.population() == len(everyone)
        for name in ODD:
            own = network(people, name)
            best = sorted(own, key=own.__getitem__, reverse=True)
            assert {r["user"] for r in await reader.top(500, NOW_MS, name)} == own.keys()
            assert await reader.network_rank(best[2]) == Rank(3, 20, own[best[2]], name)
            place = 1 + sum(score > own[best[2]] for score in everyone.values())
            assert await reader.rank(best[2]) == Rank(place, len(everyone), own[best[2]])
        assert await reader.network_rank("person:1") is None
        assert await reader.rank("person:4") == Rank(1, len(everyone), 75.0)
        assert await reader.network_rank("nobody") is await reader.network_rank("nobody:1") is None
        assert (await reader.top(5, NOW_MS, "person"), await reader.population("nobody")) == ([], 0)

    play(story, shards=shards, partitions=6)


def test_strangers_make_no_keys_without_bound(play: Play) -> None:
    """A network beyond the first hundred has no board: its users are on the overall one, and nobody misses them elsewhere."""
    named = {f"n{i:03}:u": 1.0 + i / 10 for i in range(MOST_NETWORKS - 1)}
    more = {"last:u": 50.0, "late:u": 51.0}

    async def story(board: Board) -> None:
        said = {name.partition(":")[0]: 1 for name in named | more}
        await board.writer.write(flush(1, named, shown=len(named)))
        for version in (2, 3):
            pulse = {"shown": MOST_NETWORKS + 1, "networks": said}
            await board.writer.write(Flush(0, version, pulse, flush(1, more).users, bins(named | more)))
        keys = await board.client.keys(f"{board.prefix}:*:board:*")
        assert len(keys) == MOST_NETWORKS == await board.client.hlen(board.keys().networks)
        assert await board.reader.population() == MOST_NETWORKS + 1
        assert (await board.reader.population("last"), await board.reader.population("late")) == (1, 0)
        assert await board.reader.network_rank("late:u") is None
        assert "late" not in await board.reader.networks()
        assert await board.reader.rank("late:u") == Rank(1, MOST_NETWORKS + 1, 51.0)
        assert not any((await board.writer.look(0)).gaps)
        assert await board.writer.lacking(0, [*named, *more]) == 0

    play(story)


def test_a_score_that_is_no_number_stops_all_lists(play: Play) -> None:
    """Also one that comes behind others: nothing is written."""

    async def story(board: Board) -> None:
        scores = {"a:1": 40.0, "b:1": math.nan, "person:1": 41.0}
        users = [(user, score, orjson.dumps(record(user, 1.0))) for user, score in scores.items()]
        with pytest.raises(ResponseError, match="float"):
            await board.writer.write(Flush(0, 1, {}, Changes.of(users)))
        assert await board.client.keys(f"{board.prefix}:*") == []

    play(story)


@pytest.mark.parametrize("key", ["networks", "board"])
def test_a_strangers_key_stops_the_call(play: Play, key: str) -> None:
    """Of another kind than ours, it is named before anything is written."""

    async def story(board: Board) -> None:
        name = board.keys().networks if key == "networks" else board.keys().board_of("a")
        await board.client.set(name, "foreign")
        with pytest.raises(ResponseError, match=r"WRONGTYPE .*another prefix"):
            await board.writer.write(flush(1, {"a:1": 40.0}))
        assert await board.client.keys(f"{board.prefix}:*") == [name.encode()]

    play(story)


# -- a worker whose accounts become those of persons ---------------------------------------------------------------------


class Linking(Small):
    """A worker in small on a real server, where a test says who is an account of a person; and the twin beside it."""

    def __init__(self, board: Board) -> None:
        super().__init__(board.writer, PARTITION)
        self.board, self.off = board, set[str]()
        self.table.linked = self._linked  # type: ignore[method-assign]

    def _linked(self, slots: Slots) -> Any:
        return np.array([user in self.off for user in self.table.users.of(slots)], np.bool_)

    def link(self, *users: str) -> None:
        """These are accounts of persons from now on, and no others."""
        for user in self.off ^ set(users):
            self.table.dirty[self.table.slot(user)] |= UNSEEN
        self.off = set(users)
        self.publish()

    async def settled(self) -> None:
        """Every board, the histogram and the pulse are as they should be, and the twin says the same of all that was written."""
        assert await self.view.drained(PATIENCE_S)
        client, keys, truth = self.board.client, self.board.keys(), self.truth
        shown = {user: score for user, score in truth.items() if user not in self.off}
        found: dict[str, dict[str, float]] = {}
        for name in ("a", "b"):
            found[name] = await places(client, keys.board_of(name))
            assert found[name] == pytest.approx(network(truth, name), abs=0.02)
        assert {name.decode() for name in await client.hgetall(keys.networks)} == {"a", "b"}
        overall = await places(client, keys.board)
        assert overall == pytest.approx(shown, abs=0.02)
        counts = await client.hgetall(keys.spread(PARTITION))
        assert {int(number): int(count) for number, count in counts.items() if int(count)} == bins(shown)
        pulse = (await self.board.reader.pulses())[PARTITION]
        assert (pulse["shown"], pulse.get("linked", 0)) == (len(truth), len(self.off))
        assert pulse["networks"] == {name: len(board) for name, board in found.items()}
        assert ("linked" in pulse) == bool(self.off)
        look = await self.board.writer.look(PARTITION)
        assert (look.gaps, look.lost) == ((0, 0, 0, 0), "")
        if not self.shown.rebuilds:
            twin = Twin()
            for call in self.shown.calls:
                twin.apply(call)
            assert (twin.shown.scores, twin.shown.boards, twin.shown.networks) == (overall, found, {"a", "b"})
            assert twin.look(PARTITION)._replace(alerts=0) == look


async def places(client: Any, key: str) -> dict[str, float]:
    """A whole board."""
    return {user.decode(): score for user, score in await client.zrange(key, 0, -1, withscores=True)}


@contextlib.asynccontextmanager
async def linking(board: Board) -> AsyncIterator[Linking]:
    """A view that has shown a few users and goes on while the block lasts."""
    shown = Linking(board)
    task = asyncio.create_task(shown.view.run())
    try:
        shown.put({f"a:{i}": 1.0 + i for i in range(20)} | {"b:1": 50.0, "b:2": 9.0, "person:ann": 30.0})
        await shown.settled()
        yield shown
    finally:
        if not task.cancel():  # it ended by itself
            task.result()


def test_accounts_of_persons_leave_the_overall_board(play: Play) -> None:
    """Board, histogram and percentile are without them as long as they are linked; their network's board goes on."""

    async def story(board: Board) -> None:
        async with linking(board) as shown:
            reader = board.reader
            shown.link("a:3", "a:19", "b:1")
            await shown.settled()
            assert await reader.population() == 20
            assert (await reader.distribution()).population == 20
            linked, behind = await reader.rank("a:19"), await reader.rank("a:18")
            assert linked == await reader.network_rank("a:19")
            assert linked
            assert (linked.rank, linked.of, linked.network) == (1, 20, "a")
            assert behind
            assert (behind.rank, behind.of, behind.network) == (2, 20, None)  # behind the person
            assert [r["user"] for r in await reader.top(1, NOW_MS)] == ["person:ann"]
            assert [r["user"] for r in await reader.top(1, NOW_MS, "a")] == ["a:19"]
            assert shown.shown.rebuilds == 0

    play(story)


def test_whoever_is_linked_goes_on_and_comes_back(play: Play) -> None:
    """Scores of linked accounts move on their network's board; unlinked they are where they were, whether moved or not."""

    async def story(board: Board) -> None:
        async with linking(board) as shown:
            shown.link("a:3", "a:4")
            await shown.settled()
            shown.put({"a:3": 90.0, "a:20": 3.0})
            await shown.settled()
            shown.link("a:4", "a:20", "b:2")
            await shown.settled()
            shown.link()
            await shown.settled()
            assert shown.shown.rebuilds == 0
            pushed = [orjson.loads(call.updates)["users"] for call in shown.shown.calls if call.updates]
            assert {user for user, *_ in pushed[-1]} == {"a:4", "a:20", "b:2"}  # who looks on hears of it

    play(story)


@pytest.mark.parametrize("key", ["board", "board:a", "board:b", "networks", "users", "spread", "pulse", "all"])
def test_each_key_alone_is_written_again(play: Play, key: str) -> None:
    """Deleted or evicted: whichever it is, boards of all kinds are right again, and that once."""

    async def story(board: Board) -> None:
        async with linking(board) as shown:
            shown.link("a:3", "b:1")
            await shown.settled()
            key_of = board.keys()._key
            name = board.keys().spread(PARTITION) if key == "spread" else key_of(key)
            await (board.client.delete(name) if key != "all" else board.client.delete(*await all_keys(board)))
            async with asyncio.timeout(PATIENCE_S):
                while not shown.shown.rebuilds:  # noqa: ASYNC110 - nobody could set an event
                    await asyncio.sleep(0.05)
            await shown.settled()
            assert shown.shown.rebuilds == 1

    play(story)


async def all_keys(board: Board) -> list[bytes]:
    """Everything under the prefix."""
    keys: list[bytes] = await board.client.keys(f"{board.prefix}:*")
    return keys


def test_the_twin_misses_what_redis_misses(play: Play) -> None:
    """Users not where they should be are counted alike: linked ones, persons, of networks with and without a board."""
    scores = {"a:1": 10.0, "a:2": 20.0, "b:1": 30.0, "person:p": 40.0}
    asked = [*scores, "a:none", "c:1", "person:none"]

    async def story(board: Board) -> None:
        twin, keys = Twin(), board.keys()
        pulse = {"shown": 4, "complete": 1, "networks": {"a": 2, "b": 1, "c%22": 5}}
        call = Flush(0, 1, pulse, flush(1, scores).users, bins(scores))
        await board.writer.write(call)
        twin.apply(call)

        async def same() -> Iterator[int]:
            real = await board.writer.look(0)
            assert real == twin.look(0)
            counts = [await board.writer.lacking(0, asked, linked=linked) for linked in (False, True)]
            assert counts == [twin.lacking(asked, linked=linked) for linked in (False, True)]
            return iter((real.unplaced, *counts))

        assert list(await same()) == [5, 3, 3]
        await board.client.zrem(keys.board, "a:1")
        del twin.shown.scores["a:1"]
        assert list(await same()) == [5, 4, 3]
        await board.client.delete(keys.board_of("b"))
        del twin.shown.boards["b"]
        assert list(await same()) == [6, 5, 4]
        await board.client.delete(keys.networks)
        twin.shown.networks.clear()
        assert list(await same()) == [8, 6, 6]

    play(story)


# -- without a server ----------------------------------------------------------------------------------------------------


def unpacked(packed: bytes) -> dict[str, float]:
    values = msgpack.decode(packed) if packed else []
    return dict(zip(values[1::2], values[::2], strict=True))


def test_no_list_is_packed_twice() -> None:
    """One network, nobody linked: one list. Several: each user is in one list, on whatever boards they are."""
    scores = {f"a:{i}": 1.0 + i for i in range(500)}
    one = flush(1, scores).users
    assert one.boards() == (b"", b"", [("a", one.places(), b"")])
    mixed = {f"{'abcde'[i % 5]}:{i}": 1.0 + i for i in range(500)} | {"person:p": 3.0}
    boards = flush(1, mixed).users.boards()
    assert unpacked(boards.alone) == {"person:p": 3.0}
    assert [(name, unpacked(both), alone) for name, both, alone in boards.networks] == [
        (name, network(mixed, name), b"") for name in "abcde"
    ]
    still = Changes.of([("a:1", None, b"{}")]).boards()
    assert still == (b"", b"", [])


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "person", "né"]), *[st.booleans()] * 3), max_size=40))
def test_each_is_on_their_boards(given: list[tuple[str, bool, bool, bool]]) -> None:
    """Moved or not, linked or not, on the board before or not: beside a plain sorting."""
    users = [f"{name}:{i}" for i, (name, *_) in enumerate(given)]
    names, scores = Texts.of([user.encode() for user in users]), np.arange(1, len(users) + 1, dtype=np.float64)
    moved, linked, there = (np.array([one[at] for one in given], np.bool_) for at in (1, 2, 3))
    linked &= np.array([name != "person" for name, *_ in given], np.bool_)
    networks = Networks()
    where = Where(networks.of(names), linked, linked & there, networks.names)
    boards = Changes(names, scores, moved, Texts.of([b"{}"] * len(users)), where).boards()
    overall = unpacked(boards.alone)
    for name, both, alone in boards.networks:
        assert not unpacked(both).keys() & unpacked(alone).keys()
        own = unpacked(both) | unpacked(alone)
        assert own == {
            u: s for u, s, m in zip(users, scores.tolist(), moved, strict=True) if m and network_of(u) == name
        }
        overall |= unpacked(both)
    wanted = zip(users, scores.tolist(), moved, linked, strict=True)
    assert overall == {user: score for user, score, does, off in wanted if does and not off}
    left = msgpack.decode(boards.left) if boards.left else []
    assert left == [user for user, off, was in zip(users, linked, there, strict=True) if off and was]


@given(
    st.lists(st.sampled_from([f"{n}:{i}" for n in ("a", "ab", "b" * 70, "person", "é") for i in range(3)] + ["none"]))
)
def test_networks_are_numbered_as_they_come(users: list[str]) -> None:
    """Each network one number, in whatever order and calls they are met."""
    networks, met = Networks(), dict.fromkeys(filter(None, map(network_of, users)))
    for some in (users[:7], users[7:]):
        numbers = networks.of(Texts.of([user.encode() for user in some])).tolist()
        assert [networks.names[n] if n >= 0 else None for n in numbers] == [network_of(user) for user in some]
    assert networks.names == list(met)


def test_a_partition_knows_a_bounded_number_of_networks() -> None:
    """Those beyond have no number, each time they are met."""
    networks = Networks()
    users = [f"n{i}:x".encode() for i in range(MOST_NETWORKS + 20)] * 2
    half = len(users) // 2
    wanted = [*range(MOST_NETWORKS), *[-1] * 20]
    numbers = networks.of(Texts.of(users))
    assert numbers.tolist() == wanted * 2
    networks.entered(numbers[:half])
    assert networks.said() == {f"n{i}": 1 for i in range(MOST_NETWORKS)}


def rows(users: dict[str, float], version: int) -> Table:
    """A table whose odd users are accounts of persons, all published under a version."""
    from streams.model.versions import PLAIN

    table = Table(PLAIN)
    table.advance(NOW_MS)
    slots = table.slots(list(users))
    table.cells[slots, SCORE], table.cells[slots, PUBLISHED] = list(users.values()), version
    table.cells[slots, ENGAGEMENTS], table.cells[slots, GOT_TS] = 1, NOW_MS
    table.linked = lambda slots: np.array([user.endswith("1") for user in table.users.of(slots)], np.bool_)  # type: ignore[method-assign]
    return table


def test_a_successor_knows_who_is_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those whom Redis has, linked ones are not counted into the histogram; networks are counted, over several slices."""
    monkeypatch.setattr("streams.scoreboard.shown.AGAIN_AT_ONCE", 7)
    users = {f"{'ab'[i % 2]}:{i}": 10.0 + i for i in range(20)} | {"person:p": 5.0}
    table = rows(users, 5)
    shown = Shown(table, 0, "w", Versions(1))
    assert shown.resume(5, "", NOW_MS)
    said = shown.said()
    assert (said.shown, said.linked, said.networks) == (21, 2, {"a": 10, "b": 10})
    assert shown.users(linked=True) == ["b:1", "b:11"]
    assert sorted([*shown.users(), "b:1", "b:11"]) == sorted(users)
    shown.show()
    call = shown.call(NOW_MS)
    assert call
    assert call.bins == bins({user: score for user, score in users.items() if not user.endswith("1")})


def test_a_rebuild_from_rows_has_them_right() -> None:
    """`clout rebuild` without a worker: linked accounts on their network's board alone, and counted so at its end."""
    users = {f"a:{i}": 1.0 for i in range(30)}
    header = SimpleNamespace(counts={}, version=9, closed=0, origin="", now_ms=NOW_MS)
    twin = Twin()
    twin.shown.scores["a:1"] = 99.0  # from before it was linked
    for call in rebuild._flushes(SimpleNamespace(table=rows(users, 5), header=header), 0):  # type: ignore[arg-type]
        twin.apply(call)
    look = twin.look(0)
    assert (look.version, look.shown, look.linked, look.counted, look.board) == (9, 30, 3, 27, 27)
    assert (look.lost, look.gaps, len(twin.shown.boards["a"])) == ("", (0, 0, 0, 0), 30)


def test_the_largest_call_of_many_networks_fits(play: Play) -> None:
    """2,000 users of more networks than may have boards, with their keys, in one call."""

    async def story(board: Board) -> None:
        scores = {f"n{i % 150}:{i}": 1 + i / 100 for i in range(MAX_USERS)}
        await board.writer.write(flush(1, scores))
        assert await board.reader.population() == MAX_USERS
        assert len(await board.reader.networks()) == MOST_NETWORKS

    play(story)
