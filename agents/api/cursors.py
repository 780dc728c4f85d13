"""Cursors: where the next page of a board begins, as text that a client hands back as it is."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, NamedTuple

import msgspec
from redis.exceptions import RedisError

from agents.api.ids import malformed
from streams.scoreboard import shards
from streams.scoreboard.boards import Listed

_FORMAT = "l1"
_WHERE = "query.cursor"


class Cursor(NamedTuple):
    """Behind whom the page begins, and how many were before it."""

    format: str
    network: str | None
    topic: str | None
    rank: Annotated[int, msgspec.Meta(ge=1, le=2**53)]  #: of the last one that was shown
    score: float  #: stored score of that one; of a topic the place
    user: str
    without: tuple[Annotated[int, msgspec.Meta(ge=0, le=2**15)], ...] = ()  #: shards that were left out so far

    @property
    def after(self) -> Listed:
        """As a board knows it."""
        return Listed(self.score, self.user)

    def note(self) -> None:
        """The pages up to here were without some shards, so this one is not whole either: who was left out may be above."""
        shards.note({shard: RedisError(f"shard {shard} was left out on an earlier page") for shard in self.without})


def text_of(network: str | None, topic: str | None, rank: int, last: Listed) -> str:
    """The cursor behind the last one of a page."""
    cursor = Cursor(_FORMAT, network, topic, rank, last.score, last.user, tuple(sorted(shards.missing())))
    return urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def read(text: str, network: str | None, topic: str | None) -> Cursor:
    """Of this board. Raises Problem 422 for what is no cursor, and for that of another board."""
    try:
        found = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Cursor)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise malformed(_WHERE, "this is no cursor of a leaderboard; take `next` of an answer as it is") from None
    if found.format != _FORMAT:
        raise malformed(_WHERE, "a cursor of another version; begin without one")
    if (found.network, found.topic) != (network, topic):
        raise malformed(_WHERE, "this cursor is of another board; keep `network` and `topic` as they were")
    return found
