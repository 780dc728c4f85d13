"""How Redis keeps daily closes: `{"from": "2026-11-21", "steps": [4125, -5, 12], "ledger": {"2026-11-23": {...}}}`.

Steps are hundredths of a point: the first close, then each time the change. They end with the day before the user last changed;
closes since then follow from the score record, by the published formula. 3 bytes a day where scores move little. The ledger has
what the last seven days gave on which something came, if any, see `streams.model.ledger`.

Each close is by the model that was in force then: the last one of `models` in the pulse whose `since_ms` is less than its moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import orjson

from streams.fold.rows import DAYS
from streams.model import score
from streams.model.dates import date, day
from streams.model.explained import Close
from streams.model.inforce import InForce, name_at
from streams.model.versions import DAY_MS, model


def text(first: int, hundredths: Sequence[int], ledger: Mapping[str, Mapping[str, float]]) -> bytes:
    """What Redis keeps of closes from the day `first` on, oldest first, and of what moved the score."""
    steps = [now - before for before, now in pairwise((0, *hundredths))]
    return orjson.dumps({"from": date(first), "steps": steps} | ({"ledger": ledger} if ledger else {}))


def ledger_of(kept: Mapping[str, Any] | None) -> Mapping[str, Mapping[str, float]] | None:
    """What the last closed days gave, by date; None while there was no close: all there is came on one day."""
    return kept.get("ledger", {}) if kept and kept["steps"] else None


def whole(record: Mapping[str, Any], kept: Mapping[str, Any] | None, pulse: Mapping[str, Any] | None) -> list[Close]:
    """All closes up to the last one that the pulse of the user's partition tells of, oldest first, each by its own model."""
    said = pulse or {}
    closed_ms = said.get("closed_ms", 0)  # 0: none yet
    models = [InForce(**one) for one in said.get("models", ())] or [InForce(record["model"], 0)]
    last = closed_ms // DAY_MS - 1  # the day that closed then; it bears the date of its beginning

    def closed(day: int, score: float) -> Close:
        return Close(date=date(day), score=score, model=name_at(models, closed_ms - (last - day) * DAY_MS))

    found: dict[int, float] = {}
    first = 0
    if kept:
        first = day(kept["from"])  # none before it, also if there is none yet
        found = {first + i: total / 100.0 for i, total in enumerate(accumulate(kept["steps"]))}
    if not closed_ms or record["event_ts"] <= 0:
        return [closed(one, close) for one, close in found.items()]
    # the first close after the newest event
    since = last - (closed_ms - 1 - record["event_ts"]) // DAY_MS if record["event_ts"] < closed_ms else last + 1
    for one in range(max(since, last - DAYS + 1, max(found, default=first - 1) + 1), last + 1):
        moment_ms = closed_ms - (last - one) * DAY_MS
        found[one] = score.at(dict(record), model(name_at(models, moment_ms)), moment_ms)["score"]
    return [closed(one, close) for one, close in found.items() if last - DAYS < one <= last]
