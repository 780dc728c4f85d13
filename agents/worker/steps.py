"""What is compiled before a worker begins: a tiny piece of real work for each group of kernels, with the types of the product.

A step is a function without arguments. It imports what it needs itself, and calls what the product calls, so that a kernel gets
the very types that it will get later. Steps run in any order, each in any process; the dear ones come first, so that the
processes end together. `tests/worker/test_warm.py` says which kernel no step runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.model.table import Table

#: name -> the work, dear ones first
STEPS: dict[str, Callable[[], None]] = {}

_USERS = ["net:ada", "net:ben"]


def _step(work: Callable[[], None]) -> Callable[[], None]:
    STEPS[work.__name__] = work
    return work


def _table() -> Table:
    from streams.model.table import Table
    from streams.model.versions import DEFAULT  # all models have the same types

    return Table(DEFAULT)


@_step
def names() -> None:
    """Finding users, and adding them."""
    _table().slots(_USERS)


@_step
def memories() -> None:
    """Memories as `state` has them, in and out."""
    import numpy as np

    memory = _table().memory
    slots = np.arange(len(_USERS))
    memory.put(slots, [b"", b""])
    memory.copied(slots)


@_step
def scores() -> None:
    """The scores of rows."""
    import numpy as np

    from streams.fold.score import scores_of

    table = _table()
    scores_of(table.cells[:2], table.decays(0), table.constants, np.empty(2))
