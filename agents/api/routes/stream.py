"""Push: changes of scores, alerts and the board as server-sent events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from agents.api.ids import malformed, users_of
from agents.api.routes.leaderboard import topic_of
from agents.api.served import Served
from agents.api.stream.filters import Filter
from agents.api.stream.hub import Hub
from agents.api.stream.listener import Wish
from agents.api.stream.positions import Position
from agents.api.stream.response import EventStream
from streams.scoreboard.layout import network_of

EVENTS = ("scores", "alerts", "board")
MOST_USERS, MOST_PUSHED = 100, 100
MOST_CHANGE = 99.0
_EXAMPLE = (
    "retry: 1000\nid: 1796043321412-0,1796043309180-0\n\nevent: scores\nid: 1796043322006-0,1796043309180-0\n"
    'data: {"as_of":1796043321998,"users":[{"user":"bluesky:ann","score":41.27,"before":40.9}]}\n\n'
)
_ANSWERS = {
    200: {
        "description": "Server-sent events: `snapshot`, `scores`, `alert`, `board`, `down`, `up`, `reset`, `closed`",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


def routes(served: Served) -> APIRouter:
    """The router."""
    router = APIRouter()

    @router.get(
        "/v1/stream",
        summary="Scores, alerts and the board, pushed",
        response_class=Response,
        responses=_ANSWERS,  # type: ignore[arg-type]
    )
    async def stream(
        events: Annotated[
            str, Query(description="which, parted by commas: `scores`, `alerts`, `board`", examples=["scores,alerts"])
        ] = "scores,alerts",
        users: Annotated[
            list[str] | None,
            Query(
                description=f"of 1 to {MOST_USERS} users: ids parted by commas, or `users` several times, each one id whole",
                examples=["bluesky:ann,mastodon:bob"],
            ),
        ] = None,
        network: Annotated[
            str | None, Query(description="of users of this network", examples=["bluesky"], max_length=64)
        ] = None,
        topic: Annotated[
            str | None, Query(description="of users on the board of this topic, its 1,000 highest", examples=["jazz"])
        ] = None,
        min_change: Annotated[
            float,
            Query(ge=0, le=MOST_CHANGE, description="points by which a score has to differ from what was told last"),
        ] = 0.0,
        n: Annotated[int, Query(ge=1, le=MOST_PUSHED, description="how many are on the board")] = 20,
        last_event_id: Annotated[str | None, Query(description="the same as the header, which wins")] = None,
        last_event_id_header: Annotated[
            str | None,
            Header(alias="Last-Event-ID", description="go on behind this `id`; nothing is left out or twice"),
        ] = None,
    ) -> Response:
        """Whatever of `users`, `network` and `topic` is given has to match; `board` is always the whole one.

        - `snapshot` `{"as_of", "items": [{"user", "score"}]}`: at the start without a cursor, and after `reset`; of the `users`
          asked for, else the 100 highest.
        - `scores` `{"as_of", "users": [{"user", "score", "before"}]}`: whose shown score moved; `before` is null for somebody who
          was not shown.
        - `alert`: as the topic `alerts` has it.
        - `board`: `now`, `top` (rank, user, score, change in the last minute, ...), `stats`, `alerts` (the latest five, newest
          first), `alert` (the newest), `deliveries` (how many channels, those in `trouble` and why, the latest outcomes), a
          `note`; at most each 250 ms.
        - `down` and `up`, `{"reason"}`: Redis does not answer, does so again.
        - `reset` `{"reason"}`: what came between is not known any more; a `snapshot` follows.
        - `closed` `{"reason", "detail"}`: the last one; `slow`, `age` or `stopping`. Come back with the last id.

        Each 15 s there is a comment with the `id` so far. An `id` holds for any process of this API.
        """
        wanted = _filter(_events(events), users, network, topic, min_change)
        position = _position(served.hub, last_event_id_header, last_event_id)
        served.hub.admit()
        return EventStream(served.hub, Wish(wanted, n if "board" in _events(events) else 0, position))

    return router


def _events(text: str) -> list[str]:
    found = [one for one in text.split(",") if one]
    if not found or not set(found) <= set(EVENTS):
        raise malformed("query.events", f"expected one or more of {', '.join(EVENTS)}, parted by commas")
    return found


def _filter(
    events: list[str], users: list[str] | None, network: str | None, topic: str | None, min_change: float
) -> Filter:
    chosen = None if users is None else users_of(users, 1, MOST_USERS, "query.users")
    if chosen is not None and network is not None:
        chosen = [user for user in chosen if network_of(user) == network]
    some = None if chosen is None else frozenset(chosen)
    named = None if topic is None else topic_of(topic)
    return Filter("scores" in events, "alerts" in events, some, network, named, min_change)


def _position(hub: Hub, header: str | None, query: str | None) -> Position | None:
    if header:
        return hub.position(header, "header.last-event-id")
    return hub.position(query, "query.last_event_id") if query else None
