"""What is told of one user beside the record: places, the explanation, and who may be meant by an unknown name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from streams.events import PERSON
from streams.model import versions
from streams.model.alert_reading import published
from streams.model.explain import explain
from streams.model.explained import Explanation
from streams.model.standing import Place, Places
from streams.scoreboard.reader import Reader

Record = dict[str, Any]
_MOST_LIKE = 3  # names that an unknown one may have been meant to be


async def places_of(reader: Reader, stored: Record) -> Places:
    """Overall rank and percentile, which accounts of a person do not have, and the rank on the network's board."""
    user = stored["user"]
    rank, own = await reader.rank(user), await reader.network_rank(user)
    linked = rank is not None and rank.network is not None
    percentile = None if linked else await reader.percentile(stored["score"])
    return Places(
        overall=UNSET if rank is None or linked else Place(rank=rank.rank, of=rank.of),
        percentile=UNSET if percentile is None else percentile,
        network=UNSET if own is None else Place(rank=own.rank, of=own.of),
    )


async def explanation(reader: Reader, stored: Record, at_ms: int) -> Explanation:
    """Why a user with this stored record scores at `at_ms` what they score, with places, influence and alerts up to then."""
    user = stored["user"]
    past, places, influence, alerts = await asyncio.gather(
        reader.past(user), places_of(reader, stored), reader.people(stored), reader.alerts_of(user)
    )
    found = explain(stored, versions.model(stored["model"]), at_ms, past.until(at_ms), places, influence)
    return replace(found, alerts=published(one for one in alerts if one["at"] <= at_ms) or UNSET)


async def like(reader: Reader, user: str, networks: Iterable[str]) -> list[str]:
    """Users of the same id on these networks, persons among them: what an unknown name may have been meant to be."""
    own = user.rpartition(":")[2] if user.startswith(f"{PERSON}:") else user.partition(":")[2] or user
    others = [f"{network}:{own}" for network in (*networks, PERSON)]
    known = zip(others, await reader.users(others), strict=True)
    return [name for name, stored in known if stored is not None][:_MOST_LIKE]
