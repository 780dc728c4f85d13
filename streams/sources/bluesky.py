"""Frames of Bluesky's Jetstream as batches of events, each with the cursor behind it. Both versions of it, told apart by frame.

Version 2 is `network.bsky.jetstream.subscribeEvents` (its lexicon of that name, sections main, commit, identity, account, sync
and info; in frames `xrpc.v1.json`): each message has a `seq` of its instance, which begins anew nowhere and is the cursor.
Version 1 is `/subscribe`: its cursor is `time_us`, which is neither unique nor quite in order, unless a frame has `cursor`, the
same sequence. Whoever goes on by time gets some again: what was seen in this process is left out, the rest the worker drops by id.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from streams.sources.jetstream import PROFILE, Messages, named
from streams.sources.live import Batch, Lost, Missed
from streams.sources.record import Produced

V2_PATH = "/xrpc/network.bsky.jetstream.subscribeEvents"
COLLECTIONS = ("app.bsky.feed.like", "app.bsky.feed.repost", "app.bsky.feed.post", "app.bsky.graph.follow", PROFILE)
OVERLAP_US = 10_000_000  #: by time we go back so far: clocks of instances differ, and times are not quite in order
MISSED_US = (
    60_000_000  #: a stretch that is longer, behind a cursor that was asked for, is one that is not there any more
)
AHEAD_MS = 60_000  #: what happens later than that by our clock happens now
REPEATED = "repeated"
_JITTER_US = 2_000_000  # times of one instance are out of order by less
_TYPE = "network.bsky.jetstream.subscribeEvents#"


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A cursor, as JSON."""

    endpoint: str  #: whose `seq` it is
    time_us: int  #: the newest time that was read
    seq: int | None = None
    wall_us: int = 0  #: our time when it was read


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Place).decode


def place_of(cursor: str | None) -> Place | None:
    """Raises Lost for what is no cursor of ours."""
    if cursor is None:
        return None
    try:
        return _decode(cursor)
    except msgspec.MsgspecError as error:
        raise Lost(f"the cursor {cursor[:80]!r} is none of Bluesky's: {error}") from None


def asked(place: Place | None, endpoint: str, *, by_time: bool = False) -> int | None:
    """The value of the parameter `cursor`; None: what comes from now on. By sequence where it is the endpoint's own."""
    if place is None:
        return None
    same = place.endpoint == endpoint and not by_time
    if same and place.seq is not None:
        return place.seq
    if same:
        return max(place.time_us - _JITTER_US, 1)
    # a clock that is ahead would have us ask for what is yet to come, and get nothing of what came meanwhile
    return max(min(place.time_us, place.wall_us or place.time_us) - OVERLAP_US, 1)


class AnotherSequence(Lost):
    """The instance counts anew, or is another, or no longer has what was asked for: then by time."""


