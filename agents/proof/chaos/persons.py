"""Persons of a run: its users are on two networks, and now and then an account is linked, unlinked, given facts, or hides a topic.

Who engages with somebody is on the same network, and a person has one account on each, so accounts of one person never engage with
each other: then nothing depends on when a control is read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from random import Random

import orjson

from streams.events import KINDS, NEWEST_MS, PERSON, Reject, parse
from streams.model import about
from streams.people.controls import Control, Fact, Facts, HideTopic, Link, Unlink, encode
from streams.sources import Produced
from streams.topics import CONTROLS, KIND_OF

NETWORKS = ("demo", "other")
_EVERY = 40  # events for a control
_FEW = 300  # users who are linked again and again


def with_persons(records: Iterator[Produced], seed: int) -> Iterator[Produced]:
    """The records, each actor's on one of two networks, with controls among them."""
    dice = Random(f"{seed} persons")
    names: dict[str, set[str]] = {}  # with topics that they are engaged with for
    for n, record in enumerate(records):
        event = parse(record.value, KINDS[KIND_OF[record.topic]], NEWEST_MS)
        if isinstance(event, Reject):
            yield record
            continue
        network = NETWORKS[zlib.crc32(event.actor.encode()) % len(NETWORKS)]
        if event.target in names or (len(names) < _FEW and event.target):
            names.setdefault(event.target, set()).update(filter(None, map(about.topic, event.topics or ())))
        value = orjson.dumps({**orjson.loads(record.value), "network": network})
        yield record._replace(key=f"{network}:{event.actor}".encode(), value=value)
        if not n % _EVERY and names:
            key, value = encode(_control(dice, names, event.ts))
            yield Produced(CONTROLS.name, key, value, event.ts)


def _control(dice: Random, names: dict[str, set[str]], ts: int) -> Control:
    """Mostly a user's accounts are linked to one person; at times to another that nobody else is linked to, or to nobody.

    What is hidden of an account or of the person is often one of their topics, and shown again later.
    """
    name = dice.choice([*names])
    user = f"{dice.choice(NETWORKS)}:{name}"
    throw = dice.random()
    if throw < 0.15:
        return Unlink(user, ts)
    if throw < 0.3:
        return Facts(user, ts, {"lists": Fact(float(dice.randrange(1000)), ts), "verified": Fact(1.0, ts)})
    if throw < 0.5 and names[name]:
        who = user if dice.random() < 0.7 else f"{PERSON}:{name}"
        return HideTopic(who, dice.choice(sorted(names[name])), ts, hidden=dice.random() < 0.7)
    return Link(user, name if throw < 0.9 else f"{name}-{dice.randrange(3)}", ts)
