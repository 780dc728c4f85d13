"""What the operating system says: CPU and memory of a process, the machine, the versions of what is compared."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from streams.errors import UsageError

_PACKAGES = ("aiokafka", "faust-streaming", "hiredis", "msgspec", "numpy", "orjson", "redis")


def require_linux() -> None:
    """Raise UsageError where the CPU time of another process cannot be read."""
    if sys.platform != "linux":
        raise UsageError(
            "the benchmarks read CPU time and memory from Linux; run them there, for example in a container"
        )


def cpu_s(pid: int) -> float:
    """User and system CPU seconds a process has used so far, all its threads, to the microsecond."""
    return time.clock_gettime((~pid << 3) | 2)  # Linux: the CPU clock of a process has this number


def peak_rss_mb(pid: int) -> float:
    """The most memory a process ever had resident, in MB (10^6 bytes)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) * 1024 / 1e6 if peak else float("nan")


def tree(pid: int) -> list[int]:
    """A process that leads a session, and everything in that session."""
    pids = [pid]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != pid:
            with contextlib.suppress(OSError, ValueError):
                if os.getsid(int(entry.name)) == pid:
                    pids.append(int(entry.name))
    return pids


def tree_cpu_s(pid: int) -> float:
    """User and system CPU seconds of a session so far: its processes, and those that ended and were waited for."""
    total = 0.0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            ended = Path(f"/proc/{each}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[13:15]
            total += cpu_s(each) + sum(map(int, ended)) / os.sysconf("SC_CLK_TCK")
    return total


def tree_peak_rss_mb(pid: int) -> float:
    """The most memory each process of a session ever had resident, added up, in MB (10^6 bytes)."""
    total = 0.0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            total += peak_rss_mb(each)
    return total


def machine() -> dict[str, Any]:
    """The machine as a reader of a result needs it; `load` is the average of the last minute, before the run."""
    memory = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="utf-8"))
    processor = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {
        "processor": processor[1].strip() if processor else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory[1]) * 1024 / 1e9, 1) if memory else None,
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "load": round(os.getloadavg()[0], 2),
    }


def versions(*more: str) -> dict[str, str]:
    """Python and the packages that matter here, and some more."""
    known = {"python": platform.python_version()}
    for package in (*_PACKAGES, *more):
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            known[package] = "not installed"
    return known
