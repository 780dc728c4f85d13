"""What stands under one user: history, explanation, influence, topics, moments, alerts, a badge, a card.

Its name is the last segment of the raw path: an id that ends as one, `x:a/history`, is written `x:a%2Fhistory`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response

from agents.api import examples
from agents.api.answers import JSON, etag, prefers, unless_known
from agents.api.badge import Theme, badge
from agents.api.card import POLICY, Look, card
from agents.api.ids import Id
from agents.api.known import Known, known, placed
from agents.api.served import Served
from agents.shapes.users import Explained, History, Moments, Topics, UserAlerts, WhoInfluences
from streams.scoreboard import shards
from streams.scoreboard.explaining import explanation

BADGE_KEPT = "public, max-age=60"
CSV = "text/csv"
_CLOSE = {"date": "2025-12-31", "score": 59.87}
_FRIEND = {"user": "bluesky:bob", "name": "@bob.example", "share": 0.18}
_SPAN = {"people": 41, "first": examples.NOW - 86_400_000, "last": examples.NOW - 4_000}
_TOPIC = {"topic": "jazz", "share": 0.62, "error": 0.0, **_SPAN, "rank": 3}
_MOMENT = {"object": "at://did:plc:abc/1", "share": 0.2, "error": 0.0, "kinds": {"like": 80, "share": 3}, **_SPAN}
_INFLUENCE = {"got": 40.3, "gave": 12.1, "influencees": [_FRIEND], "influencers": [_FRIEND], "sums_as_of": examples.NOW}
_HTML = '<!doctype html><html lang="en">…</html>'
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="76" height="20">…</svg>'


def routes(served: Served) -> APIRouter:
    """The router."""
    router = APIRouter(tags=["users"])

    @router.get(
        "/v1/users/{id:path}/history",
        summary="The daily closes of a user",
        responses=examples.with_csv(
            examples.about_user(
                History,
                {**examples.ABOUT, "items": [_CLOSE]},
                "at most 90 days, the oldest first; a day ends at midnight UTC or when CLOUT_DAY_CLOSES says",
            )
        ),
    )
    async def history(
        request: Request,
        id: Id,
        format: Annotated[
            Literal["json", "csv"] | None, Query(description="else the header Accept says it: text/csv, or JSON")
        ] = None,
    ) -> Response:
        """JSON, or CSV with the columns `date` and `score` (1 to 100) and `as_of` in the header Clout-As-Of."""
        one = await known(served, id)
        closes = [(close.date, close.score) for close in (await served.reader.past(one.user)).closes]
        csv = format == "csv" if format else prefers(request.headers.get("accept", ""), CSV, JSON)
        tag = etag("csv" if csv else "json", one.user, closes, one.freshness["fresh"])
        if csv:
            text = "".join(f"{line}\r\n" for line in ("date,score", *(f"{date},{score}" for date, score in closes)))
            as_of = {"clout-as-of": str(one.now_ms), "vary": "Accept"}
            return unless_known(request, tag, text, f"{CSV}; charset=utf-8", **as_of)
        items = [{"date": date, "score": score} for date, score in closes]
        return unless_known(request, tag, one.answer(items=items), vary="Accept")

    @router.get(
        "/v1/users/{id:path}/explain",
        summary="Why a user scores what they score",
        responses=examples.about_user(
            Explained,
            examples.EXPLANATION,
            "parts, places, ledger, what one more engagement would give, outlook, history, influence, alerts",
        ),
    )
    async def explain(request: Request, id: Id) -> Response:
        """The document of `clout score USER --explain --json`, and `freshness`. All numbers of parts are points of the score.

        The ETag stays while version, shown score (two decimals), ranks, closes and alerts do.
        """
        one = await known(served, id)
        found = msgspec.to_builtins(await explanation(served.reader, one.stored, one.now_ms))
        alerts = [alert["id"] for alert in found.get("alerts", [])]
        places = {name: place["rank"] for name, place in found["places"].items() if name != "percentile"}
        shown = one.stored["version"], round(found["score"], 2), places, found["history"][-1:], alerts
        tag = etag(one.user, *shown, one.freshness["fresh"])
        return unless_known(request, tag, {**found, "freshness": one.freshness})

    @router.get(
        "/v1/users/{id:path}/influence",
        summary="Who influences a user, and whom the user influences",
        responses=examples.about_user(
            WhoInfluences,
            {**examples.ABOUT, **_INFLUENCE},
            "`influencees` engage with this user, this user engages with `influencers`",
        ),
    )
    async def influence(request: Request, id: Id) -> Response:
        """At most eight each, the most first. `share` is the part of all that was done to the user (`got`), or that the user did
        (`gave`), 0 to 1; both are sums that halve in 62.4 days, as of `sums_as_of`. `style`, if known, is what habits look like."""
        one, found = await _influence(id, people=True)
        some = {name: found[name] for name in ("got", "gave", "influencees", "influencers", "style") if name in found}
        body = one.answer(**some, sums_as_of=found["as_of"])
        return unless_known(request, etag(one.user, found, one.freshness["fresh"]), body)

    @router.get(
        "/v1/users/{id:path}/topics",
        summary="What a user is engaged with for",
        responses=examples.about_user(
            Topics, {**examples.ABOUT, "items": [_TOPIC]}, "at most ten topics, the most first"
        ),
    )
    async def topics(request: Request, id: Id) -> Response:
        """`share` is a part of all engagement with the user, 0 to 1, of which `error` may be another topic's; `people` are
        distinct; `rank` is the place on the board of the topic, null without one."""
        one, found = await _influence(id)
        ranks = await served.reader.topic_ranks(one.user, [topic["topic"] for topic in found["topics"]])
        items = [{**topic, "rank": ranks.get(topic["topic"])} for topic in found["topics"]]
        return unless_known(request, etag(one.user, items, one.freshness["fresh"]), one.answer(items=items))

    @router.get(
        "/v1/users/{id:path}/moments",
        summary="What earned a user most",
        responses=examples.about_user(
            Moments, {**examples.ABOUT, "items": [_MOMENT]}, "at most five objects, the most first"
        ),
    )
    async def moments(request: Request, id: Id) -> Response:
        """`object` is what events call it, `kinds` how many engagements it got of each kind, `share` the part of all, 0 to 1."""
        one, found = await _influence(id)
        tag = etag(one.user, found["moments"], one.freshness["fresh"])
        return unless_known(request, tag, one.answer(items=found["moments"]))

    @router.get(
        "/v1/users/{id:path}/alerts",
        summary="The latest alerts about a user",
        responses=examples.about_user(
            UserAlerts,
            {**examples.ABOUT, "items": [examples.ALERT]},
            "at most 20, as in the topic `alerts`, the newest first",
        ),
    )
    async def alerts(request: Request, id: Id) -> Response:
        """Their fields are those of the topic, for which there is a schema: `clout topics schema alerts`."""
        one = await known(served, id)
        items = await served.reader.alerts_of(one.user)
        return unless_known(request, etag(one.user, items, one.freshness["fresh"]), one.answer(items=items))

    @router.get(
        "/v1/users/{id:path}/badge.svg",
        summary="A user's score as a picture",
        response_class=Response,
        responses=examples.about_user(
            None, _SVG, "SVG, 20 px high; caches keep it for a minute", media_type="image/svg+xml"
        ),
    )
    async def picture(
        request: Request,
        id: Id,
        theme: Annotated[Theme, Query(description="for which background")] = "light",
    ) -> Response:
        """For an `<img>` on any page: the whole score; its title has the user and two decimals, `data-as-of` the moment."""
        one = await known(served, id)
        score = one.record["score"]
        text = badge(one.user, score, one.now_ms, theme)
        tag = etag(one.user, theme, round(score, 2))
        return unless_known(request, tag, text, "image/svg+xml", kept=BADGE_KEPT)

    @router.get(
        "/v1/users/{id:path}/card",
        summary="A user's score as a card for an iframe",
        response_class=Response,
        responses=examples.about_user(None, _HTML, "a page without scripts; caches keep it for a minute", media_type="text/html"),
    )
    async def embedded(
        request: Request,
        id: Id,
        theme: Annotated[Look, Query(description="for which background; `auto`: as the reader's system is")] = "auto",
    ) -> Response:
        """For an `<iframe>` on any page, 340 by 150 pixels: score, rank, percentile, change since the last daily close. It asks for
        itself again each minute, runs nothing, and loads its style from here alone. Where reads need a token nobody sees it."""
        one, record = await placed(served, id)
        shards.whole()  # a rank among a part of all would be wrong, and a card cannot say so
        place = (record[name] for name in ("rank", "of", "percentile"))
        tag = etag(one.user, record.get("name"), theme, round(record["score"], 1), *place)
        policy = {"content-security-policy": POLICY}
        return unless_known(request, tag, card(record, theme), "text/html; charset=utf-8", kept=BADGE_KEPT, **policy)

    async def _influence(raw: str, *, people: bool = False) -> tuple[Known, dict[str, Any]]:
        """The user, and topics, people and moments; empty until they are known. With `people` these have their names."""
        one, reader = await known(served, raw), served.reader
        found = await (reader.people if people else reader.influence)(one.stored)
        return one, msgspec.to_builtins(found) if found else {**_NOTHING}

    return router


_NOTHING: dict[str, Any] = {
    "as_of": None,
    "got": 0.0,
    "gave": 0.0,
    "topics": [],
    "influencees": [],
    "influencers": [],
    "moments": [],
}
