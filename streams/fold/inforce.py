"""The model of a close: that which was in force then. Of others than the one of now only what makes a score of a row counts."""

from __future__ import annotations

from streams.fold.compiled import part
from streams.fold.constants import Constants

MIXTURE = 3  #: so many terms are the mixture of the windows


def terms(constants: Constants) -> list[float]:
    """What in a model makes a score of a row, as `in_force` reads it."""
    c = constants
    taking_part = c.participation_cap, c.participation_half
    return [*c.mixture.tolist(), c.reach_per_doubling, c.reach_cap, *taking_part, c.half_mass, c.steepness, c.facts_cap]


@part
def in_force(calendar, back, model):
    """The constants for the close so many days before the last; `model`, of now, has those that closes do not ask for."""
    own = calendar.terms[back]
    return Constants(
        model.weights, model.half_lives, own[:MIXTURE], model.selective, model.standing_floor, model.standing_gain,
        model.novelty_floor, own[3], own[4], own[5], own[6], own[7], own[8], model.confident_actors, model.displayed_step, own[9],
    )  # fmt: skip
