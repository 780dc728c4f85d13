"""The second verdict on a run: what each partition has committed, folded again. It holds for every model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from agents.proof.refolded import differences
from agents.proof.refolding import Committed, at_once
from agents.proof.simulation.closes import headers
from agents.proof.simulation.faults import Faults
from agents.proof.simulation.verdict import values
from streams.model.table import Table
from streams.model.versions import model
from streams.partition.recovered import loaded
from streams.topics import ALERTS, REJECTS, SCORES, SOURCES, STATE


def folded_again(faults: Faults) -> Iterator[str]:
    """Every difference found, in words."""
    partitions = [committed(faults, number) for number in range(faults.settings.partitions)]
    kept = {of.number: rows(faults, of) for of in partitions}
    for one in differences(partitions, kept, cache(faults.book), faults.settings):
        yield f"folded again: {one}"


def committed(faults: Faults, number: int) -> Committed:
    """What a partition has read and written."""
    logs = faults.broker.logs
    return Committed(
        number,
        {topic.name: logs[topic.name, number].all() for topic in SOURCES},
        [*headers(faults, number)],
        values(faults, SCORES.name, number),
        values(faults, ALERTS.name, number),
        [record.key for record in logs[REJECTS.name, number].all()],
    )


def rows(faults: Faults, of: Committed) -> Table:
    """What `state` keeps of it."""
    kept = {record.key or b"": record.value or b"" for record in faults.broker.logs[STATE.name, of.number].all()}
    return at_once(loaded(of.number, kept, model(of.headers[-1].model))).table