class Frames:
    """What one source has read, over all its connections. `begin` one, then `read` its frames."""

    def __init__(self, wall_ms: Callable[[], float], network: str = "bluesky") -> None:
        self._wall_ms = wall_ms
        self._messages, self._network = Messages(network), network
        self._endpoint = ""
        self._after: int | None = None  # the last `seq` that was read of this endpoint
        self._time_us = 0  # the newest time that was read, of any
        self._place: Place | None = None  # the last that was asked for, or given
        self._first = True  # is the next frame the first of a connection?
        self._recent: set[str] = set()  # messages of the last OVERLAP_US, and those of as long before
        self._before: set[str] = set()
        self._recent_us = 0
        self._torn: tuple[int | None, int] | None = None
        self.skipped: Counter[str] = Counter()
        self.line = 0

    def begin(self, endpoint: str, place: Place | None, *, by_time: bool) -> None:
        """A connection was made that was asked for `place`. Whoever goes back to an earlier one gets again what was behind it."""
        if place != self._place:
            self._time_us = place.time_us if place else 0
            self._recent, self._before = set(), set()
        own = place is not None and place.endpoint == endpoint and not by_time
        self._endpoint, self._place, self._first = endpoint, place, True
        self._after = place.seq if place and own else None

    def read(self, frame: bytes) -> Batch | None:
        """None: nothing that moves the cursor. Raises Lost for what the server should send once more, and for its errors."""
        try:
            said = orjson.loads(frame)
        except orjson.JSONDecodeError:
            return self._unreadable()
        message = self._message(said)
        if message is None:
            return self._batch([], 0) if self.skipped else None
        time_us, seq = message.get("time_us"), message.get("cursor")
        if type(time_us) is not int or not 0 < time_us < 1 << 53:
            self.malformed("a message without its time")
            return self._batch([], 0)
        seq = seq if type(seq) is int else None
        missed = self._begun(time_us, seq) if self._first else None
        if self._repeated(message, time_us, seq):
            self.skip(REPEATED)
            return None
        newest_ms = int(self._wall_ms())
        events = self._messages.events(message, self, newest_ms if time_us // 1000 > newest_ms + AHEAD_MS else None)
        self._time_us = max(self._time_us, time_us)
        self._after = self._after if seq is None else seq
        batch = self._batch(events, time_us // 1000)
        batch.missed, batch.names = missed, named(message, self._network)
        return batch

    def skip(self, reason: str) -> None:
        """See `streams.sources.report.Report`."""
        self.skipped[reason] += 1

    def malformed(self, reason: str) -> None:
        """The same."""
        self.skipped[f"malformed: {reason}"] += 1

    def unusable(self) -> None:
        """The same."""

    def reached(self, line: int) -> None:
        """The same."""

    def _message(self, said: Any) -> dict[str, Any] | None:
        """A message as version 1 has it; None (and counted) for what is none. Raises Lost for an error."""
        if not isinstance(said, dict):
            self.malformed("no object")
            return None
        kind = said.get("$type")
        if kind is None:
            return said
        if kind == "error":
            raise Lost(f"the server says {said.get('error')}: {str(said.get('message', ''))[:200]}")
        payload = said.get("payload")
        if kind != "message" or not isinstance(payload, dict):
            self.malformed("a frame of another type")
            return None
        what = str(payload.get("$type")).removeprefix(_TYPE)
        if what == "info":
            self.skip(f"info: {str(payload.get('name'))[:40]}")
            return None
        common = {"did": payload.get("did"), "time_us": _time_us(payload.get("time")), "cursor": payload.get("seq")}
        return {**common, "kind": what, what: payload if what == "commit" else payload.get(what)}

    def _begun(self, time_us: int, seq: int | None) -> Missed | None:
        """The first frame of a connection: is it near what was asked for? Raises AnotherSequence."""
        self._first = False
        if self._place is None:
            return None
        far = time_us - self._place.time_us > MISSED_US
        if self._after is not None and (far or (seq is not None and seq < self._after)):
            raise AnotherSequence(f"what comes is not what follows number {self._after}: it is asked for by time")
        return Missed(self._place.time_us // 1000, time_us // 1000) if far else None

    def _repeated(self, message: dict[str, Any], time_us: int, seq: int | None) -> bool:
        """Was it read before? By its number; of other instances, and without one, by what it is."""
        if seq is not None and self._after is not None and seq <= self._after:
            return True
        commit = message.get("commit")
        if isinstance(commit, dict):
            key = f"{message.get('did')}/{commit.get('collection')}/{commit.get('rkey')}/{commit.get('rev')}"
        else:
            key = f"{message.get('did')}/{message.get('kind')}/{time_us}"
        if time_us <= self._time_us and (key in self._recent or key in self._before):
            return True
        if time_us - self._recent_us > OVERLAP_US:
            self._recent, self._before, self._recent_us = set(), self._recent, time_us
        self._recent.add(key)
        return False

    def _unreadable(self) -> Batch:
        """A torn frame may have been torn on its way: it is asked for once more, and counted when it comes again."""
        where = (self._after, self._time_us)
        if self._torn != where:
            self._torn = where
            raise Lost("a frame that cannot be read: no JSON in UTF-8")
        self.malformed("no JSON in UTF-8")
        return self._batch([], 0)

    def _batch(self, events: list[Produced], ts_ms: int) -> Batch:
        wall_us = int(self._wall_ms() * 1000)
        place = self._place = Place(endpoint=self._endpoint, time_us=self._time_us, seq=self._after, wall_us=wall_us)
        skipped, self.skipped = self.skipped, Counter()
        return Batch(events, _encode(place).decode(), ts_ms, skipped)


def _time_us(text: object) -> int | None:
    """RFC 3339 as microseconds since epoch."""
    try:
        moment = datetime.datetime.fromisoformat(text)  # type: ignore[arg-type]
        return round(moment.timestamp() * 1_000_000)
    except (TypeError, ValueError, OverflowError):
        return None
