"""The second verdict on a run: what each partition has committed, folded again. It holds for every model."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson

from agents.proof.chaos.reading import records
from agents.proof.chaos.rules import books
from agents.proof.refolded import differences
from agents.proof.refolding import Committed
from streams.broker.recovery import recover
from streams.formats import state
from streams.model.versions import Model
from streams.settings import Settings
from streams.topics import ALERTS, REJECTS, SCORES, SOURCES, STATE


async def folded_again(settings: Settings, model: Model) -> list[str]:
    """Every difference found, in words. Of all that was committed: logs are young, nothing of them has been compacted away."""
    inputs = {topic.name: await _by_partition(settings, topic.name) for topic in SOURCES}
    commits, scores, alerts, rejects = [
        await _by_partition(settings, topic.name) for topic in (STATE, SCORES, ALERTS, REJECTS)
    ]
    partitions = [
        Committed(
            number,
            {name: of[number] for name, of in inputs.items()},
            [state.read_header(one.value) for one in commits[number] if one.key == state.HEADER],
            [orjson.loads(one.value) for one in scores[number]],
            [orjson.loads(one.value) for one in alerts[number]],
            [one.key for one in rejects[number]],
        )
        for number in range(settings.partitions)
    ]
    kept = await recover(settings, settings.topic(STATE.name), range(settings.partitions), model)
    rows = {number: one.table for number, one in kept.items()}
    return [*differences(partitions, rows, await books(settings), settings)]


async def _by_partition(settings: Settings, name: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    async for record in records(settings, name):
        found[record.partition].append(record)
    return found
