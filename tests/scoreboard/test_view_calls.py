"""What one partition shows: one call at a time, repeated until it is answered, never in Kafka's way, and no queue anywhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.fold.rows import AGAIN, PUBLISHED, SCORE, UNSEEN
from streams.scoreboard import once
from streams.scoreboard import shown as shown_module
from streams.scoreboard.flush import Flush, Look
from streams.scoreboard.latency import STEP_MS
from tests.partition.virtual import run
from tests.scoreboard.records import NOW_MS
from tests.scoreboard.small import Small

PATIENCE_S = 600.0  # of virtual time
V0 = 1 << 32  # versions of the first generation begin here


class Redis:
    """The rule of the Lua call, without a server: a pulse and the users shown. What fails, and how long it takes, is set."""

    def __init__(self, pulse: int = 0, takes_s: float = 0.0) -> None:
        self.pulse, self.takes_s = pulse, takes_s
        self.down: Exception | None = None
        self.answers_to_lose = 0
        self.scores: dict[str, float] = {}
        self.board: dict[str, float] = {}
        self.says: dict[str, Any] = {}
        self.calls: list[tuple[float, Flush]] = []  # when, what; those that carry users
        self.taken: list[Flush] = []
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
                self.pulse, self.says = flush.version, flush.pulse
                self.taken.append(flush)
                self.scores |= {user: orjson.loads(record)["score"] for user, _, record in flush.users}
                self.board |= {user: score for user, score, _ in flush.users if score is not None}
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

    async def lacking(self, partition: int, users: list[str], *, linked: bool = False) -> int:  # noqa: ARG002
        """As the writer does it."""
        return 0

    @property
    def versions(self) -> list[int]:
        """Of all calls with users, in the order they came."""
        return [flush.version - V0 for _, flush in self.calls]


def now_s() -> float:
    """Virtual time."""
    return asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def viewing(board: Redis, **options: Any) -> AsyncIterator[Small]:
    """A view that writes while the block lasts."""
    small = Small(board, **options)
    task = asyncio.create_task(small.view.run())
    try:
        yield small
    finally:
        if not task.cancel():  # it ended by itself
            task.result()


async def brought(small: Small, redis: Redis) -> None:
    """Redis has what the rows say, and says so."""
    assert await small.view.drained(PATIENCE_S)
    assert redis.scores == pytest.approx(small.truth)
    assert redis.board == pytest.approx(small.truth, abs=0.02)
    assert redis.says["complete"] == small.cut
    assert redis.says["shown"] == len(small.truth)
    assert small.shown.behind == 0


def test_who_changes_while_redis_is_busy_is_written_once() -> None:
    """Twenty changes of a user while one call is under way are one more call, with the newest score; one call at a time."""

    async def story() -> None:
        redis = Redis(takes_s=0.5)
        async with viewing(redis) as small:
            small.put({"a:1": 1.0})
            await asyncio.sleep(0.1)
            for mass in range(2, 22):
                small.put({"a:1": float(mass)})
                await asyncio.sleep(0.01)
            await brought(small, redis)
            assert len(redis.calls) == 2
            assert redis.most_in_flight == 1
            assert small.shown.rebuilds == 0

    run(story())


def test_a_sweep_goes_in_calls_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everyone comes once; only the last call says that everything published is there."""
    monkeypatch.setattr(shown_module, "CHUNK", 10)

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as small:
            small.put({f"a:{n}": 1.0 + n for n in range(35)})
            await brought(small, redis)
            assert [len(one.users) for one in redis.taken] == [10, 10, 10, 5]
            assert [one.pulse["complete"] for one in redis.taken] == [0, 0, 0, small.cut]
            assert [one.pulse["shown"] for one in redis.taken] == [10, 20, 30, 35]

    run(story())


