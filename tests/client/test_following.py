"""The stream: it comes back wherever it was cut, nothing is missed and nothing doubled; and what its events are."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec
import pytest

from agents.client import (
    AlertEvent,
    AsyncClout,
    Board,
    Closed,
    Clout,
    Down,
    Event,
    NotUnderstood,
    Refused,
    Reset,
    Scores,
    Snapshot,
    Unreachable,
    Up,
    WrongScope,
)
from agents.client.errors import refused
from agents.client.following import LONGEST_WAIT_S, Following
from agents.local.embedded import free_port
from streams.errors import UsageError
from streams.model.published import FeedRecord
from tests.alerts import alert, of_feed, told
from tests.client.scripted import Query, refusal, serving, stream

AT = 1_767_225_600_000
SOON = b"retry: 1\n"  # ms
BOARD: dict[str, Any] = {
    "now": AT, "clock": "wall", "top": [], "alert": None, "alerts": [], "note": "hi",
    "deliveries": {"channels": 0, "trouble": [], "latest": []},
    "stats": {"folded": 1, "rejected": 0, "repeats": 0, "events": 1, "events_per_s": 0.5, "population": 0, "latency_p50_ms": None,
              "latency_p99_ms": None, "partitions": {"fresh": 0, "of": 4}, "model": None},
}  # fmt: skip


def frame(event: str, data: object, ident: str = "", *, end: bytes = b"\n") -> bytes:
    """One event, with any line ends."""
    text = data.decode() if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False)
    lines = [f"event: {event}", f"data: {text}", *([f"id: {ident}"] if ident else []), ""]
    return b"".join(line.encode() + end for line in lines)


def moved(number: int) -> dict[str, Any]:
    """The n-th of many scores of somebody whose name is cut often."""
    return {"as_of": AT + number, "users": [{"user": "x:é🐈", "score": 50.0, "before": None}]}


def take(url: str, count: int, **more: Any) -> list[Event]:
    """The first events, by `Clout`."""
    with Clout(url, timeout_s=5) as client, client.stream(**more) as events:
        return list(islice(events, count))


def take_async(url: str, count: int, **more: Any) -> list[Event]:
    """The same, by `AsyncClout`."""

    async def run() -> list[Event]:
        async with AsyncClout(url, timeout_s=5) as client, client.stream(**more) as events:
            return [await anext(events) for _ in range(count)]

    return asyncio.run(run())


BOTH = pytest.mark.parametrize("take", [take, take_async])


@BOTH
def test_what_is_cut_is_sent_again(take: Callable[..., list[Event]]) -> None:
    """Wherever it is cut, within a letter too, each event is handed out once, in order."""
    dice, count = random.Random(7), 60

    def answer(query: Query) -> list[bytes]:
        start = int(query.get("last_event_id", ["0"])[0])
        end = dice.choice([b"\n", b"\r", b"\r\n"])
        whole = SOON + b"".join(frame("scores", moved(n), f"{n}", end=end) for n in range(start + 1, count + 5))
        whole = whole[: dice.randrange(1_500)]
        cuts = sorted(dice.randrange(len(whole) + 1) for _ in range(8))
        pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
        return stream(*pieces, ended=dice.random() < 0.5)

    with serving(answer) as server:
        found = take(server.url, count)
        assert [event.as_of - AT for event in found if isinstance(event, Scores)] == list(range(1, count + 1))
        assert len(server.asked) > 5


@BOTH
def test_events(take: Callable[..., list[Event]]) -> None:
    """Each is of its type; one that we do not know is passed over."""
    sent = [
        frame("snapshot", {"as_of": AT, "items": [{"user": "x:a", "score": 50.5}]}, "1"),
        frame("news", {"of": "tomorrow"}),
        frame("scores", {"as_of": AT, "users": [{"user": "x:a", "score": 51.0, "before": 50.5, "more": 1}]}, "2"),
        frame("alert", told("x:a"), "3"),
        frame("alert", of_feed("x"), "4"),
        frame("board", BOARD),
        frame("down", {"reason": "Redis does not answer"}),
        frame("up", {"reason": "Redis answers"}),
        frame("reset", {"reason": "too old"}),
        frame("closed", {"reason": "age", "detail": "an hour"}),
    ]
    with serving(lambda _: stream(SOON, *sent)) as server:
        found = take(server.url, len(sent) - 1)
    kinds = [Snapshot, Scores, AlertEvent, AlertEvent, Board, Down, Up, Reset, Closed]
    assert [type(event) for event in found] == kinds
    assert found[0].items[0].score == 50.5
    assert found[1].users[0].before == 50.5
    assert found[2] == AlertEvent(alert=alert("x:a"))
    assert isinstance(found[3].alert, FeedRecord)
    assert msgspec.to_builtins(found[4]) == BOARD
    assert found[8] == Closed(reason="age", detail="an hour")


def test_what_is_asked_for() -> None:
    """The filter, each time; the cursor from the second time on, or that of an earlier stream."""
    pieces = [SOON + b"id: 7-0,3-1\n\n", frame("closed", {"reason": "age"})]
    with serving(lambda _: stream(*pieces)) as server:
        more: dict[str, Any] = {"users": ["x:a,b"], "network": "x", "topic": "jazz", "min_change": 0.5, "n": 5}
        with Clout(server.url) as client, client.stream(**more, events=["board"]) as events:
            assert [next(events), next(events)] == [Closed(reason="age")] * 2
            assert events.last_id == "7-0,3-1"
        take(server.url, 1, users=["x:a", "x:b"], last_event_id="5-0,5-0")
    first, second, last = server.asked
    named = {name: [str(value)] for name, value in more.items() if name != "users"}
    assert first == {**named, "events": ["board"], "users": ["x:a,b", ""]}
    assert second == {**first, "last_event_id": ["7-0,3-1"]}
    assert last == {"events": ["scores,alerts"], "users": ["x:a", "x:b"], "last_event_id": ["5-0,5-0"]}


def test_a_heartbeat_moves_the_cursor() -> None:
    """An id without data is no event; whoever is cut behind it goes on from there."""

    def answer(query: Query) -> list[bytes]:
        at = int(query.get("last_event_id", ["0"])[0])
        if at < 3:
            return stream(SOON + b": still here\nid: %d\n\n" % (at + 1), ended=False)
        return stream(frame("up", {"reason": "at last"}))

    with serving(answer) as server:
        assert take(server.url, 1) == [Up(reason="at last")]
    assert [one.get("last_event_id") for one in server.asked] == [None, ["1"], ["2"], ["3"]]


def test_the_cursor_is_that_of_what_was_handed_out() -> None:
    """Though more has come already: whoever goes on from it elsewhere misses nothing."""
    whole = SOON + b"".join(frame("scores", moved(n), f"{n}") for n in range(1, 9))
    with serving(lambda _: stream(whole)) as server, Clout(server.url) as client, client.stream() as events:
        for number in range(1, 9):
            next(events)
            assert events.last_id == str(number)


@BOTH
def test_what_passes_is_waited_for(take: Callable[..., list[Event]]) -> None:
    """A server that ends, a proxy that finds none, one that is too busy: the stream goes on behind them."""
    up = frame("up", {"reason": ""}, "4")
    answers = [
        stream(SOON, up),
        refusal(502, b"<html>"),
        refusal(503, headers=b"retry-after: 0\r\n"),
        [],
        [b"HTT"],
        stream(up),
    ]
    with serving(lambda _: answers.pop(0)) as server:
        assert len(take(server.url, 2)) == 2
    assert [one.get("last_event_id") for one in server.asked] == [None, *[["4"]] * 5]


@BOTH
def test_what_does_not_pass_is_an_error(take: Callable[..., list[Event]]) -> None:
    """A token that is no longer one, also in between; what is no stream; an event that cannot be read."""
    answers = [stream(SOON, frame("up", {"reason": ""})), refusal(403)]
    with serving(lambda _: answers.pop(0)) as server, pytest.raises(WrongScope):
        take(server.url, 2)
    page = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi"
    with serving(lambda _: [page]) as server, pytest.raises(NotUnderstood, match="text/html came"):
        take(server.url, 1)
    with (
        serving(lambda _: stream(frame("scores", {"as_of": "now"}))) as server,
        pytest.raises(NotUnderstood, match="`scores` cannot be read"),
    ):
        take(server.url, 1)


def test_the_first_connection_is_not_waited_for_without_end() -> None:
    """Whoever has a wrong address hears of it."""
    with (
        Clout(f"http://127.0.0.1:{free_port()}", timeout_s=0.05) as client,
        client.stream() as events,
        pytest.raises(Unreachable, match="/v1/stream: no answer"),
    ):
        next(events)
    with (
        serving(lambda _: refusal(503)) as server,
        Clout(server.url, timeout_s=0.05) as client,
        client.stream() as events,
        pytest.raises(Refused, match="503"),
    ):
        next(events)


def test_a_cursor_that_is_none_any_more() -> None:
    """The server has other shards now: some events are lost, which is said, and it goes on with a snapshot."""

    def answer(query: Query) -> list[bytes]:
        if "last_event_id" in query:
            return refusal(422, b'{"detail": "query.last_event_id: no cursor of 3 shards"}')
        return stream(SOON, frame("snapshot", {"as_of": AT, "items": []}, "1-0"))

    with serving(answer) as server:
        first, lost, second = take(server.url, 3)
        assert (first, second) == (Snapshot(as_of=AT, items=[]),) * 2
        assert isinstance(lost, Reset)
        assert "3 shards" in lost.reason
        with pytest.raises(Refused, match="422"):
            take(server.url, 1, last_event_id="1-0")


def test_how_long_it_waits() -> None:
    """As the server says, twice as long after each connection that brought nothing; by chance up to half of it less."""
    following = Following((), uniform=lambda _, most: most)
    assert [following.wait_s() for _ in range(7)] == [1, 2, 4, 8, 16, LONGEST_WAIT_S, LONGEST_WAIT_S]
    assert list(following.feed(b"retry: 250\nid: 5\n\n")) == []
    assert [following.wait_s() for _ in range(2)] == [0.25, 0.5]
    following.opened("text/event-stream")
    assert following.refused(refused(503, {"retry-after": "7"}, b"")) is None
    assert following.wait_s() == 7
    least = Following((), uniform=lambda least, _: least)
    assert [least.wait_s() for _ in range(3)] == [0.5, 1, 2]


def test_many_thousand_failures() -> None:
    """Are waited for no longer."""
    following = Following(())
    assert max(following.wait_s() for _ in range(5_000)) <= LONGEST_WAIT_S


def test_nobody_is_not_everyone() -> None:
    """A list of users that came out empty is a mistake, not a wish for all."""
    with Clout("http://api.test") as client, pytest.raises(UsageError, match="None is for everyone"):
        client.stream(users=[])
