"""Which room may look into which: arrows point down only, there are no circles, and nothing happens at import.

Imports count wherever they stand: inside functions and for type checkers too.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from tests.servers import ROOT

MOST_LINES = 250
#: modules that are longer, each with its reason; at most five
LONG: dict[str, str] = {
    "streams.partition.partitions": "taking over, watching and letting go are three sides of one agreement with the group",
    "streams.broker.admin": "one client, one class: every question that is asked of topics and group",
    "streams.settings": "every setting with its documentation, one place",
    "agents.worker.steps": "a step for each group of kernels, one list",
}
MOST_LONG = 5

#: the rooms, from the ground up. A room may look into itself and into those listed for it, nowhere else
BASE = {"streams.errors", "streams.events", "streams.clocks", "streams.partitioner", "streams.fold", "streams.display_names"}
BELOW: dict[str, set[str]] = {
    "streams.errors": set(),
    "streams.mistakes": set(),
    "streams.events": {"streams.errors", "streams.mistakes"},
    "streams.clocks": set(),
    "streams.partitioner": set(),
    "streams.display_names": set(),
    "streams.fold": set(),
    "streams.model": BASE - {"streams.clocks"},
    "streams.policies": BASE | {"streams.mistakes", "streams.model", "streams.people"},
    "streams.logins": {"streams.errors"},
    "streams.settings": {"streams.errors", "streams.logins", "streams.model"},
    "streams.topics": {"streams.errors", "streams.events"},
    "streams.rights": {"streams.settings", "streams.topics"},
    "streams.people": BASE | {"streams.mistakes", "streams.model"},
    "streams.formats": BASE | {"streams.model", "streams.people"},
    "streams.schemas": BASE
    | {"streams.model", "streams.people", "streams.policies", "streams.formats", "streams.topics", "streams.settings"},
    "streams.sources": BASE,
    "streams.offline": BASE
    | {"streams.model", "streams.people", "streams.formats", "streams.sources", "streams.topics"},
    "streams.trial": BASE | {"streams.model", "streams.people", "streams.sources", "streams.offline", "streams.topics"},
    "streams.calibration": BASE | {"streams.model", "streams.sources", "streams.offline", "streams.topics"},
    "streams.scoreboard": BASE | {"streams.model", "streams.policies", "streams.settings", "streams.topics"},
    "streams.partition": BASE
    | {"streams.model", "streams.people", "streams.policies", "streams.formats", "streams.settings", "streams.topics"}
    | {"streams.scoreboard"},
    "streams.broker": BASE
    | {"streams.model", "streams.policies", "streams.formats", "streams.settings", "streams.topics", "streams.rights"}
    | {"streams.partition"},
}
STREAMS = set(BELOW)
BELOW |= {
    "agents.terminal": set(),
    "agents.shapes": {"streams.model"},
    "agents.client": {"streams.errors", "streams.model", "agents.shapes"},
    "agents.local": STREAMS,
    "agents.feeds": STREAMS | {"agents.shapes", "agents.surroundings"},
    "agents.admin": STREAMS,
    "agents.surroundings": STREAMS,
    "agents.worker": STREAMS
    | {"agents.surroundings"},  # with agents.app, agents.actions and agents.scoring: see `room`
    "agents.alerting": STREAMS | {"agents.shapes", "agents.surroundings", "agents.worker"},  # that follows policies
    "agents.api": STREAMS | {"agents.shapes", "agents.surroundings", "agents.worker"},
    "agents.proof": STREAMS | {"agents.local", "agents.feeds", "agents.admin", "agents.worker", "agents.api"},
    "agents.demo": STREAMS
    | {"agents.terminal", "agents.local", "agents.feeds", "agents.worker", "agents.alerting", "agents.api"},
}
BELOW["agents.cli"] = set(BELOW)

PURE = {"msgspec", "numpy", "xxhash", "orjson"}
PURE |= {"streams.events", "streams.errors", "streams.partitioner", "streams.fold", "streams.model", "streams.policies"}
PURE |= {"streams.display_names"}
#: the clients of Kafka and Redis: the protocol knows none of them
CLIENTS = {"aiokafka", "kafka", "redis", "faust"}
#: for `at import`: what opens sockets, starts threads or is an app
LIVELY = ("faust", "aiokafka", "kafka", "redis", "fastapi", "uvicorn", "agents")


def modules() -> dict[str, ast.Module]:
    """Every module of the project, by name; a package by its own name."""
    files = [file for folder in ("streams", "agents") for file in sorted((ROOT / folder).rglob("*.py"))]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]
    return {name: ast.parse(file.read_text()) for name, file in zip(names, files, strict=True)}


MODULES = modules()


def imported(tree: ast.Module) -> Iterator[str]:
    """Full names that a module imports, wherever: of `from a import b`, `a.b` where that is a module, else `a`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else str(node.module)


