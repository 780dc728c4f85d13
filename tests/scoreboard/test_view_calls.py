"""What one partition shows: in order, one call at a time, repeated until it is answered, and never in Kafka's way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.scoreboard.flush import Flush, Look
from streams.scoreboard.view import MOST_WAITING, View
from tests.partition.virtual import run
from tests.scoreboard.records import flush

PATIENCE_S = 600.0  # of virtual time


class Redis:
    """The rule of the Lua call, without a server: a pulse and the users shown. What fails, and how long it takes, is set."""

    def __init__(self, pulse: int = 0, takes_s: float = 0.0) -> None:
        self.pulse, self.takes_s = pulse, takes_s
        self.down: Exception | None = None
        self.answers_to_lose = 0
        self.scores: dict[str, float] = {}
        self.calls: list[tuple[float, Flush]] = []  # when, what; those that carry users
        self.in_flight = self.most_in_flight = 0

    async def write(self, flush: Flush) -> int:
        """As the writer does it."""
        self.in_flight += 1
        self.most_in_flight = max(self.in_flight, self.most_in_flight)
        try:
            if flush.users:
                self.calls.append((now_s(), flush))
            await asyncio.sleep(self.takes_s)
            if self.down:
                raise self.down
            found = self.pulse
            if found < flush.version and flush.after in {None, found}:
                self.pulse = flush.version
                self.scores |= {user: score for user, score, _ in flush.users}
            if self.answers_to_lose:
                self.answers_to_lose -= 1
                raise RedisTimeoutError
            return found
        finally:
            self.in_flight -= 1

    async def look(self, _: int) -> Look:
        """As the writer does it."""
        if self.down:
            raise self.down
        return Look(self.pulse, 0, 0, 0, 0, 0, 0, 0)

    async def lacking(self, partition: int, users: list[str]) -> int:  # noqa: ARG002
        """As the writer does it."""
        return 0

    @property
    def versions(self) -> list[int]:
        """Of all calls, in the order they came."""
        return [flush.version for _, flush in self.calls]


class Watched(View):
    """A view that remembers when it asked for everyone."""

    def __init__(self, board: Redis, **options: Any) -> None:
        super().__init__(board, 0, **options)
        self.asked_s: list[float] = []
        self.partition = self

    def show_everyone(self) -> None:
        """As a loop would be asked."""
        self.asked_s.append(now_s())

    def shown_users(self) -> list[str]:
        """Nobody by name."""
        return []


def now_s() -> float:
    """Virtual time."""
    return asyncio.get_running_loop().time()


def call(version: int) -> Flush:
    """A call with one user, whose score tells the version."""
    return flush(version, {"a:1": 1 + version % 90, f"u:{version}": 50.0})


@contextlib.asynccontextmanager
async def viewing(board: Redis, **options: Any) -> AsyncIterator[Watched]:
    """A view that writes while the block lasts."""
    view = Watched(board, **options)
    task = asyncio.create_task(view.run())
    try:
        yield view
    finally:
        if not task.cancel():  # it ended by itself
            task.result()


def test_calls_arrive_in_order_one_at_a_time() -> None:
    """However many are handed over while one is under way, each follows the answer to the one before."""

    async def story() -> None:
        redis = Redis(takes_s=0.5)
        async with viewing(redis) as view:
            for version in range(1, 21):
                view.put(call(version))
                await asyncio.sleep(0.1)
            assert await view.drained(PATIENCE_S)
            assert redis.versions == list(range(1, 21))
            assert redis.most_in_flight == 1
            gaps = [b - a for (a, _), (b, _) in zip(redis.calls, redis.calls[1:], strict=False)]
            assert min(gaps) == pytest.approx(redis.takes_s)
            assert view.asked_s == []

    run(story())


@pytest.mark.parametrize(
    "error",
    [RedisConnectionError(), RedisTimeoutError(), ReadOnlyError("READONLY"), OutOfMemoryError("OOM"), OSError("gone")],
    ids=lambda error: type(error).__name__,
)
def test_a_call_that_fails_is_repeated_under_its_version(error: Exception) -> None:
    """Nothing overtakes a call that was not answered; it is the very same call each time, and nobody is told before."""

    async def story() -> None:
        redis, written = Redis(), []
        redis.down = error
        async with viewing(redis) as view:
            view.put(call(1), lambda: written.append(1))
            view.put(call(2), lambda: written.append(2))
            await asyncio.sleep(2)
            assert set(redis.versions) == {1}
            assert len(redis.calls) > 3
            assert all(one is redis.calls[0][1] for _, one in redis.calls)
            assert written == []
            redis.down = None
            assert await view.drained(PATIENCE_S)
            assert redis.versions[-2:] == [1, 2]
            assert written == [1, 2]
            assert view.asked_s == []

    run(story())


def test_an_answer_that_is_lost_is_not_a_foreign_version() -> None:
    """A call that got through and is repeated finds its own version: nobody needs to be shown again."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as view:
            view.put(call(1))
            assert await view.drained(PATIENCE_S)
            redis.answers_to_lose = 3
            view.put(call(2))
            view.put(call(3))
            assert await view.drained(PATIENCE_S)
            assert redis.versions == [1, 2, 2, 2, 2, 3]
            assert view.asked_s == []

    run(story())


def test_redis_is_asked_often_while_it_is_down() -> None:
    """After an hour without Redis it takes about a second to notice that it is back, and it was not hammered meanwhile."""

    async def story() -> None:
        redis = Redis()
        redis.down = RedisConnectionError()
        async with viewing(redis) as view:
            view.put(call(1))
            await asyncio.sleep(3_600)
            assert 3_000 < len(redis.calls) < 8_000
            redis.down, back_s = None, now_s()
            assert await view.drained(PATIENCE_S)
            assert now_s() - back_s < 1.5

    run(story())


