"""What writes and mistakes are answered with."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Where a write was sent to. Whoever goes by the topic takes it up within a second or so."""

    topic: Annotated[str, Meta(description="name of the topic in Kafka")]
    partition: Annotated[int, Meta(ge=0)]
    offset: Annotated[int, Meta(description="of the record; of several the last", ge=0)]


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a request."""

    at: Annotated[str, Meta(description="where: `query.limit`, `path.id`, or in the body, as in `$.when.falls`")]
    message: Annotated[str, Meta(description="what is wrong, for people")]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong: problem details (RFC 9457). Some kinds have more fields."""

    type: Annotated[str, Meta(description="stable, for programs, as in `urn:clout:problem:unknown-user`")]
    title: Annotated[str, Meta(description="the kind of problem, for people")]
    status: Annotated[int, Meta(description="the HTTP status", ge=400, le=599)]
    detail: Annotated[str, Meta(description="what, where and what to do, for people")]
    instance: Annotated[str, Meta(description="the path that was asked for")]
    errors: Annotated[list[Mistake] | UnsetType, Meta(description="of 422: what is wrong, and where")] = UNSET
    near: Annotated[list[str] | UnsetType, Meta(description="of 404: who or what may have been meant")] = UNSET
    unknown: Annotated[list[str] | UnsetType, Meta(description="of 404: all ids of whom nobody knows")] = UNSET
    needs: Annotated[str | UnsetType, Meta(description="of 403: the scope that a token needs")] = UNSET
