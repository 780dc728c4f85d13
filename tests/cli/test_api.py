"""`clout api`: page and API in a process of their own, without a worker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from agents.api import serve
from tests.api.conftest import SCORES, Scene, scene
from tests.cli.conftest import Clout

__all__ = ["scene"]  # a fixture


@contextmanager
def running(scene: Scene, **settings: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """The command on a free port, with these environment variables, and a client for it once it answers."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("CLOUT_")}
    env |= {
        "CLOUT_REDIS": scene.settings.redis,
        "CLOUT_REDIS_PREFIX": scene.settings.redis_prefix,
        "CLOUT_PARTITIONS": "4",
        **settings,
    }
    argv = [sys.executable, "-m", "agents.cli.main", "api", "--port", "0"]
    with subprocess.Popen(argv, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            address = process.stderr.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
                yield process, client
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_several_side_by_side(scene: Scene, number: signal.Signals) -> None:
    """Each answers out of Redis alone; it is ready while some worker keeps scores; a signal ends it, and an open stream."""
    with running(scene) as (first, one), running(scene) as (_, other):
        assert {client.get("/readyz").status_code for client in (one, other)} == {503}
        scene.write(SCORES)
        for client in (one, other):
            assert client.get("/readyz").status_code == 200
            assert client.get("/v1/users/x:ada").json()["rank"] == 1
            assert client.get("/metrics").status_code == 404
        with one.stream("GET", "/v1/stream") as stream:
            assert next(stream.iter_lines())
            first.send_signal(number)
            assert first.wait(60) == 0
        assert other.get("/livez").status_code == 200


def test_a_taken_port_is_said_plainly(clout: Clout, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the port, as a usage error."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(serve.Server, "run", lambda *_: pytest.fail("it serves"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = clout("api", "--port", str(port), redis=redis_url)
    assert str(port) in str(done.output) + str(done.exception)
    assert done.exit_code == 2
