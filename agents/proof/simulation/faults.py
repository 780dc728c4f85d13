"""What a seed decides and all parts share: settings, servers, how slow everything is, and how likely each fault is now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random

from agents.proof.simulation import feeds, invented, rules
from agents.proof.simulation.log import Broker, Log
from agents.proof.simulation.redis import Redis
from streams.errors import LostInput
from streams.model.versions import DEFAULT
from streams.policies.book import Book
from streams.settings import Settings
from streams.topics import ALL, POLICIES

OF_THE_DEFAULT = 4  #: one seed of so many is of the default model, with rules of every sort
FIRST_MS = 1_767_225_600_000 - 4_000  # 4 s before a midnight: daily closes happen on the way


class Faults:
    """The servers of one run, and what may happen to whoever uses them. `wrong` collects what must never be."""

    def __init__(self, seed: int, say: Callable[[str], None] | None = None) -> None:
        self.random = random = Random(seed)
        self.wrong: list[str] = []
        self._say = say
        partitions = random.choice((1, 2, 2, 3))
        self.model = DEFAULT.name if seed % OF_THE_DEFAULT == 1 else "plain"  #: at first; see `models`
        self.settings = Settings(
            model=self.model,
            partitions=partitions,
            clock=random.choice(("wall", "stream")),
            interval_ms=random.choice((100, 250, 250)),
            idle_s=random.choice((2.0, 5.0)),
            lines_s=0.5,
            day_closes=random.choice(("00:00", "00:00", "23:59:59")),
        )
        step_ms = 60 if self.settings.clock == "wall" else random.choice((1_000, 400_000, 7_000_000))
        self.fed = invented.invent(random, partitions, random.randint(10, 45), FIRST_MS, step_ms)
        self.rules_random = Random(f"rules of {seed}")
        self.said = rules.invent(self.rules_random, FIRST_MS)
        if self.model != "plain":
            self.said = [*rules.every_sort(), *self.said]
        self.feed = feeds.plan(Random(f"feed of {seed}"), self.settings.clock)
        self.settings = replace(self.settings, gaps=bool(self.feed.comes_s))
        self.came: list[feeds.Event] = []
        self.redis_loses = 0.4, 0.7  # a key, everything (beyond: it is restored from an older copy); of 1
        self.redis_slow_s = random.choice((0.0, 0.0, 0.06, 0.3))
        self.latency_s, self.session_s = random.choice((0.001, 0.005, 0.03)), 1.5
        self.committed = True  # a rule of the protocol, for the mutations
        self.calm()
        self._rates = (
            random.choice((0.0, 0.002, 0.01)),
            random.choice((0.0, 0.0, 0.03)),
            random.choice((0.0, 0.0, 0.1)),
            random.choice((0.0, 0.0, 0.04)),
        )
        self.redis, self.broker = Redis(), Broker([topic.name for topic in ALL], partitions, random)
        self.policies = self.broker.logs[POLICIES.name, 0] = Log(self.rules_random)
        self.told_of_gaps: list[tuple[float, int]] = []  # when there was something new in `policies`, and its end then
        self.broker.hear[POLICIES.name, 0].append(self._hear)

    def _hear(self) -> None:
        self.told_of_gaps.append((asyncio.get_running_loop().time(), self.policies.end()))

    def calm(self) -> None:
        """Nothing fails."""
        self.crash = self.send_fails = self.answer_lost = self.block_lost = 0.0
        self.stopping = False

    def begin(self) -> None:
        """Everything may fail, as often as the seed has it."""
        self.crash, self.send_fails, self.answer_lost, self.block_lost = self._rates

    def lose_blocks(self) -> None:
        """Blocks get lost, if the seed has it."""
        self.block_lost = self._rates[3]

    def say(self, what: str) -> None:
        """One line of the story, for a replay."""
        if self._say:
            self._say(f"{asyncio.get_running_loop().time():9.4f}  {what}")

    def wall_ms(self) -> float:
        """The clock on the wall: with `stream`, history is replayed much later."""
        late_ms = 0 if self.settings.clock == "wall" else 400 * 86_400_000
        return FIRST_MS + late_ms + asyncio.get_running_loop().time() * 1000

    def book(self, offset: int | None = None) -> Book:
        """Of whoever has read `policies` to this offset; None: to its end."""
        said = [(record.offset, record.key, record.value) for record in self.policies.all()]
        return rules.book_at(said, self.policies.end() if offset is None else offset, self.settings)

    def died(self, name: str, why: object) -> None:
        """A worker has ended itself: for input lost on its way or a broker's error it may, for a bug it may not."""
        if not isinstance(why, (LostInput, ConnectionError)) and type(why).__name__ != "ProducerFenced":
            self.wrong.append(f"{name} ended with {why!r}")
