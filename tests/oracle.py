"""The score as a textbook would write it: dictionaries, lists and plain floats. Tests hold the kernels against it.

Every rule is from `streams/README.md`, "The score", with its numbers; nothing here is shared with the code that computes it,
and nothing is clever. Sums are kept as the lists of what is added up.
"""

from __future__ import annotations

import math
import struct
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from xxhash import xxh3_64_intdigest

DAY_MS = 86_400_000
HALF_LIVES_MS = {"day": DAY_MS, "week": 7 * DAY_MS, "quarter": 62.4 * DAY_MS}
WEIGHTS = {"like": 1, "follow": 2, "mention": 2, "reply": 3, "share": 4, "retweet": 4}
#: by fact: mass for each doubling of 1 + its value, at most so much, half-life in days
FACTS = {
    "following": (0.005, 0.05, 365),
    "lists": (0.03, 0.3, 365),
    "verified": (0.1, 0.1, 730),
    "wikipedia_links": (0.05, 0.5, 730),
    "wikipedia_views": (0.02, 0.4, 90),
    "seniority": (0.05, 0.2, 730),
}
OTHER_FACT = (0.02, 0.2, 365)
ALL_FACTS = 6.4 * (0.3 / 0.7) ** (1 / 0.375)  # mass that alone scores 30
REMEMBERED = 16  # of each kind an actor


@dataclass(frozen=True)
class About:
    """What an event is about: its object (empty: none), and its topics as they count."""

    object: str = ""
    topics: tuple[str, ...] = ()


NOTHING = About()


@dataclass
class Action:
    """What an actor remembers of an event: what it weighed for whom. No target: done to oneself, an undo, or undone."""

    event_id: str
    kind: str
    ts: int
    weight: float = 0.0
    target: str = ""
    about: About = NOTHING


@dataclass
class Engagement:
    """What an event weighs for its target, on its way there. An undo has a negative weight, and the time of what it undoes."""

    user: str
    actor: str
    kind: str
    ts: int
    weight: float
    follow: bool  #: one net follower more; an undo: one less
    undo: bool = False
    action: Action | None = None  #: where the actor remembers it
    kin: str = ""  #: whose account the actor was at `ts`, as far as was known
    about: About = NOTHING
    pair: float = 0.0  #: what the actor remembers of earlier engagements with this target weighs at `ts`


@dataclass
class Listed:
    """All that was done for a topic or an object, by a person, or for somebody whom the memory has lost."""

    got: list[tuple[float, int]] = field(default_factory=list)  #: (weight, ts)
    people: set[str] = field(default_factory=set)  #: who was ever behind it
    kinds: Counter[str] = field(default_factory=Counter)

    def weight(self, now_ms: float) -> float:
        """Of the quarter window."""
        return math.fsum(weight * halved(now_ms - ts, HALF_LIVES_MS["quarter"]) for weight, ts in self.got)

    def gross(self, now_ms: float) -> float:
        """The same, as if nothing had been taken back."""
        return math.fsum(abs(weight) * halved(now_ms - ts, HALF_LIVES_MS["quarter"]) for weight, ts in self.got)

    def seconds(self) -> tuple[int, int]:
        """When the first and the last of it was done."""
        return min(ts for _, ts in self.got) // 1000, max(ts for _, ts in self.got) // 1000


