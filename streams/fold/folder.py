"""Where compiled kernels are kept between two starts, and whether that folder may be trusted. Imports no compiler.

    the place          what CLOUT_KERNELS names, else ~/.cache/clout, else clout-UID in the folder for temporary files
      / KEY            the kernels' source, the compiler's version, Python's and the sort of machine, as a hash
          / *.kernel   one compiled kernel each: see `streams.fold.compiled`
          / complete   which there are, once all are compiled

Who changes a kernel gets a new folder, and machines of one sort may share theirs. Loading runs what is in the folder, so one
that somebody else may write to is not used.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

_HERE = Path(__file__).parent
#: Names the place; empty: nothing is kept.
VARIABLE = "CLOUT_KERNELS"
SUFFIX = ".kernel"
#: NUMBA_... variables that make another code of the same kernel
_SWITCHES = ("CPU_NAME", "CPU_FEATURES", "OPT", "BOUNDSCHECK", "DEBUGINFO", "LOOP_VECTORIZE", "SLP_VECTORIZE")
_COMPLETE, _LOCK = "complete", "lock"
_DAY_S = 86_400
_UNUSED_S = 30 * _DAY_S


@cache
def key() -> str:
    """What the compiled kernels depend on, short."""
    digest = hashlib.sha256()
    for path in sorted(_HERE.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    packages = (version(package) for package in ("numba", "llvmlite", "numpy"))
    switches = (f"{name}={os.environ.get(f'NUMBA_{name}', '')}" for name in _SWITCHES)
    for part in (*packages, str(sys.implementation.cache_tag), platform.system(), platform.machine(), *switches):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:20]


def stranger(found: os.stat_result) -> str:
    """Who else may write to a file or folder, as `others may write to it`; empty: only we or the system's owner."""
    if not hasattr(os, "getuid"):
        return ""
    if found.st_uid not in (0, os.getuid()):
        return f"it belongs to another user (number {found.st_uid})"
    return "others may write to it" if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else ""


def _wrong(folder: Path) -> str:
    """Why a folder is not to be trusted; empty: it is ours alone."""
    try:
        found = folder.lstat()
    except OSError as error:
        return error.strerror or "it cannot be looked at"
    if not stat.S_ISDIR(found.st_mode):
        return "it is no folder"
    for above in folder.absolute().parents:  # whoever may write there may put another folder in the place of ours
        with suppress(OSError):
            mode = above.stat().st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                return f"everybody may write to {above}"
    return stranger(found)


def _places() -> Iterator[Path]:
    """Where the folder may be, best first: what the environment names and nothing else, the user's cache, a temporary place."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        if named:
            yield Path(named).absolute()
        return
    home = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("HOME") and str(Path.home() / ".cache"))
    if home and Path(home).is_absolute():
        yield Path(home) / "clout"
    with suppress(OSError):  # no folder for temporary files that can be written to
        yield Path(tempfile.gettempdir()) / f"clout-{os.getuid() if hasattr(os, 'getuid') else 'kernels'}"


def _refused(place: Path) -> str:
    """Why kernels cannot be kept in a place; empty: the folder is there, ours, and complete or can be written to."""
    folder = place / key()
    try:
        if not (folder / _COMPLETE).exists():
            place.mkdir(mode=0o755, parents=True, exist_ok=True)
            folder.mkdir(mode=0o755, exist_ok=True)
        if wrong := _wrong(place) or _wrong(folder):
            return wrong
        if not (folder / _COMPLETE).exists():
            tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


@cache
def _found() -> tuple[Path | None, str]:
    """The folder, or None and why there is none."""
    reasons = []
    for place in _places():
        if not (refused := _refused(place)):
            return place / key(), ""
        reasons.append(f"{place}: {refused}")
    return None, "; ".join(reasons) or (f"{VARIABLE} is empty" if VARIABLE in os.environ else "no place to write to")


def folder() -> Path | None:
    """Where compiled kernels are kept; None: nowhere, each process compiles for itself."""
    return _found()[0]


def advice() -> str:
    """Why nothing is kept, and what to do, as one sentence; empty when there is a folder."""
    why = _found()[1]
    return why and (
        f"what is compiled is not kept ({why}), so each process compiles for itself: "
        f"name a folder that only you may write to with {VARIABLE}"
    )


def forget() -> None:
    """Look again at the next call: the environment, or a folder, has changed."""
    _found.cache_clear()
    key.cache_clear()


def _list(where: Path) -> str:
    return "".join(f"{path.stat().st_size} {path.name}\n" for path in sorted(where.glob(f"*{SUFFIX}")))


def kept(what: str = "all") -> bool:
    """Has somebody compiled all these kernels, and are they still there? `what` says who knows what all is: see `keep`."""
    where = folder()
    if where is None:
        return False
    try:
        named, *lines = (where / _COMPLETE).read_text().splitlines()
        sizes = [line.partition(" ") for line in lines]
        whole = all((where / name).stat().st_size == int(size) for size, _, name in sizes)
        return named == what and bool(lines) and whole
    except (OSError, ValueError):
        return False


def keep(what: str = "all") -> None:
    """All kernels are compiled and in the folder, as `what` sees it."""
    where = folder()
    if where is not None:
        with suppress(OSError):
            write(where / _COMPLETE, f"{what}\n{_list(where)}".encode())


def write(path: Path, data: bytes) -> None:
    """A file that is there as a whole or not at all, and that only we write to. Raises OSError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:  # noqa: PTH123
            file.write(data)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


@contextmanager
def alone() -> Iterator[None]:
    """While the block lasts no other process compiles into the folder: who comes second waits."""
    where = folder()
    try:
        import fcntl

        lock = (where / _LOCK).open("ab") if where else None
    except (ImportError, OSError):
        lock = None
    if lock is None:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def used() -> None:
    """These kernels are in use: see `tidy`."""
    where = folder()
    if where is not None:
        with suppress(OSError):
            if time.time() - where.stat().st_mtime > _DAY_S:
                os.utime(where)


def tidy() -> list[Path]:
    """Removes the folders of other kernels beside ours that nobody has used for 30 days. Returns them."""
    where = folder()
    if where is None:
        return []
    gone = []
    for other in where.parent.iterdir():
        with suppress(OSError):
            old = time.time() - other.stat().st_mtime > _UNUSED_S
            if old and other != where and re.fullmatch(r"[0-9a-f]{20}", other.name) and not _wrong(other):
                shutil.rmtree(other)
                gone.append(other)
    return gone
