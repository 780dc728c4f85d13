"""The clocks that are passed in: whoever needs the time gets it from here, so that a simulation can have its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Clocks(NamedTuple):
    """Three clocks of one process."""

    wall_ms: Callable[[], float]  #: milliseconds since epoch, UTC
    monotonic_s: Callable[[], float]  #: seconds since some moment; never goes back
    cpu_s: Callable[[], float]  #: CPU seconds of this thread
