"""Tokens of the API: `policies` keeps the hash of one, never the token itself; and how one is made and known again."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.model.rules import NAME

#: what a token allows; each allows what stands before it, too
Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
BEGINS = "clout_"  #: so that programs which look for lost secrets know one
_BYTES = 32


class Token(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="token"):
    """Who may ask the API for what."""

    name: Annotated[
        str, Meta(description="who has it, for people and for logs", extra_json_schema={"pattern": f"^{NAME}$"})
    ]
    hash: Annotated[
        str, Meta(description="SHA-256 of the token, 64 hexadecimal digits; the token itself is never here")
    ]
    scope: Annotated[
        Scope,
        Meta(description="`write` allows controls, rules, silences and gaps; `admin` channels and tokens, too"),
    ] = "read"
    until: Annotated[int | None, Meta(description="it ends then, ms since epoch, UTC; null: it does not")] = None

    def allows(self, scope: Scope) -> bool:
        """Does it allow what asks for this scope?"""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def over(self, now_ms: float) -> bool:
        """Has it ended?"""
        return self.until is not None and self.until <= now_ms


def new_token() -> str:
    """A new one: `clout_` and 32 random bytes in base64url."""
    return BEGINS + base64.urlsafe_b64encode(secrets.token_bytes(_BYTES)).rstrip(b"=").decode()


def hash_of(token: str) -> str:
    """What is kept of it. 32 random bytes cannot be guessed, so a plain hash is enough."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
