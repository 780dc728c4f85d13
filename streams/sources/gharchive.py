"""The format `gharchive`: hours of the public GitHub timeline, as GH Archive gives them or in the reduced form.

original  {"id", "type": "WatchEvent", "actor": {"login"}, "repo": {"name": "owner/name"}, "created_at"}
reduced   {"id", "type": "watch", "actor": "login", "repo": "owner/name", "dt"}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from streams.sources.record import Produced, produced

if TYPE_CHECKING:
    from streams.sources.report import Report

# A star is a like, a fork shows the work to others; issues, pull requests and comments answer the owner.
_KINDS = {
    "watch": "like",
    "WatchEvent": "like",
    "fork": "share",
    "ForkEvent": "share",
    "icomment": "reply",
    "IssueCommentEvent": "reply",
    "prcomment": "reply",
    "PullRequestReviewCommentEvent": "reply",
    "issue": "reply",
    "IssuesEvent": "reply",
    "pr": "reply",
    "PullRequestEvent": "reply",
}


class _MalformedError(Exception):
    """This line is not what GH Archive has."""


def read(lines: Iterable[bytes], report: Report, *, network: str = "github") -> Iterator[Produced]:
    """Stars, forks and replies; the target is the repository's owner, `object` the repository; the rest is skipped."""
    for line in lines:
        try:
            record = orjson.loads(line)
            type_ = _text(record["type"])
            kind = _KINDS.get(type_)
            if kind is None:
                report.skip(f"type {type_[:40]}")
                continue
            event = _event(record, kind, network)
        except (orjson.JSONDecodeError, _MalformedError, KeyError, TypeError, ValueError, OverflowError):
            report.malformed("not a line of GH Archive, or without id, type, actor, repo and time")
            continue
        if event["target"]:
            yield produced(event)
        else:
            report.skip("repository without an owner")


def _event(record: dict[str, Any], kind: str, network: str) -> dict[str, Any]:
    actor, repo = record["actor"], record["repo"]
    if isinstance(actor, dict):
        actor = actor["login"]
    if isinstance(repo, dict):
        repo = repo["name"]
    time = _text(record["dt"] if "dt" in record else record["created_at"])
    id_ = record["id"]
    owner, slash, _ = _text(repo).partition("/")
    return {
        "id": str(id_) if type(id_) is int else _text(id_),
        "type": kind,
        "network": network,
        "actor": _text(actor),
        "target": owner if slash else "",
        "ts": _ts_ms(time),
        "object": repo,
    }


def _ts_ms(time: str) -> int:
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def _text(text: object) -> str:
    if isinstance(text, str) and text:
        return text
    raise _MalformedError
