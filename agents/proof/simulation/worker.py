"""A worker of the simulation: a process that runs the product's `Partitions` on servers in memory."""

from __future__ import annotations

from agents.proof.simulation.faults import Surroundings
from agents.proof.simulation.process import Process
from agents.proof.simulation.servers import Servers
from agents.worker.health import Health
from streams.partition.block import Block
from streams.partition.partitions import Partitions


class Worker(Process):
    """One worker from its start to its end."""

    def __init__(self, world: Surroundings, name: str) -> None:
        super().__init__(world, name)
        self.ports = Servers(self, self._deliver)
        self.partitions = Partitions(world.settings, self.ports, name, Health())

    def _deliver(self, block: Block) -> None:
        self.partitions.deliver(block)
