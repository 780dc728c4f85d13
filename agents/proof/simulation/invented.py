"""What is fed in a simulation: few users, all kinds, objects and topics, repeats, undos, misplaced keys, controls, bad ones; and
what comes of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson

from streams.events import KINDS, NEWEST_MS, TOPIC_OF, Reject
from streams.partitioner import partition_of
from streams.people.controls import Control, parse
from streams.sources.record import Produced
from streams.topics import CONTROLS

#: as they are written, and as they count: five, some of which take the long way
_COUNTS = {
    **{"Jazz": "jazz", "#jazz": "jazz", "blues": "blues", " BLUES": "blues"},
    **{"Straße": "strasse", "\uff33\uff34\uff32\uff21\uff33\uff33\uff25": "strasse", "x": "x", "##Y": "y"},
}
_TOPICS = tuple(_COUNTS)


@dataclass
class Fed:
    """Records by the order of feeding, with their partition, and plain counts that know nothing of the product's code."""

    records: list[tuple[Produced, int]] = field(default_factory=list)
    engagements: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    bad: int = 0
    repeats: int = 0
    controls: list[Control] = field(default_factory=list)  #: those that must be taken, in order
    persons: dict[str, str] = field(default_factory=dict)  #: whose account each is in the end
    said_ms: dict[str, int] = field(default_factory=dict)  #: when the last link or unlink of each was said
    topics: dict[tuple[str, str], tuple[int, bool]] = field(
        default_factory=dict
    )  #: (user, topic) -> when it was last said whether it is hidden, and that
    first: int = 0  #: so many records, controls, are known before anything else is fed

    @property
    def events(self) -> list[Produced]:
        """All but controls."""
        return [record for record, _ in self.records if record.topic != CONTROLS.name]

    @property
    def hidden(self) -> dict[str, set[str]]:
        """By user the topics that are hidden in the end."""
        found: dict[str, set[str]] = {}
        for (user, topic), (_, hidden) in self.topics.items():
            if hidden:
                found.setdefault(user, set()).add(topic)
        return found


def invent(random: Random, partitions: int, count: int, first_ms: int, step_ms: int) -> Fed:
    """`count` records, event times `step_ms` apart on average."""
    fed, users, now_ms = Fed(), [f"u{i}" for i in range(random.randint(3, 10))], first_ms
    accounts = [f"a{i}" for i in range(random.randint(0, 4))]  # may be linked, and have nothing to do with each other
    earlier: list[tuple[str, dict[str, object]]] = []  # (topic, event) that may be repeated or undone
    undone: set[object] = set()
    if random.random() < 0.5:
        users += _first(fed, random, users[0], partitions, first_ms, count * step_ms)
    for i in range(count):
        now_ms += int(random.expovariate(1 / step_ms))
        kind = random.choice(KINDS)
        if accounts and random.random() < 0.25:
            _control(fed, random, random.choice(accounts), partitions, now_ms, first_ms)
            continue
        if random.random() < 0.05:
            _hide(fed, random, random.choice([*users, *accounts, "p"]), partitions, now_ms)
            continue
        actor, chance = random.choice(users + accounts), random.random()
        target = random.choice(users if actor in accounts else users + accounts)
        event = {"id": f"e{i}", "network": "n", "actor": actor, "target": target, "ts": now_ms, **_about(random)}
        if chance < 0.08 and earlier:
            topic, event = random.choice(earlier)
            _add(fed, topic, event, partitions)
            fed.repeats += 1
            continue
        if chance < 0.18 and earlier:
            topic, done = random.choice(earlier)
            if done["id"] not in undone:
                undone.add(done["id"])
                event = {**done, "id": f"e{i}", "ts": now_ms, "undo": True, "ref": done["id"]}
                _add(fed, topic, event, partitions)
                _count(fed, event, -1)
                continue
        if chance < 0.23:
            damaged = Produced(TOPIC_OF[kind], b"n:" + actor.encode(), b'{"id": 5}', now_ms)
            fed.records.append((damaged, random.randrange(partitions)))
            fed.bad += 1
            continue
        if chance < 0.3:  # misplaced; an actor of its own, because a stray comes later than what was fed after it
            event["actor"] = f"w{i}"
            _add(fed, TOPIC_OF[kind], event, partitions, random.randrange(partitions))
        else:
            _add(fed, TOPIC_OF[kind], event, partitions)
            earlier = [*earlier[-7:], (TOPIC_OF[kind], event)]
        fed.actions[f"n:{event['actor']}"] += 1
        _count(fed, event, 1)
    for account, person in fed.persons.items():
        fed.engagements[person] += fed.engagements[account]
        fed.actions[person] += fed.actions[account]
    return fed


