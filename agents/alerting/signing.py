"""Signatures of webhooks as Standard Webhooks 1.0.0 says: HMAC-SHA256 of id, time and body. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from streams.errors import CloutError

PREFIX = "whsec_"  #: how a secret is written; base64 of 24 to 64 bytes follows
LEAST_BYTES, MOST_BYTES = 24, 64


class BadSecret(CloutError):
    """It is no secret to sign with."""


def headers(id_: str, now_s: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """`webhook-id`, the same in each attempt, `webhook-timestamp`, and signatures, if there are secrets. Raises BadSecret."""
    name = webhook_id(id_)
    found = {"webhook-id": name, "webhook-timestamp": str(now_s)}
    if secrets:
        signed = b".".join((name.encode(), str(now_s).encode(), body))
        made = (hmac.digest(_key(secret), signed, "sha256") for secret in secrets)
        found["webhook-signature"] = " ".join(f"v1,{base64.b64encode(one).decode()}" for one in made)
    return found


def webhook_id(id_: str) -> str:
    """Of a delivery: its id may hold any character, a header may not."""
    return f"msg_{hashlib.sha256(id_.encode()).hexdigest()[:32]}"


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise BadSecret(
            f"a secret to sign with is {PREFIX} and base64 of {LEAST_BYTES} to {MOST_BYTES} bytes; "
            f"`echo {PREFIX}$(openssl rand -base64 24)` makes one"
        )
    return key