@dataclass
class User:
    """What a user did, and what was done to them."""

    did: list[tuple[int, int]] = field(default_factory=list)  #: (1 or -1, ts): actions, and actions undone
    got: list[tuple[str, float, int]] = field(default_factory=list)  #: (kind, weight, ts)
    memory: list[Action] = field(default_factory=list)  #: oldest first
    actions: int = 0
    did_ts: int = 0
    engagements: int = 0
    people: set[str] = field(default_factory=set)  #: who ever engaged with them
    followers: int = 0
    got_ts: int = 0
    facts: dict[str, list[tuple[float, int]]] = field(default_factory=dict)  #: by name (mass, its date)
    topics: dict[str, Listed] = field(default_factory=lambda: defaultdict(Listed))
    persons: dict[str, Listed] = field(default_factory=lambda: defaultdict(Listed))  #: by who engaged with them
    objects: dict[str, Listed] = field(default_factory=lambda: defaultdict(Listed))
    forgotten: dict[str, Listed] = field(default_factory=lambda: defaultdict(Listed))  #: by whom they engaged with
    last_person: tuple[str, int, float] = "", 0, 0  #: whose account it is or was last, from when and up to when
    topics: dict[str, tuple[bool, int]] = field(
        default_factory=dict
    )  #: by topic whether it is hidden, and when that was said
    stated: int = 0  #: up to when the number of followers that was stated knows of follows

    def kin(self, ts: int) -> str:
        """Whose account it was at `ts`, by the last link."""
        person, since, until = self.last_person
        return person if since <= ts < until else ""

    def hide(self, topic: str, ts: int, *, hidden: bool) -> None:
        """What is said of a topic; of two that contradict the later counts, of one moment the one that came last."""
        if ts >= self.topics.get(topic, (False, 0))[1]:
            self.topics[topic] = hidden, ts

    def known_for(self, name: str, now_ms: float) -> float:
        """Mass of a fact: of all accounts as of the latest date, capped, then halved."""
        _, cap, half_life_d = FACTS.get(name, OTHER_FACT)
        date = max(date for _, date in self.facts[name])
        then = sum(mass * halved(date - at, half_life_d * DAY_MS) for mass, at in self.facts[name])
        return min(then, cap) * halved(max(now_ms - date, 0), half_life_d * DAY_MS)

    def acted(self, now_ms: float) -> float:
        """`a`: own actions, decayed with a half-life of 7 days."""
        return math.fsum(sign * halved(now_ms - ts, HALF_LIVES_MS["week"]) for sign, ts in self.did)

    def window(self, name: str, now_ms: float) -> float:
        """The sum of engagement that halves with this window's half-life."""
        return math.fsum(weight * halved(now_ms - ts, HALF_LIVES_MS[name]) for _, weight, ts in self.got)

    def actors(self) -> int:
        """How many distinct people ever engaged: exactly up to 16, then what 256 registers of a HyperLogLog say."""
        if len(self.people) <= 16:
            return len(self.people)
        registers = [0] * 256
        for name in self.people:
            bits = xxh3_64_intdigest(name.encode())
            zeros, rest = 0, bits >> 8
            while zeros < 56 and not rest & 1:
                zeros, rest = zeros + 1, rest >> 1
            registers[bits % 256] = max(registers[bits % 256], zeros + 1)
        return max(round(estimate(registers)), 17)

    def mass(self, now_ms: float) -> float:
        """quarter + 0.5 week + 0.5 day of engagement, reach, participation and facts."""
        day, week, quarter = (max(self.window(name, now_ms), 0.0) for name in HALF_LIVES_MS)
        reach = min(1.0, 0.05 * math.log2(1 + max(self.followers, 0)))
        acted = max(self.acted(now_ms), 0.0)
        participation = 0.04 * acted / (acted + 10)
        facts = min(sum(self.known_for(name, now_ms) for name in self.facts), ALL_FACTS)
        return quarter + 0.5 * week + 0.5 * day + reach + participation + facts

    def score(self, now_ms: float) -> float:
        """The Hill curve of the mass, never below 1."""
        powered = self.mass(now_ms) ** 0.375
        return max(100 * powered / (powered + 6.4**0.375), 1.0)


def person(accounts: Iterable[User], own: User) -> User:
    """All that was done by and to the accounts; `own`: facts that were told of the person."""
    together = User(facts={name: list(some) for name, some in own.facts.items()})
    for one in accounts:
        together.did += one.did
        together.got += one.got
        together.actions += one.actions
        together.did_ts, together.got_ts = max(together.did_ts, one.did_ts), max(together.got_ts, one.got_ts)
        together.engagements += one.engagements
        together.people |= one.people
        together.followers += max(one.followers, 0)
        for name, some in one.facts.items():
            together.facts.setdefault(name, []).extend(some)
    return together


def fact(name: str, value: float, date: int) -> tuple[float, int]:
    """(mass, date) of a fact as it is told."""
    each, cap, _ = FACTS.get(name, OTHER_FACT)
    return min(each * math.log2(1 + value), cap), date


