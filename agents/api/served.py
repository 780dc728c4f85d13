"""What all routes stand on: one reader of Redis, one look at who leads, one hub for push, and what was read a moment ago."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agents.api.lately import Lately
from agents.api.leaders import Leaders
from agents.api.stream.hub import Hub
from agents.api.together import Together
from agents.worker.health import Health
from streams.partitioner import partition_of
from streams.scoreboard.ranks import Ranked
from streams.scoreboard.reader import Reader
from streams.scoreboard.shards import partly
from streams.scoreboard.spread import Spread
from streams.settings import Settings


class Heard(NamedTuple):
    """What partitions said a moment ago, and which of them show life."""

    pulses: dict[int, dict[str, Any]]
    alive: Collection[int]


@dataclass(frozen=True, slots=True)
class Served:
    """One API. `health` is that of the worker in this process, if there is one."""

    settings: Settings
    reader: Reader
    leaders: Leaders
    hub: Hub
    health: Health | None
    ranked: Together[str, Ranked]  #: stored record and place of a user
    lately: Lately = field(default_factory=Lately)

    async def refused(self) -> str:
        """Why Redis does not take writes, and what to do; empty when it does, or when this user may not try."""
        return await self.reader.refused()

    async def heard(self) -> Heard:
        """Of all partitions, read once a moment. Those of shards that do not answer are silent."""

        async def read() -> Heard:
            pulses = await self.reader.pulses()
            return Heard(pulses, self.leaders.alive(pulses))

        with partly():
            return await self.lately.get("heard", read)

    async def now_ms(self) -> int:
        """Now, by the clock that the workers score by."""
        return self.leaders.now_ms((await self.heard()).pulses)

    async def spread(self) -> Spread:
        """How scores are spread, read once a moment."""
        return await self.lately.get("spread", self.reader.distribution)

    async def networks(self) -> dict[str, int]:
        """The networks that have a board, and how many are on it; read once a moment."""
        return await self.lately.get("networks", self.reader.networks)

    async def population(self, network: str | None = None) -> int:
        """How many are on a board, read once a moment."""
        if network is not None:
            return (await self.networks()).get(network, 0)
        return await self.lately.get("population", self.reader.population)

    def freshness(self, user: str, heard: Heard) -> dict[str, Any]:
        """What the partition of a user last said: `version`, `as_of` and `age_ms` are null while it is silent.

        `fresh`: it shows life; else nobody keeps its scores, and they decay only.
        """
        partition = partition_of(user, self.settings.partitions)
        said = heard.pulses.get(partition, {})
        as_of = said.get("as_of")
        return {
            "partition": partition,
            "version": said.get("version"),
            "as_of": as_of,
            "age_ms": None if as_of is None else max(self.leaders.now_ms(heard.pulses) - as_of, 0),
            "fresh": partition in heard.alive,
        }
