"""`clout worker --processes`: what the children are started with, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agents.cli.main import cli
from agents.worker import parent as processes
from streams.settings import Settings
from tests.servers import ROOT

Started = dict[str, Any]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """What a parent was asked to run; nothing runs."""
    seen: Started = {}

    class Parent:
        def __init__(self, argvs: list[list[str]], env: dict[str, str]) -> None:
            seen.update(flags=[argv[argv.index("worker") + 1 :] for argv in argvs], env=env)

        def run(self) -> int:
            return 0

    monkeypatch.setattr(processes, "Parent", Parent)
    return seen


def worker(*words: str, **env: str) -> Result:
    """Call the command."""
    return CliRunner().invoke(cli, ["worker", *words], env=env)


def test_each_has_its_own_port_and_name(started: Started) -> None:
    """The k-th process serves on the k-th port from --port on, is named W-k, and starts no processes of its own."""
    assert worker("--processes", "3", "--port", "9000", "--name", "w").exit_code == 0
    assert started["flags"] == [["--processes", "1", "--port", str(9000 + k), "--name", f"w-{k + 1}"] for k in range(3)]


def test_free_ports_and_no_names(started: Started) -> None:
    """Port 0 is 0 for all; without --port and --name there is none. The number can come from the environment."""
    assert worker("--port", "0", CLOUT_WORKER_PROCESSES="2").exit_code == 0
    assert started["flags"] == [["--processes", "1", "--port", "0"]] * 2
    assert worker("--processes", "2").exit_code == 0
    assert started["flags"] == [["--processes", "1"]] * 2


def test_children_have_the_settings_of_the_parent(started: Started) -> None:
    """Flags reach them as variables, so that no password is in the list of processes; so does what came from variables."""
    flags = ("--redis", "redis://me:secret@cache:1/0", "--no-transactions", "--partitions", "7", "--topic-prefix", "")
    assert worker("--processes", "2", *flags, CLOUT_IDLE_S="2.5", CLOUT_TOPIC_PREFIX="old").exit_code == 0
    assert "secret" not in str(started["flags"])
    assert started["env"]["PATH"] == os.environ["PATH"]
    found = Settings.load(started["env"])
    assert (found.redis, found.transactions, found.partitions) == ("redis://me:secret@cache:1/0", False, 7)
    assert (found.idle_s, found.topic_prefix) == (2.5, "")


def test_who_will_have_nothing_to_do_is_said(started: Started) -> None:
    """More processes than partitions is allowed, and one line says how many are idle."""
    assert (
        "4 of 6 processes will be idle: there are 2 partitions"
        in worker("--processes", "6", "--partitions", "2").stderr
    )
    assert "idle" not in worker("--processes", "2", "--partitions", "2").stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--processes", "0"],
        ["--processes", "65"],
        ["--processes", "3", "--port", "65534"],
        ["--processes", "two"],
        ["--processes", "2", "--drain"],
        ["--drain", "--no-transactions"],
    ],
)
def test_what_cannot_be(started: Started, words: list[str]) -> None:
    """Numbers and ports out of range, or a drain by several or without rows, are wrong usage; nothing is started."""
    assert worker(*words).exit_code == 2
    assert not started


def test_names_that_children_cannot_have(started: Started) -> None:
    """A name that only fits without its number is wrong usage before anything is started."""
    assert worker("--processes", "9", "--name", "w" * 78).exit_code == 0
    started.clear()
    refused = worker("--processes", "10", "--name", "w" * 78)
    assert refused.exit_code == 2
    assert f"{'w' * 78}-10" in refused.stderr
    assert not started


@pytest.mark.parametrize("installed", [True, False])
def test_where_children_find_us(started: Started, monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    """PYTHONPATH, which comes before the standard library, is only set for a checkout that is not on their path anyway."""
    others = [path for path in sys.path if path != str(ROOT)]
    monkeypatch.setattr(sys, "path", ["", *others, str(ROOT)] if installed else [str(ROOT), *others])
    assert worker("--processes", "2", PYTHONPATH="/theirs").exit_code == 0
    assert started["env"]["PYTHONPATH"] == ("/theirs" if installed else f"{ROOT}{os.pathsep}/theirs")


def test_closed_streams() -> None:
    """With stdout and stderr closed (`>&- 2>&-`) the parent works as ever: here its children say that they are used wrongly."""
    code = (
        "import sys\n"
        "from agents.cli import worker\n"
        "worker._argv = lambda *_: [sys.executable, '-c', 'raise SystemExit(2)']\n"
        "from agents.cli.main import main\n"
        "sys.argv[1:] = ['worker', '--processes', '2']\n"
        "main()"
    )
    argv = ["/bin/sh", "-c", 'exec "$0" -c "$1" >&- 2>&-', sys.executable, code]
    assert subprocess.run(argv, cwd=ROOT, check=False, timeout=60).returncode == 2


def test_the_last_port_is_one(started: Started) -> None:
    """Ports up to 65535 are fine."""
    assert worker("--processes", "2", "--port", "65534").exit_code == 0


def test_the_parent_is_small() -> None:
    """It imports neither Faust, numpy, the API nor a client of Kafka or Redis."""
    code = (
        "import sys\n"
        "from agents.worker import parent as processes\n"
        "processes.Parent.run = lambda self: 0\n"
        "from agents.cli.main import main\n"
        "sys.argv[1:] = ['worker', '--processes', '2', '--port', '8000']\n"
        "try:\n    main()\n"
        "finally:\n    heavy = {'numpy', 'faust', 'mode', 'kafka', 'aiokafka', 'redis', 'fastapi', 'uvicorn', 'rich', 'asyncio'}\n"
        "    print('heavy:', *sorted(heavy & {m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["heavy:"]
