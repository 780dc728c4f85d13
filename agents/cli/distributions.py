"""What `clout calibrate` has found, as text, JSON and a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from agents.cli.output import moment
from streams.calibration.fit import Curve, Goal, Population, fit
from streams.calibration.mixtures import Tried, farthest
from streams.calibration.steady import Moment
from streams.model.score import hill
from streams.model.versions import Model
from streams.model.windows import Floats

#: what is shown of each model: so many fresh likes of strangers who did nothing else before, all at once
_LIKES = (1, 20)


class Range(NamedTuple):
    """The lowest and the highest of some moments."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Range:
        """Of these."""
        return cls(min(values), max(values))

    def __str__(self) -> str:
        return f"{self.low:.1f}-{self.high:.1f}"


class Weekly(NamedTuple):
    """A week under the model in force, all its days together."""

    week: int
    night: bool
    average: Range
    top: Range


class Distribution(NamedTuple):
    """Of one feed: who there is, the curve that fits, and how the model in force fares."""

    name: str
    note: str
    people: Population
    model: Model
    goal: Goal
    fitted: Curve
    weeks: list[Weekly]
    farthest: float  #: from the goals, of the model in force, at any moment
    tried: list[Tried]


def at_once(name: str, masses: Floats, model: Model, goal: Goal, at_ms: int) -> Distribution:
    """Of people at one moment. Raises CloutError as `fit` does."""
    people = Population.of(masses)
    curve = fit(people, goal)
    note = f"{people.size:,} people engaged with in the 90 days up to {moment(at_ms)}"
    return Distribution(name, note, people, model, goal, curve, [], farthest([people], model, goal), [])


def over_weeks(
    name: str, note: str, moments: list[tuple[Moment, Population]], model: Model, goal: Goal, tried: list[Tried]
) -> Distribution:
    """Of people at many moments: the curve fits all of them as one. Raises CloutError as `fit` does."""
    people = Population.together([population for _, population in moments])
    curve, weeks = fit(people, goal), []
    for week, night in sorted({(when.week, when.night) for when, _ in moments}):
        some = [population for when, population in moments if (when.week, when.night) == (week, night)]
        averages, tops = [one.average(model) for one in some], [one.top(model) for one in some]
        weeks.append(Weekly(week, night, Range.of(averages), Range.of(tops)))
    far = farthest([population for _, population in moments], model, goal)
    return Distribution(name, note, people, model, goal, curve, weeks, far, tried)


def likes(model: Model) -> dict[int, float]:
    """The score that so many likes give at their own time, of people who did nothing else and score 0."""
    whole = model.weights[0] * model.standing_floor * sum(model.mixture)
    return {n: float(hill(n * whole, model)) for n in _LIKES}


def told(one: Distribution) -> dict[str, Any]:
    """JSON-ready."""
    return {
        "source": one.name,
        "note": one.note,
        "goal": one.goal._asdict(),
        "fitted": one.fitted._asdict(),
        "model": {"name": one.model.name, "half_mass": one.model.half_mass, "steepness": one.model.steepness},
        "average": one.people.average(one.model),
        "top": one.people.top(one.model),
        "farthest": one.farthest,
        "likes": {str(n): score for n, score in likes(one.model).items()},
        "weeks": [
            {"week": w.week, "night": w.night, "average": list(w.average), "top": list(w.top)} for w in one.weeks
        ],
        "mixtures": [{"mixture": t.mixture, **t.curve._asdict(), "farthest": t.farthest} for t in one.tried],
    }


def lines(one: Distribution) -> Iterator[str]:
    """The findings in words."""
    yield f"{one.name}: {one.note}"
    fitted, model = one.fitted, one.model
    yield (
        f"  fitted   half_mass {fitted.half_mass:.4g}, steepness {fitted.steepness:.4g}: average {one.goal.average:g}, "
        f"top 5 % from {one.goal.top:g}"
    )
    yield (
        f"  {model.name:7}  half_mass {model.half_mass:.4g}, steepness {model.steepness:.4g}: average "
        f"{one.people.average(model):.1f}, top 5 % from {one.people.top(model):.1f}, at most {one.farthest:.1f} from the goals"
    )
    given = ", ".join(
        f"{n} fresh like{'s of strangers' if n > 1 else ' of a stranger'} {score:.1f}"
        for n, score in likes(model).items()
    )
    yield f"  {given}"
    for some in one.tried[:5]:
        day, week, quarter = some.mixture
        yield (
            f"  mixture  day {day:g}, week {week:g}, quarter {quarter:g}: half_mass {some.curve.half_mass:.4g}, steepness "
            f"{some.curve.steepness:.4g}, at most {some.farthest:.2f} from the goals"
        )


def rows(one: Distribution) -> Iterator[tuple[str, str, str, str]]:
    """A line a week and time of day."""
    for week in one.weeks:
        yield str(week.week), "night" if week.night else "busiest hour", str(week.average), str(week.top)
