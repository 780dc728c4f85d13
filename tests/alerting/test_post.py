"""The deliveries of one partition over a log in memory: whatever crashes when, each is delivered, and none comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.alerting.attempts import Outcome
from agents.alerting.digest import digest
from agents.alerting.figures import Counts
from agents.alerting.lane import GROUP, STORM, Batch, alert_of
from agents.alerting.post import Post, Record
from streams.formats.deliveries import DEAD, Delivery, Off, decode, encode, key_of
from streams.model.channels import Acknowledged, Channel, Quiet, Silence
from streams.policies.book import Book
from tests.alerting.kit import T0, alert, delivery, hook

Answer = Callable[[Channel, Delivery], Outcome]
GOOD, BAD = Outcome(True, "answered 204"), Outcome(False, "answered 500")


class Crash(Exception):
    """The process ends here."""


class Log:
    """What the partition holds, in its order; a writer crashes after so many records."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.left: int | None = None  # records until the crash

    def writer(self, own: set[int]) -> Any:
        """Of one post, who is not told again what it has written."""

        async def write(records: list[Record]) -> None:
            await asyncio.sleep(0)
            for record in records:
                if self.left is not None:
                    if not self.left:
                        raise Crash
                    self.left -= 1
                own.add(len(self.records))
                self.records.append(record)

        return write

    def now(self) -> dict[bytes, bytes]:
        """As compaction leaves it."""
        found: dict[bytes, bytes] = {}
        for key, value in self.records:
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
        return found


