"""One stream over all its connections, without any of them: what is asked, what has come, how long to wait before the next."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from agents.client.ask import Ask, Query, several, some
from agents.client.errors import ClientError, NotUnderstood, Refused, WrongInput
from agents.client.events import Event, event_of
from agents.client.sse import Parser
from agents.shapes.pushed import Reset
from streams.errors import UsageError

PATH, MEDIA_TYPE = "/v1/stream", "text/event-stream"
RETRY_S = 1.0  #: until the server says otherwise
LONGEST_WAIT_S = 30.0
#: three heartbeats without a byte: the connection is dead, though nobody has said so
SILENT_S = 45.0
_MOST_DOUBLINGS = 10
_TRANSIENT = {429, 500, 502, 503, 504}  # a restart, or a proxy in front of one


def wanted(
    events: str | Sequence[str],
    users: Sequence[str] | None,
    network: str | None,
    topic: str | None,
    min_change: float | None,
    n: int | None,
) -> Query:
    """The filter as parameters: all that is given must match. Raises UsageError for users among whom there is nobody."""
    if users is not None and not users:
        raise UsageError("users: nobody is among them; None is for everyone")
    kinds = events if isinstance(events, str) else ",".join(events)
    return [
        *some(events=kinds, network=network, topic=topic, min_change=min_change, n=n),
        *(several("users", users) if users else ()),
    ]


class Following:
    """The state of one stream. `uniform` is for jitter: many who were cut at once do not come back at once."""

    def __init__(
        self, query: Query, last_id: str = "", uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        self.last_id = last_id  #: of what was handed out: whoever comes back with it misses nothing
        self.begun = False  #: a connection was there
        self._query, self._uniform = query, uniform
        self._parser = Parser(last_id)
        self._retry_s, self._failures, self._least_s = RETRY_S, 0, 0.0

    def ask(self) -> Ask[bytes]:
        """The request of the next connection."""
        self._parser = Parser(self.last_id)
        return Ask(bytes, PATH, [*self._query, *some(last_event_id=self.last_id or None)])

    def opened(self, media_type: str) -> None:
        """It is there. Raises NotUnderstood when it is no stream."""
        if media_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
            raise NotUnderstood(f"{PATH}: {media_type or 'nothing'} came instead of {MEDIA_TYPE}")
        self.begun, self._least_s = True, 0.0

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """What is whole now. `last_id` is that of the event that was handed out last."""
        before = self.last_id
        for frame in self._parser.feed(chunk):
            self.last_id, self._failures = frame.id, 0
            if event := event_of(frame):
                yield event
        self.last_id = self._parser.last_id  # also of a heartbeat, which has an id and no event
        if self.last_id != before:
            self._failures = 0
        if self._parser.retry_ms is not None:
            self._retry_s = self._parser.retry_ms / 1000

    def refused(self, error: Refused) -> Reset | None:
        """The server did not open it. Raises the error unless it can be better soon; what is lost by going on is a Reset."""
        if self.begun and isinstance(error, WrongInput) and self.last_id:
            self.last_id = ""  # the filter was well before, so it is the cursor: of other shards than there are now
            return Reset(reason=f"the server does not take the cursor any more ({error.detail})")
        if error.status not in _TRANSIENT:
            raise error
        self._least_s = error.retry_after_s or 0.0
        return None

    def wait_s(self) -> float:
        """How long to wait before the next connection: as the server says, twice as long after each that brought nothing."""
        longest_s = min(self._retry_s * 2 ** min(self._failures, _MOST_DOUBLINGS), LONGEST_WAIT_S)
        self._failures += 1
        return max(self._uniform(longest_s / 2, longest_s), self._least_s)

    def give_up(self, error: ClientError, left_s: float) -> None:
        """Raises the error when no connection has ever been there and there is no time left for another."""
        if not self.begun and left_s <= 0:
            raise error
