"""What can be read back, with one shard and with several: the same cases on Redis and Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
import pytest

from streams.errors import UsageError
from streams.scoreboard.changes import Changes
from streams.scoreboard.flush import Flush
from streams.scoreboard.layout import Keys
from streams.scoreboard.ranks import Rank
from streams.scoreboard.reader import score_at
from streams.scoreboard.spread import Spread
from streams.scoreboard.tail import Tail
from streams.scoreboard.writer import Writer
from tests.scoreboard.conftest import Board
from tests.scoreboard.records import NOW_MS, bins, by_partition, flush, record

Play = Callable[..., None]
SHARDS = pytest.mark.parametrize("shards", [1, 3])
PEOPLE = {f"bluesky:person {i}": 1.05 + 0.9 * i for i in range(100)}
DAY_MS = 86_400_000


async def write_people(writer: Writer, partitions: int = 6) -> None:
    for some in by_partition(PEOPLE, partitions):
        await writer.write(some)


@SHARDS
def test_users_come_in_the_order_asked_for(play: Play, shards: int) -> None:
    """Several users are answered in order, repeats too, with None for the unknown."""

    async def story(board: Board) -> None:
        await write_people(board.writer)
        known = list(PEOPLE)[::7]
        found = await board.reader.users([known[3], "nobody:1", *known, known[3]])
        assert found[1] is None
        assert [r and r["user"] for r in found] == [known[3], None, *known, known[3]]
        assert found[0] == record(known[3], PEOPLE[known[3]])
        assert await board.reader.user("nobody:1") is None
        assert await board.reader.users([]) == []

    play(story, shards=shards, partitions=6)


@SHARDS
def test_rank_and_population_count_over_all_shards(play: Play, shards: int) -> None:
    """The rank is one more than the number of users above, equal scores share it; strangers have none."""

    async def story(board: Board) -> None:
        await write_people(board.writer)
        ordered = sorted(PEOPLE, key=PEOPLE.__getitem__, reverse=True)
        for place in (0, 1, 50, 99):
            assert await board.reader.rank(ordered[place]) == Rank(place + 1, 100, PEOPLE[ordered[place]])
        for again in by_partition({ordered[4]: PEOPLE[ordered[3]]}, 6, version=2):
            await board.writer.write(again)
        ranks = [await board.reader.rank(ordered[place]) for place in (3, 4, 5)]
        assert [r.rank for r in ranks if r] == [4, 4, 6]
        assert await board.reader.rank("nobody:1") is None
        assert await board.reader.population() == 100

    play(story, shards=shards, partitions=6)


@SHARDS
def test_the_top_is_decayed_to_now(play: Play, shards: int) -> None:
    """Sorted by the scores of now: a stale high record falls behind a fresh one slightly below it."""

    async def story(board: Board) -> None:
        stale, fresh = "a:stale", "b:fresh"
        windows = {"day": 2.0, "week": 2.0, "quarter": 2.0}
        old = record(stale, 52.0, as_of=NOW_MS - 30 * DAY_MS, windows=windows)
        now = score_at(record(fresh, 0.0, windows=windows), NOW_MS)
        assert now["score"] < 52.0
        for user, stored in ((stale, old), (fresh, now)):
            for one in by_partition({user: stored["score"]}, 6):
                users = [(user, stored["score"], orjson.dumps(stored))]
                await board.writer.write(Flush(one.partition, 2 if user == stale else 3, {}, Changes.of(users)))
        top = await board.reader.top(2, NOW_MS)
        assert [r["user"] for r in top] == [fresh, stale]
        assert [r["user"] for r in await board.reader.top(1, NOW_MS)] == [fresh]
        assert all(r["as_of"] == NOW_MS for r in top)
        assert top[1]["score"] < old["score"]

    play(story, shards=shards, partitions=6)


@SHARDS
def test_the_top_is_the_top_of_everybody(play: Play, shards: int) -> None:
    """Ten of a hundred over all shards, in order; asking for more than there are gives all."""

    async def story(board: Board) -> None:
        assert await board.reader.top(5, NOW_MS) == []
        mass = {user: {"day": 0.0, "week": 0.0, "quarter": score} for user, score in PEOPLE.items()}
        truth = {u: score_at(record(u, 1.0, windows=w), NOW_MS) for u, w in mass.items()}
        for one in by_partition({u: r["score"] for u, r in truth.items()}, 6):
            users = [(u, s, orjson.dumps(truth[u])) for u, s, _ in one.users]
            await board.writer.write(Flush(one.partition, 1, {}, Changes.of(users)))
        best = sorted(PEOPLE, key=PEOPLE.__getitem__, reverse=True)
        assert [r["user"] for r in await board.reader.top(10, NOW_MS)] == best[:10]
        assert [r["user"] for r in await board.reader.top(500, NOW_MS)] == best

    play(story, shards=shards, partitions=6)


@SHARDS
def test_the_spread_of_all_partitions_adds_up(play: Play, shards: int) -> None:
    """The merged histogram equals the histogram of everybody, and the percentile is the share below."""

    async def story(board: Board) -> None:
        assert await board.reader.percentile(50.0) is None
        await write_people(board.writer)
        spread = await board.reader.distribution()
        assert spread.bins == bins(PEOPLE)
        assert spread.population == 100
        assert spread.mean == pytest.approx(sum(PEOPLE.values()) / 100, abs=0.051)
        assert await board.reader.percentile(1.0) == 0.0
        assert await board.reader.percentile(100.0) == 100.0
        middle = sorted(PEOPLE.values())[50]
        assert await board.reader.percentile(middle) == pytest.approx(50.0, abs=1.0)

    play(story, shards=shards, partitions=6)


def test_percentiles_rise_within_a_bin() -> None:
    """Users of one bin count as evenly spread, so a percentile never jumps or falls."""
    spread = Spread({400: 2, 401: 4, 900: 4})
    got = [spread.percentile(score) for score in (39.9, 40.0, 40.05, 40.1, 40.15, 41.0, 90.1)]
    assert got == pytest.approx([0, 0, 10, 20, 40, 60, 100], abs=1e-9)
    assert Spread({}).mean is None


@SHARDS
def test_pulses_of_all_partitions(play: Play, shards: int) -> None:
    """Each partition that has written is there once, with all its fields and its version."""

    async def story(board: Board) -> None:
        for partition in (5, 0, 3):
            await board.writer.write(flush(partition + 10, partition=partition))
        pulses = await board.reader.pulses()
        assert list(pulses) == [0, 3, 5]
        assert pulses[3] == {"event_ts": NOW_MS, "owner": "w1", "shown": 0, "version": 13}

    play(story, shards=shards, partitions=6)


@SHARDS
def test_updates_continue_where_a_cursor_stands(play: Play, shards: int) -> None:
    """Every batch is delivered once, whatever the cuts; a cursor that went through text continues."""

    async def story(board: Board) -> None:
        assert await board.reader.updates("0-0") == []
        start = await board.reader.updates_end()
        for version in range(1, 5):
            for partition in range(6):
                batch = b"[%d,%d]" % (version, partition)
                await board.writer.write(flush(version, partition=partition, updates=batch))
        seen, cursor = [], start
        while some := await board.reader.updates(cursor, count=5):
            seen += [entry.payload for entry in some]
            cursor = str(some[len(some) // 2].cursor)  # a reader that got no further continues there
            seen = seen[: len(seen) - len(some) + len(some) // 2 + 1]
        assert sorted(seen) == sorted(b"[%d,%d]" % (v, p) for v in range(1, 5) for p in range(6))
        assert await board.reader.updates("$") == []
        assert cursor == await board.reader.updates_end()

    play(story, shards=shards, partitions=6)


@SHARDS
def test_a_waiting_reader_gets_the_next_batch(play: Play, shards: int) -> None:
    """A blocked read returns with the batch that is written meanwhile, and with nothing when the time is over."""

    async def story(board: Board) -> None:
        waiting = asyncio.create_task(board.reader.updates(await board.reader.updates_end(), block_ms=2_000))
        await asyncio.sleep(0.05)
        await board.writer.write(flush(1, partition=4, updates=b"[1]"))
        entries = await asyncio.wait_for(waiting, 1.5)
        assert [entry.payload for entry in entries] == [b"[1]"]
        assert await board.reader.updates(entries[0].cursor, block_ms=60) == []

    play(story, shards=shards, partitions=6)


def test_a_strangers_cursor_is_refused(play: Play) -> None:
    """Text from outside that is no cursor is a UsageError and reaches no server."""

    async def story(board: Board) -> None:
        for wrong in ("", "1", "1-0,1-0", "x-0,0-0,0-0", "1-0,2-0,3-0 ", "1-0,2-0,٣-0", "9" * 21 + "-0,0-0,0-0"):
            with pytest.raises(UsageError, match="cursor"):
                await board.reader.updates(wrong)

    play(story, shards=3)


@SHARDS
def test_alerts_newest_first(play: Play, shards: int) -> None:
    """The newest n alerts over all shards come newest first."""

    async def story(board: Board) -> None:
        assert await board.reader.alerts(5) == []
        for version in range(1, 9):
            await board.writer.write(flush(version, partition=version % 6, alerts=[b'{"n":%d}' % version]))
            await asyncio.sleep(0.002)  # stream ids of different shards are compared by their millisecond
        assert [alert["n"] for alert in await board.reader.alerts(5)] == [8, 7, 6, 5, 4]

    play(story, shards=shards, partitions=6)


def test_history_of_nobody_is_empty(play: Play) -> None:
    """Somebody unknown has no closes."""

    async def story(board: Board) -> None:
        assert await board.reader.history("nobody:1") == {}

    play(story)


def test_following_shard_by_shard_gives_the_same(play: Play) -> None:
    """The way taken on Redis Cluster (one read for each shard) delivers what the common read delivers."""

    async def story(board: Board) -> None:
        streams = [Keys(board.prefix, shard).updates for shard in range(3)]
        for partition in range(6):
            await board.writer.write(flush(1, partition=partition, updates=b"[%d]" % partition))
        apart = Tail(board.client, streams, one_call=False)
        assert await apart.after("0-0", 0, 100) == await board.reader.updates("0-0")
        waiting = asyncio.create_task(apart.after(await apart.end(), 2_000, 100))
        await asyncio.sleep(0.06)
        await board.writer.write(flush(2, partition=1, updates=b"[7]"))
        assert [entry.payload for entry in await asyncio.wait_for(waiting, 1.5)] == [b"[7]"]

    play(story, shards=3, partitions=6)
