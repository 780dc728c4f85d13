"""The fit: of all Hill curves the one under which a population has a wanted average, and its top 5 % begin where they should.

In logit space a score is a straight line in log mass: logit(s) = k (ln m - ln m0). That the top begins at score t pins the line
to the mass q at which it begins, ln m0 = ln q - logit(t) / k; what is left is one equation for the steepness k.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, exp, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.errors import CloutError
from streams.model.score import hill
from streams.model.versions import Model
from streams.model.windows import Floats

TOP_SHARE = 0.05
FEWEST = 100  #: people for a fit: the top 5 % of fewer are fewer than five
_FLATTEST, _STEEPEST = 1e-3, 50.0
#: masses are rounded to bins of 1/256 doubling from 2^-40 on: a score moves by 0.02 points at most
_FINE, _LOWEST = 256, -40


class Goal(NamedTuple):
    """What a population is to have."""

    average: float = 40.0
    top: float = 63.0  #: the score at which the top 5 % begin


class Curve(NamedTuple):
    """The two constants that are fitted."""

    half_mass: float
    steepness: float

    def of(self, model: Model) -> Model:
        """The model with this curve."""
        return replace(model, half_mass=self.half_mass, steepness=self.steepness)


@dataclass(frozen=True, slots=True)
class Population:
    """Who has how much mass: `counts` (n,) people have each of `masses` (n,), rising."""

    masses: Floats
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, masses: Floats) -> Population:
        """Of people one by one, (n,)."""
        return cls(np.sort(np.maximum(masses, 0.0)), np.ones(len(masses), np.int64))

    @classmethod
    def rounded(cls, masses: Floats) -> Population:
        """The same with masses rounded to bins of 1/256 doubling: many of these can be added up."""
        logs = np.log2(np.maximum(masses, 2.0**_LOWEST))
        counts = np.bincount(((logs - _LOWEST) * _FINE).astype(np.int64))
        some = np.flatnonzero(counts)
        return cls(np.exp2((some + 0.5) / _FINE + _LOWEST), counts[some])

    @classmethod
    def together(cls, parts: list[Population]) -> Population:
        """Several as one."""
        masses, place = np.unique(np.concatenate([part.masses for part in parts]), return_inverse=True)
        counts = np.zeros(len(masses), np.int64)
        np.add.at(counts, place, np.concatenate([part.counts for part in parts]))
        return cls(masses, counts)

    @property
    def size(self) -> int:
        """How many people."""
        return int(self.counts.sum())

    def scores(self, model: Model) -> Floats:
        """Of each mass, (n,)."""
        return np.maximum(hill(self.masses, model), 1.0)

    def average(self, model: Model) -> float:
        """The mean score."""
        return float(self.scores(model) @ self.counts / self.size)

    def top(self, model: Model) -> float:
        """The score at which the top 5 % begin."""
        return float(self.scores(model)[self._first_of_top])

    @property
    def _first_of_top(self) -> int:
        return int(np.searchsorted(self.counts.cumsum(), ceil((1 - TOP_SHARE) * self.size - 1e-9), side="left"))

    @property
    def top_mass(self) -> float:
        """The mass at which the top 5 % begin."""
        return float(self.masses[self._first_of_top])


def fit(population: Population, goal: Goal | None = None) -> Curve:
    """The curve under which this population meets the goal, to 1e-9 points. Raises CloutError where there is none.

    By bisection: with the top pinned, a steeper curve lowers all below it, and they are 95 % of the people.
    """
    goal = goal or Goal()
    if population.size < FEWEST:
        raise CloutError(
            f"{population.size:,} people were engaged with in the last 90 days: at least {FEWEST} are needed, so that the top 5 % "
            "are some; give more events"
        )
    top_mass, height = population.top_mass, log(goal.top / (100.0 - goal.top))
    if top_mass <= 2.0**_LOWEST:
        raise CloutError(
            "the top 5 % have no mass: nothing is left of what happened; look at an earlier time (--as-of)"
        )

    nothing = population.masses <= 0
    from_top = np.where(nothing, -1e9, np.log(np.where(nothing, 1.0, population.masses) / top_mass))

    def above(steepness: float) -> bool:
        # in logs: of the flattest curves m0 is no number any more
        scores = 100.0 / (1.0 + np.exp(-np.clip(steepness * from_top + height, -700.0, 700.0)))
        return float(np.maximum(scores, 1.0) @ population.counts) > goal.average * population.size

    flat, steep = _FLATTEST, _STEEPEST
    if not above(flat):
        raise CloutError(_none(goal, "stays below", "too many have next to no mass"))
    if above(steep):
        raise CloutError(_none(goal, "stays above", "too many have as much mass as those with whom the top 5 % begin"))
    while steep - flat > 1e-13 * steep:
        middle = (flat + steep) / 2
        if not flat < middle < steep:
            break
        flat, steep = (middle, steep) if above(middle) else (flat, middle)
    return Curve(exp(log(top_mass) - height / steep), steep)


def _none(goal: Goal, how: str, why: str) -> str:
    return (
        f"no curve gives this population an average of {goal.average:g} and a top 5 % from {goal.top:g}: the average {how} "
        f"{goal.average:g} however steep it is, since {why}; take more varied traffic, or other goals (--average, --top)"
    )
