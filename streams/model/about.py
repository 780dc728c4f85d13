"""What an event is about, made normal: the same as `streams.fold.about`, for what is not plain ASCII."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from streams.events import CONTROL
from streams.fold.rows import BEHIND, MOST_OBJECT, MOST_TOPIC, MOST_TOPICS, TOPICS_BYTES

_BEHIND = bytes((BEHIND,))


def normal(written: str) -> str:
    """A topic as those are that count, of any length: NFKC, no case, no # and blanks around it. Once more, it stays the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", written).casefold()).lstrip(" #").rstrip(" ")


@lru_cache(maxsize=65_536)  # people use few topics often
def topic(written: str) -> str:
    r"""A topic as it counts; empty: it does not.

    >>> topic("#Jazz"), topic("Straße "), topic("Cafe\u0301") == topic("café")
    ('jazz', 'strasse', True)
    """
    text = normal(written)
    if CONTROL.search(text):
        return ""
    try:
        return text if len(text.encode()) <= MOST_TOPIC else ""
    except UnicodeEncodeError:  # half a surrogate pair
        return ""


def topics(written: Sequence[str]) -> bytes:
    """The topics of an event that count, in their order, each once, as they travel."""
    taken: list[bytes] = []
    for one in written:
        text, size = topic(one).encode(), sum(map(len, taken)) + len(taken)
        if text and text not in taken and len(taken) < MOST_TOPICS and size + len(text) <= TOPICS_BYTES:
            taken.append(text)
    return _BEHIND.join(taken)


def object_(written: str | None) -> bytes:
    """The object of an event, if it counts."""
    if not written or CONTROL.search(written):
        return b""
    try:
        text = written.encode()
    except UnicodeEncodeError:
        return b""
    return text if len(text) <= MOST_OBJECT else b""
