"""A rule on trial: what it would have told, judged over the daily closes that Redis has. Nothing is sent anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from agents.api import bodies, body_schemas, examples
from agents.api.answers import json
from agents.api.bodies import Raws
from agents.api.door import Door
from agents.api.schemas import MAY_NEED_A_TOKEN
from agents.api.served import Served
from agents.shapes.trial import Trial
from streams.model import hindsight
from streams.model.about import topic as as_it_counts
from streams.model.dates import day
from streams.model.explained import Close
from streams.model.hindsight import Told
from streams.model.rules import Rule
from streams.policies.records import parse_value
from streams.policies.spelling import unknown

MOST_JUDGED = 500  #: users, those with the highest scores
MOST_SHOWN = 200  #: alerts, the newest
NAME = "tested"
_ITEM = {
    "user": "bluesky:ann",
    "state": "raised",
    "date": "2025-12-30",
    "score": 51.2,
    "before": 61.9,
    "compared": "2025-12-29",
    "change": -10.7,
}

Record = dict[str, Any]


def routes(served: Served, door: Door) -> APIRouter:
    """The router: whoever may read."""
    router = APIRouter(tags=["application"], dependencies=[Depends(door.needs("read"))])

    @router.post(
        "/v1/trial",
        summary="What a rule would have told",
        openapi_extra=body_schemas.trial() | {"security": MAY_NEED_A_TOKEN},
        responses=examples.answers(
            Trial,
            {
                "items": [_ITEM],
                "counts": {"raised": 1, "recovered": 0, "settled": 0},
                "alerted": 1,
                "judged": 500,
                "of": 48_211,
                "from": "2025-10-02",
                "until": "2025-12-31",
                "not_judged": ["what happens between two daily closes"],
                "as_of": examples.NOW,
            },
            "the newest 200 alerts, newest first; `counts` has all of them",
        ),
    )
    async def trial(request: Request) -> Response:
        """The body is a rule as for `PUT /v1/rules/{name}`. It is judged at the daily closes of at most 90
        days, of `judged` users: those whom it names, else the 500 highest of the `of` whom it is for. `alerted` is how many of
        them it would have told about; `not_judged` says in words what closes do not tell. `compared` is the day of the score
        `before`, null for a line. Nothing is sent. 422 for a rule that closes cannot tell: within an hour, by percentile, or
        by the top N. All alerts, at every moment, of events in files: `clout rule test`."""
        rule = _rule(await bodies.fields(request))
        users, of = await _scope(served, rule)
        closes = await served.reader.pasts.closes(users)
        found = await asyncio.to_thread(_told, rule, closes)
        return json({**found, "judged": len(closes), "of": of, "as_of": await served.now_ms()})

    return router


def _rule(sent: Raws) -> Rule:
    """The rule that was sent. Raises Problem."""
    body = bodies.with_defaults(sent, type="rule", name=NAME)
    rule = bodies.taken(parse_value(body))
    assert isinstance(rule, Rule)  # noqa: S101 - its type says so
    for at, why in unknown(Rule, bodies.plain(body)):
        raise bodies.wrong(f"$.{at}", why)
    if why := hindsight.why_not(rule):
        raise bodies.wrong("$.when", why)
    return rule


async def _scope(served: Served, rule: Rule) -> tuple[Sequence[str], int]:
    """Whom the rule is judged for, and of how many they are."""
    who, boards = rule.who, served.reader.boards
    if who.users:
        return who.users[:MOST_JUDGED], len(who.users)
    if who.topic is not None:
        listed = await boards.topic(as_it_counts(who.topic), MOST_JUDGED)
        users = [one.user for one in listed if who.network in (None, one.user.partition(":")[0])]
        return users, len(users)
    page = await boards.page(who.network, MOST_JUDGED)
    return [one.user for one in page], await served.population(who.network)


def _told(rule: Rule, closes: dict[str, list[Close]]) -> Record:
    """All that it would have told, as an answer has it."""
    found = [(user, one) for user, some in closes.items() for one in hindsight.told(rule, some)]
    found.sort(key=lambda pair: (-day(pair[1].date), pair[0]))
    counts = {state: sum(one.state == state for _, one in found) for state in ("raised", "recovered", "settled")}
    dates = [close.date for some in closes.values() for close in (*some[:1], *some[-1:])]
    return {
        "items": [_item(user, one) for user, one in found[:MOST_SHOWN]],
        "counts": counts,
        "alerted": len({user for user, _ in found}),
        "from": min(dates, default=None),
        "until": max(dates, default=None),
        "not_judged": _not_judged(rule),
    }


def _item(user: str, one: Told) -> Record:
    return {"user": user, **one._asdict(), "change": one.score - one.before}


def _not_judged(rule: Rule) -> list[str]:
    """What closes do not tell, for people."""
    found = ["what happens between two daily closes"]
    if set(rule.ignore) - {"model"} or rule.require:
        found.append("causes: none is ignored or required here but a change of model")
    if rule.who.min_confidence:
        found.append("how sure a score was then: min_confidence is not looked at")
    if rule.who.topic is not None:
        found.append("who was shown with the topic then: those are judged who are now")
    return found
