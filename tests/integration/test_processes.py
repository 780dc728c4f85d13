"""Several workers under one parent, on the real servers."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

from tests.integration.stack import WORKER, Stack
from tests.integration.test_restart import exact, history, until


def test_two_processes_share_the_work(stack: Callable[..., Stack]) -> None:
    """Both own partitions; one that is killed with -9 comes back to its own, everything fed counts once, and SIGTERM ends all."""
    clout = stack(model="plain", clock="stream", name="w", session_timeout_s=20)
    events = history(6_000, seed=31)

    def owners() -> dict[int, int]:
        return {number: int(pulse["owner"].rpartition("/")[2]) for number, pulse in clout.pulses().items()}

    with clout.worker(argv=(*WORKER, "--processes", "2")) as parent:
        until(lambda: len(owners()) == 4 and len(set(owners().values())) == 2)
        clout.feed(events[:2_000])
        clout.settled(2_000)
        before = owners()
        killed = before[0]
        assert parent.pid not in before.values()
        os.kill(killed, signal.SIGKILL)
        clout.feed(events[2_000:4_000])
        until(lambda: killed not in owners().values())
        clout.feed(events[4_000:])
        clout.settled(len(events))
        after = owners()
        assert {number for number, pid in after.items() if pid != before[number]} == {
            number for number, pid in before.items() if pid == killed
        }
        exact(clout, events)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(60) == 0
        said = parent.log.read_text()  # type: ignore[attr-defined]
    assert f"(pid {killed}) was ended by signal 9" in said
    at_the_end = said[said.index("SIGTERM: ") :]
    assert set(re.findall(r"^(\d) \| .*let go of partitions=", at_the_end, re.MULTILINE)) == {"1", "2"}
