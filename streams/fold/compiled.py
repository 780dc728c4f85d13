"""How kernels are compiled, and where the result is kept. The only module that sets numba up.

Compiling all kernels takes some 20 s of one core, loading what was compiled a third of a second. The folder is named after
all their source, numba's version and the sort of machine: who changes a kernel gets a new one, and machines of one sort may
share theirs. Loading runs what is in the folder, so one that somebody else may write to is not used.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("NUMBA_CPU_NAME", "generic")  # portable, and as fast: within 5 %

import numba
from numba.core import config as _config

config: Any = _config

_HERE = Path(__file__).parent
#: Names the folder for compiled kernels; empty: none is kept.
FOLDER = "CLOUT_KERNELS"


@cache
def key() -> str:
    """What the compiled kernels depend on, short."""
    digest = hashlib.sha256()
    for path in sorted(_HERE.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for part in (numba.__version__, platform.python_version(), platform.machine(), config.CPU_NAME or "host"):
        digest.update(str(part).encode() + b"\0")
    digest.update(str(config.BOUNDSCHECK).encode())
    return digest.hexdigest()[:20]


def _places() -> Iterator[Path]:
    """Where the folder may be, best first: what the environment names (nothing else then), the user's cache, a temporary place."""
    named = os.environ.get(FOLDER)
    if named is not None:
        if named:
            yield Path(named)
        return
    home = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("HOME") and str(Path.home() / ".cache"))
    if home and Path(home).is_absolute():
        yield Path(home) / "clout"
    yield Path(tempfile.gettempdir()) / f"clout-{os.getuid() if hasattr(os, 'getuid') else 'kernels'}"


def _ours(folder: Path) -> bool:
    """Is it a folder that only we or the system's owner write to?"""
    try:
        found = folder.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(found.st_mode):
        return False
    if not hasattr(os, "getuid"):
        return True
    return found.st_uid in (0, os.getuid()) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _usable(place: Path) -> Path | None:
    """The folder for these kernels in a place, made if need be; None: it cannot be used."""
    folder = place / key()
    if _ours(folder) and _ours(place) and any(folder.rglob("*.nbi")):
        return folder
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if not (_ours(place) and _ours(folder)):
            return None
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return folder


@cache
def folder() -> Path | None:
    """Where compiled kernels are kept; None: nowhere, each process compiles for itself."""
    return next((found for place in _places() if (found := _usable(place)) is not None), None)


def kept() -> bool:
    """Has somebody compiled these kernels, all of them, before?"""
    found = folder()
    return found is not None and (found / "complete").exists()


def keep() -> None:
    """All kernels are compiled and in the folder."""
    found = folder()
    if found is not None:
        (found / "complete").touch()


def _options() -> dict[str, Any]:
    found = folder()
    if found is None:
        return {"nogil": True}
    config.CACHE_DIR = str(found)
    return {"nogil": True, "cache": True}


def kernel(function: Callable[..., Any]) -> Any:
    """A function that is compiled when it is called first. It holds no lock of Python's while it runs."""
    return numba.njit(**_options())(function)


def part(function: Callable[..., Any]) -> Any:
    """A kernel that becomes part of those that call it: for what is called often, or from one place.

    A call hands on who owns each array and takes it back, 5 ns each: of twenty calls with five arrays that is most of their time.
    """
    return numba.njit(**_options(), forceinline=True)(function)
