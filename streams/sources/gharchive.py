"""The format `gharchive`: hours of the public GitHub timeline, in the layouts that GH Archive has had, or in the reduced form.

since 2015       {"id", "type": "WatchEvent", "actor": {"login"}, "repo": {"name": "owner/name"}, "created_at"}; 2011 too
2012 to 2014     {"type", "actor": "login", "repository": {"owner", "name"}, "created_at"}: no id, so the line's hash is one
in BigQuery      the same with "repository_owner" and "repository_name"
reduced          {"id", "type": "watch", "actor": "login", "repo": "owner/name", "dt"}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from streams.events import MAX_TOPIC
from streams.sources.record import Produced, produced
from streams.sources.torn import objects

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
    "FollowEvent": "follow",  # until 2013
}
#: fields by which a line is known to be one, whatever its year
LAYOUTS = (
    {"repo", "dt"},
    {"repo", "created_at"},
    {"repository", "created_at"},
    {"repository_owner", "created_at"},
    {"actor", "payload", "type", "created_at"},
)
_LANGUAGES = (
    ("payload", "pull_request", "base", "repo", "language"),
    ("payload", "forkee", "language"),  # of the fork: GitHub knows it late, so few have it
    ("repository", "language"),  # until 2014
    ("repository_language",),  # in BigQuery
)
_ZONE = re.compile(r"\s*(UTC|Z|[+-]\d\d:?\d\d)$")


class _MalformedError(Exception):
    """This line is not what GH Archive has."""


def read(lines: Iterable[bytes], report: Report, *, network: str = "github") -> Iterator[Produced]:
    """Stars, forks and replies; the target is the repository's owner, `object` the repository; the rest is skipped.

    `topics` is the repository's language where the record tells it: pull requests and their comments, some forks, and all records
    until 2014. An issue is no object: who is engaged with owns the repository, and seldom the issue.
    """
    for line, record in objects(lines, report, is_one):
        try:
            type_ = _text(record["type"])
            kind = _KINDS.get(type_)
            if kind is None:
                report.skip(f"type {type_[:40]}")
                continue
            event = _event(record, kind, network, line)
        except (_MalformedError, KeyError, TypeError, AttributeError, ValueError, OverflowError):
            report.malformed("not a line of GH Archive, or without id, type, actor, repo and time")
            continue
        if event["target"]:
            yield produced(event)
        else:
            report.skip("repository without an owner")


def is_one(record: Any) -> bool:
    """Has it the fields of any layout?"""
    return isinstance(record, dict) and any(record.keys() >= layout for layout in LAYOUTS)


def _event(record: dict[str, Any], kind: str, network: str, line: bytes) -> dict[str, Any]:
    actor, id_ = _login(record["actor"]), record.get("id")
    if kind == "follow":
        target, repo = _text(_login(record["payload"]["target"])), None
    else:
        repo = _repo(record)
        owner, slash, _ = repo.partition("/")
        target = owner if slash else ""
    if id_ is None and "repo" not in record:
        id_ = f"line-{blake2b(line, digest_size=10).hexdigest()}"
    event = {
        "id": str(id_) if type(id_) is int else _text(id_),
        "type": kind,
        "network": network,
        "actor": _text(actor),
        "target": target,
        "ts": _ts_ms(_text(record["dt"] if "dt" in record else record["created_at"])),
    }
    if repo is None:
        return event
    language = _language(record)
    return {**event, "object": repo, **({"topics": [language]} if language else {})}


def _login(who: Any) -> Any:
    return who["login"] if isinstance(who, dict) else who


def _repo(record: dict[str, Any]) -> str:
    """`owner/name`; without a slash if nobody owns it."""
    if "repo" in record:
        repo = record["repo"]
        return _text(repo["name"] if isinstance(repo, dict) else repo)
    about = record.get("repository") or {}
    owner = _login(about.get("owner") or record.get("repository_owner"))
    name = about.get("name") or record.get("repository_name")
    return f"{_text(owner)}/{_text(name)}" if owner else "?"


def _language(record: dict[str, Any]) -> str | None:
    """The repository's, if one of the places where it may stand has it; whatever else stands there costs the language only."""
    for way in _LANGUAGES:
        found: Any = record
        for name in way:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, str) and 0 < len(found) <= MAX_TOPIC:
            return found
    return None


def _ts_ms(time: str) -> int:
    # 2012/04/01 00:00:00 -0700 in the first years, 2015-01-01 00:00:00 UTC in BigQuery
    text = _ZONE.sub(lambda zone: "+00:00" if zone[1] in ("UTC", "Z") else zone[1], time.replace("/", "-"))
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def _text(text: object) -> str:
    if isinstance(text, str) and text:
        return text
    raise _MalformedError
