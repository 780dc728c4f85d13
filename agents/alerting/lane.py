"""What waits for one channel: what is due, what has to wait for something else, what is told as one. Pure: time is passed in.

Everything here is also in the topic `deliveries`, but for what is on its way and what waits for quiet hours to end.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from agents.alerting import quiet
from agents.alerting.breaker import Breaker
from streams.formats.deliveries import DEAD, MOST_MEMBERS, Delivery
from streams.model.channels import Channel, at_least

MINUTE_MS = 60_000
AT_ONCE = 8  #: messages to one channel that are on their way together
JITTER = 0.1  #: a wait is so much longer or shorter, by chance: who failed together does not come back together
_DAY_MS = 86_400_000
_GRACE_MS = 3_600_000  # older than all its waits by so much, a delivery is dead however seldom it was tried
GROUP, STORM, QUIET = "group", "storm", "quiet"

_decode = msgspec.json.Decoder().decode


class Batch(NamedTuple):
    """These are told as one."""

    why: str  #: GROUP, STORM or QUIET
    members: list[Delivery]


class Due(NamedTuple):
    """What a look found."""

    send: list[Delivery]
    batches: list[Batch]
    dead: list[Delivery]  #: too old


class _Held(NamedTuple):
    until_ms: float
    why: str


class _Place(NamedTuple):
    """In the line of a user."""

    at: int
    order: int
    id: str


class Lane:
    """Of one channel."""

    def __init__(self, channel: Channel, dice: Random) -> None:
        self.channel, self.breaker = channel, Breaker(1_000 * max(channel.schedule_s))
        self._dice = dice
        quiet_ms = _DAY_MS if channel.quiet else 0  # it may have waited for them to end, in another process too
        self._oldest_ms = 1_000 * (sum(channel.schedule_s) + channel.group_s) + quiet_ms + _GRACE_MS
        self.waiting: dict[str, Delivery] = {}  #: by id
        self.dead: dict[str, Delivery] = {}
        self.on_the_way: dict[str, Delivery] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._count = 0
        self._held: dict[str, _Held] = {}
        self._group_until_ms = 0.0
        self._sent: deque[float] = deque()  # when messages of the last minute went
        self._storm_until_ms = 0.0
        self._lines: dict[str, list[_Place]] = {}  # of one user in their order, if the channel wants them so

    def put(self, one: Delivery) -> None:
        """One that waits or is dead, as `deliveries` has it; in place of what was known of it."""
        if one.state == DEAD:
            self.drop(one.id)
            self.dead[one.id] = one
            return
        self._forget(one.id)
        self.waiting[one.id] = one
        if self.channel.ordered:
            line = self._lines.setdefault(_user(one), [])
            if all(place.id != one.id for place in line):
                insort(line, _Place(one.at, self._count, one.id))
        self._push(one.due, one.id)

    def drop(self, id_: str) -> Delivery | None:
        """It is not waited for any more. Returns what was known of it."""
        one = self._forget(id_)
        if one and self.channel.ordered and (line := self._lines.get(user := _user(one))):
            line[:] = [place for place in line if place.id != id_]
            if line:
                self._push(0.0, line[0].id)
            else:
                del self._lines[user]
        return one

    def _forget(self, id_: str) -> Delivery | None:
        self._held.pop(id_, None)
        found = [known.pop(id_, None) for known in (self.waiting, self.on_the_way, self.dead)]
        return next(filter(None, found), None)

    def look(self, now_ms: float) -> Due:
        """What is to be sent now, what is told as one, what is too old. What is sent is on its way from here on."""
        room = self.breaker.room(now_ms, len(self.on_the_way), AT_ONCE)
        send: list[Delivery] = []
        dead: list[Delivery] = []
        over: dict[str, list[Delivery]] = {}
        while self._heap and self._heap[0][0] <= now_ms and len(send) < room:
            _, _, id_ = heapq.heappop(self._heap)
            one = self.waiting.get(id_)
            held = self._held.get(id_)
            if one is None or one.due > now_ms or (held and held.until_ms > now_ms):
                continue  # it has another place in the heap
            if now_ms - one.at > self._oldest_ms:
                dead.append(one)
            elif self.channel.ordered and self._lines[_user(one)][0].id != id_:
                continue  # comes again when the one before is done
            elif one.attempts or one.members:
                send.append(self._go(one))
            elif self._waits(one, now_ms):
                self._push(self._held[id_].until_ms, id_)
            elif held:
                del self._held[id_]
                over.setdefault(held.why, []).append(one)
            else:
                send.append(self._go(one))
                self._count_sent(now_ms)
        batches = []
        for why, members in over.items():
            if len(members) == 1:
                send.append(self._go(members[0]))
                self._count_sent(now_ms)
                continue
            batches += [Batch(why, members[i : i + MOST_MEMBERS]) for i in range(0, len(members), MOST_MEMBERS)]
        return Due(send, batches, dead)

    def next_ms(self, now_ms: float) -> float | None:
        """When there may be something to do; None: when something comes, or what is on its way is done."""
        if not self._heap or (self.on_the_way and not self.breaker.room(now_ms, len(self.on_the_way), AT_ONCE)):
            return None
        return max(self._heap[0][0], self.breaker.until_ms)

    def failed(self, one: Delivery, outcome: str, now_ms: float, wait_ms: float = 0.0) -> Delivery:
        """An attempt has failed: as it is now, waiting for the next one, or dead. The receiver asks for `wait_ms`."""
        self.breaker.failed(now_ms, wait_ms)
        attempts, schedule = one.attempts + 1, self.channel.schedule_s
        one = replace(one, attempts=attempts, outcome=outcome)
        if attempts >= len(schedule):
            return replace(one, state=DEAD)
        wait_ms = max(1_000 * schedule[attempts] * self._dice.uniform(1 - JITTER, 1 + JITTER), wait_ms)
        return replace(one, due=round(now_ms + wait_ms))

    def take_over(self, other: Lane) -> None:
        """The channel was replaced: what waits, waits for the new one."""
        for one in (*other.waiting.values(), *other.on_the_way.values(), *other.dead.values()):
            self.put(one)

    def _go(self, one: Delivery) -> Delivery:
        self.on_the_way[one.id] = self.waiting.pop(one.id)
        return one

    def _push(self, at_ms: float, id_: str) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at_ms, self._count, id_))

    def _count_sent(self, now_ms: float) -> None:
        self._sent.append(now_ms)
        while self._sent[0] <= now_ms - MINUTE_MS:
            self._sent.popleft()

    def _waits(self, one: Delivery, now_ms: float) -> bool:
        """Has it to wait? Then it is held, until when and why."""
        found = max(self._reasons(one, now_ms), default=None)
        if found is None:
            return False
        before = self._held.get(one.id)
        self._held[one.id] = _Held(found.until_ms, before.why if before and before.why == QUIET else found.why)
        return True

    def _reasons(self, one: Delivery, now_ms: float) -> Iterator[_Held]:
        channel = self.channel
        if channel.quiet and not (channel.quiet.but and at_least(severity(one), channel.quiet.but)):
            ends = quiet.ends_ms(channel.quiet, now_ms)
            if ends is not None:
                yield _Held(ends, QUIET)
        if now_ms < self._storm_until_ms:
            yield _Held(self._storm_until_ms, STORM)
        elif sum(at > now_ms - MINUTE_MS for at in self._sent) >= channel.most_a_minute:
            self._storm_until_ms = now_ms + MINUTE_MS
            self._sent.clear()
            yield _Held(self._storm_until_ms, STORM)
        if channel.group_s and one.id not in self._held:
            if now_ms >= self._group_until_ms:
                self._group_until_ms = now_ms + 1_000 * channel.group_s
            yield _Held(self._group_until_ms, GROUP)


def alert_of(one: Delivery) -> dict[str, Any]:
    """The alert, or digest, that it tells of."""
    found: dict[str, Any] = _decode(one.alert)
    return found


def severity(one: Delivery) -> str:
    """How loud it is."""
    return str(alert_of(one).get("severity", ""))


def fresh(channel: str, id_: str, alert: bytes, now_ms: int) -> Delivery:
    """One that was just taken up."""
    return Delivery(channel=channel, id=id_, at=now_ms, due=now_ms, alert=msgspec.Raw(alert))


def _user(one: Delivery) -> str:
    return str(alert_of(one).get("user", ""))
