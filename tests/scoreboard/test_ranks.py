"""Records and places of many at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.scoreboard.ranks import Rank
from tests.scoreboard.conftest import Board
from tests.scoreboard.records import by_partition
from tests.scoreboard.test_networks import linking

Play = Callable[..., None]
TIED = {f"a:{n}": 10.0 + n // 3 for n in range(30)}


@pytest.mark.parametrize("shards", [1, 3])
def test_many_at_once_are_as_each_alone(play: Play, shards: int) -> None:
    """In the order asked for, repeats too; equal scores share a place, and who is unknown has neither record nor place."""

    async def story(board: Board) -> None:
        for some in by_partition(TIED | {"person:b": 15.0}, 6):
            await board.writer.write(some)
        users = [*TIED, "nobody:1", "person:b", "a:7", "x"]
        found = await board.reader.ranked(users)
        assert [one.record and one.record["user"] for one in found] == [*TIED, None, "person:b", "a:7", None]
        scores = [*TIED.values(), 15.0]
        expected = [Rank(1 + sum(other > score for other in scores), len(scores), score) for score in scores]
        assert [one.rank for one in found] == [*expected[:-1], None, expected[-1], expected[7], None]
        assert [await board.reader.rank(user) for user in users] == [one.rank for one in found]
        assert await board.reader.ranked([]) == []

    play(story, shards=shards, partitions=6)


def test_linked_accounts_are_ranked_on_their_networks(play: Play) -> None:
    """Beside others who are ranked overall."""

    async def story(board: Board) -> None:
        async with linking(board) as shown:
            shown.link("a:3", "a:19", "b:1")
            await shown.settled()
            found = await board.reader.ranked(["a:3", "a:18", "b:1", "person:ann"])
            places = [(one.rank.rank, one.rank.of, one.rank.network) for one in found if one.rank]
            assert places == [(17, 20, "a"), (2, 20, None), (1, 2, "b"), (1, 20, None)]

    play(story)


def test_a_score_is_compared_to_the_last_digit(play: Play) -> None:
    """What Redis keeps of a score, and what it is compared with, are the same number."""

    async def story(board: Board) -> None:
        scores = {"a:1": 1 / 3 + 33, "a:2": 33.333333333333336, "a:3": 0.1 + 0.2 + 33}
        for some in by_partition(scores, 6):
            await board.writer.write(some)
        records = await board.reader.ranked(list(scores))
        assert [one.rank and one.rank.score for one in records] == list(scores.values())
        assert [one.rank and one.rank.rank for one in records] == [
            1 + sum(other > score for other in scores.values()) for score in scores.values()
        ]

    play(story, partitions=6)
