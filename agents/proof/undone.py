"""Events of which a part is taken back, so that brute force knows of everybody what they were judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import orjson

from streams.model.versions import DAY_MS
from streams.sources.record import Produced, produced

_KINDS = ("like", "mention", "reply", "retweet")


def later_moments(last_ms: int, days: int = 10) -> list[int]:
    """When something is taken back after the last event: once a day, each day a minute earlier, so nothing is a day old then."""
    return [(last_ms // DAY_MS + n) * DAY_MS + DAY_MS // 2 - n * 60_000 for n in range(1, days + 1)]


def with_undos(events: Sequence[Produced], share: float, seed: int = 1, longest_ms: int = 6 * DAY_MS) -> list[Produced]:
    """The same by time, and so many of them taken back, each some time later; after the last event at `later_moments`.

    Of those pairs every second meets again at a later moment, by an event of any kind, so that what fell recovers, by more or less.
    At such a moment nobody has part in two of them: else somebody could be judged who has got one and lacks the other. Whom no
    moment is left for takes back before the last event.
    """
    dice, found, last_ms = Random(seed), list(events), events[-1].ts
    moments: dict[int, set[str]] = {moment: set() for moment in later_moments(last_ms)}
    for one in events:
        if dice.random() >= share:
            continue
        body = orjson.loads(one.value)
        pair, said = {body["actor"], body["target"]}, {name: body[name] for name in ("type", "network", "actor")}
        ts = one.ts + 1_000 * dice.randint(60, longest_ms // 1_000)
        if ts > last_ms:
            ts = _free(moments, pair, ts) or dice.randint(one.ts, last_ms)
        undo = {"id": f"{body['id']}-undone", "ts": ts, "undo": True, "ref": body["id"]}
        found.append(produced(said | undo))
        if ts > last_ms and dice.random() < 0.5 and (again := _free(moments, pair, ts + 1)):
            more = {"id": f"{body['id']}-again", "ts": again, "target": body["target"], "type": dice.choice(_KINDS)}
            found.append(produced(said | more))
    return sorted(found, key=lambda one: one.ts)


def _free(moments: Mapping[int, set[str]], pair: set[str], from_ms: int) -> int | None:
    """The first moment from that time on at which both have part in nothing; they have now."""
    moment = next((moment for moment, busy in moments.items() if moment >= from_ms and not pair & busy), None)
    if moment is not None:
        moments[moment].update(pair)
    return moment
