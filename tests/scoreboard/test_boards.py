"""Boards page by page, over shards, through many of equal score."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.scoreboard.boards import Listed
from tests.scoreboard.conftest import Board
from tests.scoreboard.records import by_partition, flush

Play = Callable[..., None]
SCORES = {f"n:{name}{n}": 1.0 if n % 4 else 2.0 + n / 7 for n in range(25) for name in ("a", "é", "\U0001f408")}


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("shards", [1, 3])
def test_everybody_comes_once(play: Play, shards: int, size: int) -> None:
    """Page behind page, whoever is the last of one: all users, in one order."""

    async def story(board: Board) -> None:
        for one in by_partition(SCORES, 4):
            await board.writer.write(one)
        for network in (None, "n"):
            found: list[Listed] = []
            while page := await board.reader.boards.page(network, size, found[-1] if found else None):
                found += page
                assert len(found) <= len(SCORES)
            assert found == sorted((Listed(score, user) for user, score in SCORES.items()), reverse=True)
        middle = Listed(1.0, "n:b")  # who is nowhere
        assert await board.reader.boards.page(None, 200, middle) == [one for one in found if one < middle]
        assert await board.reader.boards.page("nobody", 5) == []

    play(story, shards=shards)


def test_topics(play: Play) -> None:
    """The same of their boards."""

    async def story(board: Board) -> None:
        await board.writer.write(flush(1, topics={"jazz": [7.5, "b:1", 7.5, "c:1", 9.25, "a:1"]}))
        first = await board.reader.boards.topic("jazz", 2)
        assert first == [(9.25, "a:1"), (7.5, "c:1")]
        assert await board.reader.boards.topic("jazz", 2, first[-1]) == [(7.5, "b:1")]

    play(story)
