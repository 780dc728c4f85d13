"""The seed that noticed each mutation when it was last looked for: it is tried first, for some take hundreds.

A change of the protocol shifts what seeds do. A mutation whose seed is not here, or does not notice it any more, is looked for
from the first seed on: what is old here costs time and hides nothing. `python -m agents.proof.simulation.note` looks for
all of them anew, some minutes, and writes the table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_suffix(".json")


@cache
def noticed() -> dict[str, int]:
    """Mutation -> the seed to try first."""
    return {str(name): int(seed) for name, seed in json.loads(_TABLE.read_text()).items()}


def note(found: Mapping[str, int]) -> None:
    """Write the table."""
    _TABLE.write_text(json.dumps(found, indent=1) + "\n")
