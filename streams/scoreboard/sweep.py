"""A sweep: who is written to Redis in one go, and what Redis has once that is done."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.model.users import Slots


class Sweep(NamedTuple):
    """Who is written in one go, and what Redis has once that is done."""

    slots: Slots
    whole: bool  #: is nobody left who may be missing?
    cut: int  #: the version of the last cut before it began
    counts: dict[str, int]  #: as it began
    times: list[NDArray[np.int64]]  #: of the engagements folded before it began and after the one before
    late: int  #: how many more, older than `Latency` measures