def room(name: str) -> str:
    """The room that a module is in. The Faust application and what runs it are one."""
    if name in {"agents.app", "agents.actions", "agents.scoring"}:
        return "agents.worker"
    return ".".join(name.split(".")[:2])


def arrows(trees: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """For each module those of the project that it imports."""
    return {name: {to for to in imported(tree) if to in trees and to != name} for name, tree in trees.items()}


def upward(trees: Mapping[str, ast.Module]) -> list[str]:
    """Every import that runs up or aside, as `a -> b`."""
    return [
        f"{name} -> {to}"
        for name, targets in arrows(trees).items()
        for to in sorted(targets)
        if room(to) != room(name) and to not in {"streams", "agents"} and room(to) not in BELOW[room(name)]
    ]


def circle(trees: Mapping[str, ast.Module]) -> list[str]:
    """The modules of one import circle, in order; empty when there is none."""
    done: set[str] = set()
    to = arrows(trees)

    def search(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for one in sorted(to[name]):
            if found := search(one, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(to) if (found := search(name, []))), [])


def long(trees: Mapping[str, ast.Module]) -> set[str]:
    """Modules of more than MOST_LINES lines."""
    sizes = {
        name: max((getattr(node, "end_lineno", 0) for node in tree.body), default=0) for name, tree in trees.items()
    }
    return {name for name, size in sizes.items() if size > MOST_LINES}


def test_arrows_point_down() -> None:
    """No room looks into one that stands on it, or beside it without being listed."""
    assert upward(MODULES) == []


def test_every_room_is_known() -> None:
    """A new folder has a place among the others before anything is in it."""
    assert {room(name) for name in MODULES} - set(BELOW) - {"streams", "agents"} == set()


def test_there_are_no_circles() -> None:
    """No module is reached from itself."""
    assert circle(MODULES) == []


def test_long_modules_are_named_with_a_reason() -> None:
    """And there are few of them."""
    assert long(MODULES) == set(LONG)
    assert len(LONG) <= MOST_LONG


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("streams.model.score", "from streams.partition import loop"),
        ("streams.partition.turns", "def f():\n    from streams.broker.admin import Admin"),
        ("agents.worker.health", "if TYPE_CHECKING:\n    from agents.cli.main import main"),
    ],
)
def test_an_upward_import_is_seen(name: str, line: str) -> None:
    """Inside a function and for type checkers too."""
    assert len(upward(MODULES | {name: ast.parse(line)})) == 1


def test_a_circle_is_seen() -> None:
    """Of two modules of one room."""
    assert circle(MODULES | {"streams.model.windows": ast.parse("from streams.model import score")})


def test_a_long_module_is_seen() -> None:
    """One line too many."""
    assert long({"a": ast.parse("x = 1\n" * (MOST_LINES + 1)), "b": ast.parse("x = 1\n" * MOST_LINES)}) == {"a"}


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) == "streams.model"])
def test_the_model_is_pure(name: str) -> None:
    """It imports the standard library, four packages that compute, and of streams only what is listed."""
    for one in imported(MODULES[name]):
        allowed = any(one == base or one.startswith(f"{base}.") for base in PURE | set(sys.stdlib_module_names))
        assert allowed, f"{name} imports {one}"
        assert one.split(".")[0] not in {"time", "random", "socket", "asyncio", "threading", "os"}, f"{name}: {one}"


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) == "streams.fold"])
def test_kernels_know_arrays_only(name: str) -> None:
    """A kernel's module imports numpy, `math`, `typing` and other kernels; three know the compiler or what it made."""
    compilers = {"streams.fold", "streams.fold.compiled", "streams.fold.words", "streams.fold.folder"}
    for one in imported(MODULES[name]):
        known = (
            one in {"__future__", "math", "typing"} or one.split(".")[0] == "numpy" or one.startswith("streams.fold")
        )
        assert known or name in compilers, f"{name} imports {one}"


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) in {"streams.partition", "streams.formats"}])
def test_the_protocol_knows_no_client(name: str) -> None:
    """Kafka and Redis are behind ports."""
    assert not {one.split(".")[0] for one in imported(MODULES[name])} & CLIENTS


def test_pure_modules_bring_nothing_lively() -> None:
    """Importing the model, the intake and the settings loads no app, no client and no server, and opens no socket."""
    script = (
        "import socket, sys, threading\n"
        "def no(*a, **k): raise AssertionError('a socket at import')\n"
        "socket.socket.connect = socket.socket.bind = no\n"
        "import streams.model.records, streams.model.acting, streams.model.days, streams.partition.intake, streams.settings\n"
        "import streams.partition.outgoing, streams.formats.state, streams.offline\n"
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
