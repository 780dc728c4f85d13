"""The same pipeline as Faust's documentation would write it: what Clout's speed is compared with.

It does less than Clout: three decayed sums and counts per user; no undo, no repeats, no novelty, no standing, no parts, no
alerts. Tuned as the docs advise: plain JSON instead of records, info logging, no web server, batching in the producer, Redis
and `scores` once a second for the users that changed. Run with `python -m agents.bench.plain_faust`.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import faust
import orjson
import redis.asyncio

from streams.settings import Settings

WEIGHT = {"like": 1.0, "follow": 2.0, "mention": 2.0, "reply": 3.0, "share": 4.0, "retweet": 4.0}
DAY_MS = 86_400_000
HALF_LIVES_MS = (1.0 * DAY_MS, 7.0 * DAY_MS, 62.4 * DAY_MS)
TOPICS = ("likes", "shares", "retweets", "follows")
READY = "took partitions"


def create_app(settings: Settings) -> faust.App:
    """Two agents, two tables."""
    app = faust.App(
        settings.app,
        broker=[f"kafka://{broker}" for broker in settings.kafka.split(",")],
        env_prefix="CLOUT_FAUST_",
        autodiscover=False,
        datadir="faust",  # in the working folder, which the benchmark removes
        store="memory://",
        topic_partitions=settings.partitions,
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_wait_empty=False,
        broker_max_poll_records=2_000,
        producer_linger_ms=5,
        producer_max_batch_size=131_072,
        web_enabled=False,
    )
    plain: dict[str, Any] = {"key_type": str, "value_serializer": "json", "partitions": settings.partitions}
    events = app.topic(*map(settings.topic, TOPICS), **plain)
    engagements = app.topic(settings.topic("engagements"), **plain)
    scores = app.topic(settings.topic("scores"), **plain)
    actors = app.Table("actors", default=list, partitions=settings.partitions)
    targets = app.Table("targets", default=list, partitions=settings.partitions)
    board = redis.asyncio.Redis.from_url(settings.redis)
    changed: set[str] = set()
    done: dict[str, Any] = {"handled": 0, "last_s": 0.0}

    @app.agent(events)
    async def actions(stream: faust.StreamT[Any]) -> None:
        async for event in stream:
            if event.get("undo"):
                continue
            actor, ts = f"{event['network']}:{event['actor']}", event["ts"]
            acted, at = actors[actor] or (0.0, ts)
            acted *= 0.5 ** ((ts - at) / HALF_LIVES_MS[1])
            actors[actor] = [acted + 1.0, ts]
            if event["actor"] != event["target"]:
                target = f"{event['network']}:{event['target']}"
                weight = WEIGHT[event["type"]] / (1.0 + acted)
                await engagements.send(key=target, value={"target": target, "ts": ts, "weight": weight})

    @app.agent(engagements)
    async def scoring(stream: faust.StreamT[Any]) -> None:
        async for engagement in stream:
            target, ts = engagement["target"], engagement["ts"]
            row = targets[target] or [0.0, 0.0, 0.0, ts, 0]
            sums = [
                total * 0.5 ** ((ts - row[3]) / half_life_ms) + engagement["weight"]
                for total, half_life_ms in zip(row, HALF_LIVES_MS, strict=False)
            ]
            targets[target] = [*sums, ts, row[4] + 1]
            changed.add(target)
            done["handled"] += 1
            done["last_s"] = time.monotonic()

    @app.timer(1.0)  # type: ignore[untyped-decorator]
    async def publish() -> None:
        users = list(changed)
        changed.clear()
        handled: Any = done.copy()
        for start in range(0, len(users), 500):
            pipe = board.pipeline(transaction=False)
            for user in users[start : start + 500]:
                day, week, quarter, ts, count = targets[user]
                mass = quarter + 0.5 * week + 0.5 * day
                x = (mass / 3.89) ** 0.459
                record = {"user": user, "score": max(1.0, 100 * x / (1 + x)), "ts": ts, "engagements": count}
                pipe.zadd(f"{settings.redis_prefix}:board", {user: record["score"]})
                pipe.hset(f"{settings.redis_prefix}:users", user, orjson.dumps(record))
                await scores.send(key=user, value=record)
            await pipe.execute()
        await board.hset(f"{settings.redis_prefix}:done", mapping=handled)

    @app.on_rebalance_complete.connect
    async def ready(*_: Any, **__: Any) -> None:
        logging.getLogger(__name__).info(READY)

    return app


def main() -> None:
    """A worker, until SIGTERM."""
    app = create_app(Settings.load())
    app.finalize()
    logging.getLogger(__name__).setLevel(logging.INFO)
    faust.Worker(app, loglevel="info", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
