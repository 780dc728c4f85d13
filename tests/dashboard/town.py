"""A small town on a scoreboard: people with histories, influence and alerts; some names would break a careless page."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import orjson

from streams.model.influential import Friend, Influence, Moment, TopicShare
from streams.model.standing import Style
from streams.partitioner import partition_of
from streams.scoreboard import closes
from streams.scoreboard.changes import Changes
from streams.scoreboard.connect import connect
from streams.scoreboard.flush import Flush
from streams.scoreboard.layout import Keys, place_of
from streams.scoreboard.writer import Writer
from tests.alerts import of_feed, told
from tests.api.conftest import PARTITIONS, Scene, consistent, now_ms
from tests.scoreboard.records import bins

DAY_MS = 86_400_000
QUARTER_MS = 62.4 * DAY_MS

MARKUP = "x:<img src=x onerror=alert(1)>\"'&"
EMOJI = "x:🦊🏳️‍🌈👩🏽‍🚀"
HEBREW = "x:שלום\u202eabc"  # with an override of the direction in it
LONG = "x:" + "w" * 254
HOSTILE = (MARKUP, EMOJI, HEBREW, LONG)

ANN = "bluesky:ann"
SCORES = {
    ANN: 78.4,
    "mastodon:bob": 71.25,
    "bluesky:cleo": 66.0,
    "bluesky:dora": 58.9,
    "mastodon:emil": 52.5,
    "bluesky:finn": 44.1,
    "mastodon:gus": 37.7,
    "bluesky:hana": 21.0,
    MARKUP: 74.0,
    EMOJI: 69.0,
    HEBREW: 63.6,
    LONG: 55.0,
}
#: what some are called; of another by whom they want to be taken for, markup in it
NAMES = {
    "bluesky:dora": "\U0001f408" * 64,
    "mastodon:emil": "<img src=x onerror=alert(1)> bluesky:ann",
    "bluesky:finn": "@finn.example",
    "mastodon:gus": "Gus \U0001f98a \u05e9\u05dc\u05d5\u05dd",
}
HISTORY = [4_100 + step * 41 + (300 if step % 13 == 0 else 0) for step in range(90)]
WHY = "fell 6.5 points: <b>the purge</b> took back 9 replies"


def build(scene: Scene) -> None:
    """All of the town, in one flush for each partition."""
    asyncio.run(_build(scene))


def influence_of(user: str, at_ms: int) -> Influence:
    """What is known of somebody: the others are around them."""
    others = [one for one in SCORES if one != user]
    seen: dict[str, Any] = {"error": 0.0, "people": 9, "first": at_ms - DAY_MS, "last": at_ms - 60_000}
    style = Style(
        label="specialist",
        sharing_creating=0.5,
        broad_focused=-0.3,
        casual_consistent=0.1,
        listening_participating=0.8,
        events=64,
    )
    return Influence(
        user=user,
        as_of=at_ms,
        got=90.0,
        gave=12.0,
        topics=[TopicShare(topic="jazz", share=0.6, **seen), TopicShare(topic="שחמט", share=0.2, **seen)],
        influencees=[Friend(user=one, share=0.3 / n) for n, one in enumerate(others[:8], 1)],
        influencers=[Friend(user=one, share=0.4 / n) for n, one in enumerate(others[3:8], 1)],
        moments=[
            Moment(object="https://social.example/1", share=0.4, kinds={"like": 30, "reply": 1}, **seen),
            Moment(object="javascript:alert(1)//<b>", share=0.1, kinds={"share": 2}, **seen),
        ],
        style=style,
    )


def alerts_of(at_ms: int) -> list[bytes]:
    """The newest last."""
    over = told(
        ANN,
        at=at_ms - 60_000,
        episode=at_ms - 3_600_000,
        id=f"day-fall/{ANN}/1/recovered",
        state="recovered",
        score=78.0,
        change=-1.0,
    )
    loud = told(
        MARKUP,
        at=at_ms - 5_000,
        id="big/m/1/raised",
        score=74.0,
        change=-6.5,
        sentence=WHY,
        severity="critical",
        cause="reversed",
    )
    first = told(
        ANN, at=at_ms - 3_600_000, episode=at_ms - 3_600_000, id=f"day-fall/{ANN}/1/raised", score=72.0, change=-3.5
    )
    return [first, over, loud, of_feed("mastodon")]


async def _build(scene: Scene) -> None:
    client, at_ms = connect(scene.settings), now_ms()
    writer = Writer(client, scene.settings.redis_prefix, 1, PARTITIONS)
    scene.version += 1
    closed_ms = at_ms - at_ms % DAY_MS
    first = closed_ms // DAY_MS - len(HISTORY)
    models = [{"name": "plain", "since_ms": 0}, {"name": "clout-1", "since_ms": closed_ms - 40 * DAY_MS}]
    place = [part for n, user in enumerate(SCORES) for part in (place_of(30.0 - n, at_ms, QUARTER_MS), user)]
    for number in range(PARTITIONS):
        mine = {user: score for user, score in SCORES.items() if partition_of(user, PARTITIONS) == number}
        pulse = {
            "event_ts": at_ms, "as_of": at_ms, "owner": f"worker-{number % 2}", "model": "clout-1", "users": len(mine),
            "counts": {"folded": 1_200, "rejected": 3, "repeats": 1}, "latency": {"10": 1_000},
            "closed_ms": closed_ms, "models": models,
        }  # fmt: skip
        rows = [(user, score, orjson.dumps(_record(user, score, at_ms))) for user, score in mine.items()]
        flush = Flush(
            number, scene.version, pulse, Changes.of(rows), bins(mine), b'{"users":[]}',
            closes=[(user, closes.text(first, HISTORY, {})) for user in mine],
            influence=[(user, msgspec.json.encode(influence_of(user, at_ms))) for user in mine],
            topics={"jazz": place, "chess": place[:4]} if number == 0 else {},
            alerts=alerts_of(at_ms) if number == 0 else [],
        )  # fmt: skip
        await writer.write(flush)
    rules = [
        {"type": "rule", "name": "day-fall", "when": {"falls": 1.5}, "ignore": ["model"]},
        {
            "type": "rule",
            "name": "big-fall",
            "when": {"falls": 10.0, "within": "7d"},
            "severity": "critical",
            "who": {"network": "bluesky"},
        },
    ]
    await client.hset(Keys(scene.settings.redis_prefix, 0).names, mapping=NAMES)
    await client.hset(Keys(scene.settings.redis_prefix, 0).rules, mapping={"offset": 7, "rules": orjson.dumps(rules)})
    await client.aclose()


def _record(user: str, score: float, at_ms: int) -> dict[str, Any]:
    parts = {
        "kinds": {"like": score * 0.5, "reply": score * 0.3},
        "networks": {user.split(":", maxsplit=1)[0]: score * 0.8},
        "reach": score * 0.2 - 0.5,
        "participation": 0.5,
    }
    delta = {"hour": 0.4, "day": 1.4, "week": -2.2, "month": 9.0}
    return consistent(user, score, at_ms) | {
        "parts": parts,
        "delta": delta,
        "actors": 318,
        "engagements": 1_204,
        "event_ts": at_ms - 4_000,
    }
