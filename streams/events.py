"""What producers send: the event, its kinds and topics, and the checks that turn a bad record into a reject."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta

from streams import mistakes

Kind = Literal["like", "follow", "mention", "reply", "share", "retweet"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TOPIC_OF: dict[str, str] = {
    "like": "likes",
    "follow": "follows",
    "mention": "mentions",
    "reply": "replies",
    "share": "shares",
    "retweet": "retweets",
}
KIND_INDEX: dict[str, int] = {kind: index for index, kind in enumerate(KINDS)}

PERSON = "person"  #: the network of persons, whose users are the sums of accounts: no event happens on it
MAX_ID_BYTES = 256
MAX_NETWORK_BYTES = 64
MAX_EVENT_BYTES = 65_536  # an event is some 200 bytes; what is larger is not an event, and is not even parsed
MAX_AHEAD_MS = 600_000  # how far in the future an event may lie: one from 2099 must not age everybody
OLDEST_MS = 100_000_000_000  # March 1973; below this the producer sent seconds
NEWEST_MS = 2**45  # the year 3084: no clock shows more
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

MAX_OBJECT, MAX_TOPICS, MAX_TOPIC = 1024, 32, 128  # characters, number of them, characters

_Text = Annotated[str, Meta(max_length=MAX_OBJECT)]
_Topics = Annotated[list[Annotated[str, Meta(max_length=MAX_TOPIC)]], Meta(max_length=MAX_TOPICS)]


def _named(most_bytes: int, without: str = "", nor: str = "") -> Meta:
    """What a schema says of texts that `bad_text` lets pass: a character has a byte or more."""
    pattern = f"[{without}{CONTROL.pattern[1:]}{nor}"
    return Meta(extra_json_schema={"minLength": 1, "maxLength": most_bytes, "not": {"pattern": pattern}})


_Id = Annotated[str, _named(MAX_ID_BYTES)]
_Network = Annotated[str, _named(MAX_NETWORK_BYTES, ":", f"|^{PERSON}$")]
_WHEN = f"when, ms since epoch, UTC; at most {MAX_AHEAD_MS // 60_000} minutes ahead of the worker's clock"
_Ms = Annotated[int, Meta(extra_json_schema={"exclusiveMinimum": OLDEST_MS, "maximum": NEWEST_MS})]


class Event(msgspec.Struct, frozen=True, gc=False):
    """`actor` did `type` to `target`'s content at `ts` (ms since epoch, UTC) on `network`. Unknown fields are ignored.

    An undo names what it reverses by `ref` (the id of the like, follow, share); it may leave `target` out.
    """

    id: Annotated[
        _Id, Meta(description="names the event; sent again by the same actor to the same topic it does not count")
    ]
    network: Annotated[_Network, Meta(description="where it happened; no colon")]
    actor: Annotated[_Id, Meta(description="who did it; with the network this is a user, `network:actor`")]
    ts: Annotated[_Ms, Meta(description=_WHEN)]
    target: Annotated[_Id, Meta(description="to whose content; an undo may leave it out")] = ""
    type: Annotated[Kind | None, Meta(description="the kind; else the topic says it")] = None
    ref: Annotated[_Id | None, Meta(description="the `id` that an undo takes back; without `undo` of no use")] = None
    object: Annotated[_Text | None, Meta(description="what the content is")] = None
    topics: Annotated[_Topics | None, Meta(description="what the content is about")] = None
    undo: Annotated[bool, Meta(description="take back the event that `ref` names")] = False


class Reject(NamedTuple):
    """Why a record could not be used: a stable code, the JSON path, and a sentence for people."""

    reason: str
    path: str
    message: str


decode_event = msgspec.json.Decoder(Event).decode


class _Time(msgspec.Struct, gc=False):
    ts: int


_decode_time = msgspec.json.Decoder(_Time).decode


def event_time(value: bytes | None) -> int | None:
    """Just the `ts` of a record, or None if it cannot be read."""
    try:
        return _decode_time(value or b"").ts
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def parse(value: bytes | None, kind: str, newest_ms: int) -> Event | Reject:
    """One record of `kind`'s topic as an event that is safe to fold, or the reason why it is not. Never raises.

    `newest_ms` is the latest time an event may carry (wall clock + `MAX_AHEAD_MS`).
    """
    if not value:
        return Reject("empty", "$", "the record has no value; send the event as JSON")
    if len(value) > MAX_EVENT_BYTES:
        return Reject("too_large", "$", f"{len(value):,} bytes; an event has at most {MAX_EVENT_BYTES:,}")
    try:
        event = decode_event(value)
    except msgspec.ValidationError as error:
        found = _without_broken_parts(value, error)
        if isinstance(found, Reject):
            return found
        event = found
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return no_json(value, error)
    name, actor, target, network = event.id, event.actor, event.target, event.network
    # a quick yes for ordinary events, `_explain` decides about the rest: 64 characters are at most 256 bytes
    if (
        OLDEST_MS < event.ts <= newest_ms
        and (event.type is None or event.type == kind)
        and 0 < len(name) <= 64
        and 0 < len(actor) <= 64
        and 0 < len(target) <= 64
        and 0 < len(network) <= 16
        and f"{name}{actor}{target}{network}".isprintable()
        and not (":" in network or network == PERSON)
        and not event.undo
    ):
        return event
    return _explain(event, kind, newest_ms) or event


class Bare(Event, frozen=True, gc=False):
    """An event whose optional parts may be anything, or null. `ref` is one where nothing is undone."""

    target: str | None = ""  # type: ignore[assignment]
    undo: bool | None = False  # type: ignore[assignment]
    ref: Any = None
    object: Any = None
    topics: Any = None


_decode_bare = msgspec.json.Decoder(Bare).decode
_OPTIONAL = ("$.object", "$.topics", "$.ref", "$.undo", "$.target")


def _without_broken_parts(value: bytes, error: msgspec.ValidationError) -> Event | Reject:
    """The event without `object`, `topics` and `ref` if that is what is wrong: nothing is scored by them. Null is absent."""
    reject = _invalid(str(error), value)
    if not reject.path.startswith(_OPTIONAL):
        return reject
    try:
        bare = _decode_bare(value)
    except msgspec.ValidationError as other:
        return _invalid(str(other), value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as other:  # the rest of it is no JSON
        return no_json(value, other)
    if bare.undo and not isinstance(bare.ref, str):
        return Reject("wrong_type", "$.ref", "an undo names what it reverses by `ref`, the id of that event, a text")
    ref = bare.ref if isinstance(bare.ref, str) else None
    return Event(bare.id, bare.network, bare.actor, bare.ts, bare.target or "", bare.type, ref, undo=bool(bare.undo))


def no_json(value: bytes, error: Exception) -> Reject:
    if framing := mistakes.framing(value):
        return Reject(
            "schema_registry_framing",
            "$",
            f"the value begins with {framing}; send plain JSON, without the serializer of the registry",
        )
    seems = mistakes.beginning(value)
    came = f"the value begins like {seems}, not like JSON ({error})" if seems else f"{error}"
    return Reject("not_json", "$", f"{came}; send one JSON object in UTF-8")


def _invalid(message: str, value: bytes) -> Reject:
    text, _, path = message.partition(" - at `")
    path = path.rstrip("`") or "$"
    if "missing required field" in text:
        field = text.rsplit("`", 2)[-2]
        wrapped = mistakes.envelope(value)
        return Reject("missing_field", f"{path}.{field}", f"{text}; {wrapped}" if wrapped else text)
    if path == "$.type":
        what = "the event has no `type`" if text.endswith("'missing'") else text  # see streams.sources.ndjson
        wrapped = mistakes.envelope(value)
        return Reject("unknown_kind", path, f"{what}; " + (wrapped or f"one of {', '.join(KINDS)}"))
    if path == "$.ts":
        return Reject("wrong_type", path, f"{text}; {mistakes.wrong_ts(value)}")
    if path == "$" and value.lstrip()[:2] == b'"{':
        return Reject("wrong_type", path, f"{text}; the event is a text within JSON: it was encoded twice")
    if path == "$" and value.lstrip()[:1] == b"[":
        return Reject("wrong_type", path, f"{text}; send each event as a record of its own")
    if "Expected `str" in text and re.search("got `(int|float)`", text):
        return Reject("wrong_type", path, f"{text}; it is a text, also where it looks like a number: put it in quotes")
    return Reject("wrong_type", path, text)


def _explain(event: Event, kind: str, newest_ms: int) -> Reject | None:
    """The first thing wrong with an event that failed the quick check; None if it is merely unusual."""
    if event.type is not None and event.type != kind:
        return Reject(
            "kind_contradicts_topic",
            "$.type",
            f"`{event.type}` in the topic `{TOPIC_OF[kind]}`; it goes to `{TOPIC_OF[event.type]}`",
        )
    if event.ts <= OLDEST_MS:
        meant = f": {mistakes.in_ms(event.ts)}" if mistakes.other_unit(event.ts) else ""
        return Reject(
            "ts_too_small", "$.ts", f"{event.ts} is before 1973; ts is in milliseconds since epoch, not seconds{meant}"
        )
    if event.ts > max(newest_ms, NEWEST_MS):  # no clock that is wrong: another unit, which time does not mend
        unit = mistakes.other_unit(event.ts)
        meant = f", not {unit}: {mistakes.in_ms(event.ts)}" if unit else ""
        return Reject("ts_too_large", "$.ts", f"{event.ts} is after 3084; ts is in milliseconds since epoch{meant}")
    if event.ts > newest_ms:
        why = f"{event.ts} is more than {MAX_AHEAD_MS // 60_000} minutes ahead of the clock"
        return Reject("ts_in_future", "$.ts", why)
    if ":" in event.network or event.network == PERSON:
        return Reject("bad_network", "$.network", "a network name has no colon, and `person` is where accounts are summed up")
    named = [
        ("network", event.network, MAX_NETWORK_BYTES),
        ("id", event.id, MAX_ID_BYTES),
        ("actor", event.actor, MAX_ID_BYTES),
    ]
    if event.undo:
        if event.ref is None:
            return Reject("missing_field", "$.ref", "an undo names what it reverses by `ref`, the id of that event")
        named.append(("ref", event.ref, MAX_ID_BYTES))
    if event.target or not event.undo:
        named.append(("target", event.target, MAX_ID_BYTES))
    for field, text, limit in named:
        reject = bad_text(field, text, limit)
        if reject:
            return reject
    return None


def bad_text(field: str, text: str, limit_bytes: int) -> Reject | None:
    if not text:
        return Reject("missing_field", f"$.{field}", f"`{field}` is missing or empty")
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > limit_bytes:
        return Reject("too_long", f"$.{field}", f"{size} bytes; `{field}` has at most {limit_bytes}")
    if CONTROL.search(text):
        return Reject("control_character", f"$.{field}", f"`{field}` has a control character")
    try:
        text.encode()
    except UnicodeEncodeError:
        return Reject("not_json", f"$.{field}", f"`{field}` has half a surrogate pair: no valid Unicode")
    return None
