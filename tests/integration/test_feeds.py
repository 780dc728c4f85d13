"""A feed falls silent for three days, on the real servers: one alert about the feed, none about users, and one when it is back."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from streams.model.rules import DAY_FALL, WEEK_FALL, Rule, When, Who
from streams.model.versions import DAY_MS, PLAIN
from streams.partitioner import partition_of
from streams.policies.records import encode
from streams.scoreboard.reader import score_at
from streams.sources.record import Produced, produced
from streams.topics import ALERTS, POLICIES, SCORES
from tests.integration.stack import PATIENCE_S, Stack

T0 = 1_767_225_600_000  # a midnight
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
USERS, PARTITIONS = 110, 2
SILENT, LIVELY = "silent", "lively"
EACH_MS = 8 * HOUR_MS  # between two likes of a user
STOPS_MS, BACK_MS, END_MS = T0 + 7 * DAY_MS // 2, T0 + 13 * DAY_MS // 2, T0 + 29 * DAY_MS // 4
RULES = (
    Rule(name="day", when=When(falls=0.4), who=Who(network=SILENT), since=STOPS_MS + HOUR_MS),
    *(Rule(name=name, when=When(falls=90.0), enabled=False) for name in (DAY_FALL, WEEK_FALL)),
)


def test_a_network_stops_for_three_days(stack: Callable[..., Stack]) -> None:
    """What is noticed by silence: without it more than a hundred idle alerts, with it none, then or later."""
    off = stack(model="plain", clock="stream", partitions=PARTITIONS, idle_s=0.3, gaps=False)
    with _stopped(off) as fed:
        _silent(fed, nights=2)
    raised = [one for one in _alerts(off) if one["state"] == "raised"]
    assert len(raised) >= 100
    assert {(one["user"].partition(":")[0], one["cause"]) for one in raised} == {(SILENT, "idle")}
    on = stack(model="plain", clock="stream", partitions=PARTITIONS, idle_s=0.3)
    with _stopped(on) as fed:
        for hours in (1, 2):
            fed.until(STOPS_MS + hours * HOUR_MS)
        fed.waits(lambda: _alerts(on))
        _silent(fed, nights=3)
        fed.until(BACK_MS)
        fed.judged()
        fed.until(BACK_MS + HOUR_MS // 2)
        fed.waits(lambda: len(_alerts(on)) > 1)
        for ms in range(BACK_MS + 6 * HOUR_MS, END_MS + 1, 6 * HOUR_MS):
            fed.until(ms)
            fed.judged()
    alerts = _alerts(on)
    assert [one["id"] for one in alerts] == [f"gap/{SILENT}/{_last_ms()}/{state}" for state in ("raised", "recovered")]
    raised, recovered = alerts
    assert raised["by"] == "silence"
    assert raised["at"] - STOPS_MS < 4 * HOUR_MS
    assert recovered["until"] - BACK_MS < HOUR_MS
    assert 900 < recovered["expected"] < 1_100, "three days of 330 events"


@contextlib.contextmanager
def _stopped(clout: Stack) -> Iterator[_Fed]:
    """Two networks came for three and a half days, and one does not come any more."""
    clout.produce([(POLICIES.name, 0, *encode(rule)) for rule in RULES])
    with clout.worker():
        fed = _Fed(clout)
        fed.until(STOPS_MS)
        fed.judged()
        yield fed


def _silent(fed: _Fed, nights: int) -> None:
    """So long; everybody is looked at just before a daily close, when they have fallen by most since the last one."""
    for night in range(nights):
        fed.until(STOPS_MS + DAY_MS // 2 - MINUTE_MS + night * DAY_MS)
        fed.judged()


def _alerts(clout: Stack) -> list[dict[str, Any]]:
    return [one for _, one in clout.consume(ALERTS.name)]


class _Fed:
    """Feeds what there is until a moment, and lets every partition's clock come there."""

    def __init__(self, clout: Stack) -> None:
        self._clout, self.now_ms, self._count = clout, T0, 0

    def until(self, ms: int) -> None:
        """What is between the last moment and this one."""
        events = list(_events(self.now_ms, ms))
        self._count += self._clout.feed([*events, *(_tick(number, ms) for number in range(PARTITIONS))])
        self._clout.settled(self._count)
        self.now_ms = ms

    def waits(self, there: Callable[[], object]) -> None:
        """Until something is there; meanwhile the clock goes on by a minute at a time."""
        deadline = time.monotonic() + PATIENCE_S
        while not there():
            assert time.monotonic() < deadline
            self.until(self.now_ms + MINUTE_MS)

    def judged(self) -> None:
        """Until everybody has been looked at as of this moment: nobody's score is a displayed step from the published one."""
        deadline = time.monotonic() + PATIENCE_S
        while any(map(self._moved, {one["user"]: one for _, one in self._clout.consume(SCORES.name)}.values())):
            assert time.monotonic() < deadline

    def _moved(self, record: dict[str, Any]) -> bool:
        return bool(abs(score_at(record, self.now_ms)["score"] - record["score"]) >= PLAIN.displayed_step)


def _events(from_ms: int, to_ms: int) -> Iterator[Produced]:
    """Three likes a day for each user of both networks, one after the other; of one none for three days."""
    step_ms = EACH_MS // USERS
    for n in itertools.count(-(-(from_ms - T0) // step_ms)):
        ts = T0 + n * step_ms
        if ts >= to_ms:
            return
        for network in (SILENT, LIVELY):
            if network == LIVELY or not STOPS_MS <= ts < BACK_MS:
                event = {"id": str(n), "type": "like", "network": network, "actor": f"f{n % 90}", "ts": ts}
                yield produced(event | {"target": f"u{n % USERS}"})


def _last_ms() -> int:
    """When the last event before the silence was."""
    return max(orjson.loads(one.value)["ts"] for one in _events(STOPS_MS - EACH_MS, STOPS_MS))


def _tick(number: int, ts: int) -> Produced:
    """Somebody of this partition does something that counts for nobody: its clock moves."""
    name = next(f"t{n}" for n in itertools.count() if partition_of(f"tick:t{n}".encode(), PARTITIONS) == number)
    return produced({"id": f"{name}-{ts}", "type": "like", "network": "tick", "actor": name, "target": name, "ts": ts})
