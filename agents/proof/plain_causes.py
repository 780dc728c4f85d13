"""Why a score moved, by plain sums over the events: what the causes of alerts are compared with. For the model `plain` alone.

Of each user the events are kept as they were counted: when, at which time they happened, what they weigh. A day gives

    engagement      what was gained on it, as it weighs at its end
    reversed        what was taken back on it, the same
    participation   p(own actions) - p(own actions less those of the day)
    decay           the rest of the change of mass

each times (score after - score before) / (mass after - mass before). Nothing here is code of the ledger.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import orjson
from numpy.typing import NDArray

from streams.model.versions import DAY_MS, Model
from streams.sources.record import Produced
from streams.topics import KIND_OF

REMEMBERED = 16  #: of each kind an actor; an undo of what is older takes back nothing
_EQUAL = 1e-9  # masses that differ by less, as a part, are the same

_Deed = tuple[
    int, int, float
]  # when it was counted, when it happened (ms since epoch), what it weighs; negative: taken back
_Deeds = NDArray[np.float64]  # (n, 3), by when


class Doings:
    """What everybody got and did."""

    def __init__(self, events: Sequence[Produced], model: Model) -> None:
        """`events` by time, each once; no follows, for they count for reach, too."""
        self._model = model
        self._got: defaultdict[str, list[_Deed]] = defaultdict(list)
        self._did: defaultdict[str, list[_Deed]] = defaultdict(list)
        self._known: dict[str, tuple[_Deeds, _Deeds]] = {}
        memories: defaultdict[tuple[str, int], deque[list[str]]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        times: dict[str, int] = {}
        for one in events:
            body, kind = orjson.loads(one.value), KIND_OF[one.topic]
            actor, weight = f"{body['network']}:{body['actor']}", model.weights[kind]
            memory, target = memories[actor, kind], body.get("target", "")
            if body.get("undo"):
                for entry in memory:
                    if entry[0] == body["ref"] and entry[1]:
                        ts = times[entry[0]]
                        self._got[entry[1]].append((one.ts, ts, -weight))
                        self._did[actor].append((one.ts, ts, -1.0))
                        entry[1] = ""
                memory.append([body["id"], ""])
                continue
            self._did[actor].append((one.ts, one.ts, 1.0))
            times[body["id"]] = one.ts
            to_self = target == body["actor"]
            if not to_self:
                self._got[f"{body['network']}:{target}"].append((one.ts, one.ts, weight))
            memory.append([body["id"], "" if to_self else f"{body['network']}:{target}"])

    def causes(self, user: str, back: int, now_ms: int, change: float) -> dict[str, float]:
        """Points by cause since the close `back` closes before the last one; what is not known of `change` is `earlier`."""
        closed_ms = now_ms // DAY_MS * DAY_MS
        edges = [*(closed_ms - n * DAY_MS for n in range(back, -1, -1)), now_ms + 1]
        points: defaultdict[str, float] = defaultdict(float)
        before, gained = self._mass(user, edges[0]), False
        for start, end in pairwise(edges):
            after, entries = self._mass(user, end), self._day(user, start, end)
            entries["decay"] = after - before - sum(entries.values())
            for cause, mass in entries.items():
                points[cause] += mass * self._secant(before, after)
            gained |= entries["engagement"] > 0.0
            before = after
        points["fewer" if gained else "idle"] = points.pop("decay")
        points["earlier"] = change - sum(points.values())
        return points

    def _deeds(self, user: str) -> tuple[_Deeds, _Deeds]:
        """Got and did."""
        if user not in self._known:
            got, did = (np.array(some.get(user, []), np.float64).reshape(-1, 3) for some in (self._got, self._did))
            self._known[user] = got, did
        return self._known[user]

    def _mass(self, user: str, end_ms: int) -> float:
        """By what was counted before that moment, at it."""
        got, did = self._deeds(user)
        return self._engaged(got, 0, end_ms) + self._part(self._acted(did, 0, end_ms))

    def _day(self, user: str, start_ms: int, end_ms: int) -> dict[str, float]:
        got, did = self._deeds(user)
        acted, now = self._acted(did, 0, end_ms), self._acted(did, start_ms, end_ms)
        return {
            "engagement": self._engaged(got[got[:, 2] > 0.0], start_ms, end_ms),
            "reversed": self._engaged(got[got[:, 2] < 0.0], start_ms, end_ms),
            "participation": self._part(acted) - self._part(acted - now),
        }

    def _engaged(self, deeds: _Deeds, start_ms: int, end_ms: int) -> float:
        when, ts, weights = deeds[(deeds[:, 0] >= start_ms) & (deeds[:, 0] < end_ms)].T
        lives = zip(self._model.mixture, self._model.half_lives_ms, strict=True)
        return float(
            sum(share * (weights * 0.5 ** ((end_ms - ts) / life)).sum() for share, life in lives) if len(when) else 0.0
        )

    def _acted(self, deeds: _Deeds, start_ms: int, end_ms: int) -> float:
        when, ts, weights = deeds[(deeds[:, 0] >= start_ms) & (deeds[:, 0] < end_ms)].T
        return float((weights * 0.5 ** ((end_ms - ts) / self._model.half_lives_ms[1])).sum() if len(when) else 0.0)

    def _part(self, acted: float) -> float:
        acted = max(acted, 0.0)
        return self._model.participation_cap * acted / (acted + self._model.participation_half)

    def _score(self, mass: float) -> float:
        x: float = (max(mass, 0.0) / self._model.half_mass) ** self._model.steepness
        return max(100.0 * x / (1.0 + x), 1.0)

    def _secant(self, before: float, after: float) -> float:
        if abs(after - before) > _EQUAL * max(after, before):
            return (self._score(after) - self._score(before)) / (after - before)
        score = self._score(after)
        return self._model.steepness * score * (1.0 - score / 100.0) / after if score > 1.0 else 0.0


def wrong(told: Mapping[str, float], wanted: Mapping[str, float], main: str, close: float) -> str:
    """What is wrong with the causes of an alert about a fall, in words; empty: nothing. Points may differ by less than `close`."""
    for cause in told.keys() | wanted.keys():
        if abs(told.get(cause, 0.0) - wanted.get(cause, 0.0)) >= close:
            return f"{cause} has {told.get(cause, 0.0)} points instead of {wanted.get(cause, 0.0)}"
    if wanted.get(main, 0.0) > min(wanted.values()) + 2 * close:
        return f"the cause is {min(wanted, key=wanted.__getitem__)}, not {main}"
    return ""
