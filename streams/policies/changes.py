"""Before a policy is sent: which there are of its kind, how many there may be, and which old ones can go."""

from __future__ import annotations

from collections.abc import Iterable

from streams.policies.book import MOST_CHANNELS, MOST_GAPPED, MOST_RULES, MOST_SILENCES, MOST_TOKENS, Book
from streams.policies.records import BEGINS, CHANNEL, GAP, SILENCE, TOKEN, key_of_policy

_KEPT_MS = 30 * 86_400_000  # so long after its end a record is of use to whoever asks what was
MOST = {BEGINS: MOST_RULES, GAP: MOST_GAPPED, CHANNEL: MOST_CHANNELS, SILENCE: MOST_SILENCES, TOKEN: MOST_TOKENS}


def names(book: Book, begins: str) -> set[str]:
    """Those of a kind that are known, and are told as too many; built-in rules are among them. `begins` is how keys begin."""
    known: dict[str, set[str]] = {
        BEGINS: {one.name for one in book.rules},
        GAP: {one.network for one in book.gaps},
        CHANNEL: {one.name for one in book.channels},
        SILENCE: {one.name for one in book.silences},
        TOKEN: {one.name for one in book.tokens},
    }
    more = {name for name in book.left_out if "/" not in name} if begins == BEGINS else _of(begins, book.left_out)
    return known[begins] | more


def removable(book: Book, begins: str) -> set[str]:
    """Names of a kind under which the topic has something: also what cannot be used."""
    return names(book, begins) | _of(begins, (one.key for one in book.mistakes))


def old(book: Book, now_ms: float) -> list[bytes]:
    """Keys of silences that ended long ago, and of what was acknowledged long ago."""
    over = [key_of_policy(one) for one in book.silences if one.until < now_ms - _KEPT_MS]
    return over + [key_of_policy(one) for one in book.acknowledged if one.at < now_ms - _KEPT_MS]


def _of(begins: str, keys: Iterable[str]) -> set[str]:
    return {key.removeprefix(begins) for key in keys if key.startswith(begins)}
