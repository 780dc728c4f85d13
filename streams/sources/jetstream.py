"""The format `jetstream`: lines of Bluesky's Jetstream (v1). The actor is the DID, the time the server's `time_us`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from streams.sources.hashtags import Hashtags
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
_MENTION = "app.bsky.richtext.facet#mention"


class _MalformedError(Exception):
    """This line is not what Jetstream sends."""


_WRONG = (_MalformedError, KeyError, TypeError, AttributeError)
#: how Jetstream spelt the same until September 2024
_OLD_KINDS = {"com": "commit", "id": "identity", "acc": "account"}
_OLD_OPERATIONS = {"c": "create", "u": "update", "d": "delete"}


def read(lines: Iterable[bytes], report: Report, *, network: str = "bluesky") -> Iterator[Produced]:
    """Likes, reposts (`share`), follows, replies and mentions, and an undo for each deletion of those.

    The id is `did/collection/rkey`; a mention's has `#` and the DID mentioned behind it, as one post can mention many.
    An undo has `ref` = that id and no target: a deletion does not say whose it was. A deleted post undoes its reply;
    its mentions stay, for nobody knows from the line whether there were any.

    `object` is the URI of what is liked, reposted or replied to, `topics` the hashtags of that post, if it was seen before in
    these lines and is among the last `streams.sources.hashtags.MOST_POSTS` that have some.
    """
    hashtags = Hashtags()
    for _, message in objects(lines, report, is_one):
        try:
            kind = message["kind"] if "kind" in message else _OLD_KINDS[message["type"]]
            if kind == "commit":
                commit = message["commit"]
                actor, ts_ms = _did(message["did"]), _ts_ms(message["time_us"])
                events = _commit(actor, commit, report, hashtags)
            else:
                report.skip(_other(kind, message))
                continue
        except _WRONG:
            report.malformed("not a message of Jetstream, or without the fields its kind has")
            continue
        for event in events:
            topics = hashtags.of(event.get("object", ""))
            about = {"topics": topics} if topics else {}
            yield produced({"id": event.pop("id"), "network": network, "actor": actor, "ts": ts_ms, **event, **about})


def is_one(message: Any) -> bool:
    """Has it the fields of every message?"""
    return (
        isinstance(message, dict) and message.keys() >= {"did", "time_us"} and ("kind" in message or "type" in message)
    )


def _commit(actor: str, commit: dict[str, Any], report: Report, hashtags: Hashtags) -> list[dict[str, Any]]:
    """The events of one commit, without what all have in common; empty (and reported) if it is nobody's engagement."""
    operation = commit["operation"] if "operation" in commit else _OLD_OPERATIONS[commit["type"]]
    collection = commit["collection"]
    kind = _KINDS.get(collection)
    if kind is None:
        report.skip("another collection")
        return []
    ref = f"{actor}/{collection}/{_text(commit['rkey'])}"
    if operation == "delete":
        return [{"id": f"{ref}:undo", "type": kind, "ref": ref, "undo": True}]
    if operation != "create":
        report.skip("update")
        return []
    record = commit["record"]
    if collection == _POST:
        hashtags.written(f"at://{ref}", record)
        return _post(ref, record, report)
    subject = record["subject"]
    if kind == "follow":
        return [{"id": ref, "type": kind, "target": _did(subject)}]
    return [{"id": ref, "type": kind, "target": _owner(subject["uri"]), "object": subject["uri"]}]


def _post(ref: str, record: dict[str, Any], report: Report) -> list[dict[str, Any]]:
    """Reply and mentions of a post; what is broken of them costs itself only, unless nothing is left."""
    events: list[dict[str, Any]] = []
    broken: list[str] = []
    if record.get("reply"):
        try:
            parent = record["reply"]["parent"]["uri"]
            events.append({"id": ref, "type": "reply", "target": _owner(parent), "object": parent})
        except _WRONG:
            broken.append("a reply to nobody, in a post with mentions")
    mentioned = dict.fromkeys(_mentioned(record.get("facets"), broken))  # a dictionary, as a set has no order
    events += [{"id": f"{ref}#{did}", "type": "mention", "target": did} for did in mentioned]
    if broken and not events:
        raise _MalformedError
    for part in broken:
        report.skip(part)
    if not events:
        embed = record.get("embed")
        type_ = embed.get("$type") if isinstance(embed, dict) else None
        quote = isinstance(type_, str) and type_.startswith("app.bsky.embed.record")
        report.skip("quote" if quote else "post without reply or mention")
    return events


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
    if kind == "identity":
        return "identity"
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
