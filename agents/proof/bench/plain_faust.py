"""The peer in plain Faust, as its documentation would write it: weigh, re-key through a topic, a table with a changelog, scores.

Tuned as the docs advise: no records but bytes, Cython streams, store in memory, no web server, info logging (at its
default, warnings only, a spinner costs extra per event), a lingering producer with large batches, scores once a second for
the users that changed. Run with `python -m agents.proof.bench.plain_faust`.
"""

from __future__ import annotations

import logging
import struct
from typing import Any

import faust
import msgspec

from agents.proof.bench import peer_job as job
from streams.broker.security import credentials
from streams.settings import Settings

PACKED = struct.Struct("<qd")


def create_app(settings: Settings) -> faust.App:
    """Two agents, one table."""
    app = faust.App(
        settings.app,
        broker=[f"kafka://{broker}" for broker in settings.kafka.split(",")],
        broker_credentials=credentials(settings),
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
    plain: dict[str, Any] = {"key_type": str, "value_serializer": "raw", "partitions": settings.partitions}
    events = app.topic(*map(settings.topic, job.TOPICS), **plain)
    engagements = app.topic(settings.topic("engagements"), **plain)
    scores = app.topic(settings.topic("scores"), **plain)
    rows = app.Table("rows", partitions=settings.partitions)
    encode = msgspec.json.Encoder().encode
    changed: set[str] = set()

    @app.agent(events)
    async def weighing(stream: faust.StreamT[Any]) -> None:
        async for value in stream:
            engagement = job.weigh(value)
            if engagement:
                user, ts, weight = engagement
                await engagements.send(key=user, value=PACKED.pack(ts, weight))

    @app.agent(engagements)
    async def scoring(stream: faust.StreamT[Any]) -> None:
        async for user, value in stream.items():
            rows[user] = job.add(rows.get(user), *PACKED.unpack(value))
            changed.add(user)

    @app.timer(1.0)  # type: ignore[untyped-decorator]
    async def publish() -> None:
        users = list(changed)
        changed.clear()
        for user in users:
            await scores.send(key=user, value=encode(job.record(user, rows[user])))

    @app.on_rebalance_complete.connect
    async def ready(*_: Any, **__: Any) -> None:
        logging.getLogger(__name__).info(job.READY)

    return app


def main() -> None:
    """A worker, until SIGTERM."""
    app = create_app(Settings.load())
    app.finalize()
    logging.getLogger(__name__).setLevel(logging.INFO)
    faust.Worker(app, loglevel="info", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
