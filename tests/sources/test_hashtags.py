"""The hashtags of Bluesky's posts, and that those who are engaged with a post get them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from streams.events import Event
from streams.sources import open_source
from streams.sources.hashtags import MOST_TAGS, Hashtags
from tests.sources.test_jetstream import ME, THEM, YOU, accepted, commit, mention

POST = "app.bsky.feed.post"
URI = f"at://{ME}/{POST}/3k"  # what `commit` makes
OTHER = f"at://{YOU}/{POST}/3k"


def tag(*tags: object) -> dict[str, Any]:
    return {"features": [{"$type": "app.bsky.richtext.facet#tag", "tag": text} for text in tags]}


def read(write: Callable[..., str], *messages: object) -> list[Event]:
    return [accepted(record) for record in open_source(write(b"\n".join(map(orjson.dumps, messages))), "jetstream")]


def by(actor: str, message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "did": actor}


ENGAGEMENTS = [
    ("app.bsky.feed.like", {"subject": {"uri": URI}}),
    ("app.bsky.feed.repost", {"subject": {"uri": URI}}),
    (POST, {"reply": {"parent": {"uri": URI}, "root": {"uri": OTHER}}, "tags": ["mine"]}),
]


@pytest.mark.parametrize(("collection", "record"), ENGAGEMENTS)
def test_the_tags_are_those_of_the_post(write: Callable[..., str], collection: str, record: dict[str, Any]) -> None:
    """Who likes, reposts or replies to a post is engaged with what it is about; a reply's own tags are for its own readers."""
    post = commit(POST, {"text": "", "facets": [tag("art"), tag("sea", "art")], "tags": ["Paris"]})
    like_of_reply = commit("app.bsky.feed.like", {"subject": {"uri": f"at://{YOU}/{POST}/3k"}})
    before, event, *of_reply = read(
        write, by(YOU, commit(collection, record)), post, by(THEM, commit(collection, record)), by(THEM, like_of_reply)
    )
    assert (before.object, before.topics) == (URI, None)
    assert (event.object, event.topics) == (URI, ["art", "sea", "Paris"])
    assert of_reply[0].topics == (["mine"] if collection == POST else None)


def test_mentions_follows_and_undos_have_none(write: Callable[..., str]) -> None:
    """They are not with a post of the target."""
    post = commit(POST, {"facets": [mention(YOU), tag("art")]})
    follow = commit("app.bsky.graph.follow", {"subject": ME})
    events = read(write, post, follow, commit(POST, None, "delete"))
    made = [("mention", False), ("follow", False), ("reply", True), ("mention", True)]
    assert [(event.type, event.undo) for event in events] == made
    assert all(event.object is None and event.topics is None for event in events)


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        {"facets": "x", "tags": "y"},
        {"facets": [None, {}, {"features": None}, {"features": [None, "x", {"$type": "other", "tag": "a"}]}]},
        {"facets": [tag(None, 3, "", "x" * 129)], "tags": [None, [], "", "x" * 129]},
    ],
)
def test_what_cannot_be_read_is_no_tag(record: Any) -> None:
    """A broken facet costs nothing but itself, and a post without tags takes no room."""
    hashtags = Hashtags()
    hashtags.written(URI, record)
    assert (len(hashtags), hashtags.of(URI)) == (0, [])


def test_a_broken_tag_costs_no_engagement(write: Callable[..., str]) -> None:
    """The event is sent with the tags that can be read."""
    post = commit(POST, {"facets": [tag(3, "art", "x" * 129)], "tags": 7})
    (event,) = read(write, post, by(YOU, commit("app.bsky.feed.like", {"subject": {"uri": URI}})))
    assert event.topics == ["art"]


def test_five_at_most() -> None:
    """The first ones, each once."""
    hashtags = Hashtags()
    hashtags.written(URI, {"facets": [tag(*"aabcdefg")], "tags": ["h"]})
    assert hashtags.of(URI) == list("abcde")
    assert len(hashtags.of(URI)) == MOST_TAGS


def test_what_is_of_use_is_remembered() -> None:
    """Of more posts than there is room for those go that were neither written nor engaged with for longest."""
    hashtags = Hashtags(most=3)
    for name in "abc":
        hashtags.written(name, {"tags": [name]})
    assert hashtags.of("a") == ["a"]
    hashtags.written("d", {"tags": ["d"]})
    hashtags.written("e", {"tags": ["e"]})
    assert len(hashtags) == 3
    assert {name: hashtags.of(name) for name in "abcde"} == {"a": ["a"], "b": [], "c": [], "d": ["d"], "e": ["e"]}