def test_too_many_calls_are_dropped_and_everyone_is_shown() -> None:
    """While Redis is down no more than the bound is kept: everyone is asked for, once, and nothing new is written before."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as view:
            view.put(call(1))
            assert await view.drained(PATIENCE_S)
            redis.down = RedisConnectionError()
            last = 5 * MOST_WAITING
            for version in range(2, last + 1):
                view.put(call(version))
                assert view.behind <= MOST_WAITING + 1
                await asyncio.sleep(0.01)
            assert not view.caught_up
            assert len(view.asked_s) == 1
            redis.down = None
            assert await view.drained(PATIENCE_S)
            await asyncio.sleep(10)
            assert redis.pulse == 2  # what was under way, and nothing behind it
            view.begin_again()
            view.put(call(last + 1))
            assert await view.drained(PATIENCE_S)
            assert redis.scores["a:1"] == call(last + 1).users[0][1]
            assert redis.versions == sorted(redis.versions)
            assert len(view.asked_s) == 1

    run(story())


def test_what_just_fits_is_not_dropped() -> None:
    """Up to the bound every call gets through, and nobody is shown again."""

    async def story() -> None:
        redis = Redis()
        redis.down = RedisConnectionError()
        async with viewing(redis) as view:
            for version in range(1, MOST_WAITING + 1):
                view.put(call(version))
            await asyncio.sleep(5)
            redis.down = None
            assert await view.drained(PATIENCE_S)
            assert len(redis.scores) == MOST_WAITING + 1
            assert view.asked_s == []

    run(story())


@pytest.mark.parametrize("found", [0, 3, 9], ids=["flushed", "older copy", "another one ahead"])
@pytest.mark.parametrize("idle", [True, False])
def test_a_foreign_version_asks_for_everyone(found: int, idle: bool) -> None:
    """Redis is not what it was: everyone is asked for, once, with the next call or without any, and nothing is written before."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as view:
            view.put(call(5))
            assert await view.drained(PATIENCE_S)
            redis.pulse, redis.scores = found, {}
            if not idle:
                view.put(call(6))
            await asyncio.sleep(2.5)
            assert len(view.asked_s) == 1
            view.put(call(7))
            await asyncio.sleep(2.5)
            assert redis.pulse == found
            assert redis.scores == {}
            view.begin_again()
            view.put(call(20))
            assert await view.drained(PATIENCE_S)
            assert redis.pulse == 20
            await asyncio.sleep(2.5)
            assert len(view.asked_s) == 1

    run(story())


@pytest.mark.parametrize(("last", "found", "asks"), [(5, 5, 0), (5, 4, 1), (5, 0, 1), (0, 0, 0), (0, 4, 1)])
def test_the_first_call_knows_what_the_take_over_saw(last: int, found: int, asks: int) -> None:
    """What Redis showed at the take-over is compared with as well."""

    async def story() -> None:
        redis = Redis(found)
        async with viewing(redis, last=last) as view:
            view.put(call(6))
            assert await view.drained(PATIENCE_S)
            assert len(view.asked_s) == asks

    run(story())


def test_who_is_shown_again_may_be_handed_over_at_once() -> None:
    """Calls made while everyone is asked for are written like others, and `drained` waits for them."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as view:

            def everyone() -> None:
                view.begin_again()
                for version in (7, 8):
                    view.put(call(version))

            view.partition = SimpleNamespace(show_everyone=everyone, shown_users=list)
            view.put(call(5))
            assert await view.drained(PATIENCE_S)
            redis.pulse, redis.scores = 0, {}
            view.put(call(6))
            assert await view.drained(PATIENCE_S)  # until it is known what was lost
            assert await view.drained(PATIENCE_S)
            assert redis.versions == [5, 6, 7, 8]
            assert redis.pulse == 8

    run(story())


def test_what_is_held_is_written_when_it_is_released() -> None:
    """While it is held nothing is written, however much is handed over; then all of it, in order."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as view:
            view.hold()
            for version in range(1, 11):
                view.put(call(version))
            await asyncio.sleep(60)
            assert redis.calls == []
            assert not await view.drained(1.0)
            view.release()
            assert await view.drained(PATIENCE_S)
            assert redis.versions == list(range(1, 11))
            assert view.asked_s == []

    run(story())


def test_drained_waits_as_long_as_it_was_told() -> None:
    """With nothing under way at once; else until Redis has everything, or the patience is over."""

    async def story() -> None:
        redis = Redis(takes_s=2.0)
        async with viewing(redis) as view:
            began_s = now_s()
            assert await view.drained(1.0)
            assert now_s() == began_s
            assert view.caught_up
            view.put(call(1))
            assert not view.caught_up
            assert not await view.drained(1.0)
            assert now_s() - began_s == pytest.approx(1.0)
            assert await view.drained(5.0)
            assert now_s() - began_s == pytest.approx(2.0)
            assert view.behind == 0

    run(story())


def test_a_call_that_no_redis_could_take_is_not_passed_over() -> None:
    """An error that is not Redis's is a bug of ours: it ends the view with that error, for its loop to see."""

    async def story() -> None:
        redis = Redis()
        redis.down = ValueError("too many users")
        view = Watched(redis)
        view.put(call(1))
        with pytest.raises(ValueError, match="too many users"):
            await asyncio.wait_for(view.run(), PATIENCE_S)

    run(story())
