"""Listeners by what they want: frames are made once for each distinct filter, and those of a few users are found by these."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from agents.api.stream.filters import Filter, Pending, frames
from agents.api.stream.looks import Look
from agents.api.stream.mailbox import Mailbox


@dataclass(eq=False, slots=True)
class Group:
    """All who want the same."""

    filter: Filter
    pending: Pending | None
    boxes: set[Mailbox] = field(default_factory=set)


class Groups:
    """`members` gives those of a topic as they were read last."""

    def __init__(self, members: Callable[[str | None], Collection[str]]) -> None:
        self._members = members
        self._groups: dict[tuple[Filter, Pending | None], Group] = {}
        self._wide: set[Group] = set()  # of all users, of a network or of a topic
        self._by_user: dict[str, set[Group]] = {}

    def attach(self, wanted: Filter, box: Mailbox, pending: Pending | None) -> None:
        """From now on it gets what its filter lets through. With a least change it is a group of its own: what was told differs."""
        group = self._groups.get((wanted, pending))
        if group is None:
            group = self._groups[wanted, pending] = Group(wanted, pending)
            if wanted.users is None:
                self._wide.add(group)
            for user in wanted.users or ():
                self._by_user.setdefault(user, set()).add(group)
        group.boxes.add(box)

    def detach(self, wanted: Filter, box: Mailbox, pending: Pending | None) -> None:
        """Nothing more for it; nothing happens if it is not here."""
        group = self._groups.get((wanted, pending))
        if group is None:
            return
        group.boxes.discard(box)
        if not group.boxes:
            del self._groups[wanted, pending]
            self._wide.discard(group)
            for user in wanted.users or ():
                self._by_user[user].discard(group)
                if not self._by_user[user]:
                    del self._by_user[user]

    def clear(self) -> None:
        """Nobody is here any more."""
        self._groups.clear()
        self._wide.clear()
        self._by_user.clear()

    def tell(self, look: Look) -> None:
        """To everybody what is for them: a look-up for each changed user, and one pass for each group that it concerns."""
        concerned = set(self._wide)
        for user in self._by_user.keys() & look.changes.keys():
            concerned |= self._by_user[user]
        for alert in look.alerts:
            concerned |= self._by_user.get(alert.user or "", set())
        for group in concerned:
            told = frames(group.filter, look, self._members(group.filter.topic), group.pending)
            if told:
                for box in group.boxes:
                    box.put(told)
