"""The latest alerts of each user: the same on Redis, Valkey and the simulation's twin."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import orjson

from agents.proof.simulation.redis import Redis as Twin
from streams.partitioner import partition_of
from streams.scoreboard import user_alerts
from streams.scoreboard.layout import ALERTS_A_USER
from streams.scoreboard.writer import FILLED_A_CALL
from tests.alerts import of_feed
from tests.scoreboard.conftest import Board
from tests.scoreboard.records import flush

Play = Callable[..., None]
ODD = ('x:quote"\\,', "x:line\n,\nbreak", "x:{}[]", "x:é🦜")
#: what decoding and encoding again would change
FINE = {"score": 41.723456789012345, "objects": [], "big": 2**53 - 1, "odd": "a,\n[{}]"}


def alert(user: str, n: int, **more: Any) -> bytes:
    """The n-th alert about somebody, raised at n ms."""
    return orjson.dumps({"id": f"fall/{user}/{n}", "user": user, "at": n, **FINE, **more})


async def kept(board: Board, shard: int = 0) -> dict[str, bytes]:
    """All there is of the shard."""
    return {user.decode(): array for user, array in (await board.client.hgetall(board.keys(shard).user_alerts)).items()}


def test_the_latest_of_each_user_are_kept(play: Play) -> None:
    """Newest first, at most so many, byte for byte as published; the stream has all; the twin does the same."""

    async def story(board: Board) -> None:
        twin, random, told = Twin(), Random(1), dict[str, list[bytes]]()
        for version in range(1, 30):
            some = [alert(user, 10 * version + n) for n in range(3) for user in random.sample(ODD, 3)]
            for one in some:
                told.setdefault(orjson.loads(one)["user"], []).insert(0, one)
            call = flush(version, alerts=[*some, b"{}"])
            call.pulse["complete"] = version
            await board.writer.write(call)
            twin.apply(call)
        found = await kept(board)
        assert {user: user_alerts.parts(array) for user, array in found.items()} == {
            user: each[:ALERTS_A_USER] for user, each in told.items()
        }
        assert twin.shown.user_alerts == found
        assert (await board.writer.look(0)).alerted == twin.look(0).alerted == len(ODD)
        for user in ODD:
            assert await board.reader.alerts_of(user) == [orjson.loads(one) for one in told[user][:ALERTS_A_USER]]
        assert await board.reader.alerts_of("x:nobody") == []
        assert await board.client.xlen(board.keys().alerts) == 29 * 10

    play(story)


def test_an_alert_is_there_once(play: Play) -> None:
    """One that was filled from the topic while it waited to be written, and one in a call that comes again."""

    async def story(board: Board) -> None:
        twin, early, late = Twin(), alert("x:a", 1), alert("x:a", 2)
        await board.writer.fill_user_alerts(0, {"x:a": [early, late]})
        twin.shown.user_alerts = await kept(board)
        for _ in range(2):
            call = flush(1, alerts=[early, late])
            call.pulse["complete"] = 1
            await board.writer.write(call)
            twin.apply(call)
        assert (await kept(board)) == {"x:a": user_alerts.packed([late, early])} == twin.shown.user_alerts

    play(story)


def test_what_was_lost_is_filled_among_what_came(play: Play) -> None:
    """By the moments of the alerts, for more users than go in one call; what nobody lost stays, and nothing is there twice."""

    async def story(board: Board) -> None:
        users = [f"x:{n}" for n in range(FILLED_A_CALL + 3)]
        await board.writer.write(flush(1, alerts=[alert("x:0", 50), alert("x:0", 70)]))
        lost = {user: [alert(user, n) for n in (*range(30), 60)] for user in users}
        for _ in range(2):
            await board.writer.fill_user_alerts(0, {**lost, "x:0": [*lost["x:0"], alert("x:0", 50)]})
            found = {user: user_alerts.parts(array) for user, array in (await kept(board)).items()}
            assert set(found) == set(users)
            assert found["x:0"] == [alert("x:0", n) for n in (70, 60, 50, *range(29, 12, -1))]
            assert found["x:1"] == [alert("x:1", n) for n in (60, *range(29, 10, -1))]

    play(story)


def test_whoever_comes_between_is_not_overwritten(play: Play) -> None:
    """An alert written between reading and filling stays."""

    async def story(board: Board) -> None:
        hmget, came = board.writer._client.hmget, alert("x:a", 9)

        async def read(*asked: Any) -> Any:
            found = await hmget(*asked)
            if not await board.client.exists(board.keys().user_alerts):
                await board.writer.write(flush(1, alerts=[came]))
            return found

        board.writer._client.hmget = read
        await board.writer.fill_user_alerts(0, {"x:a": [alert("x:a", 1)]})
        assert await kept(board) == {"x:a": user_alerts.packed([came, alert("x:a", 1)])}

    play(story)


def test_shards_keep_their_own(play: Play) -> None:
    """Each user's are in the shard of their partition, where a reader looks."""

    async def story(board: Board) -> None:
        users = [f"x:{n}" for n in range(40)]
        for number in range(4):
            mine = [alert(user, 1) for user in users if partition_of(user, 4) == number]
            await board.writer.write(flush(1, partition=number, alerts=mine))
        for shard in range(2):
            assert set(await kept(board, shard)) == {user for user in users if partition_of(user, 4) % 2 == shard}
        for user in users:
            assert [one["user"] for one in await board.reader.alerts_of(user)] == [user]

    play(story, shards=2)


def test_what_is_no_alert_of_anybody() -> None:
    """Is kept for nobody; a bare line break would tear the array."""
    for value in (b"", b"{", b"[]", b'{"user":3}', b'{"user":"x:a",\n"at":1}', b"\xff", b"{}"):
        assert user_alerts.user_of(value) == ""
    assert user_alerts.user_of(of_feed("net")) == ""
    assert user_alerts.user_of(alert("x:line\nbreak", 1)) == "x:line\nbreak"
