"""The format `gharchive`, in both forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from msgspec import structs

from streams.events import TOPIC_OF, Event, parse
from streams.sources import open_source

Write = Callable[..., str]
KIND_OF = {topic: kind for kind, topic in TOPIC_OF.items()}
REDUCED = {
    "id": "7",
    "dt": "2015-02-22T21:00:03Z",
    "repo": "own/er.js",
    "type": "watch",
    "actor": "ada",
    "action": "started",
}
ORIGINAL = {
    "id": "7",
    "type": "WatchEvent",
    "actor": {"id": 1, "login": "ada"},
    "repo": {"id": 2, "name": "own/er.js"},
    "payload": {"action": "started"},
    "created_at": "2015-02-22T21:00:03Z",
}
AS_EVENT = Event(
    id="7", type="like", network="github", actor="ada", target="own", ts=1_424_638_803_000, object="own/er.js"
)


def read(path: str) -> tuple[list[Event], Counter[str]]:
    source = open_source(path, "gharchive")
    events = []
    for record in source:
        event = parse(record.value, KIND_OF[record.topic], 1 << 42)
        assert isinstance(event, Event), event
        assert (record.key, record.ts) == (f"github:{event.actor}".encode(), event.ts)
        events.append(event)
    return events, source.skipped


@pytest.mark.parametrize("line", [REDUCED, ORIGINAL, {**REDUCED, "id": 7}], ids=["reduced", "original", "id as number"])
def test_both_forms_give_the_same_event(write: Write, line: dict[str, Any]) -> None:
    """A star is a like of the repository's owner, in either form, to the second."""
    assert read(write(orjson.dumps(line))) == ([AS_EVENT], {})


TIMELINE = {
    "type": "WatchEvent",
    "actor": "ada",
    "actor_attributes": {"login": "ada", "type": "User"},
    "repository": {"id": 2, "owner": "own", "name": "er.js", "url": "https://github.com/own/er.js"},
    "payload": {"action": "started"},
    "public": True,
    "url": "https://github.com/own/er.js",
    "created_at": "2015-02-22T21:00:03Z",
}
FLAT = {
    **{k: v for k, v in TIMELINE.items() if k != "repository"},
    "repository_owner": "own",
    "repository_name": "er.js",
    "created_at": "2015-02-22 21:00:03 UTC",
}


@pytest.mark.parametrize(
    "line",
    [
        TIMELINE,
        {**TIMELINE, "actor": {"login": "ada"}, "repository": {"owner": {"login": "own"}, "name": "er.js"}},
        {**TIMELINE, "created_at": "2015/02/22 13:00:03 -0800"},
        {**TIMELINE, "created_at": "2015-02-22T13:00:03-08:00"},
        FLAT,
    ],
)
def test_layouts_of_other_years(write: Write, line: dict[str, Any]) -> None:
    """2012 to 2014 had the repository in another place, other times and no id; the event is the same, its id the line's."""
    (event,), skipped = read(write(orjson.dumps(line)))
    assert not skipped
    assert event.id.startswith("line-")
    assert structs.replace(event, id="7") == AS_EVENT
    again, _ = read(write(orjson.dumps(line) + b"\n" + orjson.dumps({**line, "actor": "bea"})))
    assert again[0].id == event.id != again[1].id


def test_following(write: Write) -> None:
    """Until 2013 GitHub told who followed whom, with and without ids."""
    payload = {"target": {"login": "bea", "followers": 3}}
    old = {**{k: v for k, v in TIMELINE.items() if k != "repository"}, "type": "FollowEvent", "payload": payload}
    events, skipped = read(
        write(orjson.dumps(old) + b"\n" + orjson.dumps({**ORIGINAL, "type": "FollowEvent", "payload": payload}))
    )
    assert [(e.type, e.actor, e.target, e.object) for e in events] == [("follow", "ada", "bea", None)] * 2
    assert not skipped


