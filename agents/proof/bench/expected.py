"""What must come out of a feed, counted apart from the code under test: engagements and actions of every user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import orjson

from streams.events import decode_event

_RECENT = 16_384  # an undo refers to something at most 4,096 records back


class Expected:
    """Counts good events as they are fed. Knows no weights, no windows, no memory limits."""

    def __init__(self) -> None:
        self.actions: Counter[str] = Counter()  #: by actor; undos are none
        self.given: Counter[str] = Counter()  #: engagements by target
        self.taken_back: Counter[str] = Counter()  #: by target
        self.persons: dict[str, str] = {}  #: account -> `person:NAME`
        self.events = 0
        self._recent: dict[str, str] = {}  # id -> target

    def add(self, value: bytes) -> None:
        """One event as it was fed."""
        event = decode_event(value)
        self.events += 1
        if event.undo:
            target = self._recent.pop(event.ref or "", None)
            if target is not None:
                self.taken_back[target] += 1
            return
        self.actions[f"{event.network}:{event.actor}"] += 1
        if event.target != event.actor:
            target = f"{event.network}:{event.target}"
            self.given[target] += 1
            self._recent[event.id] = target
            if len(self._recent) > _RECENT:
                del self._recent[next(iter(self._recent))]

    def link(self, value: bytes) -> None:
        """A control as it was fed, later than all events, so that these count whoever is whose; facts count nothing here."""
        control = orjson.loads(value)
        if control["type"] == "link":
            self.persons[control["user"]] = f"person:{control['person']}"

    def with_persons(self, counts: Mapping[str, int]) -> dict[str, int]:
        """By user, and by person the sum of the accounts'."""
        found = Counter(counts)
        for account, person in self.persons.items():
            found[person] += counts.get(account, 0)
        return dict(found)

    def engagements(self) -> dict[str, int]:
        """By target, less those undone; targets with none left are missing."""
        return {user: n for user, given in self.given.items() if (n := given - self.taken_back[user])}

    @property
    def timed(self) -> int:
        """How many engagements the worker's histogram must hold in the end: all but undos, which carry another's time."""
        return self.given.total()

    @property
    def users(self) -> set[str]:
        """Everybody who acted or was acted on."""
        return self.actions.keys() | self.given.keys()


def difference(what: str, wanted: dict[str, int], shown: dict[str, int]) -> str:
    """Empty when both hold the same counts (0 and missing are one), else how many users differ and one example."""
    wrong = [user for user in wanted.keys() | shown.keys() if wanted.get(user, 0) != shown.get(user, 0)]
    if not wrong:
        return ""
    user = min(wrong)
    return (
        f"{what} of {len(wrong):,} users are not what was fed ({sum(shown.values()):,} of {sum(wanted.values()):,}), for "
        f"example {user}: {shown.get(user, 0)} and not {wanted.get(user, 0)}"
    )
