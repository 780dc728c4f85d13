"""What all routes stand on: one reader of Redis, one look at who leads, one hub for push."""

from __future__ import annotations

from dataclasses import dataclass

from agents.api.leaders import Leaders
from agents.api.push import Hub
from agents.worker.health import Health
from streams.scoreboard.reader import Reader
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Served:
    """One API. `health` is that of the worker in this process, if there is one."""

    settings: Settings
    reader: Reader
    leaders: Leaders
    hub: Hub
    health: Health | None

    async def refused(self) -> str:
        """Why Redis does not take writes, and what to do; empty when it does, or when this user may not try."""
        return await self.reader.refused()

    async def now_ms(self) -> int:
        """Now, by the clock that the workers score by."""
        return self.leaders.now_ms(await self.reader.pulses())
