"""State out of Kafka into a file: what `clout state export` does."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

import msgspec
import zstandard
from aiokafka import TopicPartition

from agents.admin import at_rest as quiet
from streams.broker.admin import Admin, Bounds
from streams.broker.recovery import last_values
from streams.broker.scan import Scan
from streams.errors import CloutError
from streams.formats import state
from streams.formats.state import Header
from streams.formats.statefile import Head, Written
from streams.settings import Settings
from streams.topics import STATE

Told = Callable[
    [int, float], None
]  #: hears how many records are done, and how much of the whole (in the unit of its total)

_LINES_AT_ONCE = 5_000
_TAIL_OFFSETS = 1_000  # a header is the last record of each commit: look there first


class Exported(NamedTuple):
    """What an export wrote."""

    records: int
    partitions: int


def export_state(settings: Settings, to: IO[bytes], told: Told) -> Exported:
    """Write all rows of an application at rest; holds the rows of one partition in memory at a time.

    Raises CloutError if workers run, if not everything is counted, or if a worker starts meanwhile: then the tail is missing.
    """
    with Admin(settings) as admin:
        quiet.partitions_are_there(admin)
        quiet.nobody_works(settings, admin)
        logs = quiet.logs(settings, admin)
        bounds = {number: at for (name, number), at in logs.items() if name == STATE.name}
        raw = asyncio.run(last_headers(settings, bounds))
        headers = {number: state.read_header(value) for number, value in raw.items()}
        if not headers:
            raise CloutError(f"the topic {settings.topic(STATE.name)} is empty: there is no state to export")
        quiet.drained(settings, logs, headers)
        about = _alike(headers, settings)
        written = Written()
        to.write(
            written.head(
                Head(
                    exported_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                    model=about.model,
                    half_lives_ms=about.half_lives_ms,
                    partitions=settings.partitions,
                    headers={number: msgspec.Raw(value) for number, value in raw.items()},
                )
            )
        )
        for number in range(settings.partitions):
            [rows] = asyncio.run(last_values(settings, settings.topic(STATE.name), [number])).values()
            if rows.pop(state.HEADER, None) is None and rows:
                raise CloutError(f"partition {number} of `state` has {len(rows)} rows and no header: it is damaged")
            many = len(rows)
            for left in range(many, 0, -_LINES_AT_ONCE):
                told(written.records, number + 1 - left / many)
                to.write(written.rows(rows.popitem() for _ in range(min(left, _LINES_AT_ONCE))))
        quiet.nobody_works(settings, admin)
        if quiet.logs(settings, admin) != logs:
            raise CloutError("something was written while the state was exported: the file is not whole, export again")
        to.write(written.tail())
    return Exported(written.records, settings.partitions)


async def last_headers(settings: Settings, bounds: dict[int, Bounds]) -> dict[int, bytes]:
    """The last committed header of each partition that has one: looked for near the end, else in the whole log."""
    headers: dict[int, bytes] = {}
    for near in (True, False):
        begins = {
            TopicPartition(settings.topic(STATE.name), number): max(at.first, at.end - _TAIL_OFFSETS)
            if near
            else at.first
            for number, at in bounds.items()
            if number not in headers and at.first < at.end
        }
        if not begins:
            break
        async with Scan(settings, begins) as scan:
            async for fetch in scan.fetches():
                for tp, batches in fetch.items():
                    for record in itertools.chain.from_iterable(batches):
                        if record.key == state.HEADER:
                            headers[tp.partition] = record.value
    return headers


def _alike(headers: dict[int, Header], settings: Settings) -> Header:
    """One header, when all say the same about their rows."""
    first, *others = (msgspec.structs.replace(h, model=h.model or settings.model) for h in headers.values())
    for other in others:
        if (other.format, other.model, other.half_lives_ms) != (first.format, first.model, first.half_lives_ms):
            raise CloutError(
                f"the partitions do not agree on format, model and half-lives ({first.format}, {first.model} and "
                f"{other.format}, {other.model}): run workers of one version and one model over all of them first"
            )
    return first


@contextmanager
def packed(path: str, raw: IO[bytes]) -> Iterator[IO[bytes]]:
    """Writes into `raw`, compressed if the name says so (.gz, .zst)."""
    suffix = Path(path).suffix
    if suffix == ".gz":
        with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6, mtime=0) as to:
            yield cast("IO[bytes]", to)
    elif suffix == ".zst":
        with zstandard.ZstdCompressor(write_checksum=True).stream_writer(raw, closefd=False) as packer:
            yield cast("IO[bytes]", packer)
    else:
        yield raw
