"""Bodies of writes: the JSON of the topics; what is wrong is a problem that says where."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from fastapi import Request

from agents.api.problems import Problem
from streams.events import Reject
from streams.people.checks import where

Raws = dict[str, msgspec.Raw]
T = TypeVar("T")

_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


async def fields(request: Request) -> Raws:
    """The fields of the object that was sent, as they came; of no body none. Raises Problem."""
    body = await request.body()
    try:
        return msgspec.json.decode(body, type=Raws) if body else {}
    except _BAD as error:
        raise wrong("$", f"no JSON object ({error})") from None


async def converted(request: Request, kind: type[T]) -> T:
    """What was sent, as that type; of no body an empty object. Raises Problem."""
    try:
        return msgspec.json.decode(await request.body() or b"{}", type=kind)
    except msgspec.ValidationError as error:
        why, at = where(str(error))
        raise wrong(at, why) from None
    except _BAD as error:
        raise wrong("$", f"no JSON object ({error})") from None


def with_defaults(sent: Raws, **values: Any) -> bytes:
    """As JSON, with these fields where they were not sent. Raises Problem when they were sent as something else."""
    for field, value in values.items():
        if field in sent and plain(sent[field]) != value:
            raise wrong(f"$.{field}", f"here it is {value!r}, or is left out")
    return msgspec.json.encode(values | sent)


def plain(raw: Any) -> Any:
    """What some JSON says. Raises Problem."""
    try:
        return msgspec.json.decode(raw)
    except _BAD as error:
        raise wrong("$", f"no JSON ({error})") from None


def taken(found: T | Reject) -> T:
    """What was made of a body. Raises Problem when a worker would not take it."""
    if isinstance(found, Reject):
        raise wrong(found.path, found.message)
    return found


def wrong(at: str, why: str) -> Problem:
    """422: `at` is where in the body, as in `$.when.falls`."""
    errors = [{"at": at, "message": why}]
    return Problem(422, "wrong-body", "Wrong body", f"{at}: {why}", errors=errors)
