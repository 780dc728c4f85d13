"""Lines for whoever may not read them: what is written, what is dropped, and that nobody waits."""

from __future__ import annotations

import contextlib
import os
import threading

import pytest

from agents.worker.speaker import Speaker
from tests.worker.family import until


@pytest.mark.parametrize("blocking", [True, False])
def test_what_nobody_reads_is_dropped_and_counted(blocking: bool) -> None:
    """Lines are written whole and in order; those that did not fit are counted where they are missing."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writes, b"." * 4_096)
    os.set_blocking(writes, blocking)
    speaker = Speaker(writes, most_bytes=10_000)
    for number in range(30):
        speaker.say(b"%d " % number + b"x" * 1_000 + b"\n")
        until(lambda: speaker._lines.qsize() < 9)  # the first has been taken, and blocks
    said = bytearray()

    def read() -> None:
        while more := os.read(reads, 65_536):
            said.extend(more)

    reader = threading.Thread(target=read)
    reader.start()
    speaker.close(30.0)
    os.close(writes)
    reader.join()
    os.close(reads)
    lines, counted = said.decode().lstrip(".").splitlines(), []
    for line in lines:
        first, rest = line.split(" ", 1)
        if rest.startswith("lines were dropped here"):
            counted += [-1] * int(first)
        else:
            assert rest == "x" * 1_000
            counted.append(int(first))
    assert len(counted) == 30
    assert all(number in (-1, at) for at, number in enumerate(counted))
    assert -1 in counted


def test_nobody_will_read() -> None:
    """A reader that has gone is no reason to stop: nothing piles up."""
    reads, writes = os.pipe()
    os.close(reads)
    speaker = Speaker(writes)
    speaker.say(b"a line\n")
    speaker.close(30.0)
    assert speaker._written_bytes == len(b"a line\n")
    os.close(writes)
