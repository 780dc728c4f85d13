"""What a listener wants to hear: whose scores and alerts, and how large a change has to be."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from agents.api.stream.frames import event
from agents.api.stream.looks import Alert, Change, Look

#: of so many users at most it is kept that they have changed by too little; of the first ones it is forgotten then
MOST_PENDING = 10_000
_ROUNDED = 1e-9  #: scores have two decimals, their differences more


@dataclass(frozen=True, slots=True)
class Filter:
    """All that is given has to match. `users` are those of the network, if both are asked for."""

    scores: bool = True
    alerts: bool = True
    users: frozenset[str] | None = None
    network: str | None = None
    topic: str | None = None
    min_change: float = 0.0

    def takes(self, alert: Alert, members: Collection[str]) -> bool:
        """Is this alert wanted? `members` are those of the topic."""
        if self.network is not None and alert.network != self.network:
            return False
        if self.users is not None and alert.user not in self.users:
            return False
        return self.topic is None or alert.user in members

    def of(self, look: Look, members: Collection[str]) -> Iterable[str]:
        """Whose changed scores are wanted."""
        if self.users is not None:
            users: Iterable[str] = (user for user in self.users if user in look.changes)
            return users if self.topic is None else (user for user in users if user in members)
        if self.topic is not None:
            found = look.changes.keys() & members
            return found if self.network is None else found.intersection(look.by_network.get(self.network, ()))
        return look.changes if self.network is None else look.by_network.get(self.network, ())


class Pending:
    """Of whom the score differs from what was told last, but by less than the least change."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._told: dict[str, float] = {}

    def due(self, user: str, change: Change) -> Change | None:
        """The change since what was told last, if it is large enough to be told now."""
        before = self._told.pop(user, change.before)
        if before is None or abs(change.score - before) >= self._least - _ROUNDED:
            return Change(before, change.score)
        while len(self._told) >= MOST_PENDING:
            del self._told[next(iter(self._told))]
        self._told[user] = before
        return None


def frames(wanted: Filter, look: Look, members: Collection[str], pending: Pending | None) -> bytes:
    """The frames of a look, alerts first; nothing when it has none for this filter. `pending` is for `min_change`."""
    found = []
    if wanted.alerts:
        found = [event("alert", one.payload, one.cursor) for one in look.alerts if wanted.takes(one, members)]
    if wanted.scores and look.changes:
        changes = [(user, look.changes[user]) for user in wanted.of(look, members)]
        if pending:
            changes = [(user, due) for user, change in changes if (due := pending.due(user, change))]
        if changes:
            users = [{"user": user, "score": score, "before": before} for user, (before, score) in changes]
            found.append(event("scores", {"as_of": look.as_of, "users": users}, look.cursor))
    return b"".join(found)
