"""Cursors: where the next page of a board begins, as text that a client hands back as it is."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

import msgspec

from agents.api.ids import malformed
from streams.scoreboard.boards import Listed

_FORMAT = "l1"
_WHERE = "query.cursor"


class Cursor(NamedTuple):
    """Behind whom the page begins, and how many were before it."""

    format: str
    network: str | None
    topic: str | None
    rank: int  #: of the last one that was shown
    score: float  #: stored score of that one; of a topic the place
    user: str

    @property
    def after(self) -> Listed:
        """As a board knows it."""
        return Listed(self.score, self.user)


def text_of(network: str | None, topic: str | None, rank: int, last: Listed) -> str:
    """The cursor behind the last one of a page."""
    cursor = Cursor(_FORMAT, network, topic, rank, last.score, last.user)
    return urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def read(text: str, network: str | None, topic: str | None) -> Cursor:
    """Of this board. Raises Problem 422 for what is no cursor, and for that of another board."""
    try:
        found = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Cursor)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise malformed(_WHERE, "this is no cursor of a leaderboard; take `next` of an answer as it is") from None
    if found.format != _FORMAT or found.rank < 1:
        raise malformed(_WHERE, "a cursor of another version; begin without one")
    if (found.network, found.topic) != (network, topic):
        raise malformed(_WHERE, "this cursor is of another board; keep `network` and `topic` as they were")
    return found
