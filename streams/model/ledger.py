"""The ledger: what has moved a score since its last daily close, and on each of the last closed days; entries add up to the change.

Everything is counted in mass first, as it weighs now: what came of each sort, and as decay what is left of the change. Then

    points of an entry = its mass * (score - score then) / (mass - mass then)          the secant of the curve

or, where the mass is what it was, the slope of the curve there. So an entry does not depend on the order in which things came.
On the first day there is no close: everybody begins with a mass of 0, which shows as 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from streams.events import KINDS
from streams.fold.rows import LEDGER_DAYS
from streams.model.dates import date, day
from streams.model.explained import Cause, Close, Entry, Ledger, LedgerDay
from streams.model.score import WINDOWS, Terms, engagement_mass, hill, keeps, participation, reach, shown, terms
from streams.model.versions import DAY_MS, MODELS, Model
from streams.model.windows import Floats

#: what the entries of a day are called, in the order of `streams.fold.since`
NAMES: tuple[Cause, ...] = (*KINDS, "reversed", "links", "reach", "participation", "facts")
Entries = Mapping[Cause, float]  #: mass by name

_EQUAL = 1e-9  # masses that differ by less, relative to their size, count as the same
_OF_WINDOWS: tuple[Cause, ...] = ("reversed", "links")  # sums, as kinds are
_GAINED: tuple[Cause, ...] = (*KINDS, "reversed")
_LEAST = 1e-7  # points of a change of the model that are more than rounding


def since_close(record: dict[str, Any], model: Model, now_ms: int, closed_ms: int) -> Ledger:
    """Of a published record as it reads at `now_ms`, since the daily close at `closed_ms` (ms since epoch; 0: there was none)."""
    now, since, score = terms(record, model, now_ms), record.get("since"), record["score"]
    if not closed_ms and record["delta"]["day"] is not None:
        closed_ms = record["as_of"] // DAY_MS * DAY_MS  # nobody says when it was
    closed_ms = max(closed_ms, since["at"] if since else 0)
    unknown = record["delta"]["day"] is None and record["as_of"] >= closed_ms
    if since and since["at"] == closed_ms and not unknown:
        entries, close = _since(record, now, model, now_ms), score - record["delta"]["day"]
        mass, networks = since["mass"], _networks(record, entries, model, now_ms)
        if abs(shown(mass, model) - close) > _LEAST:  # the close was by another model
            mass = _base(record, since, model)
        return _ledger(closed_ms, mass, now.mass, entries, networks, model, close)
    if unknown or (record["delta"]["day"] is None and not 0 < record["event_ts"] < closed_ms):
        shares = record["parts"]["networks"]
        points = sum(shares.values())
        networks = {name: now.engagement * share / points for name, share in shares.items() if points > 0.0}
        return _ledger(None, 0.0, now.mass, _all_of_it(record, now), networks, model, 1.0)
    then = terms(record, model, closed_ms)
    facts: Entries = {"facts": now.facts - then.facts}
    return _ledger(closed_ms, then.mass, now.mass, facts, {}, model, shown(then.mass, model))


def _ledger(
    at: int | None,
    before: float,
    after: float,
    entries: Entries,
    networks: Mapping[str, float],
    model: Model,
    close: float,
) -> Ledger:
    point = _secant(before, after, model)
    by_network = {name: mass * point for name, mass in networks.items() if mass}
    return Ledger(at=at, score=close, networks=by_network, **_told(before, after, entries, model, close))


def of_days(
    record: dict[str, Any],
    kept: Mapping[str, Mapping[str, float]] | None,
    model: Model,
    closed_ms: int,
    closes: Sequence[Close],
) -> list[LedgerDay]:
    """Of the seven days up to the last close those on which something came, oldest first.

    `kept` is what has been written down of such days by date; None: never anything, all the user has came on one day. `closes`
    say by which model each day closed, if not by `model`.
    """
    last = closed_ms // DAY_MS - 1  # a day bears the date of its beginning
    days: dict[int, dict[Any, float]] = {day(name): dict(one) for name, one in (kept or {}).items()}
    since, newest_ms = record.get("since"), record["event_ts"]
    if since and since["at"] < closed_ms:  # this day has closed, and nothing has come since
        end_ms = since["at"] + DAY_MS
        then = terms(record, model, end_ms)
        one: dict[Any, float] = {"from": since.get("mass", 0.0), "to": then.mass, **_since(record, then, model, end_ms)}
        if "mass" not in since:  # there was no close before: all of it came on this day
            one |= {"reach": then.reach, "facts": then.facts}
        days[end_ms // DAY_MS - 1] = one
    elif since is None and kept is None and 0 < newest_ms < closed_ms:
        end_ms = closed_ms - (closed_ms - 1 - newest_ms) // DAY_MS * DAY_MS
        then = terms(record, model, end_ms)
        days[end_ms // DAY_MS - 1] = {"to": then.mass, **_all_of_it(record, then)}
    by = {close.date: MODELS.get(close.model, model) for close in closes}
    wanted = [number for number in sorted(days) if last - LEDGER_DAYS < number <= last]
    return [_day(number, days[number], *(by.get(date(n), model) for n in (number - 1, number))) for number in wanted]


def _day(number: int, one: dict[Any, float], earlier: Model, model: Model) -> LedgerDay:
    """The close before was by the model `earlier`."""
    before, after = one.pop("from", 0.0), one.pop("to")
    told = _told(before, after, one, model, shown(before, earlier))
    return LedgerDay(date=date(number), score=shown(after, model), **told)


def _weight(record: dict[str, Any], model: Model, now_ms: int) -> Floats:
    """What sums of a record, (3,), are multiplied by to be mass at `now_ms`."""
    by: Floats = keeps(model, now_ms - record["as_of"]) * np.asarray(model.mixture)
    return by


def _networks(record: dict[str, Any], entries: Entries, model: Model, now_ms: int) -> dict[str, float]:
    """Mass gained since the close by network, less what was taken back."""
    by = _weight(record, model, now_ms)
    if "accounts" in record:
        return {name: float(np.asarray(sums) @ by) for name, sums in record["since"].get("networks", {}).items()}
    return {record["user"].partition(":")[0]: sum(entries.get(name, 0.0) for name in _GAINED)}


def _since(record: dict[str, Any], now: Terms, model: Model, now_ms: int) -> Entries:
    """Mass of what a record says has come since its close, as it weighs at `now_ms`."""
    since, keep, by = record["since"], keeps(model, now_ms - record["as_of"]), _weight(record, model, now_ms)

    def weighs(sums: list[float]) -> float:
        return float(np.asarray(sums) @ by)

    found: dict[Cause, float] = {kind: weighs(sums) for kind, sums in since["kinds"].items()}
    for name in _OF_WINDOWS:
        if name in since:
            found[name] = weighs(since[name])
    followers, acted = record["followers"] - since.get("followers", 0), now.acted - since.get("acted", 0.0) * keep[1]
    found["reach"] = now.reach - float(reach(followers, model))
    found["participation"] = now.participation - float(participation(acted, model))
    found["facts"] = now.facts - min(since.get("facts", 0.0), model.facts_cap)
    return found


def _base(record: dict[str, Any], since: dict[str, Any], model: Model) -> float:
    """The mass at the close that a record tells of as this model would have had it: of all but what has come since."""
    keep = keeps(model, since["at"] - record["as_of"])
    come = [*since["kinds"].values(), *(since[name] for name in _OF_WINDOWS if name in since)]
    windows = np.array([record["windows"][name] for name in WINDOWS]) - np.sum(come, axis=0)
    engaged = float(engagement_mass(windows * keep, model))
    reached = float(reach(record["followers"] - since.get("followers", 0), model))
    taken_part = float(participation((record["acted"] - since.get("acted", 0.0)) * keep[1], model))
    return engaged + reached + taken_part + float(min(since.get("facts", 0.0), model.facts_cap))


def _all_of_it(record: dict[str, Any], now: Terms) -> Entries:
    """Mass of all that a record is made of."""
    kinds = record["parts"]["kinds"]
    points = sum(kinds.values())
    found: dict[Cause, float] = {kind: now.engagement * share / points for kind, share in kinds.items() if points > 0.0}
    return {**found, "reach": now.reach, "participation": now.participation, "facts": now.facts}


def _told(before: float, after: float, entries: Entries, model: Model, close: float) -> dict[str, Any]:
    """Change and entries, what moved most first, from a mass to another; the score then was `close`, maybe by another model."""
    point = _secant(before, after, model)
    changed_model = shown(before, model) - close
    masses: dict[Cause, float] = {**entries, "decay": after - before - sum(entries.values())}
    found = [Entry(cause=name, mass=mass, points=mass * point) for name, mass in masses.items() if mass]
    if abs(changed_model) > _LEAST:
        found.append(Entry(cause="model", mass=0.0, points=changed_model))
    return {"points": shown(after, model) - close, "entries": sorted(found, key=lambda one: -abs(one.points))}


def _secant(before: float, after: float, model: Model) -> float:
    """Points for a unit of mass, of the curve as it is shown, between two masses."""
    if abs(after - before) > _EQUAL * max(after, before):
        return (shown(after, model) - shown(before, model)) / (after - before)
    score = float(hill(after, model))  # its slope: k s (1 - s / 100) / m
    return model.steepness * score * (1.0 - score / 100.0) / after if score > 1.0 else 0.0
