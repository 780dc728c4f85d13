"""Silence of feeds: only what really is silent, each once, and what was told outlives a worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.proof.simulation.mutations.registry import Registry, instead
from streams.formats import feeds
from streams.formats.feeds import Heard
from streams.partition.feed_home import Home
from streams.partition.feeds import Feeding

MUTATIONS = Registry()


@MUTATIONS.mutation("a partition that lags says that it is caught up")
def _never_lags() -> Iterator[None]:
    def told(real: Any) -> Any:
        def telling(*given: Any) -> Any:
            for to, heard in real(*given):
                yield to, Heard(heard.partition, heard.version, heard.part, heard.now_ms, True, heard.came)

        return telling

    with instead(Feeding, "told", told):
        yield


@MUTATIONS.mutation("silence is judged before all partitions have told")
def _some_partitions() -> Iterator[None]:
    with instead(Home, "_known_until", lambda _: lambda *given: given[1]):
        yield


@MUTATIONS.mutation("what the home of a network knows is not kept")
def _not_kept() -> Iterator[None]:
    with instead(feeds, "records", lambda _: lambda _: []):
        yield


@MUTATIONS.mutation("what the home of a network knows is lost at a take-over")
def _lost() -> Iterator[None]:
    with instead(feeds, "load", lambda _: lambda _: []):
        yield


@MUTATIONS.mutation("each partition tells people about each feed")
def _no_home() -> Iterator[None]:
    with instead(Home, "_home", lambda _: lambda *_: True):
        yield


@MUTATIONS.mutation("a gap that was noticed is never ended")
def _never_ended() -> Iterator[None]:
    with instead(Home, "_ended", lambda _: lambda *_: None):
        yield
