"""The format `jetstream`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from streams.display_names import Named
from streams.events import TOPIC_OF, Event, parse
from streams.sources import Produced, open_source
from streams.sources.jetstream import PROFILE, named

Write = Callable[..., str]
KIND_OF = {topic: kind for kind, topic in TOPIC_OF.items()}
ME, YOU, THEM = "did:plc:me", "did:plc:you", "did:web:them.example"
NO_ENGAGEMENT = "post without reply, quote or mention"
TIME_US = 1_783_123_200_123_456


def commit(collection: str, record: dict[str, Any] | None, operation: str = "create") -> dict[str, Any]:
    return {
        "did": ME,
        "time_us": TIME_US,
        "kind": "commit",
        "commit": {
            "operation": operation,
            "collection": collection,
            "rkey": "3k",
            **({"record": record} if record else {}),
        },
    }


def read(write: Write, *messages: object) -> tuple[list[Event], Counter[str]]:
    """The messages as events that the worker accepts, and what was skipped. A good line in front, then dropped."""
    front = commit("app.bsky.graph.follow", {"subject": "did:plc:front"})
    source = open_source(
        write(b"\n".join(m if isinstance(m, bytes) else orjson.dumps(m) for m in (front, *messages))), "jetstream"
    )
    return [accepted(record) for record in list(source)[1:]], source.skipped


def accepted(record: Produced) -> Event:
    event = parse(record.value, KIND_OF[record.topic], 1 << 42)
    assert isinstance(event, Event), event
    assert record.key == f"bluesky:{event.actor}".encode()
    assert record.ts == event.ts
    return event


def uri(did: str) -> str:
    return f"at://{did}/app.bsky.feed.post/9z"


def mention(*dids: str) -> dict[str, Any]:
    return {"features": [{"$type": "app.bsky.richtext.facet#mention", "did": did} for did in dids]}


def quote(of: object, *, media: bool = False) -> dict[str, Any]:
    inner = {"$type": "app.bsky.embed.record", "record": {"uri": of, "cid": "x"}}
    return {"$type": "app.bsky.embed.recordWithMedia", "record": inner, "media": {}} if media else inner


@pytest.mark.parametrize(
    ("collection", "record", "kind", "object_"),
    [
        ("app.bsky.feed.like", {"subject": {"uri": uri(YOU), "cid": "x"}}, "like", uri(YOU)),
        ("app.bsky.feed.repost", {"subject": {"uri": uri(YOU)}}, "share", uri(YOU)),
        ("app.bsky.graph.follow", {"subject": YOU}, "follow", None),
        ("app.bsky.feed.post", {"reply": {"parent": {"uri": uri(YOU)}, "root": {"uri": uri(THEM)}}}, "reply", uri(YOU)),
    ],
)
def test_create_and_delete(
    write: Write, collection: str, record: dict[str, Any], kind: Any, object_: str | None
) -> None:
    """A creation is an engagement with the owner of its subject; its deletion is an undo that refers to it."""
    ref = f"{ME}/{collection}/3k"
    (made, undone), skipped = read(write, commit(collection, record), commit(collection, None, "delete"))
    assert made == Event(id=ref, type=kind, network="bluesky", actor=ME, target=YOU, ts=TIME_US // 1000, object=object_)
    assert undone == Event(
        id=f"{ref}:undo", type=kind, network="bluesky", actor=ME, ts=TIME_US // 1000, ref=ref, undo=True
    )
    assert not skipped


def test_a_post_with_reply_and_mentions(write: Write) -> None:
    """One post makes a reply and a mention for each person named, once each, every one with an id of its own."""
    record = {
        "reply": {"parent": {"uri": uri(YOU)}},
        "facets": [mention(THEM, THEM), mention("did:plc:x"), {"features": [{"$type": "link"}]}],
    }
    events, _ = read(write, commit("app.bsky.feed.post", record))
    assert [(event.type, event.target) for event in events] == [
        ("reply", YOU),
        ("mention", THEM),
        ("mention", "did:plc:x"),
    ]
    triple = f"{ME}/app.bsky.feed.post/3k"
    assert [event.id for event in events] == [triple, f"{triple}#{THEM}", f"{triple}#did:plc:x"]


@pytest.mark.parametrize("media", [False, True])
def test_a_quote_is_a_share(write: Write, media: bool) -> None:
    """Of the post that is quoted, beside what else the post is; its deletion takes back all that it was."""
    record = {
        "embed": quote(uri(YOU), media=media),
        "reply": {"parent": {"uri": uri(THEM)}},
        "facets": [mention("did:plc:x")],
    }
    post = "app.bsky.feed.post"
    events, _ = read(write, commit(post, record), commit(post, None, "delete"))
    triple = f"{ME}/{post}/3k"
    ids = {"reply": triple, "share": f"{triple}#quote", "mention": f"{triple}#did:plc:x"}
    assert {event.type: event.id for event in events[:3]} == ids
    assert [(event.target, event.object) for event in events if event.type == "share" and not event.undo] == [(YOU, uri(YOU))]
    assert {event.type: event.ref for event in events[3:]} == ids
    assert all(event.undo and event.id == f"{event.ref}:undo" for event in events[3:])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (commit("app.bsky.feed.post", {"text": ""}), NO_ENGAGEMENT),
        (commit("app.bsky.feed.post", {"embed": quote(f"at://{YOU}/app.bsky.graph.list/9z")}), NO_ENGAGEMENT),
        (commit("app.bsky.feed.post", {"embed": quote("at://example.org/app.bsky.feed.post/9z")}), NO_ENGAGEMENT),
        (commit("app.bsky.graph.block", {"subject": YOU}), "another collection"),
        (commit("app.bsky.feed.like", {"subject": {"uri": uri(YOU)}}, "update"), "update"),
        ({"did": ME, "time_us": TIME_US, "kind": "identity", "identity": {}}, "identity"),
        ({"did": ME, "time_us": TIME_US, "kind": "account", "account": {"active": True}}, "account"),
        (
            {"did": ME, "time_us": TIME_US, "kind": "account", "account": {"active": False, "status": "deleted"}},
            "account deleted (forget comes later)",
        ),
    ],
)
def test_what_is_no_engagement_is_counted(write: Write, message: dict[str, Any], reason: str) -> None:
    """Every other message is skipped under its reason."""
    events, skipped = read(write, message)
    assert (events, skipped) == ([], {reason: 1})


@pytest.mark.parametrize(
    "line",
    [
        b"{oops",
        b"[]",
        b'"x"',
        {"kind": "commit"},
        {"kind": "news", "did": ME},
        commit("app.bsky.feed.like", {"subject": YOU}),
        commit("app.bsky.feed.like", {"subject": {"uri": "https://example.org"}}),
        commit("app.bsky.feed.like", None),
        commit("app.bsky.graph.follow", {"subject": {"uri": YOU}}),
        commit("app.bsky.feed.post", {"facets": [{"features": None}]}),
        commit("app.bsky.feed.post", {"reply": []} | {"facets": 3}),
        {**commit("app.bsky.graph.follow", {"subject": YOU}), "time_us": "late"},
        {**commit("app.bsky.graph.follow", {"subject": YOU}), "did": None},
    ],
)
def test_malformed_lines_do_not_stop_the_file(write: Write, line: object) -> None:
    """A line that Jetstream never sends is counted as malformed, and the next one is read."""
    events, skipped = read(write, line, commit("app.bsky.graph.follow", {"subject": YOU}))
    assert [event.target for event in events] == [YOU]
    assert skipped.total() == 1
    assert next(iter(skipped)).startswith("malformed: ")


BROKEN_FACETS: list[object] = [
    {},
    "x",
    [None],
    ["x"],
    [{}],
    [{"features": None}],
    [{"features": [None]}],
    [mention("dan.bsky.social")],
    [mention("")],
    [{"features": [{"$type": "app.bsky.richtext.facet#mention"}]}],
]


@pytest.mark.parametrize("facets", BROKEN_FACETS)
def test_a_broken_mention_costs_that_mention(write: Write, facets: object) -> None:
    """The reply of the same post counts, and so do mentions beside it; what was broken is counted, and not as malformed."""
    reply = {"parent": {"uri": uri(YOU)}}
    events, skipped = read(write, commit("app.bsky.feed.post", {"reply": reply, "facets": facets}))
    assert [(event.type, event.target) for event in events] == [("reply", YOU)]
    assert skipped == {"a mention that cannot be read, in a post that can": 1}
    if isinstance(facets, list):
        events, _ = read(write, commit("app.bsky.feed.post", {"facets": [*facets, mention(THEM)]}))
        assert [(event.type, event.target) for event in events] == [("mention", THEM)]


@pytest.mark.parametrize("reply", [3, {"parent": None}, {"parent": {"uri": "https://x"}}, {"root": {"uri": uri(YOU)}}])
def test_a_broken_reply_costs_the_reply(write: Write, reply: object) -> None:
    """The mentions of the same post count."""
    events, skipped = read(write, commit("app.bsky.feed.post", {"reply": reply, "facets": [mention(THEM)]}))
    assert [(event.type, event.target) for event in events] == [("mention", THEM)]
    assert skipped == {"a reply to nobody, in a post with mentions": 1}


@pytest.mark.parametrize("embed", ["x", 3, [], {"$type": 5}, {}, {"record": {"record": 3}}, quote(3), quote("at://x")])
def test_a_broken_embed_costs_nothing(write: Write, embed: object) -> None:
    """It is no quote, and the rest of the post counts."""
    reply = {"parent": {"uri": uri(YOU)}}
    events, skipped = read(
        write,
        commit("app.bsky.feed.post", {"embed": embed}),
        commit("app.bsky.feed.post", {"embed": embed, "reply": reply}),
        {"did": ME, "time_us": TIME_US, "kind": "account", "account": embed},
    )
    assert [event.type for event in events] == ["reply"]
    assert skipped == {NO_ENGAGEMENT: 1, "account": 1}


def test_the_layout_of_2024(write: Write) -> None:
    """Until September 2024 kinds and operations were spelt shorter; the rest is the same."""

    def old(message: dict[str, Any]) -> dict[str, Any]:
        commit_ = {**message["commit"], "type": message["commit"]["operation"][0]}
        del commit_["operation"]
        return {"did": message["did"], "time_us": message["time_us"], "type": "com", "commit": commit_}

    like = commit("app.bsky.feed.like", {"subject": {"uri": uri(YOU)}})
    undo = commit("app.bsky.feed.like", None, "delete")
    identity = {"did": ME, "time_us": TIME_US, "type": "id", "identity": {}}
    assert read(write, old(like), old(undo), identity) == read(
        write, like, undo, {"did": ME, "time_us": TIME_US, "kind": "identity", "identity": {}}
    )


def test_a_real_stretch(real: Callable[[str], str]) -> None:
    """Of 152 real messages in a row, each gives the events and the skips that a count by hand gives."""
    source = open_source(real("jetstream/corpus_v1_152.redacted.jsonl"), "jetstream")
    events = [accepted(record) for record in source]
    assert Counter((event.type, event.undo) for event in events) == {
        ("like", False): 105,
        ("share", False): 15,
        ("follow", False): 6,
        ("reply", False): 8,
        ("follow", True): 3,
        ("reply", True): 1,
    }
    assert source.skipped["another collection"] == 3
    assert source.skipped["identity"] == source.skipped["account"] == 1
    assert source.skipped[NO_ENGAGEMENT] == 9
    assert len(events) + source.skipped.total() == 152
    assert len({event.id for event in events}) == len(events)


def profile(record: object, operation: str = "update", rkey: str = "self") -> dict[str, Any]:
    return {"did": ME, "kind": "commit", "commit": {"operation": operation, "collection": PROFILE, "rkey": rkey, "record": record}}


USER = f"bluesky:{ME}"
CALLED: dict[str, tuple[object, list[Named]]] = {
    "a handle": ({"did": ME, "kind": "identity", "identity": {"handle": "a.example"}}, [Named(USER, "a.example", handle=True)]),
    "a broken one": ({"did": ME, "kind": "identity", "identity": {"handle": "handle.invalid"}}, [Named(USER, None, handle=True)]),
    "another change": ({"did": ME, "kind": "identity", "identity": {"seq": 1}}, []),
    "a profile": (profile({"displayName": "Ann"}), [Named(USER, "Ann")]),
    "an empty one": (profile({}), [Named(USER, None)]),
    "none": (profile(None, "delete"), [Named(USER, None)]),
    "of nobody": (profile({"displayName": "Ann"}, rkey="other"), []),
    "a name that is none": (profile({"displayName": ["Ann"]}), [Named(USER, None)]),
    "a broken profile": (profile("Ann"), []),
    "an account that is away": ({"did": ME, "kind": "account", "account": {"status": "deactivated"}}, []),
    "a deleted one": (
        {"did": ME, "kind": "account", "account": {"status": "deleted"}},
        [Named(USER, None), Named(USER, None, handle=True)],
    ),
    "a like": (commit("app.bsky.feed.like", {"subject": {"uri": uri(YOU)}}), []),
    "no user": ({"did": 7, "kind": "identity", "identity": {"handle": "a.example"}}, []),
    "nothing": ({"did": ME, "kind": "identity"}, []),
}


@pytest.mark.parametrize(("message", "wanted"), CALLED.values(), ids=CALLED)
def test_what_people_are_called(message: dict[str, Any], wanted: list[Named]) -> None:
    """Handles and the display names of profiles; what is taken back; nothing of what is broken."""
    assert named(message) == wanted