def test_a_cut_during_a_sweep_is_not_complete_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`complete` is the version of the cut before the sweep began: what changed behind it was not written."""
    monkeypatch.setattr(shown_module, "CHUNK", 1)

    async def story() -> None:
        redis = Redis(takes_s=1.0)
        async with viewing(redis) as small:
            small.put({"a:1": 1.0, "a:2": 2.0})
            first = small.cut
            await asyncio.sleep(1.5)  # the second call is under way
            small.put({"a:1": 5.0})
            await asyncio.sleep(1.0)
            assert len(redis.taken) == 2
            assert redis.says["complete"] == first < small.cut
            await brought(small, redis)

    run(story())


@pytest.mark.parametrize(
    "error",
    [RedisConnectionError(), RedisTimeoutError(), ReadOnlyError("READONLY"), OutOfMemoryError("OOM"), OSError("gone")],
    ids=lambda error: type(error).__name__,
)
def test_a_call_that_fails_is_repeated_under_its_version(error: Exception) -> None:
    """Nothing overtakes a call that was not answered; it is the very same call each time, and nothing counts before."""

    async def story() -> None:
        redis = Redis()
        redis.down = error
        async with viewing(redis) as small:
            small.fold({"a:1": 1.0}, times=[NOW_MS - 10])
            small.publish()
            await asyncio.sleep(0.01)
            small.fold({"a:1": 2.0}, times=[NOW_MS - 10])
            small.publish()
            await asyncio.sleep(2)
            assert len(redis.calls) > 3
            assert all(one is redis.calls[0][1] for _, one in redis.calls)
            assert small.shown.latency.sparse() == {}
            redis.down = None
            await brought(small, redis)
            assert len(set(redis.versions)) == 2
            assert small.shown.latency.sparse() == {str(10 // STEP_MS): 2}
            assert small.shown.rebuilds == 0

    run(story())


def test_an_answer_that_is_lost_is_not_a_foreign_version() -> None:
    """A call that got through and is repeated finds its own version: nobody needs to be shown again."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as small:
            small.put({"a:1": 1.0})
            assert await small.view.drained(PATIENCE_S)
            redis.answers_to_lose = 3
            small.put({"a:1": 2.0})
            await brought(small, redis)
            assert len(redis.versions) == 5
            assert len(set(redis.versions)) == 2
            assert small.shown.rebuilds == 0

    run(story())


def test_an_hour_without_redis_costs_nothing() -> None:
    """Nothing piles up, about a second after it is back that is noticed, and it was not hammered; who changed is written once."""

    async def story() -> None:
        redis = Redis()
        redis.down = RedisConnectionError()
        async with viewing(redis) as small:
            for minute in range(60):
                small.fold({f"a:{n}": 1.0 + minute for n in range(10)}, times=[NOW_MS - 100_000] * 10)
                small.publish()
                await asyncio.sleep(60)
            assert 3_000 < len(redis.calls) < 8_000
            assert small.shown.behind == 10
            redis.down, back_s = None, now_s()
            await brought(small, redis)
            assert now_s() - back_s < 1.5
            assert sum(len(one.users) for one in redis.taken) == 20  # the call that failed, and one sweep
            assert sum(small.shown.latency.sparse().values()) == 600
            assert small.shown.rebuilds == 0

    run(story())


def test_event_times_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too late to be measured is only counted, and counts once it is there."""
    monkeypatch.setattr("streams.scoreboard.latency.Latency.MOST_PARTS", 10)
    small = Small(Redis())
    for _ in range(500):
        small.fold({"a:1": 1.0}, times=[NOW_MS - 100_000] * 7 + [NOW_MS - 10])
    assert sum(map(len, small.shown._folded)) <= 8 * 10 + 500
    small.shown.show()
    while small.shown.call(NOW_MS):
        small.shown.arrived(NOW_MS)
    assert small.shown.latency.sparse() == {str(10 // STEP_MS): 500, "4999": 3_500}


@pytest.mark.parametrize("found", [0, 3, 9], ids=["flushed", "older copy", "not ours"])
@pytest.mark.parametrize("idle", [True, False])
def test_a_foreign_version_shows_everyone(found: int, idle: bool) -> None:
    """Redis is not what it was: everyone is written again, once, with the next call or without any."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as small:
            small.put({"a:1": 1.0, "a:2": 2.0})
            assert await small.view.drained(PATIENCE_S)
            redis.pulse, redis.scores, redis.board = found, {}, {}
            if not idle:
                small.put({"a:1": 3.0})
            await asyncio.sleep(2.5)
            await brought(small, redis)
            assert redis.taken[-1].bins or redis.taken[-2].anew
            await asyncio.sleep(10)
            assert small.shown.rebuilds == 1

    run(story())


