"""What was seen of Bluesky's posts lately: what they are about, remembered for those who are engaged with one later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from streams.events import MAX_TOPIC

MOST_TAGS = 5  #: of a post; more are no topics
MOST_POSTS = 100_000  #: some 30 MB at most
_TAG = "app.bsky.richtext.facet#tag"


T = TypeVar("T")


class Lately(Generic[T]):
    """What is known of the `most` posts last written or asked for, by name."""

    def __init__(self, most: int = MOST_POSTS) -> None:
        self._most = most
        self._known: dict[str, T] = {}

    def __len__(self) -> int:
        return len(self._known)

    def put(self, name: str, one: T) -> None:
        """The oldest goes when they are too many."""
        self._known[name] = one
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]

    def of(self, name: str) -> T | None:
        """What is known of it; it is of use, so it goes last."""
        if (one := self._known.pop(name, None)) is not None:
            self._known[name] = one
        return one


class Hashtags:
    """The tags of the `most` posts last written or engaged with, by URI, of those that have any."""

    def __init__(self, most: int = MOST_POSTS) -> None:
        self._posts: Lately[list[str]] = Lately(most)

    def __len__(self) -> int:
        return len(self._posts)

    def written(self, uri: str, record: Any) -> None:
        """A post was seen. Tags that cannot be read are none."""
        if tags := list(dict.fromkeys(_tags(record)))[:MOST_TAGS]:
            self._posts.put(uri, tags)

    def of(self, uri: str) -> list[str]:
        """The tags of a post; none if it has none, or was not seen lately."""
        return self._posts.of(uri) or []


def _tags(record: Any) -> Iterator[str]:
    """Those in the text, then those beside it."""
    if not isinstance(record, dict):
        return
    for facet in _some(record.get("facets")):
        for feature in _some(facet.get("features") if isinstance(facet, dict) else None):
            if isinstance(feature, dict) and feature.get("$type") == _TAG:
                yield from _good(feature.get("tag"))
    for tag in _some(record.get("tags")):
        yield from _good(tag)


def _some(things: object) -> list[Any]:
    return things if isinstance(things, list) else []


def _good(tag: object) -> Iterator[str]:
    if isinstance(tag, str) and 0 < len(tag) <= MAX_TOPIC:
        yield tag