def test_what_is_known_and_not_read_has_its_name(write: Write) -> None:
    """Types without an engagement, repositories that are gone, in any layout."""
    lines = [
        {**TIMELINE, "type": "GistEvent", "repository": None},
        {**TIMELINE, "repository": {}},
        {k: v for k, v in TIMELINE.items() if k != "repository"},
        {**ORIGINAL, "type": "SponsorshipEvent"},
    ]
    _, skipped = read(write(b"\n".join(map(orjson.dumps, lines))))
    assert skipped == {"type GistEvent": 1, "type SponsorshipEvent": 1, "repository without an owner": 2}


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (("fork", "ForkEvent"), "share"),
        (("icomment", "IssueCommentEvent"), "reply"),
        (("prcomment", "PullRequestReviewCommentEvent"), "reply"),
        (("issue", "IssuesEvent"), "reply"),
        (("pr", "PullRequestEvent"), "reply"),
    ],
)
def test_kinds(write: Write, types: tuple[str, str], kind: str) -> None:
    """Each type of both forms has its kind."""
    reduced, original = types
    events, _ = read(
        write(orjson.dumps({**REDUCED, "type": reduced}) + b"\n" + orjson.dumps({**ORIGINAL, "type": original}))
    )
    assert [event.type for event in events] == [kind, kind]


@pytest.mark.parametrize(
    ("more", "topics"),
    [
        ({"payload": {"pull_request": {"base": {"repo": {"language": "C#"}}}}, "type": "PullRequestEvent"}, ["C#"]),
        ({"payload": {"forkee": {"language": "Python"}}, "type": "ForkEvent"}, ["Python"]),
        ({"payload": {"forkee": {"language": None}}, "type": "ForkEvent"}, None),
        ({"payload": {"forkee": 17}}, None),
        ({"payload": {"pull_request": [], "forkee": {"language": 5}}}, None),
        ({"payload": {"forkee": {"language": ""}}}, None),
        ({"payload": {"forkee": {"language": "x" * 129}}}, None),
        ({"payload": None}, None),
        ({"repository": {"owner": "own", "name": "er.js", "language": "Go"}}, ["Go"]),
        ({"repository_owner": "own", "repository_name": "er.js", "repository_language": "Go"}, ["Go"]),
    ],
)
def test_the_language_is_the_topic(write: Write, more: dict[str, Any], topics: list[str] | None) -> None:
    """Where a record tells the repository's language, its event is about it; what else stands there costs no event."""
    line = {**ORIGINAL, **more}
    if more.keys() & {"repository", "repository_owner"}:
        del line["repo"]
    ((event,), skipped) = read(write(orjson.dumps(line)))
    assert (event.object, event.topics) == ("own/er.js", topics)
    assert not skipped


def test_the_rest_is_counted(write: Write) -> None:
    """Other types are skipped by name; lines without what an event needs are malformed; the file goes on."""
    lines: list[Any] = [
        REDUCED,
        {**REDUCED, "type": "push"},
        {**REDUCED, "repo": "/"},
        {**REDUCED, "repo": "alone"},
        {**REDUCED, "dt": "yesterday"},
        {**REDUCED, "dt": 5},
        {**REDUCED, "actor": None},
        {**REDUCED, "actor": {"login": ""}},
        {"type": "watch"},
        {},
        [],
        {**REDUCED, "id": True},
    ]
    events, skipped = read(write(b"\n".join(map(orjson.dumps, lines)) + b"\n{oops\n" + orjson.dumps(ORIGINAL)))
    assert events == [AS_EVENT, AS_EVENT]
    assert (skipped["type push"], skipped["repository without an owner"]) == (1, 2)
    assert skipped.total() == 1 + 2 + 9


@pytest.mark.parametrize(
    ("name", "kinds", "lines", "languages"),
    [
        ("min-2015-02-22-21.json.gz", {"like": 1770, "share": 842, "reply": 6086 + 2179 + 1047 + 335}, 29_963, 0),
        ("min-2015-02-22-22.json.gz", {"like": 1609, "share": 779, "reply": 1864 + 1008 + 939 + 278}, 24_272, 0),
        ("2015-01-01-0.watch_fork.jsonl.gz", {"like": 642, "share": 213}, 855, 10),
    ],
)
def test_real_hours(real: Callable[[str], str], name: str, kinds: dict[str, int], lines: int, languages: int) -> None:
    """A real hour gives as many events of each kind as it has lines of those types, with unique ids; few tell a language."""
    events, skipped = read(real(f"gharchive/{name}"))
    assert Counter(event.type for event in events) == kinds
    assert len(events) + skipped.total() == lines
    assert len({event.id for event in events}) == len(events)
    assert sum(event.topics is not None for event in events) == languages
    assert not any(reason.startswith("malformed") for reason in skipped)
