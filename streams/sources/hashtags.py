"""What Bluesky's posts are about: their hashtags, remembered for those who are engaged with a post later in the stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.events import MAX_TOPIC

MOST_TAGS = 5  #: of a post; more are no topics
MOST_POSTS = 100_000  #: some 30 MB at most
_TAG = "app.bsky.richtext.facet#tag"


class Hashtags:
    """The tags of the `most` posts last written or engaged with, by URI, of those that have any."""

    def __init__(self, most: int = MOST_POSTS) -> None:
        self._most = most
        self._posts: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._posts)

    def written(self, uri: str, record: Any) -> None:
        """A post was seen. Tags that cannot be read are none."""
        if tags := list(dict.fromkeys(_tags(record)))[:MOST_TAGS]:
            self._posts[uri] = tags
            if len(self._posts) > self._most:
                del self._posts[next(iter(self._posts))]

    def of(self, uri: str) -> list[str]:
        """The tags of a post; none if it has none, or was not seen lately."""
        if tags := self._posts.pop(uri, None):
            self._posts[uri] = tags  # to the end: it is of use
        return tags or []


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
