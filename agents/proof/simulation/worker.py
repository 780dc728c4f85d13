"""A worker of the simulation: the product's `Partitions` in a process that faults happen to."""

from __future__ import annotations

from collections.abc import Callable

from agents.proof.simulation.faults import Faults
from agents.proof.simulation.process import Process
from agents.proof.simulation.servers import Servers
from agents.worker.health import Health
from streams.partition.block import Block
from streams.partition.partitions import Partitions


class Worker(Process):
    """`gone` hears of its end, however it comes; `reading_rows` is called when it begins to read rows."""

    def __init__(
        self, faults: Faults, name: str, *, gone: Callable[[Worker], None], reading_rows: Callable[[], None]
    ) -> None:
        super().__init__(faults, name)
        self._gone = gone
        self.ports = Servers(self, self._deliver, reading_rows)
        self.partitions = Partitions(faults.settings, self.ports, name, Health())

    def _deliver(self, block: Block) -> None:
        self.partitions.deliver(block)

    def crash(self, why: str) -> None:
        """The end, and the group may notice it."""
        if self.alive:
            super().crash(why)
            self._gone(self)
