"""Why a score is what it is and what would change it: pure functions of a published record, its model and a moment.

What one more engagement would give is computed for somebody who never engaged with this user before (novelty 1) and is known
by two numbers, their score and their own actions lately. Both of `PEOPLE` score the population's average.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from streams.events import KINDS, Kind
from streams.model.dates import date
from streams.model.explained import Close, Explanation, NextDecade, OneMore, OneMoreFrom
from streams.model.influential import Influence
from streams.model.ledger import of_days, since_close
from streams.model.outlook import outlook
from streams.model.published import Delta, Parts, Windows
from streams.model.score import WINDOWS, Terms, at, hill, mass_for, reach, shown, terms
from streams.model.standing import Places, standing
from streams.model.versions import DAY_MS, Model


class Person(NamedTuple):
    """Somebody who engages."""

    score: float
    acted: float  #: their own actions before, decayed with the half-life of the week window


#: What models are fitted to: the population's average.
AVERAGE_SCORE = 40.0
#: Own actions that engagements come with on average. Of 519,086 real ones (SNAP's Higgs week on Twitter, self-engagement left
#: out) the mean of `a`, each weighted by its selectivity 1 / (1 + a); so 1 / 1.46 = 0.685 is also the mean selectivity. (The
#: plain mean is 2.9: that of few who act a lot. More than half came from somebody who had not acted before that week.)
AVERAGE_ACTED = 0.46

AVERAGE = Person(AVERAGE_SCORE, AVERAGE_ACTED)
SELECTIVE = Person(AVERAGE_SCORE, 0.0)


def weight(kind: Kind, person: Person, model: Model) -> float:
    """What a first engagement weighs: kind * selectivity * standing.

    selectivity = 1 / (1 + acted) in models that are selective, else 1; standing = floor + gain * score / 100.
    """
    selectivity = 1.0 / (1.0 + max(person.acted, 0.0)) if model.selective else 1.0
    standing = model.standing_floor + model.standing_gain * person.score / 100.0
    return model.weights[KINDS.index(kind)] * selectivity * standing


def gained(kind: Kind, n: int, person: Person, followers: float, model: Model) -> float:
    """Mass that n such engagements just now give to somebody with so many net followers, each from another such person.

    Each weighs as much in all three windows; a follow is also a follower more: n * weight * sum(mixture) + what reach gains.
    """
    mass = n * weight(kind, person, model) * sum(model.mixture)
    if kind == "follow":
        mass += float(reach(followers + n, model) - reach(followers, model))
    return mass


def one_more(record: dict[str, Any], model: Model, now_ms: int) -> OneMoreFrom:
    """Points that one more engagement of each kind gives at `now_ms`: the Hill curve with its mass less that without."""
    mass = terms(record, model, now_ms).mass
    before = shown(mass, model)

    def of(person: Person) -> OneMore:
        after = {kind: mass + gained(kind, 1, person, record["followers"], model) for kind in KINDS}
        points = {kind: shown(more, model) - before for kind, more in after.items()}
        return OneMore(score=person.score, acted=person.acted, points=points)

    return OneMoreFrom(average=of(AVERAGE), selective=of(SELECTIVE))


def next_decade(record: dict[str, Any], model: Model, now_ms: int) -> NextDecade | None:
    """How far it is at `now_ms` to the next multiple of ten above the score; None from 90 on."""
    mass = terms(record, model, now_ms).mass
    score = shown(mass, model)
    decade = 10 * (int(score // 10) + 1)
    if decade >= 100:
        return None
    missing = max(mass_for(decade, model) - mass, 0.0)
    needed = {kind: _needed(kind, missing, record["followers"], model) for kind in KINDS}
    return NextDecade(
        score=decade,
        points=decade - score,
        mass=missing,
        engagements={kind: n for kind, n in needed.items() if n is not None},
    )


def _needed(kind: Kind, missing: float, followers: float, model: Model) -> int | None:
    """The least number of engagements of average people at once that give the missing mass; None if none do."""
    each = weight(kind, AVERAGE, model) * sum(model.mixture)
    if each <= 0.0:
        return None
    few, enough = 0, math.ceil(missing / each) + 1
    while enough - few > 1:
        middle = (few + enough) // 2
        if gained(kind, middle, AVERAGE, followers, model) >= missing:
            enough = middle
        else:
            few = middle
    return enough


class Past(NamedTuple):
    """What is known of a user's closed days."""

    closed_ms: int  #: the last daily close; 0: there was none
    closes: Sequence[Close]  #: the oldest first
    ledger: Mapping[str, Mapping[str, float]] | None  #: see `streams.model.closes.booked`

    def until(self, now_ms: int) -> Past:
        """As much of it as was known at a moment."""
        later = max(-(-(self.closed_ms - now_ms) // DAY_MS), 0)
        closed_ms = max(self.closed_ms - later * DAY_MS, 0)
        last = date((closed_ms or now_ms) // DAY_MS - 1)
        return self._replace(closed_ms=closed_ms, closes=[close for close in self.closes if close.date <= last])


def explain(
    record: dict[str, Any],
    model: Model,
    now_ms: int,
    past: Past,
    places: Places | UnsetType = UNSET,
    influence: Influence | None = None,
) -> Explanation:
    """All of it: the record as of `now_ms`, where that stands, what moved it, its parts, and what would change them."""
    now, then = at(record, model, now_ms), terms(record, model, now_ms)
    kept = ("user", "score", "as_of", "model", "event_ts", "engagements", "actors", "actors_error", "confidence")
    return Explanation(
        **{name: now[name] for name in (*kept, "provisional", "floored", "person", "accounts") if name in now},
        delta=msgspec.convert(now["delta"], Delta),
        mass=then.mass,
        standing=standing(now, influence.style if influence else UNSET),
        places=places,
        ledger=since_close(record, model, now_ms, past.closed_ms),
        days=of_days(record, past.ledger, model, past.closed_ms, past.closes),
        parts=msgspec.convert(now["parts"], Parts),
        windows=_by_window(then, model),
        one_more=one_more(record, model, now_ms),
        next_decade=next_decade(record, model, now_ms),
        outlook=outlook(record, model, now_ms),
        history=list(past.closes),
        influence=influence or UNSET,
    )


def _by_window(then: Terms, model: Model) -> Windows:
    """The points of engagement, divided among the windows by the mass of each."""
    point = float(hill(then.mass, model)) / then.mass if then.mass > 0 else 0.0
    sums = zip(WINDOWS, model.mixture, then.windows.tolist(), strict=True)
    return Windows(**{name: point * share * max(total, 0.0) for name, share, total in sums})
