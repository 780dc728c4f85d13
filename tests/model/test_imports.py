"""Which room may look into which: the model stays pure, streams never look at agents, nothing happens at import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STREAMS = sorted((ROOT / "streams").rglob("*.py"))
MODEL = sorted((ROOT / "streams" / "model").glob("*.py"))
PURE = {"msgspec", "numpy", "xxhash", "orjson", "streams.events", "streams.errors", "streams.model"}
#: for `at import`: what opens sockets, starts threads or is an app
LIVELY = ("faust", "aiokafka", "kafka", "redis", "fastapi", "uvicorn", "agents")


def imported(file: Path) -> Iterator[str]:
    """Full names of the modules a file imports, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            yield f"{node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "streams")


def within(name: str, allowed: set[str]) -> bool:
    """Is it one of these modules, or inside one?"""
    return any(name == room or name.startswith(f"{room}.") for room in allowed)


def test_there_is_something_to_check() -> None:
    """The files are where this test looks."""
    assert len(MODEL) > 10
    assert len(STREAMS) > 25


@pytest.mark.parametrize("file", MODEL, ids=lambda f: f.name)
def test_model_is_pure(file: Path) -> None:
    """It imports the standard library, four packages that compute, and of streams only events, errors and itself."""
    for name in imported(file):
        if name == "streams":
            continue
        assert within(name, PURE | set(sys.stdlib_module_names)), f"{file.name} imports {name}"
        assert name.split(".")[0] not in {"time", "random", "socket", "asyncio", "threading", "os"}, (
            f"{file.name} imports {name}"
        )


@pytest.mark.parametrize("file", STREAMS, ids=lambda f: str(f.relative_to(ROOT)))
def test_streams_never_import_agents(file: Path) -> None:
    """agents import streams, never the other way."""
    assert not [name for name in imported(file) if within(name, {"agents", "tests"})]


def test_pure_modules_bring_nothing_lively() -> None:
    """Importing the model, the intake and the settings loads no app, no client and no server, and opens no socket."""
    script = (
        "import socket, sys, threading\n"
        "def no(*a, **k): raise AssertionError('a socket at import')\n"
        "socket.socket.connect = socket.socket.bind = no\n"
        "import streams.model.records, streams.model.acting, streams.model.days, streams.partition.intake, streams.settings\n"
        "import streams.partition.outgoing\n"
        f"print([m for m in {LIVELY!r} if m in sys.modules], threading.active_count())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[] 1"


def test_agents_do_nothing_at_import() -> None:
    """Importing the app's module makes no app, no connection and no thread."""
    script = (
        "import socket, threading\n"
        "def no(*a, **k): raise AssertionError('a socket at import')\n"
        "socket.socket.connect = socket.socket.bind = no\n"
        "import agents.app, agents.worker.servers, agents.worker.start, agents.actions, agents.scoring, faust\n"
        "made = [n for n, v in vars(agents.app).items() if isinstance(v, faust.App)]\n"
        "print(made, threading.active_count())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[] 1"