def _about(random: Random) -> dict[str, object]:
    """What an event is about, if it says so: of fewer objects and topics than lists have room for."""
    about: dict[str, object] = {"object": f"o{random.randrange(6)}"} if random.random() < 0.5 else {}
    if random.random() < 0.5:
        about["topics"] = random.sample(_TOPICS, random.randint(0, 4))
    return about


def _first(fed: Fed, random: Random, known: str, partitions: int, first_ms: int, span_ms: int) -> list[str]:
    """What has to be known before the first event, else it depends on what is read first: two accounts of one person who engage
    with each other, and a number of followers that holds up to somewhere in between. Returns the accounts.
    """
    accounts, ts = ["k0", "k1"], first_ms - 1
    for account in accounts:
        user = f"n:{account}"
        fed.persons[user], fed.said_ms[user] = "person:k", ts
        _say(fed, {"type": "link", "user": user, "person": "k", "ts": ts}, partitions)
    date = ts + random.randint(0, span_ms)
    figure = {"value": random.randint(0, 9), "date": date}
    _say(fed, {"type": "facts", "user": f"n:{known}", "ts": ts, "facts": {"followers": figure}}, partitions)
    fed.first = len(fed.records)
    return accounts


def _count(fed: Fed, event: dict[str, object], sign: int) -> None:
    """Nothing counts that somebody does to themselves, by whatever account."""
    actor, target = f"n:{event['actor']}", f"n:{event['target']}"
    if actor != target and not "person:k" == fed.persons.get(actor) == fed.persons.get(target):
        fed.engagements[target] += sign


def _control(fed: Fed, random: Random, account: str, partitions: int, now_ms: int, first_ms: int) -> None:
    """Somebody's account, nobody's any more, or known for something; now and then it was said before what is known."""
    user, sort = f"n:{account}", random.random()
    said: dict[str, object] = {"type": "unlink", "user": user, "ts": now_ms}
    if sort < 0.3:
        # as of before the first event: a partition that goes by the stream's clock does not know of a later moment
        figure = random.choice((None, {"value": random.randint(0, 50)}))
        said |= {"type": "facts", "ts": first_ms, "facts": {"lists": figure}}
    elif sort < 0.8:
        said |= {"type": "link", "person": random.choice("pq")}
    taken = True
    if sort >= 0.3:
        if user in fed.said_ms and random.random() < 0.15:
            said["ts"], taken = fed.said_ms[user] - 1, False
            fed.bad += 1
        else:
            fed.said_ms[user] = now_ms
            fed.persons.pop(user, None)
            if "person" in said:
                fed.persons[user] = f"person:{said['person']}"
    _say(fed, said, partitions, now_ms, taken=taken)


def _hide(fed: Fed, random: Random, who: str, partitions: int, now_ms: int) -> None:
    """A topic of somebody, or of a person, is hidden or shown again; now and then it was said before what is known."""
    user, written, hidden = "person:p" if who == "p" else f"n:{who}", random.choice(_TOPICS), random.random() < 0.7
    topic = _COUNTS[written]
    known_ms, _ = fed.topics.get((user, topic), (0, False))
    taken = not known_ms or random.random() > 0.15
    ts = now_ms if taken else known_ms - 1
    if taken:
        fed.topics[user, topic] = ts, hidden
    else:
        fed.bad += 1
    said = {"type": "hide-topic", "user": user, "topic": written, "ts": ts, "hidden": hidden}
    _say(fed, said, partitions, now_ms, taken=taken)


def hide_everything(fed: Fed, partitions: int) -> None:
    """In the end everybody who was engaged with hides all topics."""
    now_ms = max(record.ts for record, _ in fed.records)
    for user in sorted(fed.engagements):
        for topic in _COUNTS.values():
            fed.topics[user, topic] = now_ms, True
            said = {"type": "hide-topic", "user": user, "topic": topic, "ts": now_ms}
            _say(fed, said, partitions)


def _say(fed: Fed, said: dict[str, Any], partitions: int, now_ms: int | None = None, *, taken: bool = True) -> None:
    user = said["user"]
    record = Produced(CONTROLS.name, user.encode(), orjson.dumps(said), said["ts"] if now_ms is None else now_ms)
    fed.records.append((record, partition_of(user, partitions)))
    control = parse(record.value, NEWEST_MS)
    if taken and not isinstance(control, Reject):
        fed.controls.append(control)


def _add(fed: Fed, topic: str, event: dict[str, object], partitions: int, where: int | None = None) -> None:
    user = f"n:{event['actor']}"
    record = Produced(topic, user.encode(), orjson.dumps(event), int(str(event["ts"])))
    fed.records.append((record, partition_of(user, partitions) if where is None else where))
