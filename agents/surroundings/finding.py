"""One thing that was looked at, how it is, and if it is not well what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

OK, NOTE, WRONG, DOWN = "ok", "note", "wrong", "down"
_ORDER = (OK, NOTE, WRONG, DOWN)


class Finding(NamedTuple):
    """`note` is for a person to judge, `wrong` makes scores wrong or late, `down` is not there at all."""

    check: str  #: kafka, topics, input, redis, keys, clock, workers, ...
    status: str  #: OK, NOTE, WRONG or DOWN
    text: str  #: what it is, what it means, what to do
    blocks: bool = False  #: while it lasts there are no live scores: a worker is not ready


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The first of the worst, None when all is well."""
    bad = [one for one in findings if one.status != OK]
    return max(bad, key=lambda one: _ORDER.index(one.status), default=None)
