"""The constants of a model as kernels read them; what they mean is said in `streams.model.versions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Constants(NamedTuple):
    """Half-lives in ms, as floats; the names are those of `Model`."""

    weights: NDArray[np.float64]  #: (6,)
    half_lives: NDArray[np.float64]  #: (3,)
    mixture: NDArray[np.float64]  #: (3,)
    selective: bool
    standing_floor: float
    standing_gain: float
    novelty_floor: float
    reach_per_doubling: float
    reach_cap: float
    participation_cap: float
    participation_half: float
    half_mass: float
    steepness: float
    confident_actors: float
    displayed_step: float
    facts_cap: float
