"""Every constant of the score, in one frozen, named model. A published model never changes; a new one gets a new name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from streams.errors import UsageError
from streams.fold.constants import Constants

DAY_MS = 86_400_000


class Fact(NamedTuple):
    """What a fact gives: mass for each doubling of 1 + its value, at most so much, halved after so many days."""

    per_doubling: float
    cap: float
    half_life_d: float = 365.0


#: by name; `followers` is none of them: it is part of the reach. Any other name counts as OTHER
FACTS = {
    "following": Fact(0.005, 0.05),
    "lists": Fact(0.03, 0.3),
    "verified": Fact(0.1, 0.1, 730.0),
    "wikipedia_links": Fact(0.05, 0.5, 730.0),
    "wikipedia_views": Fact(0.02, 0.4, 90.0),
    "seniority": Fact(0.05, 0.2, 730.0),
}
OTHER = Fact(0.02, 0.2)
FOLLOWERS = "followers"  #: the fact that is part of the reach
MOST_FACTS = 16  #: of a user


@dataclass(frozen=True, slots=True)
class Model:
    """The published constants. Weights are in the order of `streams.events.KINDS`; windows are day, week, quarter."""

    name: str
    #: what one engagement of a kind weighs: like, follow, mention, reply, share, retweet
    weights: tuple[float, ...] = (1.0, 2.0, 2.0, 3.0, 4.0, 4.0)
    #: half-lives of the windows in days; 62.4 d holds the mass of a plain 90-day window (H = W ln 2)
    half_lives_d: tuple[float, float, float] = (1.0, 7.0, 62.4)
    #: how much each window counts in the mass
    mixture: tuple[float, float, float] = (0.5, 0.5, 1.0)
    #: does an actor's attention divide among the actions it made lately (half-life: the week window's)?
    selective: bool = True
    #: weight of an actor who scores 0, and what a score of 100 adds to it
    standing_floor: float = 0.8
    standing_gain: float = 0.4
    #: weight that even the thousandth engagement of the same pair keeps; each earlier one halves the rest
    novelty_floor: float = 0.25
    #: mass for each doubling of the net followers, and its cap
    reach_per_doubling: float = 0.05
    reach_cap: float = 1.0
    #: most mass that taking part can give, and the decayed number of actions that gives half of it
    participation_cap: float = 0.04
    participation_half: float = 10.0
    #: the mass that scores 50, and the steepness of the Hill curve: near 40 on average and 63 for the top 5 %, by `clout calibrate`
    half_mass: float = 6.4
    steepness: float = 0.375
    #: what each fact gives, by its name, and any other
    facts: tuple[tuple[str, Fact], ...] = tuple(FACTS.items())
    other_fact: Fact = OTHER
    #: score that all facts together give by themselves at most
    facts_score: float = 30.0
    #: distinct actors that give a confidence of one half; below this the score is provisional
    confident_actors: float = 5.0
    #: scores are displayed with this step; an idle user is published again after moving by it
    displayed_step: float = 0.1

    @property
    def half_lives_ms(self) -> tuple[int, int, int]:
        """The half-lives in whole milliseconds."""
        day, week, quarter = self.half_lives_d
        return round(day * DAY_MS), round(week * DAY_MS), round(quarter * DAY_MS)

    def fact(self, name: str) -> Fact:
        """What a fact of this name gives."""
        return dict(self.facts).get(name, self.other_fact)

    def fact_keeps(self, name: str, elapsed_ms: float) -> float:
        """What is left of a fact so long after its date, as a part."""
        lives = elapsed_ms / (self.fact(name).half_life_d * DAY_MS)
        return float(0.5 ** min(max(lives, 0.0), 1000.0))

    @property
    def facts_cap(self) -> float:
        """Mass that all facts together give at most: what scores `facts_score`."""
        share = self.facts_score / 100.0
        return float(self.half_mass * (share / (1.0 - share)) ** (1.0 / self.steepness))

    @property
    def constants(self) -> Constants:
        """The same for kernels."""
        import numpy as np  # who reads settings alone needs none

        return Constants(
            np.array(self.weights),
            np.array(self.half_lives_ms, np.float64),
            np.array(self.mixture),
            *(self.selective, self.standing_floor, self.standing_gain, self.novelty_floor),
            *(self.reach_per_doubling, self.reach_cap, self.participation_cap, self.participation_half),
            *(self.half_mass, self.steepness, self.confident_actors, self.displayed_step, self.facts_cap),
        )


DEFAULT = Model("clout-1")
#: Without selectivity, standing and novelty nothing depends on the order of events: for comparisons to the last digit.
PLAIN = replace(DEFAULT, name="plain", selective=False, standing_floor=1.0, standing_gain=0.0, novelty_floor=1.0)

MODELS: dict[str, Model] = {m.name: m for m in (DEFAULT, PLAIN)}


def model(name: str) -> Model:
    """The model of that name; `default` is the current one. Raises UsageError with the names there are."""
    if name == "default":
        return DEFAULT
    try:
        return MODELS[name]
    except KeyError:
        raise UsageError(f"no model named {name!r}; there are {', '.join(sorted(MODELS))}") from None
