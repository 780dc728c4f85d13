"""All of it, at length."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fold.fuzz import batches, events, lines, memories, packs

ALL: dict[str, Callable[[int, int], dict[str, float]]] = {
    "records": events.records,
    "packs": packs.packs,
    "batches": batches.batches,
    "memories": memories.memories,
    "lines": lines.lines,
}


def main(most: int) -> Iterator[str]:
    """Everything, so many times (packs and memories a tenth of it); a line each."""
    for name, run in ALL.items():
        n, began = most if run is events.records else most // 10, time.perf_counter()
        shares = ", ".join(f"{what} {share:.1%}" for what, share in run(1, n).items())
        yield f"{name}: {n:,}, 0 differences; said yes to: {shares}; {time.perf_counter() - began:.0f} s"


def bounds_checked() -> int:
    """The tests of `tests/fold` with kernels that check each place in an array; they are compiled anew for it."""
    here = Path(__file__).parent.parent
    with TemporaryDirectory() as folder:
        checked = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "CLOUT_KERNELS": folder}
        command = [sys.executable, "-m", "pytest", "-q", str(here), f"--ignore={here / 'test_compiled.py'}"]
        return subprocess.run(command, env=checked, check=False).returncode


if __name__ == "__main__":
    for line in main(int(sys.argv[1])):
        print(line, flush=True)
    sys.exit(bounds_checked())
