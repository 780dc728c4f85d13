"""Which model was in force when. A daily close belongs to the model of its moment, whatever comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from streams.errors import CloutError
from streams.fold.rows import DAYS
from streams.model.versions import DAY_MS, MODELS, Model


class InForce(msgspec.Struct, frozen=True):
    """A model, and from when on it was in force: for what is later than that moment."""

    name: Annotated[str, Meta(description="name of the model")]
    since_ms: Annotated[
        int, Meta(description="in force for what is later than this moment, ms since epoch; the first: 0")
    ]


Models = tuple[InForce, ...]  #: the oldest first


def name_at(models: Sequence[InForce], moment_ms: int) -> str:
    """The name of the model for a close at this moment."""
    found = models[0].name
    for one in models[1:]:
        if one.since_ms < moment_ms:
            found = one.name
    return found


def taken_over(models: Models, name: str, now_ms: int) -> Models:
    """What is in force when a worker with this model goes on now; of older ones those that a close may still belong to."""
    if models and models[-1].name == name:
        return models
    since_ms = max(now_ms, models[-1].since_ms) if models else 0
    needless = sum(later.since_ms < now_ms - (DAYS + 1) * DAY_MS for later in models[1:])
    return (*models[needless:], InForce(name, since_ms))


def check(models: Models, wanted: Model) -> None:
    """Raises CloutError if rows that these models made cannot go on under the wanted one."""
    for one in models:
        known = MODELS.get(one.name, wanted if one.name == wanted.name else None)
        if known is None:
            raise CloutError(
                f"the state was kept by the model {one.name}, which this Clout does not know (it has {', '.join(sorted(MODELS))}), "
                f"and daily closes of the last {DAYS} days are its. Run the version of Clout that has it"
            )
        if (known.facts, known.other_fact) != (wanted.facts, wanted.other_fact):
            raise CloutError(
                f"the state was kept by the model {one.name}, and in {wanted.name} facts give something else: what persons were "
                f"told of them cannot be carried over. {go_on(one.name)}"
            )


def go_on(name: str) -> str:
    """What to do when a state cannot go on under another model than the one of this name."""
    return (
        f"Set CLOUT_MODEL={name}; or, to count anew from the events that are left, delete the topics state, engagements and strays "
        "and the group of the workers while none runs, then `clout topics create`"
    )
