"""Kernels are compiled once and come back from their folder; whatever is wrong with that folder, they still work."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from streams.fold import compiled, folder
from streams.fold.compiled import Kernel, kernel
from tests.servers import ROOT


def total(a, n):
    """What is compiled here."""
    found = 0
    for i in range(n):
        found += a[i]
    return found


ARRAY = np.arange(5)


def files(where: Path) -> list[Path]:
    """The compiled kernels in a place."""
    return sorted(where.rglob("*.kernel"))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for kernels, named by the variable."""
    monkeypatch.setenv(folder.VARIABLE, str(tmp_path / "kernels"))
    folder.forget()
    yield tmp_path / "kernels"
    monkeypatch.undo()
    folder.forget()


def compiles() -> bool:
    """A new process's view of the kernel: it works. Had it to be compiled?"""
    before = len(compiled.made)
    assert Kernel(total)(ARRAY, 5) == 10
    return len(compiled.made) > before


# -- once


def test_a_kernel_is_compiled_once(place: Path) -> None:
    """The second one comes from the folder; other types are another version of it."""
    assert compiles()
    assert not compiles()
    assert Kernel(total)(ARRAY.astype(np.float64), 5) == 10.0
    assert [file.name.partition("-")[0] for file in files(place)] == ["test_compiled.total"] * 2
    assert not compiles()


def test_numbers_in_a_call_are_no_types() -> None:
    """A kernel that is called with 0 here and with a variable there is compiled once for both."""
    inner = kernel(lambda a, at: a[at])
    outer = kernel(lambda a, at: inner(a, 0) + inner(a, at))
    assert outer(ARRAY, 3) == 3
    assert len(inner.inner.overloads) == 1


@pytest.mark.parametrize("how", ["empty", "half", "one byte", "garbage", "a pickle of something else"])
def test_a_damaged_file_is_compiled_again(place: Path, how: str) -> None:
    """And mended by that."""
    assert compiles()
    (file,) = files(place)
    content = file.read_bytes()
    digest = compiled.hashlib.sha256
    other, at = compiled.pickle.dumps(("x", 1)), content.index(b".text") + 1  # in the code
    damaged = {
        "empty": b"",
        "half": content[: len(content) // 2],
        "one byte": content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :],
        "garbage": os.urandom(len(content)),
        "a pickle of something else": digest(other).digest() + other,
    }
    file.write_bytes(damaged[how])
    assert compiles()
    assert len(file.read_bytes()) > len(content) // 2
    assert not compiles()


def test_a_file_that_others_may_write_to_is_not_loaded(place: Path) -> None:
    """Loading it is running it."""
    assert compiles()
    files(place)[0].chmod(0o666)
    assert compiles()
    assert not compiles()


def test_no_room_for_what_was_compiled(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel works all the same."""
    folder.folder()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "write", full)
    assert compiles()
    assert compiles()


SCRIPT = """
import sys
import numpy as np
from streams.fold.compiled import kernel, made

@kernel
def first(a, n):
    return a[0] + a[n - 1]

print("ready", flush=True)
sys.stdin.readline()
print(first(np.arange(5), int(sys.argv[1])), len(made))
"""


def process(place: Path, n: int, **env: str) -> subprocess.Popen[str]:
    """A process that calls a kernel once it gets a line."""
    pipe = subprocess.PIPE
    env = {**os.environ, folder.VARIABLE: str(place), **env}
    argv = [sys.executable, "-c", SCRIPT, str(n)]
    return subprocess.Popen(argv, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_two_processes_at_once(place: Path) -> None:
    """Both compile, both are right, and what they leave can be used."""
    both = [process(place, 5) for _ in range(2)]
    for one in both:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    said = [one.communicate("\n", timeout=60)[0].split() for one in both]
    assert [answer for answer, _ in said] == ["4", "4"]
    assert [path.name.partition("-")[0] for path in place.rglob("*") if path.is_file()] == ["__main__.first"]
    assert process(place, 5).communicate("\n", timeout=60)[0].split()[1:] == ["4", "0"]


def test_bounds_are_checked_when_asked_for(place: Path) -> None:
    """NUMBA_BOUNDSCHECK=1 makes other kernels of the same source, in a folder of their own."""
    _, err = process(place, 7, NUMBA_BOUNDSCHECK="1").communicate("\n", timeout=60)
    assert "IndexError" in err
    assert files(place)[0].parent.name != folder.key()


# -- the folder


def test_the_key_is_that_of_all_kernels(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another line in any module, another way to compile: another folder."""
    keys = {folder.key()}
    monkeypatch.setenv("NUMBA_OPT", "1")
    folder.forget()
    keys.add(folder.key())
    source = tmp_path / "source"
    source.mkdir()
    monkeypatch.setattr(folder, "_HERE", source)
    for text in ("a = 1", "a = 2"):
        (source / "a.py").write_text(text)
        folder.forget()
        keys.add(folder.key())
    assert len(keys) == 4


def test_complete_is_what_has_all_its_files(place: Path) -> None:
    """Only whoever has compiled everything says so; a file that is gone or shorter takes it back."""
    assert compiles()
    assert not folder.kept()
    folder.keep()
    assert folder.kept()
    assert not folder.kept("what another version means by all")
    (file,) = files(place)
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    assert not folder.kept()
    file.unlink()
    assert not folder.kept()
    assert compiles()
    assert folder.kept()


def test_nothing_is_complete_without_a_file(place: Path) -> None:
    """An empty list of files is no success."""
    folder.keep()
    assert not folder.kept()


def open_to_others(place: Path) -> None:
    """The place itself."""
    place.mkdir()
    place.chmod(0o777)


def open_to_a_group(place: Path) -> None:
    """The folder in it."""
    place.mkdir()
    (place / folder.key()).mkdir()
    (place / folder.key()).chmod(0o775)


def open_above(place: Path) -> None:
    """Whoever may write to the folder above may put another place there."""
    place.parent.chmod(0o777)


def a_file(place: Path) -> None:
    """Something else of that name."""
    place.write_text("")


def a_link(place: Path) -> None:
    """It may lead anywhere."""
    place.symlink_to(place.parent)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (open_to_others, "others may write to it"),
        (open_to_a_group, "others may write to it"),
        (open_above, "everybody may write to"),
        (a_file, "File exists"),
        (a_link, "it is no folder"),
    ],
)
def test_a_folder_that_cannot_be_trusted(place: Path, wrong: object, said: str) -> None:
    """Nothing is kept there nor taken from there, one sentence says why and what to do, and kernels work."""
    wrong(place)
    folder.forget()
    assert folder.folder() is None
    assert f"({place}: {said}" in folder.advice()
    assert folder.advice().endswith(f"name a folder that only you may write to with {folder.VARIABLE}")
    assert compiles()
    assert compiles()
    assert not folder.kept()
    assert files(place) == []