class Sender:
    """Answers as it is told to; knows what came."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.came = answer, list[Delivery]()
        self.hold: asyncio.Event | None = None

    async def send(self, channel: Channel, one: Delivery) -> Outcome:
        """See Sender."""
        self.came.append(one)
        if self.hold:
            await self.hold.wait()
        return self.answer(channel, one)

    async def close(self) -> None:
        """See Sender."""

    def told(self) -> Counter[str]:
        """How often each alert was told, alone or in a digest."""
        return Counter(id_ for one in self.came for id_ in one.members or (one.id,))


class Clock:
    """Which only goes when it is told to."""

    def __init__(self) -> None:
        self.now_ms = float(T0)

    def __call__(self) -> float:
        return self.now_ms


class World:
    """A log, a clock, policies and a sender; posts come and go."""

    def __init__(self, *channels: Channel, answer: Answer = lambda *_: GOOD) -> None:
        self.log, self.clock, self.counts, self.sender = Log(), Clock(), Counts(), Sender(answer)
        self.book = Book(channels=channels)
        self.post: Post | None = None
        self.own: set[int] = set()
        self.read = 0

    def begin(self) -> Post:
        """A process that reads all there is, and starts."""
        self.own, self.read = set(), 0
        kinds: Any = {"webhook": self.sender}
        self.post = Post(0, 1, lambda: self.book, kinds, self.log.writer(self.own), self.clock, self.counts, Random(1))
        self.catch_up()
        self.post.start()
        return self.post

    def catch_up(self) -> None:
        """What others have written is read."""
        assert self.post
        for place in range(self.read, len(self.log.records)):
            if place not in self.own:
                self.post.read(*self.log.records[place])
        self.read = len(self.log.records)

    def put(self, *ones: Delivery) -> None:
        """Written by whoever routes."""
        self.log.records += [encode(one) for one in ones]
        if self.post:
            self.catch_up()

    async def rest(self, turns: int = 60) -> None:
        """Until nothing moves any more; raises what has ended the post."""
        assert self.post
        for _ in range(turns):
            await asyncio.sleep(0)
            if self.post.failure:
                raise self.post.failure

    async def later(self, wait_ms: float) -> None:
        """Time passes."""
        assert self.post
        self.clock.now_ms += wait_ms
        self.post.wake()
        await self.rest()

    async def kill(self) -> None:
        """As kill -9 does: nothing more is written."""
        assert self.post
        post, self.post = self.post, None
        self.log.left = 0
        for attempt in list(post._attempts):
            attempt.cancel()
        if post._running:
            post._running.cancel()
            await asyncio.wait({post._running})
        self.log.left = None

    def states(self) -> Counter[str]:
        """Of what was told."""
        return Counter(one.state for one in self.counts.latest)


def run(story: Any) -> None:
    """In a loop of its own."""
    asyncio.run(story())


def several(count: int, channel: str = "ops", **more: Any) -> list[Delivery]:
    """Of as many users."""
    return [delivery(channel, at=T0 + n, number=n, user=f"x:{n}", **more) for n in range(1, count + 1)]


def test_what_is_delivered_is_gone() -> None:
    """From the log too; each was told once."""

    async def story() -> None:
        world = World(hook())
        world.put(*several(20))
        world.begin()
        await world.later(100)
        assert set(world.sender.told().values()) == {1}
        assert len(world.sender.came) == 20
        assert world.log.now() == {}
        assert world.states() == {"delivered": 20}
        await world.kill()

    run(story)


def test_what_fails_is_tried_until_it_is_dead() -> None:
    """Under one id; each attempt is in the log, and a dead letter stays there."""

    async def story() -> None:
        world = World(hook(schedule_s=(0.0, 10.0, 100.0)), answer=lambda *_: BAD)
        world.put(delivery())
        world.begin()
        await world.later(0)
        (value,) = world.log.now().values()
        assert b'"attempts":1' in value
        await world.kill()
        world.begin()
        for _ in range(5):
            await world.later(120_000)
        assert len(world.sender.came) == 3
        found = decode(*next(iter(world.log.now().items())))
        assert isinstance(found, Delivery)
        assert (found.state, found.attempts, found.outcome) == (DEAD, 3, "answered 500")
        await world.kill()
        world.begin()
        await world.later(100_000_000)
        assert len(world.sender.came) == 3
        world.put(
            replace(found, state="waiting", attempts=0, at=round(world.clock.now_ms), due=round(world.clock.now_ms))
        )
        world.sender.answer = lambda *_: GOOD
        await world.later(0)
        assert world.log.now() == {}
        await world.kill()

    run(story)


def test_410_switches_off_until_the_channel_is_another() -> None:
    """Over a restart; what waits is dead, and says why."""

    async def story() -> None:
        world = World(hook(), answer=lambda *_: Outcome(False, "answered 410", gone=True))
        world.put(delivery())
        world.begin()
        await world.rest()
        assert isinstance(decode(b"ops", world.log.now()[b"ops"]), Off)
        await world.kill()
        post = world.begin()
        world.sender.answer = lambda *_: GOOD
        world.put(delivery(number=2))
        await world.later(10)
        assert len(world.sender.came) == 1
        assert [(one.dead, one.off) for one in post.standings()] == [(2, "answered 410")]
        world.book = Book(channels=(hook("https://other.example.org/"),))
        world.put(delivery(number=3))
        await world.later(10)
        assert len(world.sender.came) == 2
        assert [(one.dead, one.off) for one in post.standings()] == [(2, "")]
        await world.kill()

    run(story)


def test_a_storm_is_one_message_and_stays_so() -> None:
    """The members do not come back, wherever the crash was: before the digest, between it and their ends, after."""

    async def story(left: int) -> None:
        world = World(hook(most_a_minute=2))
        world.put(*several(8))
        world.begin()
        await world.later(10)
        assert len(world.sender.came) == 2
        world.log.left = left
        with contextlib.suppress(Crash):
            await world.later(60_000)
        await world.kill()
        world.begin()
        await world.later(1_000)
        await world.later(60_000)
        await world.later(60_000)
        told = world.sender.told()
        assert set(told) == {one.id for one in several(8)}
        if left == 7:  # all but that it was delivered: the digest is repeated, under its id
            (first, second) = world.sender.came[2:]
            assert first == second
        else:
            assert set(told.values()) == {1}, told
        assert world.log.now() == {}
        await world.kill()

    for left in range(9):
        asyncio.run(story(left))


def test_members_of_a_digest_that_was_written_do_not_come_back() -> None:
    """Also where the crash came before their ends were written: these are written at the next start."""

    async def story() -> None:
        world = World(hook(), answer=lambda *_: BAD)
        members = several(3)
        merged = digest(Batch(STORM, members), T0 + 10)
        world.put(*members, merged)
        world.begin()
        await world.later(10)
        assert [one.id for one in world.sender.came] == [merged.id]
        assert set(world.log.now()) == {merged.key}
        await world.kill()

    run(story)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=6),
    st.integers(0, 2**16),
    st.sampled_from(
        [{}, {"most_a_minute": 3}, {"group_s": 5.0}, {"ordered": True}, {"quiet": Quiet(since="17:00", until="17:30")}]
    ),
)
def test_a_crash_at_any_point_loses_nothing(crashes: list[int], seed: int, more: dict[str, Any]) -> None:
    """After any number of records, again and again, while receivers fail a third of the time: each alert is told at least once."""

    async def story() -> None:
        dice = Random(seed)
        delivered, chance = set[str](), [True]

        def answer(_: Channel, one: Delivery) -> Outcome:
            if chance and dice.random() < 0.3:
                return BAD
            delivered.update(one.members or (one.id,))
            return GOOD

        world = World(hook(**more), hook(name="b", **more), answer=answer)
        put = 0
        for left in crashes:
            ones = [
                delivery(name, at=round(world.clock.now_ms), number=put + n, user=f"x:{n % 3}")
                for n in range(1, 7)
                for name in ("ops", "b")
            ]
            put += 6
            world.put(*ones)
            world.begin()
            world.log.left = left
            for wait_ms in (0, 1_000, 6_000):
                try:
                    await world.later(wait_ms)
                except Crash:
                    break
            world.log.left = None
            await world.kill()
        world.begin()
        chance.clear()  # from here on all is well
        for _ in range(60):
            await world.later(400_000)
            if not world.log.now():
                break
        assert world.log.now() == {}
        assert len(delivered) == put
        for name in ("ops", "b"):
            assert {
                id_ for one in world.sender.came if one.channel == name for id_ in one.members or (one.id,)
            } == delivered
        await world.kill()

    run(story)


def test_silenced_and_acknowledged_end() -> None:
    """In the log too; of a batch as well, whose only other one is told alone."""

    async def story() -> None:
        world = World(hook(group_s=5.0))
        world.book = world.book._replace(
            silences=(Silence(name="a", users=("x:1",), until=T0 + 10**9),),
            acknowledged=(Acknowledged(rule="day-fall", user="x:2", episode=T0 + 2, at=T0),),
        )
        world.put(*several(3))
        post = world.begin()
        await world.later(10)
        world.sender.hold = asyncio.Event()
        await world.later(5_000)
        assert [alert_of(one)["user"] for one in world.sender.came] == ["x:3"]
        assert post.standings()[0].waiting == 1
        world.sender.hold.set()
        await world.rest()
        assert world.log.now() == {}
        assert sum(world.states().values()) == 3
        assert world.counts.latest[0].state == "delivered"
        await world.kill()

    run(story)


def test_a_channel_that_goes_and_comes_back() -> None:
    """What waits for it is kept meanwhile, in the log, and in the memory of the process."""

    async def story() -> None:
        world = World()
        world.put(*several(2))
        world.begin()
        await world.rest()
        world.book = Book(channels=(hook(),))
        await world.later(10)
        assert len(world.sender.came) == 2
        world.sender.answer = lambda *_: BAD
        world.put(delivery(number=9))
        await world.later(10)
        world.book = Book()
        await world.later(10)
        world.sender.answer = lambda *_: GOOD
        world.book = Book(channels=(hook(),))
        await world.later(10_000)
        assert world.log.now() == {}
        await world.kill()

    run(story)


def test_one_channel_holds_up_no_other() -> None:
    """Eight that hang are all there are of it."""

    async def story() -> None:
        world = World(hook(name="a"), hook(name="b"))
        world.sender.hold = asyncio.Event()
        world.put(*several(20, "a"))
        post = world.begin()
        await world.later(100)
        assert len(world.sender.came) == 8
        world.sender.hold, hold = None, world.sender.hold
        world.put(*several(3, "b"))
        await world.later(100)
        assert Counter(one.channel for one in world.sender.came) == {"a": 8, "b": 3}
        assert [one.waiting for one in post.standings()] == [20, 0]
        hold.set()
        await world.later(100)
        assert world.log.now() == {}
        await world.kill()

    run(story)


def test_another_takes_it_away_meanwhile() -> None:
    """A delivery that somebody drops while it is on its way is not written again."""

    async def story() -> None:
        world = World(hook(), answer=lambda *_: BAD)
        world.sender.hold = asyncio.Event()
        world.put(delivery())
        world.begin()
        await world.rest()
        world.log.records.append((delivery().key, None))
        world.catch_up()
        world.sender.hold.set()
        await world.rest()
        assert world.log.now() == {}
        await world.kill()

    run(story)


def test_what_cannot_be_written_ends_it() -> None:
    """And says so; nothing is lost."""

    async def story() -> None:
        world = World(hook())
        world.put(delivery())
        post = world.begin()
        world.log.left = 0
        with pytest.raises(Crash):
            await world.rest()
        assert isinstance(post.failure, Crash)
        await post.close()
        assert set(world.log.now()) == {delivery().key}

    run(story)


@pytest.mark.parametrize(
    "bad", [{"at": "soon"}, {"severity": ["x"]}, {"user": {"a": 1}}, {"change": "far"}, {"rule": {}}, {"at": 10**19}]
)
def test_an_alert_that_nobody_can_tell_stops_nothing(bad: dict[str, Any]) -> None:
    """It is refused where it is read; the others are delivered."""

    async def story() -> None:
        world = World(hook(group_s=5.0))
        good, broken = delivery(), delivery(said=alert(2) | bad)
        world.put(good)
        world.begin()
        with pytest.raises(ValueError, match="no delivery"):
            world.put(broken)
        world.read = len(world.log.records)
        await world.later(10)
        await world.later(5_000)
        assert [one.id for one in world.sender.came] == [good.id]
        await world.kill()

    run(story)


def test_what_a_receiver_says_is_written_whatever_it_is() -> None:
    """In the log, and in the figures."""

    async def story() -> None:
        world = World(hook(), answer=lambda *_: Outcome(False, "é \u2028 🦊"))
        world.put(delivery())
        post = world.begin()
        await world.rest()
        found = decode(*next(iter(world.log.now().items())))
        assert isinstance(found, Delivery)
        assert found.outcome == "é \u2028 🦊"
        assert post.standings()[0].last == found.outcome
        await world.kill()

    run(story)


def test_routed_twice_is_told_once() -> None:
    """As after a crash between the queue and the offset: before, while, and after it is on its way."""

    async def story() -> None:
        world = World(hook())
        world.sender.hold = asyncio.Event()
        world.put(delivery(), delivery())
        world.begin()
        await world.rest()
        world.put(delivery())
        await world.rest()
        world.sender.hold.set()
        await world.rest()
        assert world.sender.told() == {delivery().id: 1}
        assert world.log.now() == {}
        await world.kill()

    run(story)


def test_batches_hold_their_reason() -> None:
    """A group is told as one."""

    async def story() -> None:
        world = World(hook(group_s=5.0))
        world.put(*several(3))
        world.begin()
        await world.later(10)
        await world.later(5_000)
        (one,) = world.sender.came
        assert (alert_of(one)["why"], alert_of(one)["count"]) == (GROUP, 3)
        assert key_of("ops", one.id) == one.key
        await world.kill()

    run(story)