def test_a_worker_that_was_replaced_writes_nothing() -> None:
    """Another one is ahead, with a higher generation: ours asks once a second, and shows nobody."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as small:
            small.put({"a:1": 1.0})
            assert await small.view.drained(PATIENCE_S)
            redis.pulse, redis.scores, taken = 7 << 32, {}, len(redis.taken)
            for mass in range(2, 12):
                small.put({"a:1": float(mass)})
                await asyncio.sleep(1.0)
            assert redis.scores == {}
            assert len(redis.taken) == taken
            assert len(redis.calls) < 30

    run(story())


@pytest.mark.parametrize(("last", "found", "again"), [(5, 5, 0), (5, 4, 1), (5, 0, 1), (0, 0, 0), (0, 4, 1)])
def test_the_first_call_knows_what_the_take_over_saw(last: int, found: int, again: int) -> None:
    """What Redis showed at the take-over is compared with as well."""

    async def story() -> None:
        redis = Redis(found)
        async with viewing(redis, last=last) as small:
            small.put({"a:1": 1.0})
            await brought(small, redis)
            assert small.shown.rebuilds == again

    run(story())


def test_a_successor_writes_what_was_published_after_complete() -> None:
    """Rows that Redis has are left alone but counted in the histogram; without a pulse everyone is written."""

    async def story(complete: int, origin: str, written: set[str]) -> None:
        redis = Redis(pulse=9)
        async with viewing(redis, last=9, generation=2) as small:
            for user, version in (("a:1", 5), ("a:2", 7), ("a:3", 8)):
                slot = small.table.slot(user)
                small.table.cells[slot, [SCORE, PUBLISHED]] = 40.0, version
            small.shown.resume(complete, origin, NOW_MS)
            small.publish()
            assert await small.view.drained(PATIENCE_S)
            assert set(redis.scores) == written
            assert redis.taken[0].anew
            assert redis.says["shown"] == 3
            assert redis.says["complete"] == small.cut

    run(story(7, "", {"a:3"}))
    run(story(8, "", set()))
    run(story(0, "", {"a:1", "a:2", "a:3"}))
    run(story(8, "of another import", {"a:1", "a:2", "a:3"}))


def told(redis: Redis) -> list[list[Any]]:
    """What was told of scores: [user, score, before], ..."""
    return [one for flush in redis.taken if flush.updates for one in orjson.loads(flush.updates)["users"]]


def test_changes_tell_what_was_shown_before_also_after_a_take_over() -> None:
    """To two decimals, and null for somebody new; of a row whose score Redis has a successor knows it, too."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as small:
            small.put({"a:1": 10.0})
            await brought(small, redis)
            first = small.truth["a:1"]
            small.put({"a:1": 20.0, "a:2": 5.0})
            await brought(small, redis)
            last = small.truth
        near = pytest.approx
        assert told(redis) == [
            ["a:1", near(first, abs=0.01), None],
            ["a:1", near(last["a:1"], abs=0.01), near(first, abs=0.01)],
            ["a:2", near(last["a:2"], abs=0.01), None],
        ]
        redis.taken.clear()
        async with viewing(redis, last=redis.pulse, generation=2) as successor:
            for user, score in last.items():
                slot = successor.table.slot(user)
                successor.table.cells[slot, [SCORE, PUBLISHED]] = score, 7
            successor.shown.resume(7, "", NOW_MS)
            successor.put({"a:1": 30.0, "a:3": 5.0})
            assert await successor.view.drained(PATIENCE_S)
            assert told(redis) == [
                ["a:1", near(successor.truth["a:1"], abs=0.01), near(last["a:1"], abs=0.01)],
                ["a:3", near(successor.truth["a:3"], abs=0.01), None],
            ]

    run(story())


def test_everyone_again_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """While thousands are shown again, who changes now is among the next to be written; complete only when all are there."""
    monkeypatch.setattr(shown_module, "CHUNK", 5)
    monkeypatch.setattr(shown_module, "AGAIN_AT_ONCE", 10)

    async def story() -> None:
        redis = Redis(takes_s=0.1)
        async with viewing(redis) as small:
            small.put({f"a:{n:03}": 1.0 + n for n in range(100)})
            assert await small.view.drained(PATIENCE_S)
            redis.pulse, redis.scores, redis.board, redis.taken = 0, {}, {}, []
            small.view.lose("the test says so")
            await asyncio.sleep(0.25)
            small.put({"a:099": 500.0})
            await brought(small, redis)
            sizes = [len(one.users) for one in redis.taken]
            at = next(n for n, one in enumerate(redis.taken) if any(user == "a:099" for user, *_ in one.users))
            assert at < 8  # behind at most two slices of those shown again
            assert len(sizes) > 20
            assert [one.pulse["complete"] for one in redis.taken[:-1] if one.users][:15] == [0] * 15

    run(story())


