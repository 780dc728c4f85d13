"""What the board remembers: changes over a minute, events a second, which partitions are alive. A fake clock, a made-up reader."""

from __future__ import annotations

import asyncio
from typing import Any

from agents.api.leaders import Leaders
from streams.settings import Settings
from tests.scoreboard.records import NOW_MS, record


class Stage:
    """A reader that says what it is told to, and a clock that moves when told."""

    def __init__(self, clock: str = "wall") -> None:
        self.now_s = 0.0
        self.scores: dict[str, float] = {}
        self.said: dict[int, dict[str, Any]] = {}
        self.standings = self
        self.channelled: dict[str, dict[str, Any]] = {}
        reader: Any = self
        self.board = Leaders(
            reader, Settings(clock=clock), wall_ms=lambda: NOW_MS + self.now_s * 1000, monotonic_s=lambda: self.now_s
        )

    def pulse(
        self, number: int, version: int, folded: int, latency: dict[str, int] | None = None, as_of: int | None = None
    ) -> None:
        at = int(NOW_MS + self.now_s * 1000) if as_of is None else as_of
        self.said[number] = {
            "version": version,
            "event_ts": at,
            "as_of": at,
            "counts": {"folded": folded},
            "latency": latency or {},
        }

    async def pulses(self) -> dict[int, dict[str, Any]]:
        return dict(self.said)

    async def population(self) -> int:
        return len(self.scores)

    async def alerts(self, _: int) -> list[dict[str, Any]]:
        return []

    async def channels(self) -> dict[str, dict[str, Any]]:
        return dict(self.channelled)

    async def latest(self, _: int) -> list[dict[str, Any]]:
        return []

    async def top(self, n: int, _: int) -> list[dict[str, Any]]:
        return [record(user, score) for user, score in sorted(self.scores.items(), key=lambda item: -item[1])][:n]

    def look(self, at_s: float) -> dict[str, Any]:
        self.now_s = at_s
        return asyncio.run(self.board.look(10))


def test_change_is_against_a_minute_ago() -> None:
    """A change is the score now less the oldest one seen within a minute; somebody not seen before has none."""
    stage = Stage()
    for at_s in range(100):
        stage.scores = {"x:a": 10.0 + at_s}
        board = stage.look(at_s)
    assert board["top"][0]["change"] == 60.0
    stage.scores["x:b"] = 99.5
    entry = {entry["user"]: entry for entry in stage.look(99.9)["top"]}["x:b"]
    assert entry["change"] is None


def test_rate_and_latency_are_those_of_the_last_seconds() -> None:
    """Events a second and latency forget what is older than ten seconds."""
    stage = Stage()
    for at_s in range(31):
        busy = min(at_s, 10)
        stage.pulse(0, at_s + 1, folded=100 * busy, latency={"500": 100 * busy, "5": at_s})
        board = stage.look(at_s)
        if at_s == 10:
            assert board["stats"]["events_per_s"] == 100.0
            assert board["stats"]["latency_p50_ms"] == 1002
    assert board["stats"]["events_per_s"] == 0.0
    assert board["stats"]["latency_p50_ms"] == 12
    assert board["stats"]["events"] == 1000


def test_other_workers_count_from_zero() -> None:
    """When counts fall, because another worker took over, the rate starts anew and never goes below 0."""
    stage = Stage()
    stage.pulse(0, 1, folded=1_000)
    stage.look(0)
    stage.pulse(0, 2, folded=10)
    assert stage.look(1)["stats"]["events_per_s"] == 0.0
    stage.pulse(0, 3, folded=60)
    assert stage.look(2)["stats"]["events_per_s"] == 50.0


def test_partition_is_alive_while_its_pulse_moves() -> None:
    """With the stream clock a pulse says nothing of the wall clock: a partition is alive once it moved, for a while."""
    stage = Stage(clock="stream")
    stage.pulse(0, 7, folded=1, as_of=NOW_MS - 10**10)
    assert stage.look(0)["stats"]["partitions"]["fresh"] == 0
    stage.pulse(0, 8, folded=1, as_of=NOW_MS - 10**10)
    assert stage.look(1)["stats"]["partitions"]["fresh"] == 1
    assert stage.look(10)["stats"]["partitions"]["fresh"] == 1
    assert stage.look(20)["stats"]["partitions"]["fresh"] == 0


def test_after_a_long_time_without_a_look() -> None:
    """A pulse that moved at some time meanwhile is alive only if it is young by the wall clock."""
    stage = Stage()
    stage.pulse(0, 7, folded=1, as_of=NOW_MS)
    assert stage.look(0)["stats"]["partitions"]["fresh"] == 1
    stage.pulse(0, 8, folded=1, as_of=NOW_MS + 5_000)
    assert stage.look(72)["stats"]["partitions"]["fresh"] == 0
    stage.pulse(0, 9, folded=1, as_of=NOW_MS + 143_000)
    assert stage.look(144)["stats"]["partitions"]["fresh"] == 1


def test_latency_of_history_is_not_told() -> None:
    """With the stream clock events are as old as their history, so no latency is shown."""
    stage = Stage(clock="stream")
    stage.pulse(0, 1, folded=5, latency={"4999": 5})
    assert stage.look(0)["stats"]["latency_p99_ms"] is None


def test_channels_in_trouble() -> None:
    """Those that are switched off, left alone, or that nobody delivers to any more; not one that is disabled on purpose."""
    stage = Stage()
    well = {"at": NOW_MS, "enabled": True, "off": "", "open_until": None, "last": "answered 500"}
    stage.channelled = {
        "a": well,
        "b": well | {"off": "answered 410"},
        "c": well | {"open_until": NOW_MS + 9_000},
        "d": well | {"enabled": False, "off": "answered 410"},
    }
    told = stage.look(0)["deliveries"]
    assert told == {
        "channels": 4,
        "trouble": [
            {"channel": "b", "why": "switched off: answered 410"},
            {"channel": "c", "why": "left alone until 00:00:09Z: answered 500"},
        ],
        "latest": [],
    }
    assert [one["channel"] for one in stage.look(16)["deliveries"]["trouble"]] == ["a", "b", "c"]
