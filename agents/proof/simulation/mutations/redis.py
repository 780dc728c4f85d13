"""Rules of Redis: versions build on each other, and what is lost is noticed and made good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from agents.proof.simulation.mutations.registry import Registry, instead
from agents.proof.simulation.redis import Redis
from streams.formats import state
from streams.scoreboard.view import View

MUTATIONS = Registry()


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


@MUTATIONS.mutation("calls to redis do not name the version they build on")
def _no_after() -> Iterator[None]:
    with instead(Redis, "apply", lambda apply: lambda self, flush: apply(self, replace(flush, after=None))):
        yield


@MUTATIONS.mutation("the header always says that redis has everyone")
def _always_shown() -> Iterator[None]:
    with instead(state, "Header", lambda made: lambda **named: made(**named | {"shown": True})):
        yield


@MUTATIONS.mutation("what redis lost is not noticed")
def _nothing_lost() -> Iterator[None]:
    def deaf(lose: Any) -> Any:
        def losing(self: View, why: str) -> None:
            if why.startswith("redis has"):
                self._last = None
            else:
                lose(self, why)

        return losing

    with instead(View, "lose", deaf):
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
