"""From a row to a score: mass of the windows, reach, participation and facts; the Hill curve. As numpy: `streams.model.score`.

0.165 us a row, most of it waiting for the row and the power of the Hill curve.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.more import facts_of
from streams.fold.rows import ACTED, ENGAGEMENTS, FOLLOWERS, MORE, SUMS, WIDTH
from streams.fold.words import ahead


class Mass(NamedTuple):
    """One user's mass and what it comes from, decayed to a moment."""

    day: float  #: the windows, weighted engagement
    week: float
    quarter: float
    engagement: float  #: mass of the windows
    reach: float
    participation: float
    acted: float  #: number of own actions
    facts: float  #: mass of all facts, capped


@part
def ahead_of_row(cells, slot):
    """Fetch a row, (WIDTH,), into the cache, because it will soon be asked for."""
    for column in range(0, WIDTH, 8):
        ahead(cells, slot * WIDTH + column)


@part
def growth(ts, landmark, half_life):
    """What an event of weight 1 at `ts` adds to a sum with this landmark (all ms): see `streams.model.windows`."""
    return np.exp2(min(max((np.float64(ts) - np.float64(landmark)) / half_life, -1074.0), 1020.0))


@part
def mass_of(row, decays, model, facts):
    """The mass of a row, (WIDTH,), read with the decays of the three windows; `facts` is what they give together.

    (Not `More` itself: taking its arrays and giving them back costs a call 0.7 us, and few users have anything there.)
    """
    day = week = quarter = 0.0
    for at in range(SUMS, ENGAGEMENTS, 3):
        day += row[at]
        week += row[at + 1]
        quarter += row[at + 2]
    day, week, quarter = max(day * decays[0], 0.0), max(week * decays[1], 0.0), max(quarter * decays[2], 0.0)
    engagement = day * model.mixture[0] + week * model.mixture[1] + quarter * model.mixture[2]
    reach = min(model.reach_per_doubling * np.log2(1.0 + max(row[FOLLOWERS], 0.0)), model.reach_cap)
    acted = max(row[ACTED] * decays[1], 0.0)
    participation = model.participation_cap * acted / (acted + model.participation_half)
    return Mass(day, week, quarter, engagement, reach, participation, acted, min(facts, model.facts_cap))


@part
def hill(mass, model):
    """The score before the floor of 1: 100 m^k / (m^k + m0^k)."""
    x = (max(mass, 0.0) / model.half_mass) ** model.steepness
    return 100.0 * x / (1.0 + x)


@part
def score_of(row, decays, model, facts):
    """Just the score of a row, at least 1."""
    mass = mass_of(row, decays, model, facts)
    return max(hill(mass.engagement + mass.reach + mass.participation + mass.facts, model), 1.0)


@kernel
def scores_of(rows, decays, model, more, out):
    """The scores (n,) of rows (n, WIDTH)."""
    for i in range(len(rows)):
        row, facts = rows[i], 0.0
        if row[MORE] > 0.0:
            facts = facts_of(more, row, decays)
        out[i] = score_of(row, decays, model, facts)
