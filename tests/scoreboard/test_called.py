"""`streams.scoreboard.called`: what users are called, as the topic has it and in its order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.display_names import Named
from streams.scoreboard.called import Called
from tests.scoreboard.conftest import Board
from tests.scoreboard.records import by_partition

Play = Callable[..., None]
HANDLE, DISPLAY, NO_HANDLE, NO_DISPLAY = (
    Named("a:1", "@ann.example", handle=True),
    Named("a:1", "Ann"),
    Named("a:1", None, handle=True),
    Named("a:1", None),
)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ([HANDLE], "@ann.example"),
        ([HANDLE, DISPLAY], "Ann"),
        ([DISPLAY, HANDLE], "Ann"),
        ([DISPLAY, HANDLE, NO_DISPLAY], "@ann.example"),
        ([DISPLAY, NO_HANDLE], "Ann"),
        ([DISPLAY, NO_DISPLAY], None),
        ([HANDLE, NO_HANDLE], None),
        ([HANDLE, HANDLE._replace(name="@new.example")], "@new.example"),
        ([HANDLE, DISPLAY, HANDLE._replace(name="@new.example"), NO_DISPLAY], "@new.example"),
        ([DISPLAY, HANDLE, NO_DISPLAY, NO_HANDLE], None),
    ],
    ids=range(10),
)
def test_the_display_name_else_the_handle(play: Play, said: list[Named], name: str | None) -> None:
    """Whichever was said last; each read of the record has it, and at once or one by one is the same."""

    async def story(board: Board) -> None:
        for some in by_partition({"a:1": 10.0, "a:2": 9.0}, 4):
            await board.writer.write(some)
        called, keys = Called(board.client, 4, 1), board.keys()
        for some in ([said], [[one] for one in said]):
            assert await called.write(keys, None, 0, [Named("a:2", "Bo")])  # begins anew
            for n, part in enumerate(some):
                assert await called.write(keys, n, n + 1, part)
            wanted = [("a:1", name), ("a:2", None)]
            records = [
                await board.reader.users(["a:1", "a:2"]),
                [await board.reader.user("a:1"), await board.reader.user("a:2")],
                [one.record for one in await board.reader.ranked(["a:1", "a:2"])],
                await board.reader.top(2, 0),
            ]
            wanted[1] = ("a:2", "Bo")
            assert all([(one["user"], one.get("name")) for one in found if one] == wanted for found in records)
            await called.forget(keys)

    play(story)


def test_only_who_goes_on_from_where_it_is_writes(play: Play) -> None:
    """Of two, the one that is late changes nothing; beginning anew leaves nothing of before."""

    async def story(board: Board) -> None:
        called, keys = Called(board.client, 4, 1), board.keys()
        assert await called.at(keys) is None
        assert await called.write(keys, None, 5, [DISPLAY])
        assert not await called.write(keys, None, 9, [NO_DISPLAY])
        assert not await called.write(keys, 4, 9, [NO_DISPLAY])
        assert (await called.at(keys), await board.client.hgetall(keys.names)) == (5, {b"a:1": b"Ann"})
        assert await called.write(keys, 5, 6, [])
        assert await called.write(keys, 6, 6, [])
        await board.client.delete(keys.names)
        assert not await called.write(keys, 6, 6, [])
        assert await called.at(keys) is None
        assert await called.write(keys, None, 6, [DISPLAY])
        await called.forget(keys)
        assert not await called.write(keys, 6, 7, [DISPLAY])
        assert await called.write(keys, None, 3, [])
        assert (await called.at(keys), await board.client.exists(keys.names)) == (3, 0)
        more = Called(board.client, 8, 1)  # where others are in which shard
        assert await more.at(keys) is None
        assert await more.write(keys, None, 2, [DISPLAY])
        assert (await called.at(keys), await more.at(keys)) == (None, 2)

    play(story)
