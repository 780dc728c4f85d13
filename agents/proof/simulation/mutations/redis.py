"""Rules of Redis: versions build on each other, and what is lost is noticed and made good."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from agents.proof.simulation.mutations.registry import Registry, instead
from agents.proof.simulation.redis import Redis
from streams.formats import state
from streams.scoreboard.flush import Look
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
        _always("gaps", (0, 0)),
    ):
        yield


@MUTATIONS.mutation("the header always says that redis has everyone")
def _always_shown() -> Iterator[None]:
    with instead(state, "Header", lambda made: lambda **named: made(**named | {"shown": True})):
        yield


@MUTATIONS.mutation("what redis lost is not noticed")
def _nothing_lost() -> Iterator[None]:
    def deaf(lose: Any) -> Any:
        def losing(self: View, why: str) -> None:
            if not why.endswith("calls wait"):
                self._last = None
            else:
                lose(self, why)

        return losing

    with instead(View, "lose", deaf):
        yield


@MUTATIONS.mutation("a histogram that is lost alone is not noticed")
def _lost_histogram() -> Iterator[None]:
    with _always("lost", ""):
        yield


@MUTATIONS.mutation("users missing from the board or without a record are not noticed")
def _missing_users() -> Iterator[None]:
    with _always("gaps", (0, 0)):
        yield


@MUTATIONS.mutation("calls that were dropped are not made good")
def _dropped_calls() -> Iterator[None]:
    def dropping(lose: Any) -> Any:
        def losing(self: View, why: str) -> None:
            if why.endswith("calls wait"):
                self._waiting.clear()
                self._nothing.set()
                self._something.clear()
            else:
                lose(self, why)

        return losing

    with instead(View, "lose", dropping):
        yield
