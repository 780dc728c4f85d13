"""The process `clout alerting`: alerts to deliveries, deliveries to those who have to hear of them. Any number of processes.

One consumer group reads `alerts` from where it was, and `deliveries` from its start: what waits is rebuilt from there.
An alert is taken up once its deliveries are acknowledged; a crash in between repeats them under the same keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalGenerationError, KafkaError, RebalanceInProgressError

from agents.alerting.attempts import Sender
from agents.alerting.figures import Counts
from agents.alerting.lane import fresh
from agents.alerting.post import Post
from agents.alerting.routing import channels
from streams.broker.publisher import plain_producer
from streams.broker.security import connection
from streams.errors import DependencyDown
from streams.formats.deliveries import encode, home
from streams.model.channels import Kind
from streams.policies.book import Book
from streams.settings import Settings
from streams.topics import ALERTS, DELIVERIES

log = logging.getLogger("clout.alerting")

OLDEST_MS = 86_400_000  #: an alert that was written so long ago is news to nobody
_WAIT_MS = 500
_BY = "by"  # header: which `Post` has written a record
_MOVED = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError)


def group(settings: Settings) -> str:
    """The consumer group of all such processes."""
    return f"{settings.app}-alerting"


class Alerting(ConsumerRebalanceListener):  # type: ignore[misc]
    """One process, over one connection to Kafka."""

    def __init__(
        self, settings: Settings, book: Callable[[], Book], senders: Mapping[Kind, Sender], counts: Counts
    ) -> None:
        self._settings, self._book, self._senders, self.counts = settings, book, senders, counts
        self._alerts, self._deliveries = settings.topic(ALERTS.name), settings.topic(DELIVERIES.name)
        self.posts: dict[int, Post] = {}
        self._names: dict[int, bytes] = {}  # what each writes into the header of its records
        self._fresh: dict[TopicPartition, int] = {}  # of `alerts`, never read by the group: from where on
        self._known: Book | None = None
        self._consumer: Any = None
        self._producer: AIOKafkaProducer | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. Raises KafkaError, OSError when Kafka is away, DependencyDown when something else has ended it."""
        async with contextlib.AsyncExitStack() as undo:
            self._producer = plain_producer(self._settings)
            await self._producer.start()
            undo.push_async_callback(self._producer.stop)
            self._consumer = AIOKafkaConsumer(
                **connection(self._settings),
                group_id=group(self._settings),
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=self._settings.session_timeout_s * 1_000,
                max_partition_fetch_bytes=4_194_304,
            )
            await self._consumer.start()
            undo.push_async_callback(self._consumer.stop)
            undo.push_async_callback(self._close)
            self._consumer.subscribe([self._alerts, self._deliveries], listener=self)
            while not stop.is_set():
                await self._turn()

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """All of them: the group is sharing out anew."""
        if revoked:
            log.info("let go partitions=%s", sorted(self.posts))
        await self._close()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """What waits in these partitions is read from the start; alerts from where the group was, at first from the end."""
        ours = {tp for tp in assigned if tp.topic == self._deliveries}
        ends = await self._consumer.end_offsets(list(assigned)) if assigned else {}
        begins = await self._consumer.beginning_offsets(list(ours)) if ours else {}
        for tp in assigned:
            if tp in ours:
                self._consumer.seek(tp, begins[tp])
                self._open(tp.partition, ends[tp])
            elif await self._consumer.committed(tp) is None:
                self._consumer.seek(tp, ends[tp])
                self._fresh[tp] = ends[tp]
        log.info("took partitions=%s", sorted(self.posts))

    @property
    def ready(self) -> bool:
        """Has everything that waits been read?"""
        return self._consumer is not None and all(post.ready for post in self.posts.values())

    async def _turn(self) -> None:
        """Wait for what comes, and take it up."""
        if self._fresh:
            await self._commit(self._fresh)
            self._fresh = {}
        came = await self._consumer.getmany(timeout_ms=_WAIT_MS)
        alerts: dict[TopicPartition, list[Any]] = {}
        for tp, records in came.items():
            if tp.topic == self._deliveries:
                self._read(tp.partition, records)
            else:
                alerts[tp] = records
        if alerts:
            await self._route(alerts)
        await self._begin()
        if (book := self._book()) is not self._known:
            self._known = book
            for post in self.posts.values():
                post.wake()
        for post in self.posts.values():
            if failure := post.failure:
                raise DependencyDown(f"deliveries cannot be written ({failure!r})") from failure

    def _open(self, number: int, end: int) -> None:
        name = uuid.uuid4().hex.encode()

        async def write(records: list[tuple[bytes, bytes | None]]) -> None:
            await self._send([(number, key, value) for key, value in records], name)

        post = Post(number, self._settings.partitions, self._book, self._senders, write, _now_ms, self.counts, Random())
        post.end = end
        self.posts[number], self._names[number] = post, name

    def _read(self, number: int, records: list[Any]) -> None:
        post = self.posts.get(number)
        for record in records if post else ():
            if any(name == _BY and value == self._names[number] for name, value in record.headers):
                continue  # this post has written it
            try:
                post.read(record.key or b"", record.value)  # type: ignore[union-attr]
            except ValueError as error:
                self.counts.refused += 1
                log.warning("%s[%d] offset %d: %s", self._deliveries, number, record.offset, error)

    async def _begin(self) -> None:
        for number, post in self.posts.items():
            if not post.ready and await self._consumer.position(TopicPartition(self._deliveries, number)) >= post.end:
                post.start()

    async def _route(self, alerts: Mapping[TopicPartition, list[Any]]) -> None:
        """Alerts become deliveries; then the group has read them."""
        book, now_ms = self._book(), round(_now_ms())
        found: list[tuple[int, bytes, bytes | None]] = []
        for tp, records in alerts.items():
            for record in records:
                if now_ms - record.timestamp > OLDEST_MS:
                    self.counts.late += 1
                    continue
                try:
                    alert = orjson.loads(record.value or b"")
                    id_ = str(alert["id"])
                except (orjson.JSONDecodeError, LookupError, TypeError) as error:
                    self.counts.refused += 1
                    log.warning("%s[%d] offset %d: no alert (%r)", tp.topic, tp.partition, record.offset, error)
                    continue
                for channel in channels(book, alert):
                    one = fresh(channel.name, id_, record.value, now_ms)
                    found.append((home(channel.name, self._settings.partitions), *encode(one)))
        await self._send(found)
        await self._commit({tp: records[-1].offset + 1 for tp, records in alerts.items()})

    async def _commit(self, ends: Mapping[TopicPartition, int]) -> None:
        with contextlib.suppress(*_MOVED):  # whoever has the partition now takes them up again, under the same keys
            await self._consumer.commit(dict(ends))

    async def _send(self, records: list[tuple[int, bytes, bytes | None]], by: bytes = b"") -> None:
        """To partitions of `deliveries`, in order, until they are acknowledged."""
        assert self._producer  # noqa: S101 - it runs
        headers = [(_BY, by)] if by else None
        sent = [
            await self._producer.send(self._deliveries, value, key, partition=number, headers=headers)
            for number, key, value in records
        ]
        await asyncio.gather(*sent)

    async def _close(self) -> None:
        posts, self.posts, self._fresh = self.posts, {}, {}
        await asyncio.gather(*(post.close() for post in posts.values()))


async def kept_up(alerting: Callable[[], Alerting], stop: asyncio.Event) -> None:
    """Run until `stop` is set, again and again when Kafka is away."""
    pause_s = 0.5
    while not stop.is_set():
        began_s = time.monotonic()
        try:
            await alerting().run(stop)
        except (KafkaError, OSError, DependencyDown) as error:
            if time.monotonic() - began_s > 60:
                pause_s = 0.5
            log.warning("Kafka is away; nothing is lost, and it is tried again in %.1f s: %s", pause_s, error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await stop.wait()
            pause_s = min(2 * pause_s, 10.0)


def _now_ms() -> float:
    return time.time() * 1000
