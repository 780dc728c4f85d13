"""The channels there are, of `policies` and of the file, and how they stand by Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from agents.cli.channel_text import state
from agents.cli.output import safe, say
from streams.errors import CloutError, DependencyDown
from streams.model.channels import Channel
from streams.policies.book import Book
from streams.settings import Settings

FILE, TOPIC = "file", "policies"
ELSEWHERE = "elsewhere"  #: a file that `clout alerting` has, and this command has not


@dataclass(frozen=True, slots=True)
class Known:
    """What a command knows of channels."""

    book: Book  #: with those of the file
    own: frozenset[str]  #: names of those in the file
    standings: dict[str, dict[str, Any]] | None  #: None: Redis does not say

    def named(self, name: str) -> Channel:
        """The channel of that name. Raises CloutError when there is none."""
        for one in self.book.channels:
            if one.name == name:
                return one
        raise CloutError(safe(f"no channel is named {name}; `clout channel list` has them all"))

    def whence(self, name: str) -> str:
        """Where it is from."""
        return FILE if name in self.own else TOPIC

    def standing(self, name: str) -> dict[str, Any] | None:
        """How it stands; None: nobody has said it."""
        return None if self.standings is None else self.standings.get(name)

    def state(self, one: Channel, now_ms: float) -> str:
        """In words."""
        if self.standings is None and one.enabled:
            return "not known: Redis does not answer"
        return state(one, self.standing(one.name), now_ms)

    def elsewhere(self) -> dict[str, dict[str, Any]]:
        """How those stand that only `clout alerting` knows, by name."""
        here = {one.name for one in self.book.channels}
        return {name: one for name, one in (self.standings or {}).items() if name not in here}

    def described(self, one: Channel, now_ms: float) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": one.name,
            "from": self.whence(one.name),
            "state": self.state(one, now_ms),
            "standing": self.standing(one.name),
            "channel": msgspec.to_builtins(one),
        }


def channels(settings: Settings) -> tuple[Book, frozenset[str]]:
    """Of the topic and the file, and the names of the latter. Raises as `policy_topic.known`, UsageError for a wrong file."""
    from agents.alerting.channel_file import With, read
    from agents.cli.policy_topic import known

    own = read(settings.channels) if settings.channels else ()
    book = known(settings).book()
    return With(lambda: book, own)(), frozenset(one.name for one in own)


def look(settings: Settings) -> Known:
    """All of it; without Redis that is said on stderr."""
    from agents.cli.redis import ask

    book, own = channels(settings)
    try:
        standings = ask(settings, lambda reader: reader.standings.channels())
    except DependencyDown as error:
        say(safe(f"clout: how channels stand is not known: {error}"))
        standings = None
    return Known(book, own, standings)
