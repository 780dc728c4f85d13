"""From windows to a score: mass, the Hill curve, parts. One formula for a row, a table and a published record."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from streams.fold.rows import MARK_MS
from streams.model.dates import mark_before
from streams.model.versions import Model
from streams.model.windows import Floats

WINDOWS = ("day", "week", "quarter")


def reach(followers: ArrayLike, model: Model) -> Floats:
    """Mass for the size of the audience: so much for each doubling of the net followers, capped."""
    doublings = np.log2(1.0 + np.maximum(np.asarray(followers, dtype=np.float64), 0.0))
    return np.minimum(model.reach_per_doubling * doublings, model.reach_cap)


def participation(acted: ArrayLike, model: Model) -> Floats:
    """Mass for taking part: `acted` is the user's own decayed number of actions; saturates at the cap."""
    actions = np.maximum(np.asarray(acted, dtype=np.float64), 0.0)
    return model.participation_cap * actions / (actions + model.participation_half)


def hill(mass: ArrayLike, model: Model) -> Floats:
    """The score before the floor of 1: 100 m^k / (m^k + m0^k), in logit space a straight line in log mass."""
    x = (np.maximum(np.asarray(mass, dtype=np.float64), 0.0) / model.half_mass) ** model.steepness
    return np.minimum(100.0 * x / (1.0 + x), 100.0)  # rounding may else end just above


def shown(mass: float, model: Model) -> float:
    """The score of a mass as it is shown: at least 1."""
    return max(_hill(mass, model), 1.0)


def mass_for(score: float, model: Model) -> float:
    """The mass that scores this, more than 0 and less than 100: `hill` the other way, m0 (s / (100 - s))^(1/k)."""
    return float(model.half_mass * (score / (100.0 - score)) ** (1.0 / model.steepness))


def engagement_mass(windows: Floats, model: Model) -> Floats:
    """Mass of the windows (..., 3): day, week, quarter, each clamped at 0 and mixed."""
    mixed: Floats = np.maximum(windows, 0.0) @ np.asarray(model.mixture)
    return mixed


def mass(windows: Floats, followers: ArrayLike, acted: ArrayLike, model: Model) -> Floats:
    """All of it: engagement, reach and participation."""
    return engagement_mass(windows, model) + reach(followers, model) + participation(acted, model)


def keeps(model: Model, elapsed_ms: float) -> Floats:
    """What is left of the sums of the three windows so much later, as a part; shape (3,)."""
    return np.exp2(np.clip(-elapsed_ms / np.asarray(model.half_lives_ms, dtype=np.float64), -1000, 400))


class Terms(NamedTuple):
    """What the mass of a record is made of at one moment."""

    windows: Floats  #: (3,) decayed sums
    acted: float  #: own actions, decayed
    engagement: float
    reach: float
    participation: float
    facts: float  #: all together, capped
    each_fact: dict[str, float]  #: before the cap

    @property
    def mass(self) -> float:
        """All of it."""
        return self.engagement + self.reach + self.participation + self.facts


def terms(record: dict[str, Any], model: Model, now_ms: int) -> Terms:
    """The mass of a published record at `now_ms`, if nothing else happened since: the closed form that `at` reads.

    In plain numbers, as `_hill` is: numpy takes ten times as long for one record, and most reads are of one.
    """
    elapsed_ms = now_ms - record["as_of"]
    keep = [2.0 ** min(max(-elapsed_ms / life_ms, -1000.0), 400.0) for life_ms in model.half_lives_ms]
    windows = [record["windows"][name] * kept for name, kept in zip(WINDOWS, keep, strict=True)]
    acted = record["acted"] * keep[1]
    given = record.get("facts", {}).items()
    facts = {name: one["mass"] * model.fact_keeps(name, now_ms - one["date"]) for name, one in given}
    engaged = sum(max(kept, 0.0) * part for kept, part in zip(windows, model.mixture, strict=True))
    reached = min(model.reach_per_doubling * math.log2(1.0 + max(record["followers"], 0)), model.reach_cap)
    actions = max(acted, 0.0)
    taken_part = model.participation_cap * actions / (actions + model.participation_half)
    listed = min(sum(facts.values()), model.facts_cap) if facts else 0.0
    return Terms(np.array(windows), acted, engaged, reached, taken_part, listed, facts)


