"""What Jetstream, Bluesky's stream, says (v1; `streams.sources.bluesky` makes it of v2), and the format `jetstream`, lines of it.

The actor is the DID, the time the server's `time_us`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from streams.display_names import Named
from streams.sources.hashtags import Hashtags, Lately
from streams.sources.record import Produced, produced
from streams.sources.torn import objects

if TYPE_CHECKING:
    from streams.sources.report import Report

_POST = "app.bsky.feed.post"
_KINDS = {
    "app.bsky.feed.like": "like",
    "app.bsky.feed.repost": "share",
    "app.bsky.graph.follow": "follow",
    _POST: "reply",  # what a deleted post undoes; a new one may also be mentions
}
PROFILE = "app.bsky.actor.profile"
_NO_HANDLE = "handle.invalid"  # how a handle is written that does not lead back to its DID
_MENTION = "app.bsky.richtext.facet#mention"


class _MalformedError(Exception):
    """This line is not what Jetstream sends."""


_WRONG = (_MalformedError, KeyError, TypeError, AttributeError)
#: how Jetstream spelt the same until September 2024
_OLD_KINDS = {"com": "commit", "id": "identity", "acc": "account"}
_OLD_OPERATIONS = {"c": "create", "u": "update", "d": "delete"}


def read(lines: Iterable[bytes], report: Report, *, network: str = "bluesky") -> Iterator[Produced]:
    """Likes, reposts and quotes (`share`), follows, replies and mentions, and an undo for each deletion of those.

    The id is `did/collection/rkey`; a quote's has `#quote` behind it, a mention's `#` and the DID mentioned, as one post can
    be all of it. An undo has `ref` = the id and no target: a deletion does not say whose it was. A deleted post undoes its
    reply; its quote and mentions too, if the post was seen before in these lines and is among the last
    `streams.sources.hashtags.MOST_POSTS` that have some.

    `object` is the URI of what is liked, reposted, quoted or replied to, `topics` the hashtags of that post, if it was seen
    before and is among as many that have some.
    """
    messages = Messages(network)
    for _, message in objects(lines, report, is_one):
        yield from messages.events(message, report)


class Messages:
    """Messages in their order as events; remembers what posts were about, and what they were."""

    def __init__(self, network: str = "bluesky") -> None:
        self._network = network
        self._hashtags = Hashtags()
        self._posts: Lately[list[tuple[str, str]]] = Lately()  # kind and id of what a deletion of a post does not tell

    def events(self, message: Any, report: Report, newest_ms: int | None = None) -> list[Produced]:
        """Those of one message; `report` is told why there are none. One later than `newest_ms` happens then."""
        try:
            kind = message["kind"] if "kind" in message else _OLD_KINDS[message["type"]]
            if kind != "commit":
                report.skip(_other(kind, message))
                return []
            actor, ts_ms = _did(message["did"]), _ts_ms(message["time_us"])
            events = self._commit(actor, message["commit"], report)
        except _WRONG:
            report.malformed("not a message of Jetstream, or without the fields its kind has")
            return []
        if newest_ms is not None and ts_ms > newest_ms:
            ts_ms = newest_ms
        found = []
        for event in events:
            topics = self._hashtags.of(event.get("object", ""))
            about = {"topics": topics} if topics else {}
            found.append(
                produced({"id": event.pop("id"), "network": self._network, "actor": actor, "ts": ts_ms, **event, **about})
            )
        return found

    def _commit(self, actor: str, commit: dict[str, Any], report: Report) -> list[dict[str, Any]]:
        """The events of one commit, without what all have in common; empty (and reported) if it is nobody's engagement."""
        operation = commit["operation"] if "operation" in commit else _OLD_OPERATIONS[commit["type"]]
        collection = commit["collection"]
        kind = _KINDS.get(collection)
        if kind is None:
            report.skip("another collection")
            return []
        ref = f"{actor}/{collection}/{_text(commit['rkey'])}"
        if operation == "delete":
            more = self._posts.of(ref) or () if collection == _POST else ()
            return [{"id": f"{id_}:undo", "type": one, "ref": id_, "undo": True} for one, id_ in ((kind, ref), *more)]
        if operation != "create":
            report.skip("update")
            return []
        record = commit["record"]
        if collection == _POST:
            self._hashtags.written(f"at://{ref}", record)
            events = _post(ref, record, report)
            if more := [(event["type"], event["id"]) for event in events if event["id"] != ref]:
                self._posts.put(ref, more)
            return events
        subject = record["subject"]
        if kind == "follow":
            return [{"id": ref, "type": kind, "target": _did(subject)}]
        return [{"id": ref, "type": kind, "target": _owner(subject["uri"]), "object": subject["uri"]}]


