"""A partition as it was at its last commit: the rows of `state` put into a table."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from streams.errors import CloutError
from streams.formats import feeds, state, tied
from streams.formats.packed import Packed
from streams.formats.state import Header
from streams.model import inforce, windows
from streams.model.feeds import Feed
from streams.model.inforce import Models
from streams.model.table import Counts, Table
from streams.model.versions import Model

_LOADED_AT_ONCE = 5_000  # rows put into a table before the event loop gets a turn: 10 ms


Rows = dict[bytes, bytes]  #: the last value of each key


class Progress(NamedTuple):
    """How far a take-over is."""

    records: int  #: read so far
    to_go: int  #: at most so many more: what compaction and transactions left out counts until it has been passed
    seconds_left: float | None


class Recovered(NamedTuple):
    """A partition as it was at its last commit; `header` is None if it never had one."""

    table: Table
    header: Header | None
    feeds: Sequence[Feed] = ()  #: of networks that are at home here


async def loaded(number: int, rows: Rows, model: Model) -> Recovered:
    """The table of these rows; `rows` is empty afterwards, so that memory holds each of them once."""
    table = Table(model)
    value = rows.pop(state.HEADER, None)
    if value is None:
        if rows:
            raise CloutError(f"partition {number} of `state` has {len(rows)} rows and no header: it is damaged")
        return Recovered(table, None)
    header = state.read_header(value)
    models = header.in_force(model.name)
    if header.half_lives_ms != model.half_lives_ms:
        raise CloutError(
            f"the state was kept by the model {models[-1].name} with half-lives of {header.half_lives_ms} ms, {model.name} has "
            f"{model.half_lives_ms}: its sums cannot be carried over. {inforce.go_on(models[-1].name)}"
        )
    inforce.check(models, model)
    table.models = models_from(header, model)
    table.clock, table.days.today, table.days.closed_ms = header.clock, header.day, header.closed_ms
    table.origin, table.published_from = header.origin, header.published_from
    table.counts = Counts(**header.counts)
    table.hours.begin(header.clock)
    table.landmarks = [windows.landmark(header.clock, life) for life in model.half_lives_ms]
    of_feeds: list[tuple[bytes, bytes]] = []
    while rows:
        some = [rows.popitem() for _ in range(min(len(rows), _LOADED_AT_ONCE))]
        of_feeds += [one for one in some if one[0][:1] == feeds.KEY]
        state.load(table, Packed.of([one for one in some if one[0][:1] != feeds.KEY]), header.format)
        await asyncio.sleep(0)
    tied.settle(table)
    return Recovered(table, header, feeds.load(of_feeds))


def models_from(header: Header, model: Model, now_ms: int = 0) -> Models:
    """The models in force when a worker with this model goes on; what was published until now was by the one before."""
    since_ms = max(now_ms, header.now_ms, header.clock, header.closed_ms)
    return inforce.taken_over(header.in_force(model.name), model.name, since_ms)
