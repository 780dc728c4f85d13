"""Ids of users as they come in an address: percent-encoded UTF-8 that may hold anything, slashes too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from fastapi import Path

from agents.api.problems import Problem
from streams.people.checks import bad_user

_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
NETWORK = f"[^:{_CONTROL}]{{1,64}}"  #: as a regular expression; what is too long is meant in bytes
#: for the document; what is wrong with a user say the checks of events
PATTERN = f"^{NETWORK}:[^{_CONTROL}]{{1,256}}$"
SEVERAL: dict[str, Any] = {"minItems": 1, "items": {"type": "string", "pattern": "^[^:]+:."}}

Id = Annotated[
    str,
    Path(
        json_schema_extra={"pattern": PATTERN},
        description="`network:id` or `person:NAME`, percent-encoded: what an id itself holds of `/`, `?`, `#` and `%` must be",
        examples=["bluesky:did:plc:abc"],
    ),
]


def malformed(where: str, why: str) -> Problem:
    """A 422 that names the field, as `path.id` or `query.ids`."""
    errors = [{"at": where, "message": why}]
    return Problem(422, "wrong-parameter", "Wrong parameter", f"{where}: {why}", errors=errors)


def user_of(raw: str) -> str:
    """The user of an id in a raw path. Raises Problem 422 for what no user can be named."""
    try:
        return _checked(unquote_to_bytes(raw).decode(), "path.id")
    except UnicodeDecodeError:
        raise malformed("path.id", "this is no percent-encoded UTF-8") from None


def users_of(ids: Sequence[str], least: int, most: int, where: str = "query.ids") -> list[str]:
    """The users of a parameter, each once: one value parted by commas, or several, each an id whole (it may hold commas).

    Raises Problem 422 for what no user can be named, and for too few or too many.
    """
    given = ids[0].split(",") if len(ids) == 1 else ids
    users = list(dict.fromkeys(_checked(one, where) for one in given if one))
    if not least <= len(users) <= most:
        raise malformed(where, f"{len(users)} different ids; {least} to {most} can be asked for at once")
    return users


def _checked(user: str, where: str) -> str:
    if reject := bad_user(user):
        raise malformed(where, reject.message)
    return user
