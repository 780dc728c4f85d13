"""Daily closes of a table's users: every score when the day closes (UTC midnight, or another time of day), for 90 days."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold import closes, days, hours
from streams.fold.days import NONE, Calendar
from streams.fold.inforce import terms
from streams.fold.rows import DAYS, LEDGER_DAYS, MARK_MS
from streams.fold.since import KEPT_SINCE
from streams.model.dates import date, mark_before
from streams.model.explained import Close
from streams.model.inforce import name_at
from streams.model.ledger import NAMES
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS, model
from streams.model.windows import Floats

BACK = np.array([0, 6, 29])  #: closes that a record refers to: the last, that of a week and of a month ago


class Known(NamedTuple):
    """What lines know of the closes that records refer to, (n, 3), see `streams.fold.days.read`, and when those were."""

    closes: Floats
    hour: Floats  #: (n,) the score an hour ago, see `streams.fold.hours`; NONE
    moments_ms: Floats  #: (3,)
    decays: Floats  #: (3, 4) of these moments
    today: int  #: see `streams.fold.days.Calendar`
    day_of: NDArray[np.int64]  #: (n,) the day of the last close that their lines have; 0: nobody's
    since: Floats  #: (n, SINCE) what has come behind it, see `streams.fold.since`

    @property
    def since_ms(self) -> NDArray[np.int64]:
        """(n,) when that close was; 0: nobody's, or longer ago than a ledger goes back."""
        back = self.today - self.day_of
        told: NDArray[np.int64] = np.where(back < LEDGER_DAYS, int(self.moments_ms[0]) - back * DAY_MS, 0)
        return told

    def between(self, part: slice) -> Known:
        """Those of a part of the users."""
        return self._replace(
            closes=self.closes[part], hour=self.hour[part], day_of=self.day_of[part], since=self.since[part]
        )


def calendar(table: Table) -> Calendar:
    """The closes before now, for sums with the landmarks of the table."""
    own = table.days
    made_for = own.closed_ms, tuple(table.landmarks), table.models
    if own.calendar is None or own.calendar[0] != made_for:
        moments = [own.closed_ms - back * DAY_MS for back in range(DAYS + 1)]
        decays = np.array([table.decays(moment_ms) for moment_ms in moments])
        by_name = {one.name: terms(model(one.name).constants) for one in table.models if one.name != table.model.name}
        by_name[table.model.name] = terms(table.constants)
        in_force = np.array([by_name[name_at(table.models, moment_ms)] for moment_ms in moments])
        own.calendar = made_for, Calendar(own.today, own.closed_ms, decays, in_force)
    return own.calendar[1]


def touch(table: Table, slots: Slots, ts: int) -> None:
    """These, (n,), are about to change by something of this moment, other than an event."""
    arrays = table.days.room_for(len(slots))
    days.touch(arrays, table.cells, slots, ts, calendar(table), table.constants, table.extras.arrays)


def facts_then(table: Table, slots: Slots) -> None:
    """What was told of these, (n,), was so at the last close."""
    table.days.lines(slots)
    closes.facts_then(table.days.arrays, table.cells, slots, calendar(table), table.constants, table.extras.arrays)


def told(table: Table, slots: Slots) -> tuple[Slots, Floats, NDArray[np.bool_]]:
    """What accounts tell of their days: see `streams.fold.closes.told`."""
    table.days.lines(slots)
    since, fresh = np.empty((len(slots), KEPT_SINCE)), np.zeros(len(slots), np.bool_)
    days_of = closes.told(table.days.arrays, table.cells, slots, calendar(table), table.extras.arrays, since, fresh)
    return days_of, since, fresh


def known(table: Table, slots: Slots, now_ms: int) -> Known:
    """What lines know of the closes that the records of these refer to, and their scores an hour ago."""
    found, before = _read(table, slots, BACK), calendar(table)
    older = np.array([model_of(table, int(back)) != table.model.name for back in BACK])
    if older.any():  # the record's kernel has the model of now
        found[:, older] = filled(table, slots, BACK[older])
    moments_ms = before.closed_ms - BACK * float(DAY_MS)
    hour = hour_ago(table, slots, now_ms)
    return Known(found, hour, moments_ms, before.decays[BACK], before.today, *table.days.since(slots))


def hour_ago(table: Table, slots: Slots, now_ms: int) -> Floats:
    """The scores of these, (n,), at a mark 60 to 80 minutes ago, by the model of then; NONE."""
    found, mark = np.empty(len(slots)), mark_before(now_ms)
    at_ms, more = mark * MARK_MS, table.extras.arrays
    name = name_at(table.models, at_ms)
    constants = table.constants if name == table.model.name else model(name).constants
    hours.read(table.hours.arrays, table.cells, slots, mark, table.decays(at_ms), constants, more, found)
    return found


def model_of(table: Table, back: int) -> str:
    """The name of the model in force at the close so many days before the last."""
    return name_at(table.models, table.days.closed_ms - back * DAY_MS)


def last(table: Table, slots: Slots) -> Floats:
    """The last close of these, (n,); `streams.fold.days.NONE`."""
    found: Floats = filled(table, slots, BACK[:1])[:, 0]
    return found


def history(table: Table, slot: int, most: int = DAYS) -> Iterator[Close]:
    """The closes of a user, oldest first; the last so many."""
    today = table.days.today
    back = np.arange(min(most, today) - 1, -1, -1)
    for ago, close in zip(back.tolist(), filled(table, np.array([slot]), back)[0].tolist(), strict=True):
        if close != NONE:
            yield Close(date=date(today - ago - 1), score=close, model=model_of(table, ago))


def booked(table: Table, line: int) -> dict[str, dict[str, float]] | None:
    """What the last closed days gave on which something came, by date: `from` a mass (left out: there was no close) `to` another.

    Then the mass of each entry, see `streams.model.ledger`; seven digits of all. None of line 0, which is nobody's.
    """
    if not line:
        return None
    own, found = table.days, {}
    day, first = int(own.arrays.day[line]), int(own.arrays.first[line])
    for ago, entries in enumerate(own.booked(line).tolist()):
        last = day - ago
        if last >= first and any(entries):
            masses = {"to": own.arrays.closes[line, last % DAYS]} | dict(zip(NAMES, entries, strict=True))
            if last > first:
                masses = {"from": own.arrays.closes[line, (last - 1) % DAYS]} | masses
            found[date(last - 1)] = {
                name: float(f"{mass:.7g}") for name, mass in masses.items() if mass or name == "to"
            }
    return found


def _read(table: Table, slots: Slots, back: Slots) -> Floats:
    table.days.lines(slots)
    found = np.empty((len(slots), len(back)))
    closes.read(table.days.arrays, table.cells, slots, calendar(table), table.constants, back, found)
    return found


def filled(table: Table, slots: Slots, back: Slots) -> Floats:
    """The closes of these so many days before the last, (n, m), by the closed form too; NONE."""
    found = _read(table, slots, back)
    closes.fill(table.cells, slots, found, calendar(table), back, table.constants, table.extras.arrays)
    return found