def test_whose_a_folder_is() -> None:
    """Ours and the system's are fine, nobody else's."""
    me = os.getuid()

    def of(mode: int, owner: int) -> str:
        return folder.stranger(os.stat_result((mode, 0, 0, 0, owner, 0, 0, 0, 0, 0)))

    assert of(0o755, me) == of(0o700, 0) == ""
    assert of(0o700, me + 4711) == f"it belongs to another user (number {me + 4711})"
    assert of(0o775, me) == of(0o757, 0) == "others may write to it"


def test_without_the_variable(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's cache; where that cannot be written to, a folder of ours in the one for temporary files; else nothing."""
    monkeypatch.delenv(folder.VARIABLE)
    home, cache, temporary = tmp_path / "home", tmp_path / "cache", tmp_path / "temporary"
    for one in (home, cache, temporary):
        one.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(folder.tempfile, "gettempdir", lambda: str(temporary))

    def found() -> Path | None:
        folder.forget()
        where = folder.folder()
        return where and where.parent

    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    assert found() == cache / "clout"
    monkeypatch.setenv("XDG_CACHE_HOME", "not absolute")
    assert found() == temporary / f"clout-{os.getuid()}"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert found() == home / ".cache/clout"
    monkeypatch.setenv("HOME", str(tmp_path / "home" / ".cache" / "clout" / folder.key() / "lock"))
    Path(os.environ["HOME"]).write_text("no folder")
    assert found() == temporary / f"clout-{os.getuid()}"
    (temporary / f"clout-{os.getuid()}").chmod(0o777)
    assert found() is None
    assert "others may write to it" in folder.advice()


def test_nothing_is_kept_when_the_variable_is_empty(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is a wish."""
    monkeypatch.setenv(folder.VARIABLE, "")
    folder.forget()
    assert folder.folder() is None
    assert f"{folder.VARIABLE} is empty" in folder.advice()


def test_one_compiles_and_the_others_wait(place: Path) -> None:
    """Who comes second enters when the first has left."""
    order = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with folder.alone():
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with folder.alone():
        inside.set()
        thread.join(0.2)
        order.append("first")
    thread.join(20)
    assert order == ["first", "second"]


def test_what_nobody_used_for_30_days_is_removed(place: Path) -> None:
    """Folders of other kernels, and nothing else."""
    assert compiles()
    month_s = 31 * 86_400
    names = {"old": "a" * 20, "new": "b" * 20, "other": "mine", "ours": folder.key()}
    for name, called in names.items():
        (place / called).mkdir(exist_ok=True)
        if name != "new":
            os.utime(place / called, (time.time() - month_s,) * 2)
    assert folder.tidy() == [place / names["old"]]
    assert {path.name for path in place.iterdir()} == {"b" * 20, "mine", folder.key()}
    folder.used()
    assert time.time() - (place / folder.key()).stat().st_mtime < 60
