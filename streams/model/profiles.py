"""What was said of a user by `controls`: whose account it is, facts, and topics that are hidden. `state` keeps it as it is here."""

from __future__ import annotations

import msgspec
import numpy as np

from streams.events import PERSON
from streams.model.given import Given
from streams.model.versions import FOLLOWERS, Model


class Stated(msgspec.Struct, frozen=True, array_like=True):
    """A fact as it was stated."""

    value: float | None  #: None: it was taken away
    date: int  #: ms
    source: str = ""


class Left(msgspec.Struct, frozen=True, array_like=True):
    """An account was one of a person."""

    person: str
    link: int  #: the number of the change
    since: int  #: from when on, ms
    until: int


class Hiding(msgspec.Struct, frozen=True, array_like=True):
    """A topic is hidden, or is shown again."""

    hidden: bool
    ts: int  #: when it was said, ms


class Profile(msgspec.Struct, frozen=True, array_like=True):
    """Links, facts and hidden topics of one user. A link has a number, which rises with each change of them."""

    ts: int = 0  #: when the newest link or unlink was said, ms
    link: int = 0
    person: str = ""  #: whose account it is now, `person:ann`; empty: nobody's
    kin: str = ""  #: whose it is or was last
    since: int = 0  #: from this event time on, ms
    until: int = 0  #: up to this one
    facts: dict[str, Stated] = {}
    counted: float = 0.0  #: net followers by events when their number was stated, less that number
    left: tuple[Left, ...] = ()  #: persons whose last close it may be part of: it left them since

    topics: dict[str, Hiding] = {}  #: those that are hidden, and those that were

    @property
    def hidden(self) -> list[str]:
        """Topics that are not shown as theirs."""
        return sorted(topic for topic, said in self.topics.items() if said.hidden)

    def given(self, model: Model) -> list[Given]:
        """What its facts give, those of an account and of a person alike; followers are part of the reach."""
        found: list[Given] = []
        if not self.facts:
            return found
        for name, stated in sorted(self.facts.items()):
            if stated.value is not None and name != FOLLOWERS:
                fact = model.fact(name)
                mass = min(fact.per_doubling * float(np.log2(1.0 + stated.value)), fact.cap)
                found.append(Given(name, mass, stated.date))
        return found

    @property
    def stated(self) -> int:
        """The date of the number of followers that was stated, ms; 0: none was."""
        followers = self.facts.get(FOLLOWERS)
        return followers.date if followers and followers.value is not None else 0


NOTHING = Profile()


def is_person(user: str) -> bool:
    """Is this the row of a person?"""
    return user.startswith(PERSON + ":")
