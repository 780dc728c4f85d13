"""Tokens of the API in `policies`: what is wrong names the field, and a token itself stands nowhere."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import orjson
import pytest

from streams.events import Reject
from streams.model.tokens import SCOPES, Scope, Token, hash_of, new_token
from streams.policies.book import MOST_TOKENS, Policies
from streams.policies.changes import names, removable
from streams.policies.records import TOKEN, Removed, encode, parse

GOOD: dict[str, Any] = {"type": "token", "name": "ops", "hash": "a1" * 32}
FULL = Token(name="ops", hash="a1" * 32, scope="admin", until=1_783_123_200_000)


def test_new_tokens() -> None:
    """`clout_` and 32 bytes in base64url, another each time; what is kept is the SHA-256 of all of it."""
    one, other = new_token(), new_token()
    assert one != other
    assert re.fullmatch(r"clout_[A-Za-z0-9_-]{43}", one)
    assert hash_of(one) == hashlib.sha256(one.encode()).hexdigest()
    assert hash_of("\ud800") != hash_of("")  # what no UTF-8 can be is hashed all the same


@pytest.mark.parametrize(
    "one", [FULL, Token(name="a", hash="0" * 64), Token(name="a.b-c_9", hash="f" * 64, scope="write")]
)
def test_round_trip(one: Token) -> None:
    """As it was written."""
    key, value = encode(one)
    assert (key, parse(key, value)) == (f"token/{one.name}".encode(), one)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        *(({"name": name}, "name", "a name is of a to z") for name in ("", "A", "a b", "a" * 65)),
        *(
            ({"hash": one}, "hash", "64 hexadecimal digits")
            for one in ("", "a1" * 31, "A1" * 32, "clout_hush", "a1" * 33)
        ),
        ({"hash": None}, "hash", "Expected `str`"),
        ({"scope": "root"}, "scope", "Invalid enum value"),
        *(({"until": until}, "until", "ms since epoch") for until in (0, -1, 2**45 + 1)),
        ({"until": "soon"}, "until", "Expected `int | null`"),
        ({"format": 2}, "format", "2"),
    ],
)
def test_what_is_wrong_names_the_field(change: dict[str, Any], field: str, words: str) -> None:
    """And never shows what may be the token itself."""
    body = GOOD | change
    found = parse(f"token/{body['name']}".encode(), orjson.dumps(body))
    assert isinstance(found, Reject)
    assert found.path == f"$.{field}"
    assert words in found.message
    assert "hush" not in found.message


def test_scopes_allow_what_stands_before() -> None:
    """Read, write, admin: each allows the lesser ones."""

    def allowed(scope: Scope) -> list[Scope]:
        return [other for other in SCOPES if Token(name="a", hash="0" * 64, scope=scope).allows(other)]

    assert allowed("read") == ["read"]
    assert allowed("write") == ["read", "write"]
    assert allowed("admin") == ["read", "write", "admin"]


def test_the_end() -> None:
    """A token is over from its `until` on; without one it never is."""
    assert FULL.until is not None
    assert (FULL.over(FULL.until - 1), FULL.over(FULL.until)) == (False, True)
    assert not Token(name="a", hash="0" * 64).over(1e15)


def test_the_book_keeps_the_first_thousand() -> None:
    """Of the same name the latest counts, null removes it, and those that are too many are told."""
    policies = Policies()
    for n in range(MOST_TOKENS + 1):
        policies.read(n, *encode(Token(name=f"t{n}", hash="0" * 64)))
    assert len(policies.book().tokens) == MOST_TOKENS
    assert policies.book().left_out == (f"token/t{MOST_TOKENS}",)
    assert names(policies.book(), TOKEN) == {f"t{n}" for n in range(MOST_TOKENS + 1)}
    assert parse(b"token/t0", None) == Removed("t0", TOKEN)
    policies.read(2_000, b"token/t0", None)
    assert {one.name for one in policies.book().tokens} == {f"t{n}" for n in range(1, MOST_TOKENS + 1)}
    policies.read(2_001, *encode(Token(name="t1", hash="f" * 64)))
    assert {one.hash for one in policies.book().tokens if one.name == "t1"} == {"f" * 64}


def test_what_cannot_be_used_can_be_removed() -> None:
    """The last good one stays in force, and its name is still known."""
    policies = Policies()
    policies.read(0, *encode(FULL))
    policies.read(1, b"token/ops", b'{"type":"token","name":"ops","hash":"x"}')
    policies.read(2, b"token/new", b"{")
    assert policies.book().tokens == (FULL,)
    assert removable(policies.book(), TOKEN) == {"ops", "new"}
