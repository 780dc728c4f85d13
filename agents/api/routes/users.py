"""Users: one, some, or a few beside each other; score records as they are now."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from agents.api import examples
from agents.api.answers import etag, json, unless_known
from agents.api.fields import Asked, Fields
from agents.api.ids import SEVERAL, Id, users_of
from agents.api.known import Known, of, placed, record_of
from agents.api.problems import Problem
from agents.api.served import Served
from agents.api.short import USER
from agents.shapes.users import Compared, Comparison, User, Users
from streams.scoreboard import shards
from streams.scoreboard.ranks import Rank

MOST_USERS = 100
LEAST_COMPARED, MOST_COMPARED = 2, 5
_IDS = "ids parted by commas; or `ids` several times, each one id whole, which may hold commas. `network:id` or `person:NAME`"
_COMPARED = {**examples.USER, "behind": 0.0, "history": [{"date": "2025-12-31", "score": 59.87}], "topics": ["jazz"]}


def routes(served: Served) -> APIRouter:
    """The router. What stands under one user is in `user_parts`, which goes first."""
    router = APIRouter(tags=["users"])

    @router.get(
        "/v1/users",
        summary="Some users at once",
        responses=examples.answers(
            Users,
            {"items": [examples.USER], "unknown": ["bluesky:nobody"], "as_of": examples.NOW},
            "`items` in the order asked for, each as of one user; `unknown`: ids of whom nobody knows",
        ),
    )
    async def users(
        ids: Annotated[
            list[str],
            Query(
                description=f"1 to {MOST_USERS} {_IDS}",
                examples=["bluesky:ann,mastodon:bob"],
                json_schema_extra=SEVERAL,
            ),
        ],
        fields: Asked = None,
    ) -> Response:
        """As many reads of one user, at one moment. An unknown user is no error here. In an answer with `partial`, who is neither
        in `items` nor in `unknown` is on a shard that does not answer."""
        wanted, chosen = users_of(ids, 1, MOST_USERS), Fields(fields, User)
        now_ms, found, unknown = await _all(served, wanted)
        spread = await served.spread()
        items = [chosen.of(record_of(one, rank, spread)) for one, rank in found]
        if not items and not unknown:
            shards.whole()  # nothing is known, not even that nobody knows them
        return json({"items": items, "unknown": unknown, "as_of": now_ms})

    @router.get(
        "/v1/compare",
        summary="A few users beside each other",
        responses=examples.answers(
            Comparison,
            {"items": [_COMPARED], "topics_in_common": ["jazz"], "as_of": examples.NOW},
            "users as in `/v1/users`, each with `behind`, `history` and `topics`",
            unknown="Unknown: bluesky:nobody",
        ),
    )
    async def compare(
        ids: Annotated[
            list[str],
            Query(
                description=f"{LEAST_COMPARED} to {MOST_COMPARED} {_IDS}",
                examples=["bluesky:ann,mastodon:bob"],
                json_schema_extra=SEVERAL,
            ),
        ],
        fields: Asked = None,
    ) -> Response:
        """`behind`: points behind the highest of them. `history`: daily closes, the oldest first. `topics`: what each is engaged
        with for, most first; `topics_in_common` all of them are. A 404 names in `unknown` whom nobody knows."""
        wanted, chosen = users_of(ids, LEAST_COMPARED, MOST_COMPARED), Fields(fields, Compared)
        now_ms, found, unknown = await _all(served, wanted)
        if len(found) + len(unknown) < len(wanted):
            shards.whole()
        if unknown:
            detail = f"Nobody of these names has acted or been acted on: {', '.join(unknown)}"
            raise Problem(404, "unknown-user", "Unknown user", detail, unknown=unknown)
        items = [await _beside(served, one, rank) for one, rank in found]
        highest, topics = max(item["score"] for item in items), [item["topics"] for item in items]
        common = [topic for topic in topics[0] if all(topic in some for some in topics)]
        ranked = [chosen.of({**item, "behind": highest - item["score"]}) for item in items]
        return json({"items": ranked, "topics_in_common": common, "as_of": now_ms})

    @router.get(
        USER,
        summary="One user's score",
        responses=examples.about_user(User, examples.USER, "the score record as of now, with the user's place"),
    )
    async def user(request: Request, id: Id, fields: Asked = None) -> Response:  # noqa: ARG001 - for the document
        """The score record, decayed to now, with `rank`, `of` and `percentile`.

        `board` is null where `rank` is overall. Of an account of a person it is the network on whose board it is ranked; such
        accounts are not counted overall, so `percentile` is null. It is the part of those engaged with in the last 90 days who
        score less, in per cent; `counted` says whether this user is one of them. `freshness` is what the user's partition last
        said, `age_ms` ago. The ETag stays while name, version, shown score (two decimals), place and freshness do, and `fields`.
        """
        return await one_user(served, request, id)

    return router


async def one_user(served: Served, request: Request, raw: str) -> Response:
    """The answer about the user of an id in a raw path, with `fields` of the query. Raises as `placed`."""
    fields = Fields(request.query_params.getlist("fields") or None, User)
    one, body = await placed(served, raw)
    shown = body.get("name"), body["version"], round(body["score"], 2), body["rank"], body["board"], one.freshness["fresh"]
    return unless_known(request, etag(one.user, *shown, *sorted(fields.names or ())), fields.of(body))


async def _all(served: Served, users: list[str]) -> tuple[int, list[tuple[Known, Rank | None]], list[str]]:
    """The moment, who is known of these with their places, and who is not; some of shards that do not answer may be neither."""
    heard, all_of_them = await served.heard(), await served.reader.ranked(users)
    found = [(of(served, one.record, heard), one.rank) for one in all_of_them if one.record]
    now_ms = found[0][0].now_ms if found else served.leaders.now_ms(heard.pulses)
    missing = [user for user, one in zip(users, all_of_them, strict=True) if one.record is None]
    return now_ms, found, [user for user in missing if not served.reader.left_out(user)]


async def _beside(served: Served, one: Known, rank: Rank | None) -> dict[str, Any]:
    body, past, influence = (
        record_of(one, rank, await served.spread()),
        await served.reader.past(one.user),
        await served.reader.influence(one.stored),
    )
    history = [{"date": close.date, "score": close.score} for close in past.closes]
    return {**body, "history": history, "topics": [topic.topic for topic in influence.topics] if influence else []}
