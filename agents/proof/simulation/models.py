"""Two models that weigh alike and score differently: sums do not tell by which of them a partition was run, closes do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from streams.model.versions import MODELS, PLAIN

OTHER = replace(PLAIN, name="other", mixture=(1.0, 0.25, 0.5), half_mass=3.0, steepness=0.6, participation_half=2.0)


@contextlib.contextmanager
def both() -> Iterator[None]:
    """Everybody knows the other one, too."""
    MODELS[OTHER.name] = OTHER
    try:
        yield
    finally:
        del MODELS[OTHER.name]
