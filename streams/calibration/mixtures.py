"""Which mixture of windows lets averages and the top 5 % move least over weeks and hours of the day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product
from typing import NamedTuple

from streams.calibration.fit import Curve, Goal, Population, fit
from streams.calibration.steady import Moment
from streams.model.versions import Model

#: how much the windows of a day and of a week may count; the quarter counts 1, for masses have no unit of their own
_TRIED = (0.0, 0.25, 0.5, 1.0)

Moments = Iterable[tuple[Moment, Population]]


class Tried(NamedTuple):
    """A mixture, its curve, and the farthest that an average or a top 5 % is from the goal at any moment."""

    mixture: tuple[float, float, float]
    curve: Curve
    farthest: float


def farthest(populations: Iterable[Population], model: Model, goal: Goal) -> float:
    """The largest distance of an average or of the beginning of a top 5 % from the goal, in points."""
    return max(max(abs(one.average(model) - goal.average), abs(one.top(model) - goal.top)) for one in populations)


def tried(moments: Callable[[Model], Moments], model: Model, goal: Goal) -> list[Tried]:
    """Every mixture on a grid with the curve fitted to it, the calmest first. Raises CloutError as `fit` does."""
    found = []
    for day, week in product(_TRIED, _TRIED):
        mixed = replace(model, mixture=(day, week, 1.0))
        populations = [population for _, population in moments(mixed)]
        curve = fit(Population.together(populations), goal)
        found.append(Tried(mixed.mixture, curve, farthest(populations, curve.of(mixed), goal)))
    return sorted(found, key=lambda one: one.farthest)
