"""A feed falls silent in a simulation: it is fed beside the rest, and what workers have noticed must be so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random

import orjson

from agents.proof.simulation.faults import Faults
from agents.proof.simulation.feeds import LIMITS, NETWORK, Event
from streams.events import TOPIC_OF
from streams.partitioner import partition_of
from streams.policies.records import GAP
from streams.sources.record import Produced

_STEP_S = 0.05  # between two events
_NOTICED_S = 2.5  # until workers have told of the last events
_LOST_MS = (
    LIMITS.every_s * 1000
)  # what was counted since the last telling is lost in a crash, and with it when that was
_WORKERS_S = 1.0  # events that have been there for so long have reached a worker that says it is caught up


async def feed(faults: Faults) -> None:
    """Let it come; times of events are those of the clock."""
    loop, random, planned = asyncio.get_running_loop(), Random(f"feed of {faults.settings}"), faults.feed
    begin_s, sent = loop.time(), 0
    silent_s = begin_s + planned.comes_s
    again_s = silent_s + planned.silent_s
    while (now_s := loop.time()) < again_s + planned.again_s:
        if silent_s <= now_s < again_s:
            await asyncio.sleep(again_s - now_s)
            continue
        actor, target = random.sample(("f0", "f1", "f2", "f3"), 2)
        ts, sent = int(faults.wall_ms()), sent + 1
        kind = random.choice(("like", "reply"))
        event = {"id": f"f{sent}", "network": NETWORK, "actor": actor, "target": target, "ts": ts}
        user = f"{NETWORK}:{actor}"
        record = Produced(TOPIC_OF[kind], user.encode(), orjson.dumps(event), ts)
        number = partition_of(user, faults.settings.partitions)
        faults.fed.records.append((record, number))
        faults.fed.actions[user] += 1
        faults.fed.engagements[f"{NETWORK}:{target}"] += 1
        faults.came.append(Event(ts, now_s))
        faults.broker.produce((record.topic, number), record.key, record.value)
        await asyncio.sleep(random.expovariate(1 / _STEP_S))
    if planned.comes_s:
        await asyncio.sleep(_NOTICED_S)


def feeds(faults: Faults) -> Iterator[str]:
    """Gaps that workers have noticed and were none, that are told twice, or that nobody has ended."""
    declared: dict[int, int | None] = {}  # the silences, since when, and until when
    for record in faults.policies.all():
        if record.key != GAP.encode() + NETWORK.encode():
            continue
        gaps = orjson.loads(record.value or b"{}").get("gaps", [])
        open_ = [gap for gap in gaps if gap["until"] is None]
        if len(open_) > 1:
            yield f"gaps of {NETWORK}: {len(open_)} at a time"
        at_s = next(at_s for at_s, end in faults.told_of_gaps if end > record.offset)
        for gap in gaps:
            if gap["since"] not in declared and gap["until"] is None:
                late = [one for one in faults.came if one.ts > gap["since"] + _LOST_MS and one.at_s < at_s - _WORKERS_S]
                if late:
                    yield f"gap since {gap['since']}, said at {at_s:.2f} s: {len(late)} events had come, the first {late[0]}"
            if declared.get(gap["since"]) is not None and gap["until"] is None:
                yield f"gap since {gap['since']}: it was over, and is on again"
            declared[gap["since"]] = gap["until"]
    for since, until in declared.items():
        if since not in {one.ts for one in faults.came}:
            yield f"gap since {since}: no event is of that time"
        if until is None and any(one.ts > since + _LOST_MS for one in faults.came):
            yield f"gap since {since}: events have come, and it is not over"
