"""What OpenAPI shows of answers and problems: an example each. Scores are 1 to 100, times ms since epoch, UTC."""

from __future__ import annotations

from typing import Any

from agents.api import problems

NOW = 1_767_225_600_000
FRESHNESS = {"partition": 3, "version": 4_294_967_299, "as_of": NOW - 180, "age_ms": 180, "fresh": True}
RECORD: dict[str, Any] = {
    "user": "bluesky:ann",
    "score": 61.27,
    "as_of": NOW,
    "event_ts": NOW - 4_000,
    "engagements": 1_204,
    "actors": 318,
    "actions": 77,
    "model": "clout-1",
    "version": 4_294_967_299,
    "windows": {"day": 3.2, "week": 11.9, "quarter": 40.3},
    "followers": 120,
    "acted": 2.5,
    "floored": False,
    "parts": {
        "kinds": {"like": 31.2, "reply": 14.0},
        "networks": {"bluesky": 45.2},
        "reach": 9.1,
        "participation": 6.97,
    },
    "delta": {"day": 1.4},
    "confidence": 0.97,
    "provisional": False,
}
USER = {**RECORD, "rank": 12, "of": 48_211, "board": None, "percentile": 99.9, "counted": True, "freshness": FRESHNESS}
ABOUT = {"user": "bluesky:ann", "as_of": NOW, "freshness": FRESHNESS}


def answers(
    example: Any, said: str, *, unknown: str = "", media_type: str = "application/json"
) -> dict[int | str, Any]:
    """The `responses` of a route: what it answers, and the problems that it knows; `unknown` says when it is a 404."""
    found: dict[int | str, Any] = {
        200: {"description": said, "content": {media_type: {"example": example}}},
        422: problem(
            422, "wrong-parameter", "Wrong parameter", "query.limit: Input should be greater than or equal to 1"
        ),
        503: problem(
            503, "redis-down", "Redis does not answer", "Redis does not answer; Retry-After says when to ask again."
        ),
    }
    if unknown:
        found[404] = problem(404, "unknown", "Unknown", unknown)
    return found


def about_user(example: Any, said: str, *, media_type: str = "application/json") -> dict[int | str, Any]:
    """The same of a read of one user, which has an ETag."""
    found = answers(example, said, unknown="Nobody of this name has acted or been acted on. Did you mean mastodon:ann?",
                    media_type=media_type)  # fmt: skip
    return found | {304: {"description": "as If-None-Match says: nothing that the answer tells has changed; no body"}}


def problem(status: int, kind: str, title: str, detail: str) -> dict[str, Any]:
    """A problem as OpenAPI shows it."""
    example = {
        "type": f"urn:clout:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "/v1/…",
    }
    return {"description": title, "content": {problems.MEDIA_TYPE: {"example": example}}}
