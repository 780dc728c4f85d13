"""Rules of persons: they are told of whatever changes, the newer line holds, who left stays gone, and all of it is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from msgspec.structs import replace

from agents.proof.simulation.mutations.registry import Registry, instead
from streams.fold.rows import TIED
from streams.formats import tied
from streams.model.extras import Extras
from streams.model.lines import Lines
from streams.partition import intake, scoring
from streams.people import links, persons

MUTATIONS = Registry()


@MUTATIONS.mutation("a line that comes again replaces a newer one")
def _any_line() -> Iterator[None]:
    def forgetting(put: Any) -> Any:
        def putting(self: Lines, *given: Any) -> Any:
            self.arrays.links[:] = self.arrays.versions[:] = 0
            return put(self, *given)

        return putting

    with instead(Lines, "put", forgetting):
        yield


@MUTATIONS.mutation("an account that left may come back with an old line")
def _no_marker() -> Iterator[None]:
    def forgetting(put: Any) -> Any:
        def putting(self: Lines, *given: Any) -> Any:
            changed = put(self, *given)
            gone = np.flatnonzero(self.arrays.gone)
            self.arrays.links[gone] = self.arrays.versions[gone] = 0
            return changed

        return putting

    with instead(Lines, "put", forgetting):
        yield


def _telling(change: Callable[[Any], Any]) -> contextlib.AbstractContextManager[None]:
    """Another cut of what is told, in partitions alone: the plain fold has its own."""
    return instead(intake, "telling", lambda module: SimpleNamespace(**{**vars(module), "cut": change(module.cut)}))


@MUTATIONS.mutation("a person is not told who left")
def _untold() -> Iterator[None]:
    def silent(cut: Any) -> Any:
        def cutting(table: Any, *rest: Any) -> Any:
            table.leavers.clear()
            return cut(table, *rest)

        return cutting

    with _telling(silent):
        yield


@MUTATIONS.mutation("accounts tell their persons only of links")
def _only_links() -> Iterator[None]:
    with _telling(lambda cut: lambda table, changed, marks: cut(table, changed, marks & TIED)):
        yield


def _not_kept(key: bytes) -> contextlib.AbstractContextManager[None]:
    name = {tied.CONTROL_KEY: "profiles", tied.LINES_KEY: "lines"}[key]
    return instead(tied, "cut", lambda cut: lambda *given: cut(*given)._replace(**{name: []}))


@MUTATIONS.mutation("lines of persons are not kept")
def _lines_not_kept() -> Iterator[None]:
    with _not_kept(tied.LINES_KEY):
        yield


@MUTATIONS.mutation("what controls said is not kept")
def _controls_not_kept() -> Iterator[None]:
    with _not_kept(tied.CONTROL_KEY):
        yield


@MUTATIONS.mutation("a link since the close counts as if it had been there")
def _always_there() -> Iterator[None]:
    def taking(table: Any, tolds: Any) -> Any:
        for told in tolds:
            told.numbers[:, 3] = 0
        return persons.take(table, tolds)

    with instead(scoring, "persons", lambda _: SimpleNamespace(take=taking)):
        yield


@MUTATIONS.mutation("an older link is taken")
def _older_link() -> Iterator[None]:
    with instead(links, "_with_link", lambda link: lambda before, *said: link(replace(before, ts=0), *said)):
        yield


@MUTATIONS.mutation("accounts of one person count for each other")
def _kin_counts() -> Iterator[None]:
    def forgetting(accounts: Any) -> Any:
        def putting(self: Extras, lines: Any, *given: Any) -> None:
            accounts(self, lines, *given)
            self.arrays.kin[lines] = 0

        return putting

    with instead(Extras, "accounts", forgetting):
        yield


@MUTATIONS.mutation("after a take-over follows count that the stated number has")
def _counted_again() -> Iterator[None]:
    def forgetting(put: Any) -> Any:
        def putting(table: Any, slots: Any) -> None:
            put(table, slots)
            table.extras.arrays.stated[:] = 0

        return putting

    with instead(tied, "links", lambda module: SimpleNamespace(put=forgetting(module.put))):
        yield
