"""What the files of the project may not hold, and what the scripts promise."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT

SCRIPTS = [
    ".ci/run",
    *(
        f"deploy/{name}"
        for name in ("demo", "test", "venv", "lock", "bench", "peers/prepare", "kafka/kafka-up", "kafka/kafka-down")
    ),
]
NOT_OURS = re.compile(r"\.git|\.hypothesis|__pycache__|build|\..*_cache|.*\.egg-info|jars.*")
# in halves, so that this file does not name them
INDEX = "|".join(
    ["--index" + "-url", "--extra-index" + "-url", "--find" + "-links", "pypi" + r"\.org", "python" + "hosted"]
)
MACHINE = "|".join(["/" + "root/", "/" + "work/", "/home" + r"/\w", "/" + "Users/"])


def files() -> Iterator[tuple[str, str]]:
    """Path and text of every text file of the project."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not NOT_OURS.fullmatch(name)]
        if "pyvenv.cfg" in names:  # a virtual environment by any name
            folders.clear()
            continue
        for name in names:
            if name == ".git":  # in a linked worktree it is a file that says where the repository is
                continue
            path = Path(folder, name)
            try:
                yield str(path.relative_to(ROOT)), path.read_text()
            except UnicodeDecodeError:
                continue


LOCKS = ("deploy/requirements.lock", "deploy/peers/requirements.lock")


def lock() -> dict[str, str]:
    """Version of each pinned package."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "deploy/requirements.lock").read_text(), re.MULTILINE))


def test_no_index_and_no_machine_in_any_file() -> None:
    """No file names a package index, or a path of the machine it was written on."""
    found = [(path, match[0]) for path, text in files() for match in re.finditer(f"{INDEX}|{MACHINE}", text)]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    """pip can check all it downloads."""
    blocks = re.split(r"^(?=[a-z0-9-]+==)", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    assert len(blocks) > 30
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_lock_covers_the_project() -> None:
    """Each dependency of the project, its extras and its build is in the lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    own = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    wanted = [*own, *extras["embedded"], *extras["fast"], *extras["dev"]]
    names = {re.split(r"[^A-Za-z0-9._-]", want)[0].lower().replace("_", "-") for want in wanted}
    assert names - set(lock()) == set()


def test_scripts_can_be_run() -> None:
    """Every script is executable and bash can read it."""
    for script in SCRIPTS:
        assert os.access(ROOT / script, os.X_OK), script
        subprocess.run(["bash", "-n", ROOT / script], check=True)
