"""A Redis Cluster of a test's own: three masters on loopback, each of which may be stopped and started again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.cluster import key_slot

from agents.local.embedded import free_port
from streams.scoreboard.connect import connect_sync
from tests.scoreboard.servers import Server, serving

SLOTS = 16_384
MASTERS = 3
PATIENCE_S = 60.0  # a slow machine


@dataclass
class Master:
    """One of them, with the slots that it has."""

    server: Server
    client: Any
    slots: range

    def serves(self, key: str) -> bool:
        """Is this key here?"""
        return key_slot(key.encode()) in self.slots

    def whole(self) -> bool:
        """Does it know all others, and that all are well?"""
        info = self.client.cluster("INFO")
        return bool(info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == MASTERS)


@contextlib.contextmanager
def masters(folder: Path) -> Iterator[list[Master]]:
    """Those of a cluster; it serves the keys of those that are there while one is not."""
    with contextlib.ExitStack() as stack:
        bounds = [SLOTS * n // MASTERS for n in range(MASTERS + 1)]
        found, buses = [], []
        for number in range(MASTERS):
            own, bus = folder / str(number), str(free_port())
            own.mkdir()
            options = ("--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-require-full-coverage", "no")
            server = stack.enter_context(serving("redis", own, *options))
            client = stack.enter_context(contextlib.closing(connect_sync(f"redis://127.0.0.1:{server.port}/0")))
            found.append(Master(server, client, range(bounds[number], bounds[number + 1])))
            buses.append(bus)
        for number, master in enumerate(found):
            command = master.client.execute_command
            command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            command("CLUSTER", "ADDSLOTSRANGE", master.slots.start, master.slots.stop - 1)
            command("CLUSTER", "MEET", "127.0.0.1", found[0].server.port, buses[0])
        until(lambda: all(master.whole() for master in found))
        yield found


def until(what: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
