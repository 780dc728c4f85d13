"""What is fed in a simulation: few users, all kinds, repeats, undos, misplaced keys, bad records; and what must come of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import orjson

from streams.events import KINDS, TOPIC_OF
from streams.partitioner import partition_of
from streams.sources.record import Produced


@dataclass
class Fed:
    """Records by the order of feeding, with their partition, and plain counts that know nothing of the product's code."""

    records: list[tuple[Produced, int]] = field(default_factory=list)
    engagements: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    bad: int = 0
    repeats: int = 0


def invent(random: Random, partitions: int, count: int, first_ms: int, step_ms: int) -> Fed:
    """`count` records, event times `step_ms` apart on average."""
    fed, users, now_ms = Fed(), [f"u{i}" for i in range(random.randint(3, 10))], first_ms
    earlier: list[tuple[str, dict[str, object]]] = []  # (topic, event) that may be repeated or undone
    undone: set[object] = set()
    for i in range(count):
        now_ms += int(random.expovariate(1 / step_ms))
        kind = random.choice(KINDS)
        actor, chance = random.choice(users), random.random()
        event = {"id": f"e{i}", "network": "n", "actor": actor, "target": random.choice(users), "ts": now_ms}
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
                if event["actor"] != event["target"]:
                    fed.engagements[f"n:{event['target']}"] -= 1
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
        if event["actor"] != event["target"]:
            fed.engagements[f"n:{event['target']}"] += 1
    return fed


def _add(fed: Fed, topic: str, event: dict[str, object], partitions: int, where: int | None = None) -> None:
    user = f"n:{event['actor']}"
    record = Produced(topic, user.encode(), orjson.dumps(event), int(str(event["ts"])))
    fed.records.append((record, partition_of(user, partitions) if where is None else where))
