"""The demo's servers and how children are owned."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from kafka import KafkaAdminClient

from agents.local import embedded
from streams.errors import DependencyDown
from tests.servers import ROOT

SLEEP = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(60)"]

OWNER = """
import sys, time
from agents.local import embedded
with embedded.embedded_kafka() as kafka, embedded.embedded_redis() as redis_url:
    print(kafka.split(":")[1], redis_url.split(":")[2].split("/")[0], flush=True)
    time.sleep(60)
"""


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return held


def test_embedded_kafka_creates_topics(embedded_kafka: str, prefix: str) -> None:
    """The broker from the wheel answers Kafka's admin protocol and creates a topic."""
    admin = KafkaAdminClient(bootstrap_servers=embedded_kafka)
    admin.create_topics({f"{prefix}likes": {"num_partitions": 4, "replication_factor": 1}})
    assert f"{prefix}likes" in admin.list_topics()
    admin.close()


def test_embedded_redis_writes_nothing_to_disk(valkey_url: str, prefix: str) -> None:
    """The Redis from the wheel keeps what it is told, listens on loopback only and does not persist."""
    with redis.Redis.from_url(valkey_url) as client:
        client.set(prefix, "1")
        assert client.get(prefix) == b"1"
        assert client.config_get("save")["save"] == ""
        assert client.config_get("bind")["bind"] == "127.0.0.1"


def test_two_pairs_run_side_by_side() -> None:
    """Each embedded server has its own port, and its end frees it."""
    with embedded.embedded_redis() as first, embedded.embedded_redis() as second:
        assert first != second
        ports = [int(url.split(":")[2].split("/")[0]) for url in (first, second)]
        assert all(map(answers, ports))
    assert not any(map(answers, ports))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children when their parent is killed with -9")
def test_children_end_with_a_killed_parent(tmp_path: Path) -> None:
    """After kill -9 of the owner neither broker nor Redis is left."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # what it cannot remove any more
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment, text=True) as owner:
        assert owner.stdout
        ports = [int(port) for port in owner.stdout.readline().split()]
        assert len(ports) == 2
        assert all(map(answers, ports))
        owner.kill()
    assert within(5, lambda: not any(map(answers, ports)))


def test_a_killed_owner_leaves_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The next owner removes the folder of one that was killed, not one whose owner lives, nor anything foreign."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    foreign = tmp_path / "clout-own-photos"
    foreign.mkdir()
    dead = tmp_path / "clout-own-dead"
    dead.mkdir()
    (dead / embedded.LOCK).touch()
    with embedded.own_folder() as living:
        for lock in (dead / embedded.LOCK, living / embedded.LOCK):
            os.utime(lock, (0, 0))
        with embedded.own_folder():
            assert living.is_dir()
            assert foreign.is_dir()
            assert not dead.exists()
    assert not living.exists()


def test_a_child_is_tied_to_the_main_thread() -> None:
    """Starting a child from another thread is refused on Linux: the kernel would end it with that thread."""
    said: list[str] = []

    def start() -> None:
        try:
            with embedded.child(SLEEP):
                said.append("started")
        except RuntimeError as error:
            said.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert ("main thread" in said[0]) == (sys.platform == "linux")


def test_a_child_that_ends_early_says_why() -> None:
    """The error names the program, its exit code and the last it said."""
    with (
        pytest.raises(embedded.ChildFailed, match=r"ended with code 7 .*\n?.*no disk"),
        embedded.child([sys.executable, "-c", "print('no disk'); raise SystemExit(7)"], lambda _: False),
    ):
        pass


def test_a_silent_child_is_given_up(tmp_path: Path) -> None:
    """A child that is never ready is ended after `start_s`, and its output is in the log."""
    log = tmp_path / "child.log"
    seen: list[int] = []

    def ready(process: embedded.Process) -> bool:
        seen.append(process.pid)
        return False

    with (
        pytest.raises(embedded.ChildFailed, match=r"not ready after 0\.5 s"),
        embedded.child(SLEEP, ready, log=log, start_s=0.5),
    ):
        pass
    assert log.read_text() == "awake\n"
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)


def test_a_deaf_child_is_killed(tmp_path: Path) -> None:
    """A child that ignores SIGTERM is killed after `stop_s`."""
    script = "import signal, sys, time; signal.signal(15, signal.SIG_IGN); open(sys.argv[1], 'w'); time.sleep(60)"
    deaf = tmp_path / "deaf"
    with embedded.child([sys.executable, "-c", script, str(deaf)], lambda _: deaf.exists(), stop_s=0.2) as process:
        pass
    assert process.returncode == -signal.SIGKILL


def test_a_snatched_port_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a stranger, even one that answers like our server, has the port, the next port is used."""
    with embedded.embedded_redis() as stranger:
        taken = int(stranger.split(":")[2].split("/")[0])
        ports = iter([taken, embedded.free_port()])
        monkeypatch.setattr(embedded, "free_port", lambda: next(ports))
        with embedded.embedded_redis() as ours:
            assert ours != stranger


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing wheels are a DependencyDown that names the command to run."""
    monkeypatch.setattr(embedded, "_packaged", lambda *_: None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    for server in (embedded.embedded_kafka, embedded.embedded_redis):
        with pytest.raises(DependencyDown, match=r"pip install 'clout\[embedded\]'"), server():
            pass
