"""Steady traffic: one week repeated for half a year by people who come and go, in seconds.

A window is a sum that halves with H. So its value at a moment of week w, t after its beginning, is what the weeks before have
left, times 2^(-t/H), plus what week w has given so far. The second part is the same in every week but for who holds the roles:
it is added up once for each moment of a week, by role.

    people   |carried over|  * 2^(-t/H)   +   |this week's part up to t|   by who holds which role now
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from streams.calibration.fit import Population
from streams.calibration.turnover import Numbers, Turnover
from streams.calibration.week import HOUR_MS, WEEK_MS, Week, Weighed, actions
from streams.model.lately import lately
from streams.model.score import participation, reach
from streams.model.versions import DAY_MS, Model
from streams.model.windows import Floats

WEEKS = 26
FIRST = 13  #: the first week that is looked at: before, nobody could fall out of the last 90 days
_NEVER = -(10.0**18)


class Moment(NamedTuple):
    """When is looked."""

    week: int  #: from 1
    at_ms: int  #: since its beginning
    night: bool


class _Part(NamedTuple):
    """What a week has given up to a moment, by role; only the roles that got something, and those that did."""

    got: Numbers
    windows: Floats  #: (got, 3) decayed to the moment
    newest: Floats  #: (got,) ms since the beginning of the week
    engagements: Floats  #: (got,) less those undone
    followers: Floats  #: (got,)
    did: Numbers
    acted: Floats  #: (did,)


class _People:
    """Everyone there ever is, (n,) each, as of the beginning of a week."""

    def __init__(self, n: int) -> None:
        self.windows, self.followers, self.acted = np.zeros((n, 3)), np.zeros(n), np.zeros(n)
        self.engagements = np.zeros(n)
        self.newest = np.full(n, _NEVER)  # ms since the beginning of the week under way

    def add(self, part: _Part, holders: Numbers, lives_ms: Floats) -> None:
        """A whole week."""
        got, did = holders[part.got], holders[part.did]
        self.windows *= np.exp2(-WEEK_MS / lives_ms)
        self.windows[got] += part.windows
        self.followers[got] += part.followers
        self.engagements[got] += part.engagements
        self.acted *= np.exp2(-WEEK_MS / lives_ms[1])
        self.acted[did] += part.acted
        self.newest[got] = np.maximum(self.newest[got], part.newest)
        self.newest -= WEEK_MS


def moments(week: Week) -> list[tuple[int, bool]]:
    """(ms since the beginning, at night?) at which each week is looked at: daily, as the busiest hour ends, and the quietest."""
    busiest, quietest = week.hours()
    first_hour = week.start_ms // HOUR_MS % 24
    return sorted(
        (day * DAY_MS + ((hour - first_hour) % 24 + 1) * HOUR_MS, night)
        for day in range(7)
        for hour, night in ((busiest, False), (quietest, True))
    )


def masses(
    week: Week,
    people: Turnover,
    weighed: Sequence[Weighed],
    model: Model,
    when: Sequence[tuple[int, bool]],
    first: int = FIRST,
) -> Iterator[tuple[Moment, Floats]]:
    """At each moment from week `first` on: the mass (n,) of everyone engaged with in the 90 days before.

    Exact, as a fold of all events would give it, if weights do not change after the last of `weighed`. (A window below 0, which an
    undo can leave by rounding, counts as it is.)
    """
    lives, mixture = np.array(model.half_lives_ms, np.float64), np.array(model.mixture)
    all_, own = _People(people.people), actions(week)
    parts: dict[tuple[int, int], _Part] = {}

    def part(number: int, at_ms: int) -> _Part:
        which = min(number, len(weighed) - 1)
        if (which, at_ms) not in parts:
            parts[which, at_ms] = _part(weighed[which], own, at_ms, lives)
        return parts[which, at_ms]

    for number, holders in enumerate(people.holders):
        for at_ms, night in when if number + 1 >= first else ():
            one = part(number, at_ms)
            got, did = holders[one.got], holders[one.did]
            mass = all_.windows @ (mixture * np.exp2(-at_ms / lives))
            mass[got] += one.windows @ mixture
            newest, engagements, followers = all_.newest.copy(), all_.engagements.copy(), all_.followers
            newest[got] = np.maximum(newest[got], one.newest)
            engagements[got] += one.engagements
            acted = all_.acted * 2.0 ** (-at_ms / lives[1])
            acted[did] += one.acted
            if followers.any() or one.followers.any():
                followers = followers.copy()
                followers[got] += one.followers
                mass += reach(followers, model)
            mass += participation(acted, model)
            yield Moment(number + 1, at_ms, night), mass[lately(newest, engagements, at_ms)]
        all_.add(part(number, WEEK_MS), holders, lives)


def populations(
    week: Week, people: Turnover, weighed: Sequence[Weighed], model: Model, first: int = FIRST
) -> Iterator[tuple[Moment, Population]]:
    """The same with masses rounded, so that all moments together stay small."""
    for moment, mass in masses(week, people, weighed, model, moments(week), first):
        yield moment, Population.rounded(mass)


def _part(weighed: Weighed, own: tuple[Numbers, Numbers, Numbers], at_ms: int, lives: Floats) -> _Part:
    roles, weights, times, follows = (column[weighed.times <= at_ms] for column in weighed)
    got, place = np.unique(roles, return_inverse=True)
    windows = [np.bincount(place, weights * np.exp2((times - at_ms) / life), minlength=len(got)) for life in lives]
    newest = np.full(len(got), _NEVER)
    np.maximum.at(newest, place, times.astype(np.float64))
    actors, acting, signs = (column[own[1] <= at_ms] for column in own)
    did, whose = np.unique(actors, return_inverse=True)
    acted = np.bincount(whose, signs * np.exp2((acting - at_ms) / lives[1]), minlength=len(did)).astype(np.float64)
    followers = np.bincount(place, follows, minlength=len(got)).astype(np.float64)
    engagements = np.bincount(place, np.sign(weights), minlength=len(got)).astype(np.float64)
    windows_of = np.stack(windows, axis=1).astype(np.float64)
    return _Part(got.astype(np.int64), windows_of, newest, engagements, followers, did.astype(np.int64), acted)