def _hill(mass: float, model: Model) -> float:
    """`hill` of one mass."""
    x = (max(mass, 0.0) / model.half_mass) ** model.steepness
    return float(min(100.0 * x / (1.0 + x), 100.0))


def at(record: dict[str, Any], model: Model, now_ms: int) -> dict[str, Any]:
    """A published score record as it reads at `now_ms` if nothing else happened since.

    The score, the windows and the parts follow the published formula. The split by kind and network keeps the proportions
    it had at `as_of`, because a record carries the windows of all kinds together.

    >>> from streams.model.versions import DAY_MS, DEFAULT
    >>> kept = {"day": 4.0, "week": 6.0, "quarter": 9.0}
    >>> parts = {"kinds": {"like": 57.3}, "networks": {"net": 57.3}, "reach": 0.0, "participation": 0.0}
    >>> record = {"score": 57.3, "as_of": 0, "windows": kept, "acted": 0.0, "followers": 0, "parts": parts, "delta": {"day": None}}
    >>> [round(at(record, DEFAULT, days * DAY_MS)["score"], 1) for days in (0, 1, 7, 62)]
    [57.3, 56.3, 54.0, 46.8]
    """
    then = terms(record, model, now_ms)
    unfloored = _hill(then.mass, model)
    point = unfloored / then.mass if then.mass > 0 else 0.0
    earned = point * then.engagement
    score = max(unfloored, 1.0)
    moved = score - record["score"]
    known = sum(then.each_fact.values())
    points = {name: point * then.facts * mass / known for name, mass in then.each_fact.items()} if known > 0 else {}
    found = {
        **record,
        "score": score,
        "as_of": now_ms,
        "windows": dict(zip(WINDOWS, then.windows.tolist(), strict=True)),
        "acted": then.acted,
        "floored": unfloored < 1.0,
        "parts": {
            "kinds": _scaled(record["parts"]["kinds"], earned),
            "networks": _scaled(record["parts"]["networks"], earned),
            "reach": point * then.reach,
            "participation": point * then.participation,
            **({"facts": points} if points else {}),
        },
        "delta": _hour_ago(record, model, score, now_ms)
        | {
            name: None if change is None else change + moved
            for name, change in record["delta"].items()
            if name != "hour"
        },
    }
    if "since" in record:
        found["since"] = _since_at(record["since"], keeps(model, now_ms - record["as_of"]))
    return found


def _hour_ago(record: dict[str, Any], model: Model, score: float, now_ms: int) -> dict[str, float]:
    """The change in an hour as it reads then: from the mark that the record knows, or one behind the record; else nobody knows."""
    mark = mark_before(now_ms)
    if mark == mark_before(record["as_of"]):
        return {"hour": score - record["score"] + record["delta"]["hour"]} if "hour" in record["delta"] else {}
    if record["as_of"] <= mark * MARK_MS and record.get("event_ts", 0) > 0:
        return {"hour": score - max(_hill(terms(record, model, mark * MARK_MS).mass, model), 1.0)}
    return {}


def mass_at(record: dict[str, Any], model: Model, now_ms: int) -> float:
    """The mass of a published score record at `now_ms`, as `at` reads it."""
    return terms(record, model, now_ms).mass


def _since_at(since: dict[str, Any], keep: Floats) -> dict[str, Any]:
    """What has come since a close, so much later."""
    found = {**since, "kinds": {kind: (np.asarray(sums) * keep).tolist() for kind, sums in since["kinds"].items()}}
    for name in ("reversed", "links"):
        if name in since:
            found[name] = (np.asarray(since[name]) * keep).tolist()
    if "networks" in since:
        found["networks"] = {name: (np.asarray(sums) * keep).tolist() for name, sums in since["networks"].items()}
    if "acted" in since:
        found["acted"] = since["acted"] * float(keep[1])
    return found


def _scaled(parts: dict[str, float], total: float) -> dict[str, float]:
    before = sum(parts.values())
    return {name: points * total / before for name, points in parts.items()} if before > 0 else dict(parts)
