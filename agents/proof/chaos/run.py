"""One run: a seeded schedule of faults under a steady feed, then everything up, everything counted, and the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import orjson
from redis.exceptions import RedisError

from agents.local.embedded import own_folder
from agents.proof import policies
from agents.proof.chaos import again, reading, rules, verdict
from agents.proof.chaos.diary import Telling
from agents.proof.chaos.faults import RESTS_S, Fault, kinds
from agents.proof.chaos.stage import Stage, staged
from streams.errors import CloutError
from streams.events import MAX_AHEAD_MS
from streams.model.versions import PLAIN
from streams.model.versions import model as model_of

TICK_S = 0.05
WARM_UP_S = 3.0  # of feeding before the first fault
PATIENCE_S = 180.0  # until everything is counted, once everything is up again
OVERTIME_S = 120.0  # for faults under way, and for the first of each kind, when the time is over
UNHURRIED_S, HURRIED = 180.0, 0.4  # in a run shorter than this lanes rest shorter, down to this part
AGAIN_S = 5.0  # between two comparisons while something is not as it must be


def run(
    minutes: float,
    brokers: int,
    workers: int,
    rate: float,
    seed: int,
    say: Callable[[str], None],
    *,
    model: str = PLAIN.name,
    only: Collection[str] = (),
    keep: bool = False,
) -> dict[str, Any]:
    """Faults (all kinds, or `only` some) for so many minutes, and until each kind has happened once.

    Keeps the logs and says where, with `keep` or unless all is well.
    """
    wished = kinds(workers, only)
    with own_folder() as folder:
        tell = Telling(folder / "story.log", say)
        tell(f"seed {seed}: {minutes:g} minutes, {brokers} brokers, up to {workers} workers, {rate:g} events/s")
        with contextlib.ExitStack() as unfinished:
            unfinished.push(lambda kind, *_: _keep(folder, tell, f"not finished, {kind.__name__}") if kind else None)
            with staged(folder, tell, brokers=brokers, workers=workers, rate=rate, seed=seed, model=model) as stage:
                result = _Run(stage, minutes * 60, seed, wished, folder).result()
            unfinished.pop_all()
        if keep or not result["ok"]:
            _keep(folder, tell, "exact" if result["ok"] else "lost, doubled or different")
        return result


def _keep(folder: Path, tell: Telling, why: str) -> None:
    kept = Path(tempfile.mkdtemp(prefix="clout-chaos-"))
    tell(f"{why}: the logs and what differs are in {kept}")
    shutil.copytree(folder, kept, dirs_exist_ok=True, ignore=shutil.ignore_patterns("data", ".clout-owner"))


class _Run:
    """What happens on a stage."""

    def __init__(self, stage: Stage, seconds: float, seed: int, kinds: Sequence[Fault], folder: Path) -> None:
        self._stage, self._seconds, self._seed, self._folder = stage, seconds, seed, folder
        self._kinds, self._hurry = kinds, min(max(seconds / UNHURRIED_S, HURRIED), 1.0)
        self.faults: Counter[str] = Counter({fault.kind: 0 for fault in self._kinds})

    def result(self) -> dict[str, Any]:
        """The whole run."""
        stage = self._stage
        policies.say(stage.settings, rules.FIRST)
        self._wait(lambda: any(worker.holds for worker in stage.crew.places), OVERTIME_S)
        stage.feeding.start()
        stage.tell("feeding")
        self._wait(lambda: False, WARM_UP_S)
        policies.say(stage.settings, rules.LATER)
        self._chaos()
        stage.feeding.stop()
        fed = stage.feeding.events
        stage.tell(f"everything is up, {fed:,} events fed; waiting until all are counted")
        return self._settled(fed)

    def _wait(self, true: Callable[[], bool], patience_s: float) -> bool:
        deadline_s = time.monotonic() + patience_s
        while not (held := true()) and time.monotonic() < deadline_s:
            self._stage.look()
            time.sleep(TICK_S)
        return held

    # -- faults ----------------------------------------------------------------------------------------------------

    def _chaos(self) -> None:
        """All lanes side by side, until time is over and each kind has been there; raises what a fault cannot repair."""
        now_s = time.monotonic()
        self._over_s = now_s + self._seconds
        lanes = [self._lane(lane, Random(f"{self._seed} {lane}")) for lane in RESTS_S]
        order = itertools.count()  # lanes due at the same time go in turn
        due = [(now_s, next(order), lane) for lane in lanes]
        while due:
            at_s, _, lane = heapq.heappop(due)
            self._wait(lambda at_s=at_s: time.monotonic() >= at_s, max(at_s - time.monotonic(), 0.0))  # type: ignore[misc]
            if time.monotonic() > self._over_s + OVERTIME_S:
                raise CloutError(f"the faults did not come to an end within {OVERTIME_S:.0f} s after their time")
            self._stage.look()
            for wait_s in lane:
                heapq.heappush(due, (time.monotonic() + wait_s, next(order), lane))
                break

    def _lane(self, name: str, rng: Random) -> Iterator[float]:
        """One fault after the other: first each kind once in random order, then by weight."""
        kinds = [fault for fault in self._kinds if fault.lane == name]
        first = rng.sample(kinds, len(kinds))
        while first or time.monotonic() < self._over_s:
            yield rng.uniform(*RESTS_S[name]) * self._hurry
            if time.monotonic() >= self._over_s and not first:
                return
            fault = self._next(first, kinds, rng)
            if fault:
                self.faults[fault.kind] += 1
                yield from fault.steps(self._stage, rng)

    def _next(self, first: list[Fault], kinds: list[Fault], rng: Random) -> Fault | None:
        for fault in first:
            if fault.possible(self._stage):
                first.remove(fault)
                return fault
        possible = [fault for fault in kinds if fault.possible(self._stage)]
        return rng.choices(possible, [fault.weight for fault in possible])[0] if possible else None

    # -- the end ---------------------------------------------------------------------------------------------------

    def _settled(self, fed: int) -> dict[str, Any]:
        """Wait until every event is counted, then compare; again for a while if something is not as it must be."""
        stage, began_s = self._stage, time.monotonic()
        deadline_s = began_s + PATIENCE_S
        counted = self._wait(lambda: self._counted() >= fed, PATIENCE_S)
        stage.tell(
            "all counted" if counted else f"only {self._counted():,} of {fed:,} counted after {PATIENCE_S:.0f} s"
        )
        asyncio.run(reading.check_fed(stage.settings, stage.feeding.sent))
        while True:
            result = self._compare(fed)
            if result["ok"] or time.monotonic() > deadline_s:
                break
            parts = ("lost", "doubled", "scores_differ", "lists_differ", "alerts_differ", "folded_again_differs")
            stage.tell("not yet: " + ", ".join(f"{part} {result[part]}" for part in parts))
            self._wait(lambda: False, AGAIN_S)
        stage.tell(
            f"{'exact' if result['ok'] else 'NOT exact'} {time.monotonic() - began_s:.0f} s after the last fault"
        )
        return result

    def _counted(self) -> int:
        try:
            counts = self._stage.counts()
        except (RedisError, OSError):
            return 0
        return counts.get("folded", 0) + counts.get("rejected", 0) + counts.get("repeats", 0)

    def _compare(self, fed: int) -> dict[str, Any]:
        stage = self._stage
        sent, as_of_ms = stage.feeding.sent, int(time.time() * 1000)
        scoring = model_of(stage.settings.model)
        fold = verdict.folded(
            (one.record for one in sent), scoring, as_of_ms + MAX_AHEAD_MS, stage.settings.day_closes_ms
        )
        wanted = verdict.of_tables([fold], as_of_ms)
        read = asyncio.run(reading.found(stage.settings, scoring, as_of_ms))
        sides = {
            name: verdict.compare(wanted, getattr(read, name), scoring, as_of_ms)
            for name in ("rows", "redis", "scores")
        }
        told, alerts = verdict.apart(fold, read.tables, read.told), asyncio.run(rules.judged(stage.settings))
        refolded = asyncio.run(again.folded_again(stage.settings, scoring))
        examples = {
            **{name: side.examples for name, side in sides.items()},
            **{"lists": told, "alerts": alerts.wrong, "folded_again": refolded},
        }
        (self._folder / "differences.json").write_bytes(orjson.dumps(examples, option=orjson.OPT_INDENT_2))
        return {
            "seconds": round(stage.tell.seconds, 1),
            "seed": self._seed,
            "faults": dict(self.faults),
            "exits": stage.crew.exits,
            "overdue": stage.overdue,
            "fed": fed,
            "users": len(wanted),
            "lost": {name: side.lost for name, side in sides.items()},
            "doubled": {name: side.doubled for name, side in sides.items()},
            "scores_differ": {name: side.differ for name, side in sides.items()},
            "lists_differ": {name: len(said) for name, said in told.items()},
            "topics_shown": sum(map(len, read.told.on_topic.values())),
            "topics_hidden": sum(len(one.hidden) for one in fold.profiles.values()),
            "alerts": alerts.alerts,
            "alerts_differ": len(alerts.wrong),
            "folded_again_differs": len(refolded),
            "versions_back": read.versions_back,
            "ok": all(side.ok for side in sides.values())
            and not any(told.values())
            and not (alerts.wrong or refolded or read.versions_back),
        }
