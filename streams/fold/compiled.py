"""How kernels are compiled, and how they come back from the folder. The only module that sets numba up.

What makes compiling dear (27 s of one core for all kernels, 20 s with two, 0.3 s to load them):

- A kernel is compiled anew for each combination of its arguments' types. So numbers that kernels give each other are i64,
  u64 or f64, whatever they were; arrays that may not be written to are another type, so all may (`streams.fold.words.padded`).
- Assigning to a slice, `a[:n] = b[:n]`, compiles the text of its error message: 2.5 s. A loop costs nothing.
- What only other kernels call gets no entry from Python, which is a fifth of the time.

A compiled kernel holds all that it calls. Division by zero is inf or nan, of integers 0: nothing raises.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core import compiler, types
from numba.core.caching import NullCache
from numba.core.registry import CPUDispatcher
from numba.core.runtime import rtsys  # type: ignore[attr-defined]
from numba.core.serialize import dumps

from streams.fold import folder

_OPTIONS = {"nopython": True, "nogil": True, "boundscheck": None, "error_model": "numpy"}
_INNER = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_DIGEST = hashlib.sha256().digest_size

#: what this process had to compile because it was not in the folder: name and seconds
made: list[tuple[str, float]] = []


class _Kept(NullCache):  # type: ignore[misc]
    """The compiled versions of one kernel in the folder: a file for each combination of types, a checksum before its content.

    numba's own way has an index for each kernel, which two processes can leave wrong, and a damaged one ends the process.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        self._line = function.__code__.co_firstlineno  # two may have one name
        self._began_s = 0.0

    def _path(self, signature: Any, codegen: Any) -> Path | None:
        where = folder.folder()
        version = hashlib.sha256(repr((self._line, signature, codegen.magic_tuple())).encode()).hexdigest()[:16]
        return where and where / f"{self._name}-{version}{folder.SUFFIX}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """What was compiled for these types; None: nothing, or nothing that can be used."""
        self._began_s = time.perf_counter()
        path = self._path(sig, target_context.codegen())
        content = path and _read(path)
        if not content:
            return None
        try:  # of all that numba sets up to compile, what is compiled needs this: a second less at each start
            rtsys.initialize(target_context)
            return compiler.CompileResult._rebuild(target_context, *pickle.loads(content))  # noqa: S301 - a folder of ours
        except Exception:  # noqa: BLE001 - whatever is wrong with it: it is compiled again
            return None

    def save_overload(self, sig: Any, cres: Any) -> None:
        """Keep what was compiled, if that can be."""
        made.append((self._name, time.perf_counter() - self._began_s))
        path = self._path(sig, cres.codegen)
        if path and not cres.library.has_dynamic_globals:
            content = dumps(cres._reduce())
            with suppress(OSError):  # no room, or a folder that is only read: then the next process compiles it, too
                folder.write(path, hashlib.sha256(content).digest() + content)


def _read(path: Path) -> bytes | None:
    """What was kept in a file; None: it is damaged, not ours alone, or not there."""
    try:
        with path.open("rb") as file:
            if folder.stranger(os.fstat(file.fileno())):
                return None
            digest, content = file.read(_DIGEST), file.read()
    except OSError:
        return None
    return content if hashlib.sha256(content).digest() == digest else None


def _wide(kind: Any) -> Any:
    """The type that a kernel gets of a number: of one that stands in the call that of a variable, and the widest."""
    kind = types.unliteral(kind)
    if isinstance(kind, types.Integer):
        return kind if kind == types.uint64 else types.int64
    return types.float64 if kind == types.float32 else kind


class _Inner(CPUDispatcher):  # type: ignore[misc]
    """A kernel as other kernels call it. It cannot be called from Python."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Numbers that are given are i64, u64 or f64: else a kernel would be compiled for each width."""
        return super().get_call_template(tuple(map(_wide, args)), {name: _wide(kind) for name, kind in kws.items()})


class Kernel(CPUDispatcher):  # type: ignore[misc]
    """A kernel as Python calls it, with its twin for other kernels. Each is compiled when it is called first."""

    def __init__(self, function: Callable[..., Any], *, inside: bool = False) -> None:
        super().__init__(function, targetoptions=dict(_OPTIONS))
        if not function.__closure__:  # else it depends on more than its source
            self._cache = _Kept(function)
        self.inner = _Inner(function, targetoptions={**_INNER, "forceinline": inside})

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Other kernels call the twin."""
        return self.inner.get_call_template(args, kws)

    def get_overload(self, sig: Any) -> Any:
        """And find its code."""
        return self.inner.get_overload(sig)


def kernel(function: Callable[..., Any]) -> Any:
    """A function that is compiled when it is called first. It holds no lock of Python's while it runs."""
    return Kernel(function)


def part(function: Callable[..., Any]) -> Any:
    """A kernel that becomes part of those that call it: for small ones that are called often, or from one place.

    A call tells who else holds each array and takes it back, 5 ns each: of twenty calls with five arrays that is most of the time.
    """
    return Kernel(function, inside=True)
