"""A scoreboard that has something of all that can be asked for."""

from __future__ import annotations

import msgspec
import orjson

from streams.model.dates import day
from streams.model.influential import Friend, Influence, Moment, TopicShare
from streams.model.rules import built_in
from streams.model.standing import Style
from streams.scoreboard import closes
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys, place_of
from tests.alerts import of_feed, told
from tests.api.conftest import SCORES, Scene, now_ms

HALF_LIFE_MS = 62.4 * 86_400_000


def fill(scene: Scene) -> None:
    """Four users, of whom x:ada has all there is; a topic with somebody unscored, alerts of both sorts, rules, a channel."""
    feed, alerts = orjson.loads(of_feed("x")), [orjson.loads(told("x:ada", n)) for n in range(3)]
    scene.write(SCORES, counts=10, alerts=(feed, *alerts))
    span = {"share": 0.5, "error": 0.0, "people": 3, "first": now_ms() - 86_400_000, "last": now_ms()}
    axes = dict.fromkeys(("sharing_creating", "broad_focused", "casual_consistent", "listening_participating"), 0.5)
    known = Influence(
        user="x:ada",
        as_of=now_ms(),
        got=9.0,
        gave=2.0,
        topics=[msgspec.convert({"topic": "jazz", **span}, TopicShare)],
        influencees=[Friend(user="x:cy", share=0.5)],
        influencers=[Friend(user="x:bo/b:y", share=0.25)],
        moments=[msgspec.convert({"object": "post 1", "kinds": {"like": 3}, **span}, Moment)],
        style=Style(label="specialist", events=40, **axes),
    )
    places = [one for who in ("x:ada", "x:gone") for one in (place_of(len(who), now_ms(), HALF_LIFE_MS), who)]
    scene.tell("x:ada", influence=[("x:ada", msgspec.json.encode(known))], topics={"jazz": places})
    scene.tell("x:ada", alerts=[msgspec.json.encode(one) for one in alerts])
    standing = {"kind": "webhook", "enabled": True, "waiting": 2, "dead": 1, "oldest": now_ms(), "open_until": None}
    counts = {"off": "", "delivered": 3, "failed": 1, "last": "answered 204", "at": now_ms()}
    outcome = {
        "channel": "ops",
        "id": "a",
        "about": "x:ada",
        "at": now_ms(),
        "state": "delivered",
        "said": "answered 204",
    }
    scene.deliver({"channel": "ops", **standing, **counts}, told=({**outcome, "attempts": 1},))
    keys = Keys(scene.settings.redis_prefix, 0)
    with connect_sync(scene.settings) as redis:
        redis.hset(keys.history, "x:ada", closes.text(day("2025-12-29"), [6150, 1225, 7000], {}))
        redis.hset(keys.rules, mapping={"offset": 17, "rules": msgspec.json.encode(built_in())})