def named(message: dict[str, Any], network: str = "bluesky") -> list[Named]:
    """What a message says of what somebody is called: their handle, or the display name of their profile; mostly nothing.

    Of a deleted account both are taken back.
    """
    try:
        kind, user = message.get("kind"), f"{network}:{_did(message.get('did'))}"
        if kind == "identity":
            handle = message[kind].get("handle")
            return [Named(user, handle if handle != _NO_HANDLE else None, handle=True)] if isinstance(handle, str) else []
        if kind == "account":
            return [Named(user, None), Named(user, None, handle=True)] if message[kind].get("status") == "deleted" else []
        commit = message["commit"]
        if commit["collection"] != PROFILE or commit.get("rkey") != "self":
            return []
        name = None if commit["operation"] == "delete" else commit["record"].get("displayName")
        return [Named(user, name if isinstance(name, str) else None)]
    except _WRONG:
        return []


def is_one(message: Any) -> bool:
    """Has it the fields of every message?"""
    return (
        isinstance(message, dict) and message.keys() >= {"did", "time_us"} and ("kind" in message or "type" in message)
    )


def _post(ref: str, record: dict[str, Any], report: Report) -> list[dict[str, Any]]:
    """Reply, quote and mentions of a post; what is broken of them costs itself only, unless nothing is left."""
    events: list[dict[str, Any]] = []
    broken: list[str] = []
    if record.get("reply"):
        try:
            parent = record["reply"]["parent"]["uri"]
            events.append({"id": ref, "type": "reply", "target": _owner(parent), "object": parent})
        except _WRONG:
            broken.append("a reply to nobody, in a post with mentions")
    if quoted := _quoted(record.get("embed")):
        events.append({"id": f"{ref}#quote", "type": "share", "target": _owner(quoted), "object": quoted})
    mentioned = dict.fromkeys(_mentioned(record.get("facets"), broken))  # a dictionary, as a set has no order
    events += [{"id": f"{ref}#{did}", "type": "mention", "target": did} for did in mentioned]
    if broken and not events:
        raise _MalformedError
    for part in broken:
        report.skip(part)
    if not events:
        report.skip("post without reply, quote or mention")
    return events


def _quoted(embed: object) -> str | None:
    """The URI of the post that a post quotes, with or without a picture beside it. Lists and feeds are no posts."""
    found = embed
    for _ in range(2):
        found = found.get("record") if isinstance(found, dict) else None
        uri = found.get("uri") if isinstance(found, dict) else None
        if isinstance(uri, str):
            whose, _, post = uri.removeprefix("at://").partition("/")
            return uri if uri.startswith("at://did:") and len(whose) > 4 and post.startswith(f"{_POST}/") else None
    return None


def _mentioned(facets: object, broken: list[str]) -> Iterator[str]:
    """Whom the facets of a post mention; `broken` gets a reason for each that cannot be read."""
    why = "a mention that cannot be read, in a post that can"
    if facets is None:
        return
    if not isinstance(facets, list):
        broken.append(why)
        return
    for facet in facets:
        features = facet.get("features") if isinstance(facet, dict) else None
        if not isinstance(features, list):
            broken.append(why)
            continue
        for feature in features:
            if not isinstance(feature, dict):
                broken.append(why)
            elif feature.get("$type") == _MENTION:
                try:
                    yield _did(feature.get("did"))
                except _MalformedError:
                    broken.append(why)


def _other(kind: object, message: dict[str, Any]) -> str:
    if kind == "account":
        about = message["account"] if isinstance(message.get("account"), dict) else {}
        deleted = about.get("status") == "deleted"
        return "account deleted (forget comes later)" if deleted else "account"
    if kind in ("identity", "sync"):
        return str(kind)
    raise _MalformedError


def _owner(uri: str) -> str:
    """The DID in `at://DID/collection/rkey`."""
    scheme, _, rest = uri.partition("://")
    if scheme != "at":
        raise _MalformedError
    return _did(rest.partition("/")[0])


def _did(text: object) -> str:
    if isinstance(text, str) and text.startswith("did:") and len(text) > len("did:"):
        return text
    raise _MalformedError


def _text(text: object) -> str:
    if isinstance(text, str) and text:
        return text
    raise _MalformedError


def _ts_ms(time_us: object) -> int:
    if type(time_us) is int and 0 < time_us < 1 << 53:
        return time_us // 1000
    raise _MalformedError
