"""What one call writes, and what it must not: the same cases on Redis and Valkey."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from streams.model.dates import date
from streams.model.versions import DAY_MS
from streams.scoreboard.closes import text
from streams.scoreboard.flush import MAX_USERS
from streams.scoreboard.layout import ALERTS_KEPT, Keys, bin_of, shard_of
from streams.scoreboard.reader import score_at
from streams.scoreboard.writer import Writer
from tests.scoreboard.conftest import Board
from tests.scoreboard.records import flush, record

Play = Callable[..., None]
ODD = (
    "bluesky:did:plc:plain",
    "github:with space",
    "x:quote\"'`$",
    "x:line\r\nbreak\ttab",
    "x:nul\0inside",
    "x:émoji🦜 日本語",
    "x:{1}:brace",
    "x:" + "長" * 85,
    "x:%s %d \\n \\u0000",
)


def test_a_call_writes_all_it_carries(play: Play) -> None:
    """Score, record, histogram, close, update, alert and pulse of one flush are there afterwards, exactly as given."""

    async def story(board: Board) -> None:
        keys, client = board.keys(), board.client
        score = 41.723456789012345
        found = await board.writer.write(
            flush(
                7,
                {"a:1": score},
                bins={417: 1},
                updates=b'[{"user":"a:1"}]',
                closes=[("a:1", text(20_778, [4120, 4115], {"2026-11-22": {"to": 1.5, "like": 1.5}}))],
                alerts=[b'{"id":"x"}', b'{"id":"y"}'],
            )
        )
        assert found == 0
        assert await client.zscore(keys.board, "a:1") == score
        assert orjson.loads(await client.hget(keys.users, "a:1")) == record("a:1", score)
        assert await client.hgetall(keys.spread(0)) == {b"417": b"1"}
        kept = b'{"from":"2026-11-21","steps":[4120,-5],"ledger":{"2026-11-22":{"to":1.5,"like":1.5}}}'
        assert await client.hget(keys.history, "a:1") == kept
        assert [f for _, f in await client.xrange(keys.updates)] == [{b"batch": b'[{"user":"a:1"}]'}]
        alerts = [fields[b"alert"] for _, fields in await client.xrange(keys.alerts)]
        assert alerts == [b'{"id":"x"}', b'{"id":"y"}']
        pulse = orjson.loads(await client.hget(keys.pulse, 0))
        assert (pulse["version"], pulse["owner"]) == (7, "w1")

    play(story)


def test_an_older_version_changes_nothing(play: Play) -> None:
    """A flush below or at the version in the pulse leaves every key as it is, and answers the version found."""

    async def story(board: Board) -> None:
        high = (5 << 32) + 3
        assert await board.writer.write(flush(high, {"a:1": 50.0}, updates=b"{}")) == 0
        before = await contents(board)
        for late in (high, high - 1, 1):
            stale = flush(late, {"a:1": 9.0, "b:2": 9.0}, bins={90: 2}, updates=b"{}", alerts=[b"{}"], anew=True)
            assert await board.writer.write(stale) == high
        assert await contents(board) == before
        assert await board.writer.write(flush(high + 1, {"a:1": 51.0})) == high
        assert await board.client.zscore(board.keys().board, "a:1") == 51.0

    play(story)


def test_versions_stay_exact_far_beyond_a_million_generations(play: Play) -> None:
    """Neighbouring versions near 2**53 are told apart."""

    async def story(board: Board) -> None:
        top = 2**53 - 2
        await board.writer.write(flush(top, {"a:1": 50.0}))
        assert await board.writer.write(flush(top + 1, {"a:1": 51.0})) == top
        assert await board.writer.write(flush(top + 1, {"a:1": 52.0})) == top + 1

    play(story)


def test_a_repeated_call_counts_once(play: Play) -> None:
    """The same flush again answers its own version and appends nothing to the streams."""

    async def story(board: Board) -> None:
        once = flush(3, {"a:1": 50.0}, updates=b"{}", alerts=[b"{}"])
        assert [await board.writer.write(once) for _ in range(3)] == [0, 3, 3]
        assert await board.client.xlen(board.keys().updates) == 1
        assert await board.client.xlen(board.keys().alerts) == 1

    play(story)


def test_a_flushed_script_cache_is_noticed_by_nobody(play: Play) -> None:
    """After SCRIPT FLUSH the next call loads the script again and writes."""

    async def story(board: Board) -> None:
        await board.writer.write(flush(1, {"a:1": 50.0}))
        await board.client.script_flush()
        assert await board.writer.write(flush(2, {"a:1": 51.0})) == 1
        assert await board.client.zscore(board.keys().board, "a:1") == 51.0

    play(story)


def test_partitions_of_one_shard_have_their_own_versions(play: Play) -> None:
    """A partition far ahead holds back no other one of its shard; users of all share one board."""

    async def story(board: Board) -> None:
        for partition, version in ((0, 1_000), (1, 2), (2, 30)):
            assert await board.writer.write(flush(version, {f"p:{partition}": 40.0}, partition)) == 0
        assert await board.writer.write(flush(3, {"p:1": 41.0}, 1)) == 2
        assert await board.client.zcard(board.keys().board) == 3
        assert {p: v["version"] for p, v in (await board.reader.pulses()).items()} == {0: 1_000, 1: 3, 2: 30}

    play(story)


def test_a_partition_writes_to_its_own_shard_only(play: Play) -> None:
    """With three shards partition 4 lands on shard 1, and the other two stay empty."""

    async def story(board: Board) -> None:
        await board.writer.write(flush(1, {"p:4": 40.0}, 4, bins={400: 1}, updates=b"{}"))
        assert shard_of(4, 3) == 1
        names = {name.decode() for name in await board.client.keys(f"{board.prefix}:*")}
        k = board.keys(1)
        assert names == {
            k.board,
            k.board_of("p"),
            k.networks,
            k.users,
            k.spread(4),
            k.updates,
            k.pulse,
            k.search,
            k.ids,
        }

    play(story, shards=3, partitions=6)


@pytest.mark.parametrize("user", ODD)
def test_odd_names_survive(play: Play, user: str) -> None:
    """Spaces, quotes, newlines, NUL, braces and any script come back as they went in, from every place."""

    async def story(board: Board) -> None:
        await board.writer.write(flush(1, {user: 40.5}, closes=[(user, text(20_778, [4050], {}))]))
        assert await board.client.zrange(board.keys().board, 0, -1) == [user.encode()]
        stored = await board.reader.user(user)
        assert stored == record(user, 40.5)
        assert await board.reader.history(user) == {"2026-11-21": 40.5}

    play(story, partitions=1)


def test_the_largest_chunk_fits(play: Play) -> None:
    """2,000 users with closes go through in one call, none is lost."""

    async def story(board: Board) -> None:
        scores = {f"u:{i}": 1 + i / 100 for i in range(MAX_USERS)}
        await board.writer.write(flush(1, scores, closes=[(user, text(20_778, [100] * 90, {})) for user in scores]))
        assert await board.client.zcard(board.keys().board) == MAX_USERS
        assert await board.client.hlen(board.keys().history) == MAX_USERS

    play(story)


def test_a_flush_that_cannot_be_written_is_refused_before_redis(play: Play) -> None:
    """Too many users, a partition that does not exist and a version of 0 are ValueErrors."""

    async def story(board: Board) -> None:
        many = {f"u:{i}": 2.0 for i in range(MAX_USERS + 1)}
        for wrong in (flush(1, many), flush(1, partition=4), flush(0), flush(2**53)):
            with pytest.raises(ValueError, match=r"users|partition|version"):
                await board.writer.write(wrong)
        assert await contents(board) == {}

    play(story)


def test_a_call_that_fails_leaves_nothing_behind(play: Play) -> None:
    """A score that is no number, or a foreign key under one of the names, stops the call before its first write."""

    async def story(board: Board) -> None:
        with pytest.raises(ResponseError, match="float"):
            await board.writer.write(flush(1, {"a:1": 40.0, "b:2": math.nan}, bins={400: 1}, updates=b"{}"))
        assert await contents(board) == {}
        keys = board.keys()
        for foreign in (
            keys.alerts,
            keys.user_alerts,
            keys.influence,
            keys.search,
            keys.ids,
            keys.topics,
            keys.topic("jazz"),
            keys.topic("rock"),
        ):
            await board.client.set(foreign, "someone else's")
            with pytest.raises(ResponseError, match="another prefix"):
                await board.writer.write(
                    flush(
                        *(1, {"a:1": 40.0}),
                        bins={400: 1},
                        updates=b"{}",
                        influence=[("a:1", b"{}")],
                        topics={"jazz": [7.0, "a:1"]},
                        off_topics={"rock": ["a:1"]},
                    )
                )
            assert list(await contents(board)) == [foreign]
            await board.client.delete(foreign)

    play(story)


def test_an_unreadable_pulse_counts_as_none(play: Play) -> None:
    """A pulse that is no JSON answers 0, so that the caller writes everything again."""

    async def story(board: Board) -> None:
        for broken in (b"", b"{", b"[]", b"7", b"null", b'{"version":null}', b'{"version":"x"}'):
            await board.client.hset(board.keys().pulse, 0, broken)
            assert await board.writer.write(flush(4, {"a:1": 40.0})) == 0

    play(story)


def test_counts_of_the_histogram_replace_each_other(play: Play) -> None:
    """Bins are absolute: a second flush overwrites its bins, keeps the others; `anew` drops what is not in it."""

    async def story(board: Board) -> None:
        await board.writer.write(flush(1, bins={400: 3, 500: 1}))
        await board.writer.write(flush(2, bins={400: 2, 410: 1}))
        assert await board.client.hgetall(board.keys().spread(0)) == {b"400": b"2", b"410": b"1", b"500": b"1"}
        await board.writer.write(flush(3, bins={10: 5}, anew=True))
        assert await board.client.hgetall(board.keys().spread(0)) == {b"10": b"5"}

    play(story)


def test_closes_go_on_by_the_closed_form(play: Play) -> None:
    """What was given, then a close for each day since the newest event, up to the last that the pulse knows of; ninety at most."""

    async def story(board: Board) -> None:
        kept, today = [("a:1", text(20_453 - 88, [4000 + day for day in range(88)], {}))], 20_454
        for closed, back in ((today, 89), (today + 3, 90)):  # records are of the last second before the day `today`
            given = flush(closed, {"a:1": 41.0, "b:2": 39.0}, closes=kept)
            given.pulse["closed_ms"] = closed * DAY_MS
            await board.writer.write(given)
            found, whole = await board.reader.history("a:1"), record("a:1", 41.0)
            since = {date(day): score_at(whole, (day + 1) * DAY_MS)["score"] for day in range(today - 1, closed)}
            wanted = {date(20_453 - 88 + n): 40.0 + n / 100 for n in range(88)} | since
            days = [date(day) for day in range(closed - back, closed)]
            assert found == pytest.approx({day: wanted[day] for day in days})
            assert list(found) == days
            assert await board.reader.history("b:2") == pytest.approx(since)

    play(story, partitions=1)


def test_closes_are_small() -> None:
    """Ninety days of somebody whose score moves by half a point a day."""
    dice = Random(1)
    assert len(text(20_000, [4_000 + dice.randint(-50, 50) for _ in range(90)], {})) <= 400


def test_the_streams_are_capped(play: Play) -> None:
    """Far more alerts than are kept leave about as many as are kept."""

    async def story(board: Board) -> None:
        for version in range(1, 6):
            await board.writer.write(flush(version, alerts=[b"{}"] * (ALERTS_KEPT // 2)))
        assert ALERTS_KEPT <= await board.client.xlen(board.keys().alerts) < ALERTS_KEPT + 200

    play(story)


@given(st.lists(st.tuples(st.integers(1, 6), st.floats(1, 100)), max_size=8))
def test_the_call_names_as_many_keys_as_it_says(calls: list[tuple[int, float]]) -> None:
    """Each call declares thirteen keys of one hash tag and one for each network and topic, whatever it carries."""
    writer = Writer(None, "clout", 3, 12)  # type: ignore[arg-type]  # nothing is sent
    for version, score in calls:
        topics = {f"t{n}": [score, "a:1"] for n in range(version)}
        given = flush(
            version, {"a:1": score, "b:1": score}, partition=version, topics=topics, off_topics={"u": ["b:1"]}
        )
        call: list[Any] = writer._call(given)
        keys = call[1 : 1 + call[0]]
        assert len(set(keys)) == len(keys) == 13 + 2 + version + 1
        assert all(f":{{{version % 3}}}:" in key for key in keys)
        assert len(call[1 + call[0] :]) == 24 + 2 * 3


def test_keys_are_those_of_the_design() -> None:
    """The names that other clients rely on."""
    keys = Keys("clout", 2)
    assert keys.board == "clout:{2}:board"
    assert keys.board_of("bluesky") == "clout:{2}:board:bluesky"
    assert keys.networks == "clout:{2}:networks"
    assert keys.users == "clout:{2}:users"
    assert keys.history == "clout:{2}:history"
    assert keys.updates == "clout:{2}:updates"
    assert keys.pulse == "clout:{2}:pulse"
    assert keys.alerts == "clout:{2}:alerts"
    assert keys.influence == "clout:{2}:influence"
    assert keys.topics == "clout:{2}:topics"
    assert keys.search == "clout:{2}:search"
    assert keys.ids == "clout:{2}:ids"
    assert keys.topic("jazz") == "clout:{2}:topics:jazz"
    assert keys.spread(7) == "clout:{2}:spread:7"
    assert [bin_of(score) for score in (1.0, 41.27, 100.0)] == [10, 412, 1000]


async def contents(board: Board) -> dict[str, bytes]:
    """Everything under the prefix, as Redis would dump it."""
    names = sorted(await board.client.keys(f"{board.prefix}:*"))
    return {name.decode(): await board.client.dump(name) for name in names}
