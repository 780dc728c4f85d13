"""A feed of Bluesky as a process, on a real Kafka with a worker: killed in the middle, each event arrives and counts once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from agents.local.embedded import Process, child
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from streams.settings import Settings, variable_of
from tests.feeds.contract import id_of
from tests.feeds.jetstream import Faults, Instance, Message, messages, serving_apart
from tests.feeds.scripted import gaps, ids
from tests.feeds.test_bluesky import expected
from tests.integration.stack import PATIENCE_S, Stack
from tests.integration.test_restart import exact

MESSAGES = 1_800
KILLED = (1_000,)  #: frames that have been sent when a process is killed


def feeding(settings: Settings, url: str, log: Path) -> AbstractContextManager[Process]:
    """The command, ended with SIGTERM when the block is left."""
    argv = [sys.executable, "-m", "agents.cli.main", "feed", "bluesky", "--endpoint", url]
    return child(argv, log=log, env=environ(settings), stop_s=PATIENCE_S)


def environ(settings: Settings) -> dict[str, str]:
    """For a process with these settings."""
    own = {variable_of(name): str(getattr(settings, name)) for name in settings.__slots__}
    return {k: v for k, v in os.environ.items() if not k.startswith("CLOUT_")} | own


def test_killed_in_the_middle(stack: Callable[..., Stack], tmp_path: Path) -> None:
    """The first of two processes is killed with -9, on a server that breaks off and garbles; in the end all is as offline.

    So are names, also when Redis has lost all it had.
    """
    clout = stack(model="plain", clock="stream", partitions=2)
    some = messages(MESSAGES, each_us=1_000)
    faults = Faults(every=900, torn={1_200}, latin={1_500}, cut={40}, repeat={1_700}, pace_s=0.001)
    instance, log = Instance(some, faults), tmp_path / "feed.log"
    wanted = expected(some)
    with clout.worker(ready_s=60), serving_apart(instance) as url:
        for frames in KILLED:
            with feeding(clout.settings, url, log) as process, contextlib.suppress(ProcessLookupError):
                until(process, log, lambda: instance.sent >= frames)  # noqa: B023 - it is asked at once
                os.kill(process.pid, signal.SIGKILL)
                process.wait(PATIENCE_S)
        with feeding(clout.settings, url, log) as process, connect_sync(clout.settings) as redis:
            until(process, log, lambda: len(arrived(clout)) == len(wanted))
            until(process, log, lambda: called(redis, clout.settings) == names(some))
            clout.settled(len(wanted))
            exact(clout, wanted)
            redis.delete(*redis.scan_iter(f"{clout.settings.redis_prefix}:*"))  # as FLUSHALL does to others' keys, too
            until(process, log, lambda: called(redis, clout.settings) == names(some))
        assert process.returncode == 0
        assert Counter(map(id_of, wanted)) == arrived(clout)
    (gap,) = asyncio.run(gaps(clout.settings, "bluesky"))
    assert gap.until is None
    assert log.read_text().count("cursor={") == len(KILLED)  # the later ones went on


def called(redis: Any, settings: Settings) -> dict[str, str]:
    """What Redis says that users are called."""
    return {user.decode(): name.decode() for user, name in redis.hgetall(Keys(settings.redis_prefix, 0).names).items()}


def names(some: Sequence[Message]) -> dict[str, str]:
    """What the messages say."""
    return {f"bluesky:{one['did']}": f"@{one['identity']['handle']}" for one in some if one["kind"] == "identity"}


def arrived(clout: Stack) -> Counter[str]:
    """What is in the topics."""
    return asyncio.run(ids(clout.settings))


def until(process: Process, log: Path, condition: Callable[[], bool]) -> None:
    """Waits for a condition while a process lives."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline_s, log.read_text()
        time.sleep(0.02)
