"""A user as an answer has them: the record as of now, their place, and how fresh it is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from agents.api.ids import user_of
from agents.api.problems import Problem
from agents.api.served import Heard, Served
from streams.model.lately import record_counts
from streams.model.versions import model
from streams.scoreboard import shards
from streams.scoreboard.explaining import like
from streams.scoreboard.ranks import Rank
from streams.scoreboard.reader import score_at
from streams.scoreboard.spread import Spread

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody with a score."""

    stored: Record
    now_ms: int
    freshness: Record

    @property
    def user(self) -> str:
        """`network:id`."""
        return str(self.stored["user"])

    @property
    def record(self) -> Record:
        """The score record as of now."""
        return score_at(self.stored, self.now_ms)

    def answer(self, **more: Any) -> Record:
        """With what every answer about a user has."""
        return {"user": self.user, "as_of": self.now_ms, "freshness": self.freshness, **more}


async def known(served: Served, raw: str) -> Known:
    """The user of an id in a raw path. Raises Problem: 422 for what is none, 404 with names like an unknown one."""
    user = user_of(raw)
    stored, heard = await asyncio.gather(served.reader.user(user), served.heard())
    if stored is None:
        raise unknown(user, await like(served.reader, user, await served.networks()))
    return of(served, stored, heard)


def of(served: Served, stored: Record, heard: Heard) -> Known:
    """Of a stored record."""
    return Known(stored, served.leaders.now_ms(heard.pulses), served.freshness(stored["user"], heard))


def unknown(user: str, near: list[str]) -> Problem:
    """A 404 that says who may have been meant."""
    hint = f" Did you mean {', '.join(near)}?" if near else " A user is `network:id`, such as demo:carla7."
    detail = f"Nobody of this name has acted or been acted on.{hint}"
    return Problem(404, "unknown-user", "Unknown user", detail, user=user, near=near)


async def placed(served: Served, raw: str) -> tuple[Known, Record]:
    """The user of an id in a raw path, and as `record_of`. Raises as `known`."""
    user = user_of(raw)
    stored, rank = await served.ranked.get(user)
    if stored is None and served.reader.left_out(user):
        shards.whole()
    if stored is None:
        raise unknown(user, await like(served.reader, user, await served.networks()))
    one = of(served, stored, await served.heard())
    return one, record_of(one, rank, await served.spread())


def record_of(one: Known, rank: Rank | None, spread: Spread) -> Record:
    """The record as of now with `rank`, `of`, `board`, `percentile`, `counted` and `freshness`.

    Without a place on any board, as in the moment in which Redis is filled again, rank and of are null.
    """
    overall = rank is not None and rank.network is None
    return {
        **one.record,
        "rank": rank and rank.rank,
        "of": rank and rank.of,
        "board": rank and rank.network,
        "percentile": spread.percentile(rank.score) if rank and overall else None,
        "counted": record_counts(one.stored, model(one.stored["model"]), one.now_ms),
        "freshness": one.freshness,
    }
