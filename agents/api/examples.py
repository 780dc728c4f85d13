"""What OpenAPI shows of answers and problems: an example each. Scores are 1 to 100, times ms since epoch, UTC."""

from __future__ import annotations

from typing import Any

from agents.api import problems
from agents.api.schemas import Schema, ref
from agents.shapes.others import Problem, Sent

NOW = 1_767_225_600_000
FRESHNESS = {"partition": 3, "version": 4_294_967_299, "as_of": NOW - 180, "age_ms": 180, "fresh": True}
RECORD: dict[str, Any] = {
    "user": "bluesky:ann",
    "name": "Ann",
    "score": 61.27,
    "as_of": NOW,
    "event_ts": NOW - 4_000,
    "engagements": 1_204,
    "actors": 318,
    "actors_error": 0.065,
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
ALERT: dict[str, Any] = {
    "id": "day-fall/bluesky:ann/1767225540000/raised",
    "rule": "day-fall",
    "state": "raised",
    "severity": "warning",
    "user": "bluesky:ann",
    "episode": NOW - 60_000,
    "at": NOW - 60_000,
    "score": 61.27,
    "reference": {"score": 63.1, "at": NOW - 43_200_000},
    "change": -1.83,
    "cause": "idle",
    "causes": [{"cause": "idle", "points": -1.83}],
    "sentence": "fell 1.8 points since the last daily close, to 61.3: nobody engages, and what there was fades (-1.8 idle)",
    "objects": ["at://did:plc:abc/1"],
    "people": ["bluesky:bob"],
    "policies": 17,
    "model": "clout-1",
    "version": 4_294_967_299,
}
STATUS: dict[str, Any] = {
    "at": NOW,
    "kafka": None,
    "workers": ["host/4711"],
    "users": 48_211,
    "latency_ms": {"p50": 120.0, "p99": 410.0},
    "partitions": [
        {
            "partition": 0,
            "owner": "host/4711",
            "age_ms": 180,
            "users": 48_211,
            "model": "clout-1",
            "version": 4_294_967_299,
        }
    ],
    "rules": [{"name": "day-fall", "severity": "warning"}],
    "gaps": None,
    "silences": None,
    "channels": [],
    "deliveries": [],
    "sources": [],
    "wrong": [],
    "as_of": NOW,
}
_SELECTIVE = {"score": 40.0, "acted": 0.0, "points": {"like": 0.21, "reply": 0.62}}
EXPLANATION: dict[str, Any] = {
    **ABOUT,
    **{name: RECORD[name] for name in ("score", "model", "event_ts", "delta", "engagements", "actors", "actors_error")},
    **{name: RECORD[name] for name in ("confidence", "provisional", "floored", "parts", "windows")},
    "mass": 52.4,
    "standing": {"decade": "60-70", "outreach": 5, "authority": 48.3, "audience": 79.9, "activity": 33.3},
    "places": {"overall": {"rank": 12, "of": 48_211}, "percentile": 99.9, "network": {"rank": 9, "of": 30_118}},
    "ledger": {
        "at": NOW - 43_200_000,
        "score": 59.87,
        "points": 1.4,
        "entries": [{"cause": "reply", "mass": 2.1, "points": 2.0}, {"cause": "decay", "mass": -0.6, "points": -0.6}],
        "networks": {"bluesky": 2.0},
    },
    "days": [],
    "one_more": {
        "average": {"score": 40.0, "acted": 0.46, "points": {"like": 0.15, "reply": 0.43}},
        "selective": _SELECTIVE,
    },
    "next_decade": {"score": 70, "points": 8.73, "mass": 19.1, "engagements": {"like": 145, "reply": 49}},
    "outlook": {
        "later": [{"days": 1, "at": NOW + 86_400_000, "score": 60.5}],
        "below": [{"score": 60, "at": NOW + 150_000_000}],
    },
    "history": [{"date": "2025-12-31", "score": 59.87, "model": "clout-1"}],
}


def answers(
    kind: type | None, example: Any, said: str, *, unknown: str = "", media_type: str = "application/json"
) -> dict[int | str, Any]:
    """The `responses` of a route: what it answers, and the problems that it knows; `unknown` says when it is a 404.

    `kind` is the type of the answer, None: a text.
    """
    schema = ref(kind) if kind else {"type": "string"}
    found: dict[int | str, Any] = {
        200: {"description": said, "content": {media_type: {"schema": schema, "example": example}}},
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


def about_user(
    kind: type | None, example: Any, said: str, *, media_type: str = "application/json"
) -> dict[int | str, Any]:
    """The same of a read of one user, which has an ETag."""
    found = answers(kind, example, said, media_type=media_type,
                    unknown="Nobody of this name has acted or been acted on. Did you mean mastodon:ann?")  # fmt: skip
    return found | {304: {"description": "as If-None-Match says: nothing that the answer tells has changed; no body"}}


def with_csv(found: dict[int | str, Any]) -> dict[int | str, Any]:
    """The same of a read that can be asked for as CSV, too."""
    example = "date,score\r\n2025-12-31,59.87\r\n"
    found[200]["content"]["text/csv"] = {"schema": {"type": "string"}, "example": example}
    return found


def problem(status: int, kind: str, title: str, detail: str) -> Schema:
    """A problem as OpenAPI shows it."""
    example = {
        "type": f"urn:clout:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "/v1/…",
    }
    return {"description": title, "content": {problems.MEDIA_TYPE: {"schema": ref(Problem), "example": example}}}


def problems_of(description: str) -> Schema:
    """Problems of any kind, with what they mean."""
    return {"description": description, "content": {problems.MEDIA_TYPE: {"schema": ref(Problem)}}}


def sent(said: str) -> Schema:
    """What a write is answered with."""
    example = {"topic": "controls", "partition": 3, "offset": 17}
    return {"description": said, "content": {"application/json": {"schema": ref(Sent), "example": example}}}
