"""The rules in force as columns for one table, and who is judged by which: the seam to `streams.fold.judging`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from streams.fold import judging
from streams.fold.about import key_of as topic_key
from streams.fold.episodes import FIRING
from streams.fold.hashing import name_key
from streams.fold.judging import FALL, LINE, RISE
from streams.fold.rows import SCORE
from streams.fold.words import padded
from streams.model.about import normal
from streams.model.gaps import Gaps
from streams.model.ranks import asked, line_of
from streams.model.rules import WITHIN_MS, Rule, Rules, Within
from streams.model.table import Table
from streams.model.users import Slots

WINDOWS: tuple[Within, ...] = tuple(WITHIN_MS)  #: in the order of the references


def key_of(name: str) -> int:
    """The hash of a rule's name, by which what is kept of users finds it."""
    text = name.encode()
    return int(name_key(padded(text), 0, len(text), np.uint64(0)))


class RuleSet:
    """The rules that are in force at a moment, for a table. `follow` makes it anew when that changes."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.offset = -1  #: see `Book`
        self.rules: tuple[Rule, ...] = ()
        self.keys: dict[int, Rule] = {}
        self.gaps: tuple[Gaps, ...] = ()  #: see `Book`
        self._book: Rules | None = None
        self._until = 0.0  #: from this moment on others are in force
        self._unknown: dict[str, int] = {}  #: users whom rules name and who are not there yet, and their lists
        self._seen = 0  #: so many users were there when that was looked up
        self.asked: tuple[str, ...] = ()  #: the lines that rules of the book ask for
        self.lines: dict[str, float] = {}  #: of them those that the book knows: what users are judged by
        self._were: dict[str, float] = {}  #: the same in the interval before
        self._ranked: list[tuple[int, str]] = []  #: rules by a line, and its name
        self.columns = _columns((), {}, {}, {}, [])
        self.of_many = self.of_named = np.empty(0, np.int64)  #: numbers of the rules that name users, and of all others

    def follow(self, book: Rules, now_ms: int) -> bool:
        """Go by this book at this moment, for one interval. True: other rules are in force than before."""
        changed, self._were = False, self.lines
        if book is not self._book:
            self.asked = asked(book.rules)
            self.lines = {name: book.lines[name].score for name in self.asked if name in book.lines}
        if book is not self._book or now_ms >= self._until:
            rules = book.at(now_ms)
            changed, self._book, self.offset = rules != self.rules, book, book.offset
            self.gaps = book.gaps
            self._until = min((rule.since for rule in book.rules if rule.since > now_ms), default=float("inf"))
            if changed or not self.keys:
                self._make(rules)
        if self._unknown and len(self._table) > self._seen:
            self._find()
        for number, name in self._ranked:
            self.columns.amount[number] = now = self.lines.get(name, 0.0)
            self.columns.was[number] = self._were.get(name, now)
        return changed

    def left_behind(self) -> Slots:
        """Who is to be judged though they have not moved: whose published score a line that rose has left below it, and
        of whom a rule is on whose line moved."""
        moved = {name: (was, self.lines.get(name, was)) for name, was in self._were.items()}
        moved = {name: (was, now) for name, (was, now) in moved.items() if was != now}
        if not moved:
            return np.empty(0, np.intp)
        scores = self._table.cells[: len(self._table), SCORE]
        some = np.zeros(len(scores), np.bool_)
        for was, now in moved.values():
            some |= (scores >= was) & (scores < now)
        episodes = self._table.episodes.arrays
        keys = np.array([self.columns.key[number] for number, name in self._ranked if name in moved], np.uint64)
        some[episodes.owner[(episodes.phase == FIRING) & np.isin(episodes.rule, keys)]] = True
        return np.flatnonzero(some)

    def judged(self) -> None:
        """Everyone was judged whom a line has left behind."""
        self.columns.was[:] = self.columns.amount

    def _make(self, rules: tuple[Rule, ...]) -> None:
        self.rules, self.keys = rules, {key_of(rule.name): rule for rule in rules}
        self._ranked = [(number, name) for number, rule in enumerate(rules) if (name := line_of(rule.when))]
        everyone: list[int] = []
        networks: dict[int, list[int]] = defaultdict(list)
        topics: dict[int, list[int]] = defaultdict(list)
        users: dict[str, list[int]] = defaultdict(list)
        for number, rule in enumerate(rules):
            who = rule.who
            if who.users:
                for user in who.users:
                    users[user].append(number)
            elif who.topic is not None:
                text = normal(who.topic).encode()
                topics[int(topic_key(padded(text), 0, len(text)))].append(number)
            elif who.network is not None:
                networks[key_of(who.network)].append(number)
            else:
                everyone.append(number)
        self.columns = _columns(rules, networks, topics, users, everyone)
        named = self.columns.begins[1 + len(networks) + len(topics)]
        self.of_many, self.of_named = (np.unique(some) for some in np.split(self.columns.of, [named]))
        self._unknown = {user: 1 + len(networks) + len(topics) + n for n, user in enumerate(users)}
        self._find()

    def _find(self) -> None:
        """Who is named and there by now."""
        table, names = self._table, list(self._unknown)
        self._seen = len(table)
        slots = table.users.find(names) if names else np.empty(0, np.intp)
        there = slots >= 0
        if not there.any():
            return
        if slots.max() >= len(self.columns.user):
            self.columns.user.resize(int(slots.max()) + 1, refcheck=False)
        lists = np.fromiter(self._unknown.values(), np.int32, len(names))
        self.columns.user[slots[there]] = lists[there]
        self._unknown = {
            name: self._unknown[name] for name, found in zip(names, there.tolist(), strict=True) if not found
        }


def _columns(
    rules: Sequence[Rule],
    networks: Mapping[int, list[int]],
    topics: Mapping[int, list[int]],
    users: Mapping[str, list[int]],
    everyone: list[int],
) -> judging.Rules:
    networks, topics = (dict(sorted(lists.items())) for lists in (networks, topics))
    lists = [everyone, *networks.values(), *topics.values(), *users.values()]
    sorts = [
        LINE if rule.when.falls is None is rule.when.rises else FALL if rule.when.falls else RISE for rule in rules
    ]
    lines = [sort == LINE for sort in sorts]
    amounts = [rule.when.falls or rule.when.rises or rule.when.below or 0.0 for rule in rules]
    return judging.Rules(
        key=np.array([key_of(rule.name) for rule in rules], np.uint64),
        sort=np.array(sorts, np.uint8),
        window=np.array([WINDOWS.index(rule.when.within) for rule in rules], np.int64),
        per_cent=np.array([rule.when.unit == "percent" for rule in rules], np.bool_),
        amount=_floats(amounts),
        was=_floats(amounts),
        back=_floats(rule.back for rule in rules),
        cooldown=_floats(float(rule.cooldown_ms) for rule in rules),
        looks_back=_floats(
            np.inf if line else WITHIN_MS[rule.when.within] for rule, line in zip(rules, lines, strict=True)
        ),
        least=_floats(rule.who.min_score for rule in rules),
        confidence=_floats(rule.who.min_confidence for rule in rules),
        other_model=np.array(["model" not in rule.ignore for rule in rules], np.bool_),
        of=np.array([number for some in lists for number in some], np.int64),
        begins=np.array([0, *(len(some) for some in lists)], np.int64).cumsum(),
        network=np.array(list(networks), np.uint64),
        topic=np.array(list(topics), np.uint64),
        user=np.zeros(1, np.int32),
    )


def _floats(values: Iterable[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(list(values), np.float64)
