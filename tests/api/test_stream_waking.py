"""Listeners take turns: whatever there is to tell, the event loop gets to something else between a few of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from agents.api.stream.listener import Wish
from agents.api.stream.mailbox import Mailbox
from agents.api.stream.waking import AT_ONCE, Waking
from tests.api.test_stream_listener import ALONE, Around, play, users

LISTENERS = 4 * AT_ONCE + 3


def test_somebody_else_has_a_turn_between_a_few_listeners() -> None:
    """What all of them want is sent to at most `AT_ONCE` of them before a read goes on, and to each once in the end."""

    async def story() -> None:
        around, sent, a_turn = Around(), list[bytes](), list[int]()
        wish = Wish(ALONE, position=around.feed.window.head)
        tasks = [asyncio.create_task(keep(around.listens(wish), sent)) for _ in range(LISTENERS)]
        while around.live < LISTENERS:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        sent.clear()
        around.write(1)
        while len(sent) < LISTENERS:
            before = len(sent)
            await asyncio.sleep(0)
            a_turn.append(len(sent) - before)
        for task in tasks:
            task.cancel()
        assert max(a_turn) == AT_ONCE
        assert (len(set(sent)), users(sent[0])) == (1, ["x:1"])

    play(story)


async def keep(frames: AsyncIterator[bytes], sent: list[bytes]) -> None:
    """Take them all."""
    async for frame in frames:  # not all at the end, as extend would
        sent += [frame]


def test_the_first_to_be_called_is_the_first_to_go_on() -> None:
    """Each once, however often it was called meanwhile; who has left costs the others nothing."""

    async def story() -> None:
        waking, woken = Waking(at_once=2), list[int]()
        boxes = [Mailbox(waking) for _ in range(7)]
        tasks = [asyncio.create_task(wait(box, number, woken)) for number, box in enumerate(boxes)]
        await asyncio.sleep(0)
        for box in (*reversed(boxes), *boxes):
            box.wake()
        tasks[4].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await tasks[4]
        await asyncio.gather(*tasks[:4], *tasks[5:])
        assert woken == [6, 5, 3, 2, 1, 0]

    play(story)


async def wait(box: Mailbox, number: int, woken: list[int]) -> None:
    """Note who has been woken."""
    await box.wait(asyncio.get_running_loop().time() + 3_600)
    woken.append(number)
