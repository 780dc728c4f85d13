"""What may happen to persons: events, links and facts as values, as histories, and folded in any order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from streams.events import NEWEST_MS, TOPIC_OF
from streams.formats import engagements
from streams.model.lines import Told
from streams.partitioner import partition_of
from streams.topics import CONTROLS, ENGAGEMENTS
from tests.people.world import T0, House
from tests.strategies import kinds as _kinds

MINUTE_MS = 60_000
SPAN_MIN = 3 * 24 * 60
ACCOUNTS = ("n:a0", "n:a1", "n:a2", "m:a0", "m:a1")
FANS = tuple(f"{network}:f{i}" for network in "nm" for i in range(24))
PERSONS = ("p", "q")


@dataclass(frozen=True)
class Doing:
    """One record, as it is given to the house."""

    topic: str
    user: str
    value: dict[str, Any]

    @property
    def ts(self) -> int:
        """Its event time, or when it was said."""
        return int(self.value["ts"])

    @property
    def to(self) -> str:
        """Whom an event is about; empty: it is a control."""
        return f"{self.value['network']}:{self.value['target']}" if "target" in self.value else ""


def event(number: int, kind: str, actor: str, target: str, ts: int, undoes: Doing | None = None) -> Doing:
    """`actor` does something to `target`, of the same network, or takes back what they did."""
    network, who = actor.split(":")
    value = {"id": f"e{number}", "network": network, "actor": who, "target": target.split(":")[1], "ts": ts}
    if undoes:
        value |= {"undo": True, "ref": undoes.value["id"]}
    return Doing(TOPIC_OF[kind], actor, value)


def link(user: str, person: str, ts: int) -> Doing:
    """`user` is an account of `person`; without a name, nobody's any more."""
    said = {"type": "link", "person": person} if person else {"type": "unlink"}
    return Doing(CONTROLS.name, user, {**said, "user": user, "ts": ts})


def facts(user: str, ts: int, told: dict[str, Any]) -> Doing:
    """What is told of a user: by name a value, (value, date), or None."""
    bodies = {
        name: None if one is None else {"value": one[0], "date": one[1]} if isinstance(one, tuple) else {"value": one}
        for name, one in told.items()
    }
    return Doing(CONTROLS.name, user, {"type": "facts", "user": user, "ts": ts, "facts": bodies})


def hide(user: str, topic: str, ts: int, *, hidden: bool) -> Doing:
    """A topic is not shown as one of a user's, or is again."""
    said = {"type": "hide-topic", "user": user, "topic": topic, "ts": ts, "hidden": hidden}
    return Doing(CONTROLS.name, user, said)


_moments = st.integers(0, SPAN_MIN).map(lambda minute: T0 + minute * MINUTE_MS)
_values = st.integers(0, 20) | st.integers(0, 10**6)
_names = st.sampled_from(["lists", "verified", "seniority", "stars"])


@st.composite
def doings(draw: st.DrawFn, *, kin: bool = False, followers: bool = False, most: int = 30) -> list[Doing]:
    """Accounts and fans engage, accounts are linked, unlinked and told of. `kin`: accounts engage with each other, too.

    `followers`: their numbers are stated; what they become depends on which events were there before.
    """
    found: list[Doing] = []
    events: list[tuple[str, Doing]] = []
    names = st.one_of(_names, st.just("followers")) if followers else _names
    for number in range(draw(st.integers(1, most))):
        ts, account, sort = draw(_moments), draw(st.sampled_from(ACCOUNTS)), draw(st.integers(0, 9))
        if sort < 2:
            found.append(link(account, draw(st.sampled_from((*PERSONS, *PERSONS, ""))), ts))
        elif sort == 2:
            found.append(facts(account, ts, draw(st.dictionaries(names, _values | st.none(), min_size=1, max_size=3))))
        elif sort == 3 and draw(st.booleans()):
            told = draw(st.dictionaries(_names, _values | st.none(), min_size=1, max_size=2))
            found.append(facts(f"person:{draw(st.sampled_from(PERSONS))}", ts, told))
        elif sort == 3:
            user = draw(st.sampled_from((account, *(f"person:{name}" for name in PERSONS))))
            found.append(hide(user, draw(st.sampled_from(("Jazz", "#jazz", "rock"))), ts, hidden=draw(st.booleans())))
        elif sort == 4 and events:
            kind, done = draw(st.sampled_from(events))
            found.append(event(number, kind, done.user, done.to, ts, undoes=done))
        else:
            kind, network = draw(_kinds), account[0]
            others = [fan for fan in FANS if fan[0] == network]
            if kin:
                others = others[:4] + [one for one in ACCOUNTS if one[0] == network and one != account]
            pair = [draw(st.sampled_from(others)), account]
            actor, target = pair if draw(st.integers(0, 3)) else pair[::-1]
            events.append((kind, event(number, kind, actor, target, ts)))
            found.append(events[-1][1])
    return found


def play(house: House, done: Iterable[Doing], *, settle: bool = False) -> House:
    """Give it all to the house, in this order; `settle` after each."""
    for one in done:
        house.give(one.topic, one.user, one.value)
        if settle:
            house.settle()
    house.settle()
    return house


class Post:
    """The same in any order that the broker may have: each topic's own in each partition, and what one partition sends another."""

    def __init__(self, done: Sequence[Doing], dice: Random) -> None:
        self.house, self._dice = House(), dice
        self._waiting: dict[tuple[str, int], deque[Doing]] = {}
        for one in done:
            home = partition_of(one.user, self.house.partitions)
            self._waiting.setdefault((one.topic, home), deque()).append(one)
        self._mail: dict[tuple[int, int], deque[bytes]] = {}
        self._lines: list[tuple[int, bytes]] = []  # that have arrived

    def deliver(self) -> House:
        """All of it; lines that have arrived come again now and then."""
        while self._waiting or self._mail:
            sort = self._dice.random()
            if sort < 0.5 and self._waiting:
                self._give()
            elif sort < 0.7:
                self._cut(self._dice.randrange(self.house.partitions))
            elif sort < 0.8 and self._lines:
                self._arrive(*self._dice.choice(self._lines))
            elif self._mail:
                self._carry()
        self.house.settle(self._dice.sample(range(self.house.partitions), self.house.partitions))
        for to, record in self._lines:
            self._arrive(to, record)
        self.house.settle()
        return self.house

    def _give(self) -> None:
        place = self._dice.choice(list(self._waiting))
        one = self._waiting[place].popleft()
        if not self._waiting[place]:
            del self._waiting[place]
        self.house.give(one.topic, one.user, one.value)

    def _cut(self, number: int) -> None:
        for to, record in self.house.cut(number):
            self._mail.setdefault((number, to), deque()).append(record)

    def _carry(self) -> None:
        way = self._dice.choice(list(self._mail))
        record = self._mail[way].popleft()
        if not self._mail[way]:
            del self._mail[way]
        self._arrive(way[1], record)
        if isinstance(engagements.arrived(record, NEWEST_MS), Told):
            self._lines.append((way[1], record))

    def _arrive(self, to: int, record: bytes) -> None:
        self.house._fold(to, ENGAGEMENTS.name, [record])
