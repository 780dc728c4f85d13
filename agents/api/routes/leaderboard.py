"""The highest scores, overall, of a network, or for a topic, page by page."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from agents.api import cursors, examples
from agents.api.answers import json, packed
from agents.api.fields import Asked, Fields
from agents.api.ids import malformed
from agents.api.problems import Problem
from agents.api.served import Served
from agents.shapes.boards import Leaderboard
from agents.shapes.either import Ranked
from streams.model.about import topic as as_it_counts
from streams.people.checks import bad_topic
from streams.scoreboard import shards
from streams.scoreboard.boards import Listed
from streams.scoreboard.reader import score_at
from streams.scoreboard.topic_boards import Placed, half_life_ms

MOST_RECORDS = 1_000
MOST_CURSOR = 1_000  # characters; an id of 256 bytes needs some 700
_COMPARED = 1_000  # topics that an unknown one is compared with

Record = dict[str, Any]


def routes(served: Served) -> APIRouter:
    """The router."""
    router = APIRouter(tags=["boards"])

    @router.get(
        "/v1/leaderboard",
        summary="The highest scores",
        responses=examples.answers(
            Leaderboard,
            {
                "items": [{**examples.RECORD, "rank": 1}],
                "next": "WyJsMSIs…",
                "population": 48_211,
                "as_of": examples.NOW,
            },
            "score records with their `rank`, the highest first, decayed to `as_of` (ms since epoch)",
            unknown="No board of a network of this name. One of those there are: bluesky, mastodon",
        ),
    )
    async def leaderboard(
        limit: Annotated[int, Query(ge=1, le=MOST_RECORDS, description="how many")] = 10,
        network: Annotated[
            str | None,
            Query(
                description="on this network's board instead of the overall one", examples=["bluesky"], max_length=64
            ),
        ] = None,
        topic: Annotated[
            str | None,
            Query(description="who is engaged with most for this topic, with the `weight` of that", examples=["jazz"]),
        ] = None,
        cursor: Annotated[
            str | None, Query(description="`next` of the answer before, for the same board", max_length=MOST_CURSOR)
        ] = None,
        fields: Asked = None,
    ) -> Response:
        """`population` is how many are on the board (null for a topic). Accounts of persons are on the boards of their networks
        and topics only; overall the person is in their place.

        Take `next` as the `cursor` of the page behind; null: there is none. Pages follow the scores as they are stored, which
        the idle pass keeps within a displayed step of the truth; on a page the order is that of `as_of`. A cursor says rank and
        score of the last one shown: nobody whose score stays is left out or comes twice, but who falls meanwhile may come again
        on a later page, and who rises may be missed; ranks count on from the page before. With a topic `weight` is what is left
        of the engagement for it, a sum that halves in 62.4 days, and `score` is null while there is no record.

        All requests within 250 ms get the same answer.
        """
        if network is not None and topic is not None:
            raise malformed("query.topic", "`network` and `topic` are boards of their own: name one")
        topic = None if topic is None else topic_of(topic)
        after = None if cursor is None else cursors.read(cursor, network, topic)
        chosen = Fields(fields, Ranked)
        page = _Page(served, network, topic, limit, after, chosen)
        return json(await served.lately.get(("board", network, topic, limit, cursor, chosen.names), page.read))

    return router


class _Page:
    def __init__(
        self,
        served: Served,
        network: str | None,
        topic: str | None,
        limit: int,
        after: cursors.Cursor | None,
        fields: Fields,
    ) -> None:
        self._served, self._fields = served, fields
        self._network, self._topic, self._limit, self._after = network, topic, limit, after

    async def read(self) -> bytes:
        """The answer. Raises Problem 404 for a board that is not there."""
        served, boards, limit = self._served, self._served.reader.boards, self._limit
        after, rank = (self._after.after, self._after.rank) if self._after else (None, 0)
        population = None if self._topic else await served.population(self._network)
        if self._network is not None and not population:
            shards.whole()  # one that is left out may have it
            known = _some(await served.networks())
            detail = f"No board of a network of this name. One of those there are: {known}"
            raise Problem(404, "unknown-network", "Unknown network", detail)
        if self._topic:
            found = await boards.topic(self._topic, limit + 1, after)
            if not found and not after:
                shards.whole()
                raise await self._no_topic(self._topic)
        else:
            found = await boards.page(self._network, limit + 1, after)
        now_ms, shown = await served.now_ms(), found[:limit]
        ranked = ({**item, "rank": rank + n} for n, item in enumerate(await self._items(shown, now_ms), 1))
        items = [self._fields.of(item) for item in ranked]
        if self._after:
            self._after.note()
        more = len(found) > limit
        behind = cursors.text_of(self._network, self._topic, rank + limit, shown[-1]) if more else None
        return packed({"items": items, "next": behind, "population": population, "as_of": now_ms})

    async def _items(self, found: list[Listed], now_ms: int) -> list[Record]:
        records = await self._served.reader.users([one.user for one in found])
        if not self._topic:
            shown = [score_at(record, now_ms) for record in records if record]
            return sorted(shown, key=lambda record: (-record["score"], record["user"]))
        halved = half_life_ms((await self._served.heard()).pulses)
        return [
            {
                **(score_at(record, now_ms) if record else {"user": one.user, "score": None}),
                "weight": Placed(one.user, one.score).weight(now_ms, halved),
            }
            for one, record in zip(found, records, strict=True)
        ]

    async def _no_topic(self, topic: str) -> Problem:
        known = await self._served.lately.get("topics", lambda: self._served.reader.topics.topics(_COMPARED))
        near = difflib.get_close_matches(topic, known)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        detail = f"Nobody is on a board of this topic.{hint}"
        return Problem(404, "unknown-topic", "Unknown topic", detail, near=near)


def topic_of(written: str) -> str:
    """A topic as it is counted. Raises Problem 422 for what can be none."""
    if reject := bad_topic(written):
        raise malformed("query.topic", reject.message)
    return as_it_counts(written)


def _some(names: Iterable[str]) -> str:
    return ", ".join(islice(names, 10)) or "none yet"
