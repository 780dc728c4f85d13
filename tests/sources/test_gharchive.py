"""The format `gharchive`, in both forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest

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
    ("name", "kinds", "lines"),
    [
        ("min-2015-02-22-21.json.gz", {"like": 1770, "share": 842, "reply": 6086 + 2179 + 1047 + 335}, 29_963),
        ("min-2015-02-22-22.json.gz", {"like": 1609, "share": 779, "reply": 1864 + 1008 + 939 + 278}, 24_272),
        ("2015-01-01-0.watch_fork.jsonl.gz", {"like": 642, "share": 213}, 855),
    ],
)
def test_real_hours(real: Callable[[str], str], name: str, kinds: dict[str, int], lines: int) -> None:
    """A real hour gives as many events of each kind as it has lines of those types, with unique ids."""
    events, skipped = read(real(f"gharchive/{name}"))
    assert Counter(event.type for event in events) == kinds
    assert len(events) + skipped.total() == lines
    assert len({event.id for event in events}) == len(events)
    assert not any(reason.startswith("malformed") for reason in skipped)
