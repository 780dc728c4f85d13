"""What is wrong with a token whose fields are of the right types."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.events import NEWEST_MS, Reject
from streams.model.rules import NAME
from streams.model.tokens import Token

_is_name = re.compile(NAME).fullmatch
_is_hash = re.compile(r"[0-9a-f]{64}").fullmatch


def bad_token(token: Token) -> Reject | None:
    """The first that is found."""
    return next(_wrong(token), None)


def _wrong(token: Token) -> Iterator[Reject]:
    if not _is_name(token.name):
        yield _bad("$.name", f"{token.name[:80]!r}; a name is of a to z, 0 to 9 and _ . -, at most 64, as in grafana")
    if not _is_hash(token.hash):  # without what it is: somebody may have put the token itself there
        yield _bad("$.hash", "it is the SHA-256 of the token, 64 hexadecimal digits in small letters")
    if token.until is not None and not 0 < token.until <= NEWEST_MS:
        yield _bad("$.until", f"a time is ms since epoch, up to {NEWEST_MS}")


def _bad(path: str, why: str) -> Reject:
    return Reject("bad_token", path, why)
