"""Persons of the generator: some of its users are accounts of one and the same person, and facts about some are stated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import orjson

from streams.errors import UsageError
from streams.sources.record import Produced
from streams.sources.synthetic import START_MS, name_of
from streams.sources.users import Users

CONTROLS = "controls"  #: their topic
MOST_ACCOUNTS = 4  #: of a person; each has at least two
WITH_FACTS = 0.5  #: of the persons: of their first account facts are stated
_APART = 17  # from the dice of the events, which are the same with persons and without


def persons(seed: int, users: int, share: float, ts: int = START_MS, network: str = "demo") -> Iterator[Produced]:
    """Controls, said at `ts` (ms since epoch), by which `share` (0 to 1) of the generator's `users` are accounts of persons.

    A person is called as the first of the accounts is. The same arguments give the same bytes. Raises UsageError at the first
    control for a share that is none.
    """
    if not 0 <= share <= 1:
        raise UsageError(f"linked: {share} is not a share between 0 and 1")
    rng = np.random.default_rng([seed, _APART])
    people, count, done = Users(rng, users), int(share * users), 0
    while count - done >= 2:
        size = min(int(rng.integers(2, MOST_ACCOUNTS + 1)), count - done)
        accounts = [name_of(user) for user in people.of(np.arange(done, done + size)).tolist()]
        done += size
        for account in accounts:
            yield _control("link", f"{network}:{account}", ts, {"person": accounts[0]})
        if rng.random() < WITH_FACTS:
            facts = {"followers": {"value": int(rng.pareto(1.0) * 100)}, "verified": {"value": int(rng.integers(2))}}
            yield _control("facts", f"{network}:{accounts[0]}", ts, {"facts": facts})


def _control(kind: str, user: str, ts: int, more: dict[str, object]) -> Produced:
    return Produced(CONTROLS, user.encode(), orjson.dumps({"type": kind, "user": user, **more, "ts": ts}), ts)
