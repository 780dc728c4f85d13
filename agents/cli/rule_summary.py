"""What a trial of rules comes to: how many alerts of which sort, about how many users, on which days; and what was held back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from agents.cli.output import Table, counted, moment, table
from streams.model.cases import Alert
from streams.model.dates import date
from streams.model.versions import DAY_MS
from streams.trial import Done

_STATES = ("raised", "recovered", "settled")


class Summary:
    """Of alerts in their order."""

    def __init__(self, done: Done, alerts: Sequence[Alert]) -> None:
        self._done = done
        self._sorts = Counter((one.rule, one.state, one.cause) for one in alerts)
        self._users: dict[tuple[str, ...], set[str]] = {}
        for one in alerts:
            for key in ((), (one.rule, one.state, one.cause)):
                self._users.setdefault(key, set()).add(one.user)
        self._days = Counter[tuple[str, str]](
            (date(int(orjson.loads(one.value)["at"]) // DAY_MS), one.state) for one in alerts
        )

    def body(self) -> dict[str, Any]:
        """For JSON."""
        done = self._done
        return {
            "from": done.begins_ms,
            "to": done.ends_ms,
            "steps": done.steps,
            "judged": done.judged,
            "alerts": self._sorts.total(),
            "users": self._about(),
            "sorts": [
                {
                    "rule": rule,
                    "state": state,
                    "cause": cause,
                    "alerts": count,
                    "users": self._about(rule, state, cause),
                }
                for (rule, state, cause), count in self._ranked()
            ],
            "days": {day: dict(zip(_STATES, counts, strict=True)) for day, counts in self._by_day()},
            "suppressed": done.suppressed,
        }

    def parts(self) -> Iterator[Table | str]:
        """For people: a line, two tables, a line."""
        done = self._done
        span = f", {moment(done.begins_ms)} to {moment(done.ends_ms)}" if done.begins_ms else ""
        told = f"{self._sorts.total():,} alerts about {self._about():,} users{span}"
        yield f"{told}: {done.judged:,} judgements in {done.steps:,} steps"
        if self._sorts:
            columns = ("rule", "state", "cause", "alerts", "users")
            rows = [(*sort, f"{count:,}", f"{self._about(*sort):,}") for sort, count in self._ranked()]
            yield table(columns, rows, wide=columns[:3])
            days = [(day, *(f"{count:,}" for count in counts)) for day, counts in self._by_day()]
            yield table(("day", *_STATES), days, wide=("day",))
        if done.suppressed:
            yield f"held back: {counted(done.suppressed)}"

    def _about(self, *sort: str) -> int:
        return len(self._users.get(sort, ()))

    def _ranked(self) -> list[tuple[tuple[str, str, str], int]]:
        return sorted(self._sorts.items(), key=lambda one: (one[0][0], _STATES.index(one[0][1]), -one[1], one[0][2]))

    def _by_day(self) -> list[tuple[str, list[int]]]:
        return [(day, [self._days[day, state] for state in _STATES]) for day in sorted({day for day, _ in self._days})]
