"""What deploy/venv says when it cannot do its work: one sentence with what to do, and nothing left behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
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
    assert said.startswith(
        "clout: no Python 3.11 or newer among: no-such-python. Install one, or name it, and start again"
    )
    old = program(tmp_path / "bin", "python-old", "echo 3.10; exit 1")
    said = refused(project, venv(project, old, PYTHON="no-such-python python-old"))
    assert "among: no-such-python python-old (python-old is 3.10). Install one" in said


def test_without_room(project: Path, tmp_path: Path) -> None:
    """It looks before it begins."""
    full = program(tmp_path / "bin", "df", "echo head; echo disk 1000000 500000 512000 50% /")
    said = refused(project, venv(project, full))
    assert said.startswith("clout: 500 MB are free in ")
    assert said.endswith(" are needed: make room, or name another place with CLOUT_VENV.")


def test_where_nothing_can_be_written(project: Path, tmp_path: Path) -> None:
    """A checkout on a read-only disk is copied first. (`touch` fails there even for root.)"""
    stuck = program(tmp_path / "bin", "touch", "exit 1")
    said = refused(project, venv(project, stuck))
    assert said.endswith(
        "cannot be written to: copy the project to a folder that you may write to, and start again there."
    )


def python_that(folder: Path, does: str) -> dict[str, str]:
    """A Python that makes a bare environment, and whose pip installs nothing but does this."""
    made = 'for venv; do :; done; mkdir -p "$venv/bin"; cp "$0" "$venv/bin/python"'
    pip = f'*"-m pip --version"*) ;; *"-m pip "*install*) {does} ;;'
    case = f'case "$*" in *"-m venv"*) {made} ;; {pip} *) exec {sys.executable} "$@" ;; esac'
    return {"PYTHON": program(folder, "python-fake", case) + "/python-fake"}


def test_the_room_goes_during_the_installation(project: Path, tmp_path: Path) -> None:
    """It is not the index that is to blame, and pip is not tried when uv had no room."""
    full = "echo 'ERROR: [Errno 28] No space left on device' >&2; exit 1"
    said = refused(project, done := venv(project, **python_that(tmp_path / "bin", full)))
    assert said.startswith(f"clout: no room is left in {project} or in ")
    assert "pip goes on" not in done.stderr


def test_ctrl_c_during_the_installation(project: Path, tmp_path: Path) -> None:
    """What was begun is removed."""
    begun = tmp_path / "begun"
    fake = python_that(tmp_path / "bin", f": >{begun}; exec sleep 60")  # no child that may outlive the signal
    argv, environment = [project / "deploy/venv"], {**os.environ, **fake}
    with subprocess.Popen(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while process.poll() is None and not begun.exists():
            time.sleep(0.05)
        assert (project / ".venv").exists()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "clout: interrupted, and what was begun is removed: start again any time."
    assert not (project / ".venv").exists()


def test_a_python_in_a_folder_with_a_blank(project: Path) -> None:
    """PYTHON may name several, or one whose path has blanks."""
    fake = python_that(project / "my tools", "echo 'ERROR: found' >&2; exit 1")
    assert "the installation failed (ERROR: found)" in venv(project, **fake).stderr


def test_twice_at_once(project: Path, tmp_path: Path) -> None:
    """The second says that it waits, and goes on when the first has ended."""
    environment = {**os.environ, **python_that(tmp_path / "bin", "exit 1")}
    with (project / "deploy/requirements.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen([project / "deploy/venv"], env=environment, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr
            assert process.stderr.readline() == "clout: another run is installing here: waiting for it\n"
            assert not (project / ".venv").exists()
            fcntl.flock(lock, fcntl.LOCK_UN)
            _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert err.startswith("clout: installing the locked dependencies into ")


def test_without_an_index(project: Path) -> None:
    """What pip says last, and what to do, in one line; what was begun is removed."""
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_FIND_LINKS": "", "PIP_RETRIES": "0", "PIP_TIMEOUT": "1"}
    done = venv(project, **nowhere)
    said = refused(project, done)
    assert said.startswith("clout: the installation failed (ERROR: ")
    assert said.endswith("). Is a package index within reach (pip config list)? Start again when it is.")
    assert len(done.stderr.splitlines()) == 3
    assert "uv is not to be had here, pip goes on" in done.stderr
