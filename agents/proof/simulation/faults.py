"""What a seed decides, as those see it who live under it: how likely each fault is, and the world around a process."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any, Protocol

from agents.proof.simulation.log import Broker
from agents.proof.simulation.redis import Redis
from streams.settings import Settings


class Surroundings(Protocol):
    """The world around the processes: `agents.proof.simulation.world.World`. Probabilities are those of one step."""

    random: Random
    settings: Settings
    broker: Broker
    redis: Redis
    latency_s: float  #: what a step takes, on average
    redis_slow_s: float  #: what a call to Redis takes beside
    session_s: float  #: a process that is silent for so long is replaced
    crash: float
    send_fails: float
    answer_lost: float
    block_lost: float
    stopping: bool  #: are processes stopped at bad moments?
    committed: bool  #: is only read what was committed?

    def say(self, what: str) -> None:
        """One line of the story."""

    def wall_ms(self) -> float:
        """The clock on the wall."""

    def line(self, process: Any, topic: str, number: int) -> asyncio.Lock:
        """Where blocks of one partition queue up on their way to a process."""

    def died(self, process: Any, why: object) -> None:
        """A process has ended itself."""

    def gone(self, process: Any) -> None:
        """A process is no longer there."""

    def given(self, process: Any) -> None:
        """A process was given partitions."""

    def reading_rows(self) -> None:
        """A take-over reads rows."""
