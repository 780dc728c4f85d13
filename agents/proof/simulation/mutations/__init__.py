"""The opposite of each rule, one at a time: a simulation that does not notice them would prove nothing."""

from __future__ import annotations

from agents.proof.simulation.mutations import (
    blocks,
    closes,
    cut,
    feeds,
    kernels,
    lists,
    order,
    persons,
    redis,
    rules,
    takeover,
    transaction,
)
from agents.proof.simulation.mutations.registry import Change, Mutation

__all__ = ["MUTATIONS", "Change"]

MUTATIONS: dict[str, Mutation] = {
    **transaction.MUTATIONS,
    **cut.MUTATIONS,
    **takeover.MUTATIONS,
    **blocks.MUTATIONS,
    **redis.MUTATIONS,
    **kernels.MUTATIONS,
    **lists.MUTATIONS,
    **order.MUTATIONS,
    **persons.MUTATIONS,
    **closes.MUTATIONS,
    **rules.MUTATIONS,
    **feeds.MUTATIONS,
}
