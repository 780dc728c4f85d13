"""What is fed before a drain: the same records for every system, from a fixed seed, their times ending now, no undo among them."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import orjson

from agents.proof.bench.many_rules import MATCHING, many_rules
from agents.proof.bench.preload import SHAPE
from agents.proof.bench.servers import ROOT
from streams.model.rules import Rule
from streams.policies.book import MOST_RULES
from streams.sources import higgs
from streams.sources.persons import persons
from streams.sources.record import Produced
from streams.sources.synthetic import Synthetic

HIGGS = ROOT.parent / "shared" / "data" / "higgs" / "higgs-activity_time.txt.gz"
ZIPF = 1.05
HOT_SHARE = 0.3
_LOOKED_AT = 20_000  # events whose targets rules name
_RATE = 2_000.0  # events a second when they happened
_HIGGS_END_MS = 1_341_705_593_000  # its last line
_PEERS = ("faust", "quix", "kafka-streams", "flink")  # what an event is about is nothing to them
_SHAPE = replace(SHAPE, undo=0.0, target_exponent=ZIPF, target_flat=1.0)

Make = Callable[[int], Iterator[Produced]]  #: records of a feed of so many events


@dataclass(frozen=True)
class Workload:
    """A feed. `missing` says why it cannot be made here; empty when it can."""

    name: str
    label: str
    make: Make
    fill_s: float  #: slow systems get as many events as take them so long
    missing: str = ""
    without: tuple[str, ...] = ()  #: systems that another workload has told enough about
    rules: Callable[[], Sequence[Rule]] = tuple  #: by which it is judged, besides the built-in ones


def synthetic(users: int, *, topics: bool = False) -> Make:
    """Likes, shares, retweets, follows of so many users; who is engaged with follows Zipf's law.

    With `topics` the same engagements are with objects that come and fade, and most of these have topics.
    """
    shape = replace(_SHAPE, objects=topics)

    def make(events: int) -> Iterator[Produced]:
        start_ms = int(time.time() * 1000) - int(events / _RATE * 1000)
        return iter(Synthetic(seed=1, users=users, rate=_RATE, start_ms=start_ms, shape=shape, limit=events))

    return make


def linked(users: int, share: float) -> Make:
    """The same, but `share` of the users are accounts of persons: the links are first, said after the last event happened."""

    def make(events: int) -> Iterator[Produced]:
        yield from persons(1, users, share, int(time.time() * 1000))
        yield from synthetic(users)(events)

    return make


def hot(users: int, field: str) -> Make:
    """The same, but 3 of 10 events have one user as `target`, or as `actor`."""

    def make(events: int) -> Iterator[Produced]:
        for number, record in enumerate(synthetic(users)(events)):
            if number % 10 >= 10 * HOT_SHARE:
                yield record
                continue
            event = orjson.loads(record.value) | {field: "everybody"}
            key = b"demo:everybody" if field == "actor" else record.key
            yield record._replace(key=key, value=orjson.dumps(event))

    return make


class _Report:
    """The lines are the published ones: nothing to report, and nobody goes on from one of them."""

    line = 0

    def reached(self, line: int) -> None:
        """A second."""

    def unusable(self) -> None:
        """There is none."""

    def skip(self, reason: str) -> None:
        """A reply's mention."""

    def malformed(self, reason: str) -> None:
        """There is none."""


def higgs_repeated(events: int) -> Iterator[Produced]:
    """Higgs as it was, then once more for other users of the same names with a number behind, and so on."""
    shift_ms = int(time.time() * 1000) - _HIGGS_END_MS
    made = 0
    while made < events:
        with gzip.open(HIGGS) as lines:
            suffix = f"-{made}" if made else ""
            for record in islice(higgs.read(lines, _Report(), shift_ms=shift_ms, suffix=suffix), events - made):
                made += 1
                yield record


def rules_of(users: int) -> list[Rule]:
    """As many rules as there may be; some name users of the synthetic feed."""
    events = islice(synthetic(users)(_LOOKED_AT), _LOOKED_AT)
    targets = dict.fromkeys(f"demo:{orjson.loads(one.value)['target']}" for one in events)
    return many_rules(list(targets), "demo")


def workloads(users: int) -> dict[str, Workload]:
    """W1, the same with topics, the same with rules, and W2."""
    missing = "" if HIGGS.is_file() else f"real data: there is no {Path(*HIGGS.parts[-5:])} beside the project"
    return {
        "w1": Workload("w1", f"synthetic: {users:,} users, Zipf {ZIPF}", synthetic(users), 60.0),
        "w1-topics": Workload(
            "w1-topics", "w1 with objects and topics", synthetic(users, topics=True), 60.0, "", _PEERS
        ),
        "w1-rules": Workload(
            "w1-rules",
            f"w1 with {MOST_RULES:,} rules, {MATCHING:,} of them of somebody",
            *(synthetic(users), 60.0, "", (*_PEERS, "limit"), partial(rules_of, users)),
        ),
        "w2": Workload("w2", "Higgs, repeated with other users", higgs_repeated, 20.0, missing, ("limit",)),
    }
