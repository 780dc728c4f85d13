"""Prints the measured shapes of the real data next to the generator's, and the generator's speed.

`python tests/sources/calibrate.py` from the project's root; needs ../shared/data beside it. Last figures: calibrate.md.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

BASE_32 = "234567abcdefghijklmnopqrstuvwxyz"
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
sys.path.insert(0, str(ROOT))

from streams.sources import Produced, Shape, Synthetic, open_source  # noqa: E402 - run as a script, without an installation

SPEED_RECORDS = 400_000


def shape(records: Iterable[Produced]) -> dict[str, float | str]:
    """Skew, repeats and bursts of the readable events in `records`, by the names of the table."""
    actors, targets, seconds, kinds, size = [], [], [], Counter[str](), 0
    events: list[dict[str, Any]] = []
    ids: dict[str, int] = {}
    for record in records:
        try:
            event = orjson.loads(record.value)
        except orjson.JSONDecodeError:
            continue
        if not isinstance(event, dict) or "target" not in event or type(event.get("ts")) is not int:
            continue
        actors.append(ids.setdefault(str(event.get("actor")), len(ids)))
        targets.append(ids.setdefault(event["target"], len(ids)))
        seconds.append(record.ts // 1000)
        kinds[record.topic] += 1
        size += len(record.value)
        events.append({name: event.get(name) for name in ("ts", "object", "topics")})
    a, t, n = np.array(actors), np.array(targets), len(actors)
    out: dict[str, float | str] = {"events": n, "users": len(ids)}
    for name, column in (("actor", a), ("target", t)):
        counts = np.sort(np.unique(column, return_counts=True)[1])[::-1]
        shares = np.cumsum(counts) / n
        out |= {f"{name}s": len(counts), f"{name}s seen once": float((counts == 1).mean())}
        out |= {f"top {k:,} {name}s' share": float(shares[min(k, len(counts)) - 1]) for k in (1, 10, 100, 1000, 10_000)}
    pairs = np.unique(a * (len(ids) + 1) + t)
    out["same pair again"] = 1 - len(pairs) / n
    out["self"] = float((a == t).mean())
    windows: dict[int, Counter[int]] = {}
    for second, target in zip(seconds, targets, strict=True):
        windows.setdefault(second // 10, Counter())[target] += 1
    shares10 = np.array([w.most_common(1)[0][1] / w.total() for w in windows.values() if w.total() >= 20] or [0.0])
    out["10 s: largest target's share, median"] = float(np.median(shares10))
    out["10 s: largest target's share, p99"] = float(np.percentile(shares10, 99))
    out["10 s with a target above 20 %"] = float((shares10 > 0.2).mean())
    out["bytes a value"] = size / n
    out |= {f"kind {topic}": count / n for topic, count in sorted(kinds.items())}
    return out | content(events)


def content(events: list[dict[str, Any]]) -> dict[str, float | str]:
    """Objects, their ages and topics, by the names of the table."""
    objects = {event["object"]: event.get("topics") or [] for event in events if event.get("object")}
    with_one = [event for event in events if event.get("object")]
    out: dict[str, float | str] = {"with an object": len(with_one) / len(events), "objects": len(objects)}
    ages_h = [
        (event["ts"] / 1000 - born) / 3_600 for event in with_one if (born := born_s(event["object"])) is not None
    ]
    for percent in (10, 25, 50, 75, 90) if ages_h else ():
        out[f"object's age in hours, p{percent}"] = float(np.percentile(ages_h, percent))
    counts = Counter(map(len, objects.values()))
    out |= {f"objects with {number} topics": counts[number] / max(len(objects), 1) for number in range(6)}
    out["events with topics"] = sum(bool(event.get("topics")) for event in events) / len(events)
    topics = Counter(topic for event in events for topic in event.get("topics") or ())
    ranked = np.cumsum([count for _, count in topics.most_common()] or [0]) / max(topics.total(), 1)
    out["topics, as written"] = len(topics)
    out |= {f"top {k} topics' share": float(ranked[min(k, len(ranked)) - 1]) for k in (1, 10, 100)}
    return out


def born_s(name: str) -> float | None:
    """When an object came out, seconds since epoch: a record key of Bluesky holds it, and a name of the generator."""
    key = name.rpartition("/")[2]
    if name.startswith("at://") and len(key) == 13 and set(key) <= set(BASE_32):
        return float(sum(BASE_32.index(letter) << 5 * place for place, letter in enumerate(reversed(key))) >> 10) / 1e6
    return float(key) if "/posts/" in name else None


def main() -> None:
    columns = {
        "Higgs": shape(open_source(str(DATA / "higgs" / "higgs-activity_time.txt.gz"), "higgs")),
        "generated": shape(Synthetic(1, 304_691, rate=100, limit=540_000)),
        "Jetstream": shape(open_source(str(DATA / "jetstream" / "corpus_v1_152.redacted.jsonl"), "jetstream")),
        "GH Archive": shape(open_source(str(DATA / "gharchive" / "min-2015-02-22-21.json.gz"), "gharchive")),
        "its stars": shape(open_source(str(DATA / "gharchive" / "2015-01-01-0.watch_fork.jsonl.gz"), "gharchive")),
    }
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    print(f"{'':40}" + "".join(f"{title:>12}" for title in columns))
    for name in names:
        cells = [column.get(name, 0.0) for column in columns.values()]
        print(f"{name:40}" + "".join(f"{c:>12,.4f}" if isinstance(c, float) else f"{c:>12,}" for c in cells))
    for users in (10_000, 1_000_000):
        for objects in (True, False):
            began_s = time.process_time()
            deque(Synthetic(1, users, limit=SPEED_RECORDS, shape=Shape(objects=objects)), maxlen=0)
            spent_s = time.process_time() - began_s
            said = "" if objects else ", objects=False"
            print(f"{users:,} users{said}: {SPEED_RECORDS / spent_s:,.0f} records per CPU second")


if __name__ == "__main__":
    main()
