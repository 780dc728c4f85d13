"""What must stand in `scores` after a feed: every user's engagements and decayed sums, folded apart from everything measured."""

from __future__ import annotations

from array import array

import numpy as np

from agents.proof.bench.expected import Expected, difference
from agents.proof.bench.peer_job import HALF_LIVES_MS, weigh
from agents.proof.bench.scores_topic import Last

SCORES_MAY_DIFFER = 1e-6  # points, and the share of a window


class Fold(Expected):
    """Takes the events as they are fed; in whatever order a system folds them, the same must come out."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[str, int] = {}
        self._users, self._ts, self._weights = array("i"), array("q"), array("d")

    def add(self, value: bytes) -> None:
        """One event as it was fed."""
        super().add(value)
        engagement = weigh(value)
        if engagement:
            user, ts, weight = engagement
            self._users.append(self._numbers.setdefault(user, len(self._numbers)))
            self._ts.append(ts)
            self._weights.append(weight)

    def sums(self) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Users, their sums (n, 3) of day, week, quarter, and the time (n,) in ms of the newest engagement these are as of."""
        users, ts, weights = np.asarray(self._users), np.asarray(self._ts), np.asarray(self._weights)
        newest_ms = np.zeros(len(self._numbers), np.int64)
        np.maximum.at(newest_ms, users, ts)
        age_ms = newest_ms[users] - ts
        columns = [np.bincount(users, weights * 0.5 ** (age_ms / half_life)) for half_life in HALF_LIVES_MS]
        return list(self._numbers), np.column_stack(columns), newest_ms

    def wrong_counts(self, records: dict[str, Last]) -> str:
        """What differs in `engagements` of the last records; empty when nothing does. Undos are left out, as in the job."""
        shown = {user: record.engagements for user, record in records.items()}
        return difference("engagements", self.with_persons(self.given), shown)

    def wrong_scores(self, records: dict[str, Last]) -> str:
        """What differs in windows and scores of the last records under the model `plain`; empty when nothing does.

        A record may be as of a later time than its last engagement, and may hold reach and participation: Clout's do.
        """
        users, sums, newest_ms = self.sums()
        got = [records[user] for user in users]
        later_ms = np.asarray([record.as_of for record in got]) - newest_ms
        wanted = sums * 0.5 ** (later_ms[:, None] / np.asarray(HALF_LIVES_MS))
        windows = np.asarray([[w.day, w.week, w.quarter] for w in (record.windows for record in got)])
        followers = np.asarray([record.followers for record in got])
        acted = np.asarray([record.acted for record in got])
        mass = wanted @ np.asarray((0.5, 0.5, 1.0))
        mass += np.minimum(1.0, 0.05 * np.log2(1.0 + np.maximum(followers, 0))) + 0.04 * acted / (acted + 10.0)
        x = (mass / 6.4) ** 0.375
        scores = np.maximum(1.0, 100.0 * x / (1.0 + x))
        off = np.abs(np.asarray([record.score for record in got]) - scores)
        off = np.maximum(off, np.max(np.abs(windows / wanted - 1.0), axis=1))
        worst = int(np.argmax(off))
        if off[worst] <= SCORES_MAY_DIFFER:
            return ""
        return (
            f"scores of {int((off > SCORES_MAY_DIFFER).sum()):,} users are not what was fed, for example {users[worst]}: "
            f"{got[worst]} and not score {scores[worst]}, windows {wanted[worst].tolist()}"
        )
