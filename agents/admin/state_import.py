"""State out of a file into an empty `state`: what `clout state import` does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import NamedTuple

from aiokafka.errors import ProducerFenced

from agents.admin import at_rest as quiet
from streams.broker.admin import Admin
from streams.broker.publisher import TransactionalPublisher, transactional_producer
from streams.errors import CloutError, UsageError
from streams.formats import state
from streams.formats.statefile import Reading, headers_for
from streams.model.versions import model
from streams.partitioner import partition_of
from streams.settings import Settings
from streams.sources.lines import Lines, open_bytes
from streams.topics import STATE

Told = Callable[
    [int, float], None
]  #: hears how many records are done, and how much of the whole (in the unit of its total)

_SENT_AT_ONCE = 2_000
_TOLD_EVERY = 5_000
#: an import is one transaction a partition; the longest that brokers allow by default
_TRANSACTION_MS = 900_000


class Imported(NamedTuple):
    """What an import wrote."""

    records: int
    partitions: int
    were: int  #: partitions it was exported from


class Import:
    """One import: `verify` reads the whole file, `write` reads it again and puts it into an empty `state`."""

    def __init__(self, settings: Settings, path: str, name: str) -> None:
        self._settings, self._path, self._name = settings, path, name
        self.records = 0  #: known once verified

    def verify(self, told: Told) -> None:
        """Raise CloutError or UsageError if the file is not whole or not for this model, or if `write` could not begin now.

        `told` hears of bytes read.
        """
        self._target_is_empty()
        with _reading(self._path, self._name) as (reading, at):
            head, wanted = reading.head, model(self._settings.model)
            if (head.model, head.half_lives_ms) != (wanted.name, wanted.half_lives_ms):
                raise CloutError(
                    f"{self._name} was scored with the model {head.model} (half-lives {head.half_lives_ms} ms), this is "
                    f"{wanted.name} ({wanted.half_lives_ms} ms): set CLOUT_MODEL={head.model}, for the import and for the workers"
                )
            for _ in reading.rows():
                if reading.records % _TOLD_EVERY == 0:
                    told(reading.records, at())
            self.records = reading.records

    def write(self, told: Told) -> Imported:
        """Raises CloutError when the target is not empty or not at rest, or the file has changed; then nothing was written."""
        settings = self._settings
        self._target_is_empty()
        with _reading(self._path, self._name) as (reading, _):
            failed = asyncio.run(self._send(reading, told))
        if failed:
            why = next(iter(failed.values()))
            raise CloutError(
                f"partitions {sorted(failed)} of {settings.partitions} were not imported ({why!r}), the others were. Delete the "
                f"topic {settings.topic(STATE.name)}, make it again with `clout topics create`, and import again"
            )
        return Imported(reading.records, settings.partitions, reading.head.partitions)

    @asynccontextmanager
    async def _publishers(self) -> AsyncIterator[list[TransactionalPublisher]]:
        """One a partition under its worker's id: who takes over a partition later fences its import, and aborts it."""
        settings = self._settings
        async with AsyncExitStack() as stack:
            made = []
            for number in range(settings.partitions):
                producer = transactional_producer(settings, settings.transactional_id(number), _TRANSACTION_MS)
                made.append(TransactionalPublisher(producer, settings.app))
                stack.push_async_callback(made[-1].stop)
                await made[-1].start()
            yield made

    async def _end_open_ones(self) -> None:
        """Abort what a killed worker or import left open: Kafka itself would wait for its timeout."""
        async with self._publishers():
            pass

    def _target_is_empty(self) -> None:
        with Admin(self._settings) as admin:
            admin.check()
            quiet.nobody_works(self._settings, admin)
            asyncio.run(self._end_open_ones())
            quiet.untouched(self._settings, quiet.logs(self._settings, admin))

    async def _send(self, reading: Reading, told: Told) -> dict[int, BaseException]:
        """All rows in one transaction a partition; returns which of them did not commit. Any error before aborts all."""
        async with self._publishers() as publishers:
            for publisher in publishers:
                await publisher.begin()
            async with AsyncExitStack() as unless_whole:
                unless_whole.push_async_callback(_abort, publishers)
                await self._send_rows(publishers, reading, told)
                unless_whole.pop_all()
            done = await asyncio.gather(*(publisher.commit({}) for publisher in publishers), return_exceptions=True)
        return {number: error for number, error in enumerate(done) if isinstance(error, BaseException)}

    async def _send_rows(self, publishers: list[TransactionalPublisher], reading: Reading, told: Told) -> None:
        """Into the open transactions. Raises CloutError when a worker has taken a partition."""
        settings, topic = self._settings, self._settings.topic(STATE.name)
        numbers = range(settings.partitions)
        try:
            waiting: list[list[tuple[bytes, bytes]]] = [[] for _ in numbers]
            for key, value in reading.rows():
                number = partition_of(key[1:], settings.partitions)
                waiting[number].append((key, value))
                if len(waiting[number]) >= _SENT_AT_ONCE:
                    await publishers[number].send(topic, number, waiting[number])
                    waiting[number] = []
                    told(reading.records, reading.records)
            headers = headers_for(reading.headers, settings.partitions)
            for number in numbers:  # only now it is certain that the file was read as it was verified
                last = state.header_record(headers[number])
                await publishers[number].send(topic, number, [*waiting[number], last])
        except ProducerFenced:
            # the client leaves futures behind that nobody waits for; their error is this one
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            raise CloutError("a worker was started while the state was imported: stop it, and import again") from None


async def _abort(publishers: list[TransactionalPublisher]) -> None:
    await asyncio.gather(*(publisher.abort() for publisher in publishers), return_exceptions=True)


@contextmanager
def _reading(path: str, name: str) -> Iterator[tuple[Reading, Callable[[], int]]]:
    """The checked lines of a file, and how many of its bytes have been read."""
    with open_bytes(path) as raw:
        try:
            yield Reading(Lines(raw, name), name), raw.tell
        except UsageError:
            raise
        except CloutError as error:
            raise CloutError(f"{error}. Nothing was imported") from None