class Oracle:
    """All users, and what became of the events. `plain`: selectivity, standing and novelty are 1."""

    def __init__(self, *, plain: bool = False) -> None:
        self.plain = plain
        self.users: dict[str, User] = defaultdict(User)
        self.counts: Counter[str] = Counter()
        self.clock = 0

    def act(self, block: Iterable[tuple[str, dict[str, Any]]]) -> list[Engagement]:
        """Fold (kind, event) pairs into their actors, as one block; what goes to their targets.

        Standing and the newest action of an actor are those from before the block.
        """
        events = [(kind, event, f"{event['network']}:{event['actor']}") for kind, event in block]
        self.clock = max([self.clock, *(event["ts"] for _, event, _ in events)])
        actors = {name for _, _, name in events}
        standing = {name: 0.8 + 0.4 * self.users[name].score(self.clock) / 100 for name in actors}
        heard = {name: self.users[name].did_ts for name in actors}
        out: list[Engagement] = []
        for kind, event, name in events:
            user, ts, target = self.users[name], event["ts"], event.get("target", "")
            if any(action.event_id == event["id"] and action.kind == kind for action in user.memory):
                self.counts["repeats"] += 1
            elif event.get("undo"):
                out += self._undo(name, kind, event)
            else:
                acted = user.acted(max(ts, heard[name]))
                user.did.append((1, ts))
                user.actions, user.did_ts = user.actions + 1, max(user.did_ts, ts)
                done = Action(event["id"], kind, ts)
                if target == event["actor"]:
                    self.counts["self_engagements"] += 1
                    self.counts["folded"] += 1
                else:
                    pair = [action for action in user.memory if action.target == target]
                    weight = float(WEIGHTS[kind])
                    if not self.plain:
                        weight *= standing[name] * (0.25 + 0.75 * 0.5 ** len(pair)) / (1 + max(acted, 0.0))
                    done.target, done.weight, done.about = target, as_sent(weight), about(event)
                    before = math.fsum(a.weight * halved(ts - a.ts, HALF_LIVES_MS["quarter"]) for a in pair)
                    follow = kind == "follow" and not any(action.kind == "follow" for action in pair)
                    to = f"{event['network']}:{target}"
                    sent = Engagement(to, name, kind, ts, done.weight, follow, action=done, kin=user.kin(ts))
                    sent.about, sent.pair = done.about, before
                    out.append(sent)
                remember(user, done)
        return out

    def _undo(self, name: str, kind: str, event: dict[str, Any]) -> list[Engagement]:
        """Take back what the event that `ref` names still weighs, from its target and from the actor."""
        user = self.users[name]
        found = [a for a in user.memory if (a.event_id, a.kind) == (event["ref"], kind) and a.target]
        out = []
        if found:
            (undone,) = found
            target, weight, undone.target, undone.weight = undone.target, undone.weight, "", 0.0
            what, undone.about = undone.about, NOTHING
            follow = kind == "follow" and not any(a.kind == "follow" for a in user.memory if a.target == target)
            to, kin = f"{event['network']}:{target}", user.kin(undone.ts)
            out = [Engagement(to, name, kind, undone.ts, -weight, follow, undo=True, kin=kin, about=what)]
            user.did.append((-1, undone.ts))
            self.counts["undone"] += 1
        else:
            self.counts["undo_unknown"] += 1
            self.counts["folded"] += 1
        remember(user, Action(event["id"], kind, event["ts"]))
        return out

    def receive(self, engagements: Iterable[Engagement]) -> None:
        """Fold engagements into those engaged with."""
        for one in engagements:
            user, sign = self.users[one.user], -1 if one.undo else 1
            if one.kin and one.kin == user.kin(one.ts):
                continue  # nobody engages with themselves
            if not one.undo and one.ts <= user.stated:
                one.follow = False
            user.got.append((one.kind, one.weight, one.ts))
            user.got_ts = max(user.got_ts, one.ts)
            user.engagements += sign
            if not one.undo:
                user.people.add(one.actor)
            user.followers += sign * one.follow
            lists = [(user.persons, one.actor), *((user.topics, topic) for topic in one.about.topics)]
            for of, name in [*lists, *([(user.objects, one.about.object)] if one.about.object else [])]:
                of[name].got.append((one.weight, one.ts))
                of[name].kinds[one.kind] += sign
                of[name].people.add(one.actor)
            self.counts["folded"] += 1


def halved(elapsed_ms: float, half_life_ms: float) -> float:
    """What is left of 1 after so long; before its time it is more."""
    return float(0.5 ** (elapsed_ms / half_life_ms)) if elapsed_ms / half_life_ms < 1_074 else 0.0


def estimate(registers: list[int]) -> float:
    """Ertl's improved raw estimate of a HyperLogLog whose registers hold 0 to 57."""
    m, of = len(registers), Counter(registers)
    full = 1 - of[57] / m
    z = m * (tau(full) if 0 < full < 1 else 0.0)
    for rank in range(56, 0, -1):
        z = (z + of[rank]) / 2
    empty = of[0] / m
    z += m * (empty + sum(empty ** (2**k) * 2 ** (k - 1) for k in range(1, 20)))
    return m * m / (2 * math.log(2) * z)


def tau(x: float) -> float:
    """(1 - x - the sum of (1 - x^(2^-k))^2 2^-k) / 3."""
    return (1 - x - sum((1 - x ** (2.0**-k)) ** 2 * 2.0**-k for k in range(1, 60))) / 3


def remember(user: User, action: Action) -> None:
    """The oldest of the kind is forgotten when there are REMEMBERED; what it weighed for whom is noted."""
    same = [one for one in user.memory if one.kind == action.kind]
    oldest = same[0] if len(same) == REMEMBERED else None
    user.memory = [*(one for one in user.memory if one is not oldest), action]
    if oldest and oldest.target:
        user.forgotten[oldest.target].got.append((oldest.weight, oldest.ts))


def about(event: dict[str, Any]) -> About:
    """Five topics at most, each once, of 128 bytes, 320 in all with what parts them; an object of 256 bytes."""
    taken: list[str] = []
    for topic in event.get("topics") or ():
        normal = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", topic).casefold())
        normal = normal.lstrip(" #").rstrip(" ")
        size = len("-".join([*taken, normal]).encode())
        if normal and len(normal.encode()) <= 128 and normal not in taken and len(taken) < 5 and size <= 320:
            taken.append(normal)
    object_ = event.get("object") or ""
    return About(object_ if len(object_.encode()) <= 256 else "", tuple(taken))


def short_hash(name: str) -> int:
    """16 bits, by which lists know who is behind an entry."""
    return xxh3_64_intdigest(name.encode()) >> 16 & 0xFFFF


def as_sent(weight: float) -> float:
    """A weight travels as a number of 32 bits."""
    return float(struct.unpack("<f", struct.pack("<f", weight))[0])
