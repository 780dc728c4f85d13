"""Rules of Redis: versions build on each other, and what is lost is noticed and made good."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from agents.proof.simulation.faults import Faults
from agents.proof.simulation.invented import hide_everything
from agents.proof.simulation.mutations.registry import Change, Registry, instead
from agents.proof.simulation.redis import Redis
from streams.fold.rows import UNSEEN
from streams.model.table import Table
from streams.model.users import Slots
from streams.scoreboard import influences, shown
from streams.scoreboard.flush import Look
from streams.scoreboard.shown import Shown
from streams.scoreboard.view import View

MUTATIONS = Registry()


def _always(what: str, seen: Any) -> contextlib.AbstractContextManager[None]:
    """Each look at the keys sees this."""
    return instead(Look, what, lambda _: property(lambda _: seen))


@MUTATIONS.mutation("redis takes any version")
def _any_version() -> Iterator[None]:
    def any_version(_: Any) -> Any:
        def apply(self: Redis, flush: Any) -> int:
            self._write(flush)
            self.shown.versions[flush.partition] = flush.version
            return int(flush.after or 0)

        return apply

    with instead(Redis, "apply", any_version):
        yield


@MUTATIONS.mutation("calls to redis do not name the version they build on, and nobody looks at the keys")
def _no_after() -> Iterator[None]:
    """A look at the keys alone would make good what such calls leave out, a second later."""
    with (
        instead(Redis, "apply", lambda apply: lambda self, flush: apply(self, replace(flush, after=None))),
        _always("lost", ""),
        _always("gaps", (0, 0, 0, 0)),
    ):
        yield


@MUTATIONS.mutation("the pulse always says that everything published is in redis")
def _always_complete() -> Iterator[None]:
    with instead(shown, "Said", lambda made: lambda *said: made(*said)._replace(complete=2**52)):
        yield


@MUTATIONS.mutation("a sweep that began before a cut counts as one that brought it, and nobody looks at the keys")
def _complete_too_soon() -> Iterator[Change]:
    """A look would make good whom Redis has not at all, a second later."""

    def change(faults: Faults) -> None:
        """Seldom seen else: a cut in the middle of a sweep."""
        faults.redis_slow_s = 0.3

    def soon(cut: Any) -> Any:
        def cutting(self: Shown, version: int, retold: Slots, *, show: bool = True) -> None:
            cut(self, version, retold, show=show)
            if self._sweep:
                self._sweep = self._sweep._replace(cut=version)

        return cutting

    with instead(Shown, "cut", soon), _always("lost", ""), _always("gaps", (0, 0, 0, 0)):
        yield change


@MUTATIONS.mutation("a new beginning in redis believes that it is complete, and nobody looks at the keys")
def _complete_stays() -> Iterator[None]:
    """A look at the keys alone would make it good, a second later."""

    def stays(everyone: Any) -> Any:
        def again(self: Shown) -> None:
            complete = self._complete
            everyone(self)
            self._complete = complete

        return again

    with instead(Shown, "everyone", stays), _always("lost", ""), _always("gaps", (0, 0, 0, 0)):
        yield


@MUTATIONS.mutation("who changes while redis is written is forgotten")
def _forgotten_marks() -> Iterator[None]:
    def forgetting(arrived: Any) -> Any:
        def done(self: Shown, now_ms: float) -> None:
            arrived(self, now_ms)
            self._table.dirty &= ~np.uint8(UNSEEN)

        return done

    with instead(Shown, "arrived", forgetting):
        yield


@MUTATIONS.mutation("what redis lost is not noticed")
def _nothing_lost() -> Iterator[None]:
    def deaf(_: Any) -> Any:
        def losing(self: View, why: str) -> None:  # noqa: ARG001
            self._last = None

        return losing

    with instead(View, "lose", deaf):
        yield


@MUTATIONS.mutation("a histogram that is lost alone is not noticed")
def _lost_histogram() -> Iterator[Change]:
    def change(faults: Faults) -> None:
        """Seldom seen else: that is what Redis loses."""
        faults.redis_loses, faults.redis.keys = (1.0, 1.0), ("spread",)

    with _always("lost", ""):
        yield change


@MUTATIONS.mutation("users missing from the board or without a record are not noticed")
def _missing_users() -> Iterator[None]:
    with _always("gaps", (0, 0, 0, 0)):
        yield


@MUTATIONS.mutation("boards of networks that are lost are not noticed")
def _lost_boards() -> Iterator[Change]:
    def change(faults: Faults) -> None:
        """Seldom seen else: that is what Redis loses."""
        faults.redis_loses, faults.redis.keys = (1.0, 1.0), ("networks", "boards")

    with instead(Look, "gaps", lambda gaps: property(lambda seen: (*gaps.fget(seen)[:2], 0))):
        yield change


@MUTATIONS.mutation("documents that are lost alone are not noticed")
def _lost_documents() -> Iterator[Change]:
    def change(faults: Faults) -> None:
        """Seldom seen else: that is what Redis loses."""
        faults.redis_loses, faults.redis.keys = (1.0, 1.0), ("influence",)

    with _always("influences", 0):
        yield change


@MUTATIONS.mutation("who hides a topic is not told again")
def _hidden_silently() -> Iterator[None]:
    with instead(Table, "hiders", lambda _: lambda *_: np.empty(0, np.intp)):
        yield


@MUTATIONS.mutation("who hides a topic stays on its board")
def _hidden_on_boards() -> Iterator[Change]:
    def change(faults: Faults) -> None:
        """Seldom seen else: a topic has to be somebody's first."""
        hide_everything(faults.fed, faults.settings.partitions)

    with instead(influences, "off_boards", lambda _: lambda _: {}):
        yield change
