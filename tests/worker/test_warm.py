"""Compiling ahead: every kernel that the product calls has a step, and whoever is cold says what happens."""

from __future__ import annotations

import ast
import asyncio
import importlib
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from agents.worker import start, warm
from streams.errors import CloutError
from streams.fold import folder
from streams.fold.compiled import Kernel
from streams.settings import Settings
from tests.servers import ROOT

#: kernels that only tests and benchmarks call from Python
NOT_ALONE: set[str] = set()


def called(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of what a file takes from streams.fold. Whose plain function alone is called is not compiled for it."""
    tree = ast.parse(path.read_text())
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "streams.fold":
            modules |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("streams.fold."):
            yield from ((str(node.module).rpartition(".")[2], alias.name) for alias in node.names)
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    plain = {node.value for node in attributes if node.attr == "py_func"}
    for node in attributes:
        if isinstance(node.value, ast.Name) and node.value.id in modules and node not in plain:
            yield modules[node.value.id], node.attr


def kernels() -> set[str]:
    """Those that the product calls from Python."""
    files = [path for folder_ in ("streams", "agents") for path in (ROOT / folder_).rglob("*.py")]
    names = {name for path in files if path.parent.name != "fold" for name in called(path)}
    found = {(m, n) for m, n in names if isinstance(getattr(importlib.import_module(f"streams.fold.{m}"), n), Kernel)}
    return {f"{module}.{name}" for module, name in found}


RUN = """
import sys, orjson
from agents.worker.steps import STEPS
from streams.fold import compiled
for step in STEPS.values():
    step()
all_ = [(m, n, found) for m in list(sys.modules) if m.startswith("streams.fold.") for n, found in vars(sys.modules[m]).items()]
kernels = [(m, n, found) for m, n, found in all_ if isinstance(found, compiled.Kernel) and found.__module__ == m]
run = [f"{m.rpartition('.')[2]}.{n}" for m, n, found in kernels if found.overloads]
print(orjson.dumps([run, compiled.made]).decode())
"""


def test_every_kernel_has_a_step_and_is_compiled_once() -> None:
    """After `clout warm` all steps together find everything compiled, and reach every kernel that Python calls."""
    clout = [sys.executable, "-m", "agents.cli.main"]
    done = subprocess.run([*clout, "warm", "--json"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path(orjson.loads(done.stdout)["folder"]).name == folder.key()
    again = subprocess.run([*clout, "warm"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert again.stderr.startswith("all is compiled: ")
    ran = subprocess.run([sys.executable, "-c", RUN], cwd=ROOT, capture_output=True, text=True, check=True)
    reached, compiled_here = orjson.loads(ran.stdout)
    assert compiled_here == []
    assert kernels() - set(reached) - NOT_ALONE == set()


def test_what_the_steps_are_held_against() -> None:
    """The test above sees both ways to call a kernel."""
    assert {"names.slots_of", "parse.parse", "act.act", "chunks.put"} <= kernels()


@pytest.fixture
def cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """An empty folder, and what is said."""
    monkeypatch.setenv(folder.VARIABLE, str(tmp_path / "kernels"))
    folder.forget()
    yield []
    monkeypatch.undo()
    folder.forget()


def test_a_step_that_fails(cold: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, nothing counts as complete, and a worker goes on."""
    monkeypatch.setattr(warm, "STEPS", {"nonsense": lambda: None})  # children do not know it
    with pytest.raises(CloutError, match=r"compiling the core failed \(nonsense: .*KeyError"):
        warm.warm()
    assert not warm.done()
    warm.ensure(cold.append)
    assert [line.partition(":")[0] for line in cold] == [
        "compiling the core, once",
        "compiling the core failed (nonsense",
    ]
    assert cold[1].endswith("what is missing is compiled when it is needed")


def test_a_child_that_dies(cold: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As by the kernel, for want of memory."""
    monkeypatch.setattr(warm, "STEPS", {"batches": lambda: None})
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CloutError, match=r"compiling the core failed \(batches: exit code 1"):
        warm.warm()


def test_where_nothing_is_kept(cold: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker compiles for itself, and says why and what to do."""
    monkeypatch.setenv(folder.VARIABLE, "")
    folder.forget()
    ran: list[str] = []
    monkeypatch.setattr(warm, "STEPS", {"one": lambda: ran.append("one"), "two": lambda: ran.append("two")})
    warm.ensure(cold.append)
    assert ran == ["one", "two"]
    assert cold[-1].startswith("what is compiled is not kept (CLOUT_KERNELS is empty)")
    assert len(cold) == 3


def test_a_worker_compiles_before_it_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    """After Kafka and Redis have answered: who waits for them says that first; and before Faust is there at all."""
    order = []

    class Joins(Exception):
        pass

    def app(*_: object, **__: object) -> None:
        raise Joins

    monkeypatch.setattr(start, "ready", lambda *_, **__: order.append("ready"))
    monkeypatch.setattr(start, "ensure", lambda _: order.append("compiled"))
    monkeypatch.setattr(start, "faster_loop", lambda: order.append("loop"))
    monkeypatch.setattr(start, "create_app", app)
    with pytest.raises(Joins):
        start.run(Settings(), order.append)
    assert order == ["ready", "compiled", "loop"]


class Policy(asyncio.DefaultEventLoopPolicy):
    """A policy that is not the default."""


@pytest.mark.parametrize("installed", [True, False])
def test_a_faster_loop_where_there_is_one(monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    """Loops made from then on, in all threads, are uvloop's; without it nothing changes."""
    before = asyncio.get_event_loop_policy()
    monkeypatch.setitem(sys.modules, "uvloop", types.SimpleNamespace(EventLoopPolicy=Policy) if installed else None)
    try:
        assert start.faster_loop() is installed
        assert isinstance(asyncio.get_event_loop_policy(), Policy) is installed
    finally:
        asyncio.set_event_loop_policy(before)


def test_who_comes_second_finds_it_done(cold: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers that start on a cold machine compile once."""
    monkeypatch.setattr(warm, "STEPS", {"batches": lambda: None})
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = "from agents.worker import warm; warm.STEPS = {'batches': None}; print(warm.warm().compiled)"
    argv = [sys.executable, "-c", script]
    both = [subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(process.communicate(timeout=100)[0] for process in both) == ["False\n", "True\n"]
    assert warm.done()
    warm.ensure(cold.append)
    assert cold == []