def test_the_board_is_written_when_a_score_has_moved_a_fifth_of_a_step() -> None:
    """Small moves add up: the board is never further away than that, the record always exact."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as small:
            written = 0
            for step in range(200):
                small.put({"a:1": 10.0 + step / 1_000})
                await brought(small, redis)
                written += redis.taken[-1].users[0][1] is not None
            assert 3 < written < 100

    run(story())


def test_alerts_come_once_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """They survive that everyone is shown again, in order, and a queue that is full drops its oldest."""
    monkeypatch.setattr(once, "MOST_ALERTS", 5)

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as small:
            small.put({f"a:{n}": 1.0 for n in range(5)})
            assert await small.view.drained(PATIENCE_S)
            redis.down = RedisConnectionError()
            small.shown.once.alert([b"%d" % n for n in range(9)])
            small.view.go()
            await asyncio.sleep(1)
            redis.pulse = 0  # flushed meanwhile
            redis.down = None
            await brought(small, redis)
            assert [alert for one in redis.taken for alert in one.alerts] == [b"4", b"5", b"6", b"7", b"8"]

    run(story())


def test_what_is_held_is_written_when_it_is_released() -> None:
    """While it is held nothing is written, however much changes; then everyone who has, once."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as small:
            small.view.hold()
            for mass in range(1, 11):
                small.put({"a:1": float(mass)})
            await asyncio.sleep(60)
            assert redis.calls == []
            assert not await small.view.drained(1.0)
            small.view.release()
            await brought(small, redis)
            assert len(redis.calls) == 1

    run(story())


def test_a_glance_is_for_few() -> None:
    """More than a glance is for wait for their interval."""

    async def story() -> None:
        redis = Redis()
        async with viewing(redis) as small:
            small.fold({f"a:{n}": 1.0 for n in range(10)})
            small.shown.show(5)
            small.view.go()
            assert await small.view.drained(PATIENCE_S)
            assert redis.calls == []
            assert small.shown.behind == 10
            small.shown.show(10)
            small.view.go()
            assert await small.view.drained(PATIENCE_S)
            assert len(redis.scores) == 10

    run(story())


def test_drained_waits_as_long_as_it_was_told() -> None:
    """With nothing under way at once; else until Redis has everything, or the patience is over."""

    async def story() -> None:
        redis = Redis(takes_s=2.0)
        async with viewing(redis) as small:
            began_s = now_s()
            assert await small.view.drained(1.0)
            assert now_s() == began_s
            assert small.view.caught_up
            small.put({"a:1": 1.0})
            assert not small.view.caught_up
            assert not await small.view.drained(1.0)
            assert now_s() - began_s == pytest.approx(1.0)
            assert await small.view.drained(5.0)
            assert now_s() - began_s == pytest.approx(2.0)

    run(story())


def test_a_call_that_no_redis_could_take_is_not_passed_over() -> None:
    """An error that is not Redis's is a bug of ours: it ends the view with that error, for its loop to see."""

    async def story() -> None:
        redis = Redis()
        redis.down = ValueError("too many users")
        small = Small(redis)
        small.put({"a:1": 1.0})
        with pytest.raises(ValueError, match="too many users"):
            await asyncio.wait_for(small.view.run(), PATIENCE_S)

    run(story())


def test_marks_of_the_interval_and_of_redis_are_two_things() -> None:
    """A cut clears what it publishes and leaves what Redis lacks; who acted or moved is lacking from then on."""
    small = Small(Redis())
    table = small.table
    for name in ("did", "got", "moved", "again"):
        table.slot(name)
    table.dirty[:4] = 1, 2 | UNSEEN, 4, AGAIN
    slots, marks = table.changed()
    assert (slots.tolist(), marks.tolist()) == ([0, 1, 2], [1, 2, 4])
    assert table.dirty[:4].tolist() == [UNSEEN, UNSEEN, UNSEEN, AGAIN]
    owed, whole = table.owed(0)
    assert (owed.tolist(), whole) == ([0, 1, 2], False)
    owed, whole = table.owed(1)
    assert (owed.tolist(), whole) == ([0, 1, 2, 3], True)
    table.dirty[1] |= 2
    table.paid(owed)
    assert table.dirty[:4].tolist() == [0, 2, 0, 0]
