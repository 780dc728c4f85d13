"""What waits for one channel: order, storms, groups, quiet hours, retries; and nothing that is put is ever lost."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from agents.alerting.breaker import FAILURES, FIRST_MS, LONGEST_MS, Breaker
from agents.alerting.digest import TOLD, digest
from agents.alerting.lane import AT_ONCE, GROUP, JITTER, MINUTE_MS, QUIET, STORM, Batch, Due, Lane, alert_of
from streams.formats.deliveries import DEAD, MOST_MEMBERS, Delivery, decode, encode
from streams.model.channels import SCHEDULE_S, Quiet
from tests.alerting.kit import T0, alert, delivery, hook

HOUR_MS = 3_600_000


def lane(*ones: Delivery, seed: int = 1, **more: Any) -> Lane:
    """Of a channel with these fields, with these put."""
    made = Lane(hook(**more), Random(seed))
    for one in ones:
        made.put(one)
    return made


def several(count: int, first: int = 1, user: str = "", **more: Any) -> list[Delivery]:
    """Of as many users, or of one; taken up one ms after the other."""
    return [delivery(number=n, user=user or f"x:{n}", at=T0 + n, **more) for n in range(first, first + count)]


def numbers(ones: list[Delivery]) -> list[int]:
    """Which alerts these are."""
    return [round(-alert_of(one)["change"]) for one in ones]


def test_what_is_due_goes_in_its_order() -> None:
    """At most so many at once; the others when those are done."""
    own = lane(*several(AT_ONCE + 2))
    first = own.look(T0 + 100).send
    assert numbers(first) == list(range(1, AT_ONCE + 1))
    assert own.look(T0 + 100) == Due([], [], [])
    assert own.next_ms(T0 + 100) is None  # until something is done
    own.drop(first[0].id)
    assert numbers(own.look(T0 + 100).send) == [AT_ONCE + 1]


def test_what_comes_twice_goes_once() -> None:
    """The latest of its id, whatever it was before."""
    one = delivery()
    own = lane(one, replace(one, attempts=2), one)
    assert own.look(T0).send == [one]
    assert own.look(T0).send == []
    own.put(replace(one, state=DEAD))
    assert (own.dead.keys(), own.waiting, own.on_the_way) == ({one.id}, {}, {})


def test_it_is_tried_until_the_schedule_ends() -> None:
    """Each wait within a tenth of what the channel says; then it is dead."""
    waits: dict[int, list[float]] = {}
    for seed in range(200):
        own, now_ms = lane(seed=seed), float(T0)
        one = delivery()
        for attempts in range(1, len(SCHEDULE_S)):
            after = own.failed(one, "no", now_ms)
            assert (after.attempts, after.outcome, after.state) == (attempts, "no", "waiting")
            waits.setdefault(attempts, []).append((after.due - now_ms) / 1_000)
            one, now_ms = after, float(after.due)
        assert own.failed(one, "no", now_ms).state == DEAD
    for attempts, found in waits.items():
        wait_s = SCHEDULE_S[attempts]
        assert wait_s * (1 - JITTER) - 0.001 <= min(found) < wait_s < max(found) <= wait_s * (1 + JITTER) + 0.001
        assert len(set(found)) > 100


def test_a_receiver_may_ask_for_more() -> None:
    """Not for less than the schedule says; nothing else is tried meanwhile."""
    own = lane(*several(1, 2))
    assert own.failed(delivery(), "no", T0, wait_ms=60_000).due == T0 + 60_000
    assert own.failed(delivery(), "no", T0, wait_ms=1.0).due >= T0 + 4_500
    assert own.look(T0 + 59_999).send == []
    assert own.next_ms(T0 + 1) == T0 + 60_000
    assert numbers(own.look(T0 + 60_000).send) == [2]


def test_too_old_is_dead() -> None:
    """Older than all its waits and an hour, however seldom it was tried."""
    one = delivery()
    own = lane(one, schedule_s=(0.0, 60.0))
    assert own.look(T0 + 60_000 + HOUR_MS + 1).dead == [one]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("schedule_s", [(0.0,), (0.0, 5.0), SCHEDULE_S])
def test_quiet_hours_make_nothing_too_old(schedule_s: tuple[float, ...], restarted: bool) -> None:
    """However short the schedule: what comes at their begin is told at their end, also by a process that began meanwhile."""
    quiet = Quiet(since="17:00", until="16:00")  # T0 is 17:20
    ones = several(2)
    own = lane(*ones, quiet=quiet, schedule_s=schedule_s)
    assert own.look(T0 + 10) == Due([], [], [])
    end_ms = T0 + 22 * HOUR_MS + 2 * HOUR_MS // 3
    assert own.next_ms(T0 + 10) == end_ms
    if restarted:
        own = lane(*ones, quiet=quiet, schedule_s=schedule_s)
        assert own.look(end_ms - HOUR_MS) == Due([], [], [])
    found = own.look(end_ms)
    assert not found.dead
    assert [(batch.why, batch.members) for batch in found.batches] == [(QUIET, ones)]


def test_loud_ones_break_the_quiet() -> None:
    """As far as the channel says; one that waits alone is told alone."""
    quiet = Quiet(since="17:00", until="18:00")
    loud, low = delivery(number=1, severity="critical"), delivery(number=2)
    own = lane(loud, low, quiet=quiet)
    assert own.look(T0).send == [loud]
    assert own.look(T0 + 40 * 60_000).send == [low]
    own = lane(loud, low, quiet=Quiet(since="17:00", until="18:00", but=None))
    assert own.look(T0).send == []


def test_a_storm_is_one_digest() -> None:
    """What comes beyond so many a minute waits a minute, and is told as one; then it begins anew."""
    own = lane(*several(10), most_a_minute=3)
    assert numbers(own.look(T0 + 20).send) == [1, 2, 3]
    for one in several(3):
        own.drop(one.id)
    own.put(delivery(number=11, at=T0 + 30_000))
    assert own.look(T0 + 30_000) == Due([], [], [])
    found = own.look(T0 + 20 + MINUTE_MS)
    assert [(batch.why, numbers(batch.members)) for batch in found.batches] == [(STORM, list(range(4, 12)))]
    merged = digest(found.batches[0], T0 + 20 + MINUTE_MS)
    for one in found.batches[0].members:
        own.drop(one.id)
    own.put(merged)
    assert own.look(T0 + 20 + MINUTE_MS).send == [merged]
    own.drop(merged.id)
    own.put(delivery(number=12, at=T0 + 70_000))
    assert numbers(own.look(T0 + 70_000).send) == [12]
    assert own.next_ms(T0 + 70_000) is None


def test_a_digest_has_an_end() -> None:
    """Of more than a thousand there are several."""
    own = lane(*several(MOST_MEMBERS + 2), most_a_minute=1)
    own.look(T0 + 5_000)
    batches = own.look(T0 + 5_000 + MINUTE_MS).batches
    assert [len(batch.members) for batch in batches] == [MOST_MEMBERS, 1]
    for batch in batches:
        key, value = encode(digest(batch, T0))
        assert len(value) < 900_000
        assert decode(key, value)


def test_groups() -> None:
    """What comes within so many seconds of the first is one."""
    own = lane(*several(2), group_s=30)
    assert own.look(T0 + 2) == Due([], [], [])
    own.put(delivery(number=3, at=T0 + 29_000))
    assert own.look(T0 + 29_000) == Due([], [], [])
    found = own.look(T0 + 30_002)
    assert [(batch.why, numbers(batch.members)) for batch in found.batches] == [(GROUP, [1, 2, 3])]
    own.put(delivery(number=4, at=T0 + 31_000))
    assert own.look(T0 + 31_000) == Due([], [], [])
    assert numbers(own.look(T0 + 61_000).send) == [4]


def test_of_one_user_one_after_the_other() -> None:
    """Where the channel asks for it: one that is tried again holds up the next, and nobody else."""
    own = lane(*several(3, user="x:a"), *several(2, 4, user="x:b"), ordered=True)
    assert numbers(own.look(T0 + 10).send) == [1, 4]
    first = own.on_the_way[several(1, user="x:a")[0].id]
    after = own.failed(first, "no", T0 + 10)
    own.put(after)
    own.drop(several(1, 4, user="x:b")[0].id)
    assert numbers(own.look(T0 + 20).send) == [5]
    assert numbers(own.look(after.due).send) == [1]
    own.put(replace(after, state=DEAD))
    assert numbers(own.look(after.due).send) == [2]


def test_in_the_order_in_which_they_were_taken_up() -> None:
    """Not that in which a log is read again."""
    ones = several(5, user="x:a")
    own, went = lane(*reversed(ones), ordered=True), []
    while found := own.look(T0 + 10).send:
        went += numbers(found)
        own.drop(found[0].id)
    assert went == [1, 2, 3, 4, 5]


def test_another_channel_of_the_name_takes_over() -> None:
    """What waits, what is on its way, and what is dead."""
    ones = several(4)
    old = lane(*ones[:3], replace(ones[3], state=DEAD))
    assert len(old.look(T0 + 1).send) == 1
    new = lane(most_a_minute=7)
    new.take_over(old)
    assert set(new.waiting) == {one.id for one in ones[:3]}
    assert set(new.dead) == {ones[3].id}
    assert numbers(new.look(T0 + 10).send) == [1, 2, 3]


def test_the_breaker() -> None:
    """Opens after five failures in a row; then one message tries, later and later; one success closes it."""
    breaker, now_ms = Breaker(), 0.0
    for _ in range(FAILURES - 1):
        breaker.failed(now_ms)
    assert breaker.room(now_ms, 0, AT_ONCE) == AT_ONCE
    lasts = []
    for _ in range(8):
        breaker.failed(now_ms)
        assert breaker.open
        assert breaker.room(breaker.until_ms - 1, 0, AT_ONCE) == 0
        lasts.append(breaker.until_ms - now_ms)
        breaker.failed(now_ms + 1)  # one that was on the way changes nothing
        assert breaker.until_ms - now_ms == lasts[-1]
        now_ms = breaker.until_ms
        assert (breaker.room(now_ms, 0, AT_ONCE), breaker.room(now_ms, 1, AT_ONCE)) == (1, 0)
    assert lasts == [min(FIRST_MS << n, LONGEST_MS) for n in range(8)]
    breaker.succeeded()
    assert breaker.room(now_ms, 3, AT_ONCE) == AT_ONCE - 3


def test_what_a_receiver_asks_for_holds() -> None:
    """Although another that was on the way is delivered meanwhile."""
    breaker = Breaker()
    breaker.failed(1_000.0, 60_000.0)
    breaker.succeeded()
    assert breaker.room(60_999.0, 0, AT_ONCE) == 0
    assert breaker.room(61_000.0, 0, AT_ONCE) == AT_ONCE


def test_what_a_digest_says() -> None:
    """How many, of which rules and states, since when, the worst, the first twenty; its id is its own."""
    said = [alert(n, user=f"x:{n % 3}") for n in range(1, 30)]
    said[7] |= {"severity": "critical", "state": "recovered", "rule": "week-fall"}
    said[8] |= {"severity": "critical", "change": -3.0}
    said[9] |= {"severity": "info", "change": -99.0}
    ones = [delivery(said=one, at=T0) for one in said]
    made = digest(Batch(STORM, ones), T0 + 99)
    body = alert_of(made)
    assert made.members == tuple(one.id for one in ones)
    assert (body["count"], len(body["alerts"]), body["severity"]) == (29, TOLD, "critical")
    assert (body["since"], body["until"], body["at"]) == (T0 + 1, T0 + 29, T0 + 99)
    assert body["rules"] == {"day-fall": 28, "week-fall": 1}
    assert body["states"] == {"raised": 28, "recovered": 1}
    assert body["worst"]["id"] == said[8]["id"]
    assert body["sentence"].startswith("29 alerts about 3 users (28 raised, 1 recovered): more came than")
    assert decode(*encode(made)) == made
    assert digest(Batch(STORM, ones), T0 + 100).id != made.id


class Nothing(RuleBasedStateMachine):
    """What was put is at any time in exactly one place, whatever happens; and in the end all of it has gone."""

    @initialize(
        ordered=st.booleans(),
        most=st.sampled_from([1, 2, 30]),
        group_s=st.sampled_from([0.0, 20.0]),
        quiet=st.sampled_from([None, Quiet(since="17:21", until="17:25"), Quiet(since="17:00", until="16:00")]),
        seed=st.integers(0, 9),
    )
    def begin(self, ordered: bool, most: int, group_s: float, quiet: Quiet | None, seed: int) -> None:
        """A channel."""
        channel = hook(ordered=ordered, most_a_minute=most, group_s=group_s, quiet=quiet, schedule_s=(0.0, 5.0, 30.0))
        self.now_ms, self.dice = float(T0), Random(seed)
        self.lane = Lane(channel, self.dice)
        self.put: set[str] = set()
        self.done: dict[str, str] = {}  # id: why it is not there any more
        self.flying: dict[str, Delivery] = {}

    @rule(user=st.sampled_from("abc"), severity=st.sampled_from(["info", "critical"]), count=st.integers(1, 12))
    def come(self, user: str, severity: str, count: int) -> None:
        """New ones."""
        for _ in range(count):
            number = len(self.put) + 1
            one = delivery(at=round(self.now_ms), number=number, user=f"x:{user}", severity=severity)
            self.put.add(one.id)
            self.lane.put(one)

    @rule(wait_ms=st.sampled_from([0, 1, 1_000, 6_000, 40_000, 61_000, 600_000, 4_000_000]))
    def look(self, wait_ms: int) -> None:
        """As a post does it."""
        self.now_ms += wait_ms
        due = self.lane.look(self.now_ms)
        for one in due.dead:
            self.lane.put(replace(one, state=DEAD))
        for one in due.send:
            self.flying[one.id] = one
        for batch in due.batches:
            assert 2 <= len(batch.members) <= MOST_MEMBERS
            merged = digest(batch, round(self.now_ms))
            for one in batch.members:
                self.lane.drop(one.id)
                self.done[one.id] = "merged"
            assert merged.id not in self.put
            self.put.add(merged.id)
            self.lane.put(merged)

    @precondition(lambda self: self.flying)
    @rule(good=st.booleans(), wait_ms=st.sampled_from([0.0, 0.0, 90_000.0]), place=st.integers(0, 99))
    def end(self, good: bool, wait_ms: float, place: int) -> None:
        """An attempt."""
        id_ = sorted(self.flying)[place % len(self.flying)]
        self._end(self.flying.pop(id_), good, wait_ms)

    def _end(self, one: Delivery, good: bool, wait_ms: float) -> None:
        if one.id not in self.lane.on_the_way and one.id not in self.lane.waiting:
            return
        if good:
            self.lane.breaker.succeeded()
            self.lane.drop(one.id)
            self.done[one.id] = "sent"
        else:
            self.lane.put(self.lane.failed(one, "no", self.now_ms, wait_ms))

    @precondition(lambda self: self.lane.dead)
    @rule()
    def again(self) -> None:
        """A dead letter is tried again."""
        one = next(iter(self.lane.dead.values()))
        self.lane.put(replace(one, state="waiting", attempts=0, at=round(self.now_ms), due=round(self.now_ms)))

    @precondition(lambda self: self.lane.waiting)
    @rule()
    def drop(self) -> None:
        """Somebody takes one away."""
        id_ = next(iter(self.lane.waiting))
        self.lane.drop(id_)
        self.done[id_] = "dropped"

    @rule(ordered=st.booleans())
    def replaced(self, ordered: bool) -> None:
        """The channel is another one."""
        old, self.lane = self.lane, Lane(replace(self.lane.channel, ordered=ordered), self.dice)
        self.lane.take_over(old)

    @invariant()
    def each_is_in_one_place(self) -> None:
        """Nothing lost, nothing twice."""
        if hasattr(self, "lane"):
            places = [*self.lane.waiting, *self.lane.on_the_way, *self.lane.dead, *self.done]
            assert len(places) == len(set(places))
            assert set(places) == self.put

    def teardown(self) -> None:
        """From here on all is well: nothing is left over, and nobody has to be asked twice."""
        if not hasattr(self, "lane"):
            return
        for _ in range(10_000):
            self.look(0)
            for one in [*self.flying.values(), *self.lane.on_the_way.values()]:
                self._end(one, good=True, wait_ms=0.0)
            self.flying.clear()
            self.each_is_in_one_place()
            if not self.lane.waiting:
                break
            next_ms = self.lane.next_ms(self.now_ms)
            assert next_ms is not None, f"nobody looks after {sorted(self.lane.waiting)}"
            self.now_ms = max(self.now_ms, next_ms)
        assert not self.lane.waiting
        assert set(self.done) | set(self.lane.dead) == self.put


TestNothing = Nothing.TestCase
TestNothing.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
