"""Style: which of Klout's sixteen a user's habits look like. A reading of habits, no judgement: no style is better than another.

Four axes, -1 to 1, each a balance of two amounts against its middle m, the share of the second at which it is 0:

    balance(a, b) = (b (1 - m) - a m) / (b (1 - m) + a m)         all a: -1, all b: 1, neither: 0

    sharing, creating            a: what the user does with the content of others, b: what others do with the user's; each
                                 action with the weight of its kind, so passing on counts most
    broad, focused               a: distinct people, b: actions on somebody there was one on before. One balance of those whom
                                 the user acts on, one of those who engage; their mean, weighted with the numbers of actions
    casual, consistent           a: days without, b: days with anything done or got, of the last eight, by ledger and memory
    listening, participating     a: clicks (like, follow, share, retweet), b: talk (reply, mention), done and got

What a user did is known by kind and target as far as it is remembered (16 of each kind); these shares are taken for all their
actions. What was got is known by kind from the sums of the quarter window. What somebody does to themselves is not looked at.

Above 0 an axis is on its second side. The four sides choose the cell of Klout's matrix of 2011: talk above, clicks below; broad in
the upper row of each half; sharing left, creating right; casual in the left column of each half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, get_args

import numpy as np
import orjson
from msgspec import UNSET, UnsetType

from streams.events import KINDS, PERSON
from streams.fold.rows import ACTIONS, ACTORS, DID_TS, ENGAGEMENTS, GOT_TS, LEDGER_DAYS, QUARTER, SUMS
from streams.fold.since import KEPT_SINCE
from streams.model.memory import Done, done
from streams.model.records import scored
from streams.model.standing import Label, Standing, Style, standing
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS, Model
from streams.model.windows import Floats

LABELS: tuple[Label, ...] = get_args(Label)  #: Klout's matrix, row by row

#: fewer events than this, done or got, tell too little
LEAST_EVENTS = 20
DAYS = LEDGER_DAYS + 1  #: closed days with a ledger, and the day that is open

# The middles, in units of the share of the second side. Measured on everyone with 20 events or more of the Higgs week (Twitter,
# 4,057 users) and of two hours of GitHub (55): networks differ, so each lies where neither has more than a quarter of its users
# in one style. What came of it: streams/README.md, held by tests/model/test_style.py.
CREATING = (
    0.9  #: who is engaged with is so more often than they act: of Higgs's users half get ten times what they give
)
FOCUSED_ON = 0.25  #: of one's own actions a quarter is on somebody again: the median of Higgs is 0.20, of GitHub 0.94
FOCUSED_FROM = 0.78  #: the same few comment: on GitHub a third are above, of Higgs hardly anybody
CONSISTENT = 2.5 / DAYS  #: three days in eight
PARTICIPATING = 1 / 3  #: a third is talk; medians 0.29 (Higgs) and 0.95 (GitHub)

_PERSON = f"{PERSON}:".encode()
_TALK = np.array([kind in ("mention", "reply") for kind in KINDS])


class Traits(NamedTuple):
    """What a style is read from."""

    given: Floats  #: (kinds,) actions on others, by kind: shares of what is remembered, of all
    targets: float  #: how many distinct people those were, likewise
    got: Floats  #: (kinds,) engagements, by kind: shares of what they weigh, of all
    people: float  #: how many distinct people ever engaged, at most one an engagement
    days: int  #: of the last eight days, the open one among them, those with anything done or got


def traits(table: Table, slot: int) -> Traits:
    """Of a user's row, memory and days; these are as of the day that has begun in the table."""
    row = table.cells[slot]
    remembered = list(done(table.memory[slot]))
    others = [one for one in remembered if one.target]
    each = float(row[ACTIONS]) / max(len(remembered), 1)
    given: Floats = each * np.bincount([one.kind for one in others], minlength=len(KINDS)).astype(np.float64)
    sums = np.maximum(row[SUMS + QUARTER : ENGAGEMENTS : 3], 0.0) / np.maximum(table.model.weights, 1e-9)
    engagements = max(float(row[ENGAGEMENTS]), 0.0)
    got = engagements * sums / max(float(sums.sum()), 1e-300)
    people = min(max(float(row[ACTORS]), 0.0), engagements)
    return Traits(given, each * len({one.target for one in others}), got, people, days_there(table, slot, remembered))


def days_there(table: Table, slot: int, remembered: Sequence[Done]) -> int:
    """Of the last eight days, the open one among them, those on which a user did or got anything."""
    days, line = table.days, int(table.days.lines(np.array([slot]))[0])
    times = [one.ts for one in remembered]
    if not line:  # all of it came on one day
        times += [int(ts) for ts in table.cells[slot, [DID_TS, GOT_TS]] if ts > 0]
    there = {(ts - days.closes_ms) // DAY_MS for ts in times}
    if line:
        last = int(
            days.arrays.day[line]
        )  # began with the last close taken; since then something has come on this day alone
        there |= {last - 1 - ago for ago, entries in enumerate(days.booked(line)) if entries.any()}
        there |= {last} if days.arrays.since[line, :KEPT_SINCE].any() else set()
    return sum(days.today - DAYS < day <= days.today for day in there)


def style(found: Traits, model: Model) -> Style:
    """The four coordinates, and the label if there is enough to tell."""
    given, got = float(found.given.sum()), float(found.got.sum())
    weights = np.asarray(model.weights)
    talk = float(found.given[_TALK].sum() + found.got[_TALK].sum())
    on = balance(found.targets, given - found.targets, FOCUSED_ON)
    by = balance(found.people, got - found.people, FOCUSED_FROM)
    axes = (
        balance(float(found.given @ weights), float(found.got @ weights), CREATING),
        on + (by - on) * got / max(given + got, 1e-300),
        balance(DAYS - found.days, found.days, CONSISTENT),
        balance(given + got - talk, talk, PARTICIPATING),
    )
    events = round(given + got)
    return Style(
        label=label(*axes) if events >= LEAST_EVENTS else None,
        sharing_creating=axes[0],
        broad_focused=axes[1],
        casual_consistent=axes[2],
        listening_participating=axes[3],
        events=events,
    )


def balance(first: float, second: float, middle: float) -> float:
    """Where two amounts stand, -1 (all first) to 1 (all second), 0 where the second's share is `middle`, or there are neither."""
    a, b = max(first, 0.0) * middle, max(second, 0.0) * (1.0 - middle)
    return (b - a) / (b + a) if a + b > 0.0 else 0.0


def label(creating: float, focused: float, consistent: float, participating: float) -> Label:
    """The cell of the matrix for four coordinates."""
    row = 2 * (participating <= 0.0) + (focused > 0.0)
    column = 2 * (creating > 0.0) + (consistent > 0.0)
    return LABELS[4 * row + column]


def standings(table: Table, slots: Slots, now_ms: int) -> list[Standing]:
    """Of users of a table at `now_ms`, (n,), with their styles."""
    records = [orjson.loads(one) for one in scored(table, slots, None, now_ms, 0).records]
    return [standing(record, style_of(table, slot)) for record, slot in zip(records, slots.tolist(), strict=True)]


def style_of(table: Table, slot: int) -> Style | UnsetType:
    """The style of a user; persons do nothing themselves, and what their accounts remember is with these."""
    return UNSET if is_person(table, slot) else style(traits(table, slot), table.model)


def is_person(table: Table, slot: int) -> bool:
    """Is this the sum of accounts?"""
    return table.users.text(slot).startswith(_PERSON)
