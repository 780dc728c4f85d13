"""Where a partition that is taken over goes on: at the header's positions, if the logs still are what the header speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from streams.errors import LostInput
from streams.partition.ports import Log, Source
from streams.partition.recovered import Recovered
from streams.settings import Settings
from streams.topics import ENGAGEMENTS, SOURCES, STATE, STRAYS


def positions(
    found: Mapping[int, Recovered], logs: Mapping[Source, Log], committed: Mapping[Source, int], settings: Settings
) -> dict[Source, int]:
    """The next offset of every source. `committed` are the group's offsets: only whether there are any matters.

    Raises LostInput for each way in which input or rows were lost: a topic made anew, records deleted before they were
    read, a log shorter than what was read of it, a `state` without rows though the group has read.
    """
    result = {}
    for (name, number), log in logs.items():
        header, full = found[number].header, f"{settings.topic(name)}[{number}]"
        if header is None:
            if name != STATE.name:
                if read := committed.get((name, number)):
                    raise LostInput(
                        f"{full}: the group {settings.app} has read up to {read}, and {settings.topic(STATE.name)}[{number}] "
                        "keeps no rows: the topic was deleted or emptied, and with it what everyone has done. Restore it, or "
                        f"import a copy with `clout state import`. {_anew(settings)}"
                    )
                result[name, number] = log.first
            continue
        at = header.positions.get(name, log.first)
        if header.topics.get(name, log.topic_id) != log.topic_id:
            lost = "rows that did not change since" if name == STATE.name else f"what the old one had from {at} on"
            raise LostInput(
                f"{full}: the topic was deleted and made again since the last commit, and {lost} may be lost. Restore the "
                f"old one{_A_COPY if name == STATE.name else ''}. {_anew(settings)}"
            )
        if name == STATE.name:
            continue
        if at > log.end:
            raise LostInput(
                f"{full}: it has been read up to {at} and now ends at {log.end}: the broker has lost the end of its log "
                "(a leader that was not in sync, a disk restored from an older copy), and what is written there now would be "
                f"skipped. {_anew(settings)}"
            )
        if at < log.first:
            raise LostInput(
                f"{full}: the next record to read is {at}, and retention has deleted what is below {log.first}. It cannot be "
                f"counted any more: keep the topic longer than a worker may be down. {_anew(settings)}"
            )
        result[name, number] = at
    return result


class Continuity:
    """Looks now and then whether the input still is what the tables rest on: ids of topics, blocks lost on their way."""

    def __init__(self, settings: Settings, lost_after_s: float = 30.0, late_s: float = 20.0) -> None:
        """Looks that come more than `late_s` after the one before (no answer, a process that was stopped) start anew."""
        self._settings, self._lost_after_s, self._late_s = settings, lost_after_s, late_s
        self._stuck: dict[tuple[Source, str], _Stuck] = {}
        self._ids: dict[Source, str] = {}

    def ids(self, logs: Mapping[Source, Log]) -> None:
        """Raises LostInput when a topic is another one than at the take-over."""
        for source, log in logs.items():
            if self._ids.setdefault(source, log.topic_id) != log.topic_id:
                lost = "what was left in the old one is lost, and some seconds of the new one may have been counted"
                if source[0] == STATE.name:
                    lost = f"rows that did not change since are lost{_A_COPY}"
                raise LostInput(
                    f"{self._settings.topic(source[0])}[{source[1]}]: the topic was deleted and made again while a worker was "
                    f"using it: {lost}. {_anew(self._settings)}"
                )

    def look(self, source: Source, position: int, handed: int, seen: int, end: int, now_s: float) -> None:
        """`position` is what the table has folded, or has at hand. Raises LostInput after a while in which nothing came."""
        self._check(source, position, handed, now_s, "a block was handed out and never arrived at the table")
        self._check(source, seen, end, now_s, "the broker has committed records that the client does not fetch")

    def _check(self, source: Source, at: int, wanted: int, now_s: float, said: str) -> None:
        key = source, said
        stuck = self._stuck.pop(key, None)
        if at >= wanted:
            return
        since_s = now_s
        if stuck and stuck.at == at and now_s - stuck.looked_s <= self._late_s:
            since_s = stuck.since_s
        self._stuck[key] = _Stuck(at, since_s, now_s)
        if now_s - since_s >= self._lost_after_s:
            raise LostInput(
                f"{self._settings.topic(source[0])}[{source[1]}]: {said}: at {at} of {wanted} for {now_s - since_s:.0f} s. The "
                "worker ends and reads again from its position when restarted"
            )


class _Stuck(NamedTuple):
    """A place that is behind."""

    at: int
    since_s: float
    looked_s: float  #: the last look that found it there


_A_COPY = ", or import a copy with `clout state import`"


def _anew(settings: Settings) -> str:
    # engagements and strays go, too: they are made again from the events that are left, and would count twice
    made = ", ".join(settings.topic(topic.name) for topic in (STATE, ENGAGEMENTS, STRAYS))
    return (
        f"To count anew from the events that are left, delete the topics {made} and the group {settings.app} while no worker "
        "runs, then `clout topics create`; Redis keeps showing whoever has nothing left"
    )


def all_sources(numbers: set[int]) -> list[Source]:
    """Every source of these partition numbers."""
    return [(topic.name, number) for topic in SOURCES for number in sorted(numbers)]
