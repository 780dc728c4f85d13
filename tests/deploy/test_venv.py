"""What deploy/venv says when it cannot do its work: one sentence with what to do, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import ROOT

NEEDED = ("deploy/venv", "deploy/requirements.lock", "deploy/uv.lock", "pyproject.toml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """As much of the project as the script looks at, in a folder with a blank in its name."""
    folder = tmp_path / "a b"
    for name in NEEDED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def venv(project: Path, path: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it, with these folders before all others on the PATH."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CLOUT_", "PIP_"))}
    environment |= {"PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"], **environ}
    return subprocess.run(
        [project / "deploy/venv"], env=environment, capture_output=True, text=True, check=False, timeout=100
    )


def program(folder: Path, name: str, script: str) -> str:
    """A program of this name; returns its folder."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return str(folder)


def refused(project: Path, done: subprocess.CompletedProcess[str]) -> str:
    """The one line it said; it ended with 3, and the folder is as it was."""
    assert (done.returncode, done.stdout) == (3, "")
    assert sorted(str(p.relative_to(project)) for p in project.rglob("*") if p.is_file()) == sorted(NEEDED)
    assert not (project / ".venv").exists()
    return done.stderr.splitlines()[-1]


def test_without_python(project: Path, tmp_path: Path) -> None:
    """Neither one that is not there nor one that is too old will do."""
    said = refused(project, venv(project, PYTHON="no-such-python"))
    assert said.startswith("clout: no Python 3.11 or newer among: no-such-python. Install one, or name it: PYTHON=")
    old = program(tmp_path / "bin", "python-old", "exit 1")
    assert "no Python 3.11 or newer" in refused(project, venv(project, old, PYTHON="python-old"))


def test_without_room(project: Path, tmp_path: Path) -> None:
    """It looks before it begins."""
    full = program(tmp_path / "bin", "df", "echo head; echo disk 1000000 900000 102400 90% /")
    said = refused(project, venv(project, full))
    assert said.startswith("clout: 100 MB are free in ")
    assert said.endswith(" are needed: make room, or name another place with CLOUT_VENV.")


def test_where_nothing_can_be_written(project: Path, tmp_path: Path) -> None:
    """A checkout on a read-only disk is copied first. (`touch` fails there even for root.)"""
    stuck = program(tmp_path / "bin", "touch", "exit 1")
    said = refused(project, venv(project, stuck))
    assert said.endswith("cannot be written to: copy the project to a folder that you may write to, and start again there.")


def test_without_an_index(project: Path) -> None:
    """What pip says, then what to do; what was begun is removed."""
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_FIND_LINKS": "", "PIP_RETRIES": "0", "PIP_TIMEOUT": "1"}
    done = venv(project, **nowhere)
    assert "Is a package index within reach (pip config list)? Start again when it is." in refused(project, done)
    assert "uv is not to be had here, pip goes on" in done.stderr
