"""Answers in the shapes of Klout's API v2, whose clients go on working: who is meant by what they send, and what they get."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from agents.api.served import Served
from streams.display_names import HANDLE
from streams.model.influential import Friend, TopicShare
from streams.scoreboard.names import name_of, numeric_id
from streams.scoreboard.reader import score_at

Record = dict[str, Any]

#: Klout's short names of networks; others are called as ours are
NETWORKS = {"tw": "twitter", "gp": "googleplus", "ig": "instagram", "fb": "facebook", "li": "linkedin"}
SCREEN_NAMES = "twitter"  #: the network that a screen name is of, if it has it
MOST_FRIENDS = 5  #: influencers, and influencees


class Missing(Exception):
    """404: nobody, or nothing of the kind."""


class Klout:
    """What is asked of one API."""

    def __init__(self, served: Served) -> None:
        self._reader, self._now_ms, self._app = served.reader, served.now_ms, served.settings.app

    # -- identities: a numeric id, of the person where an account is one of a person's --------------------------------------

    async def identity(self, network: str, name: str) -> Record:
        """Of a user by network and id there."""
        whose = await self._whose([f"{NETWORKS.get(network, network)}:{name}"])
        return self._identity(*whose)

    async def screen_name(self, name: str) -> Record:
        """Of a user by name: on the network of screen names, else the one who has it, in whatever case, on any."""
        name = name.removeprefix("@")
        exact = await self._whose([f"{SCREEN_NAMES}:{name}"])
        if not exact and name:
            users = await self._reader.search.named(name)
            first = [user for user in users if user.startswith(f"{SCREEN_NAMES}:")]
            exact = await self._whose(first or users)
        return self._identity(*exact)

    async def account(self, ident: str, network: str) -> Record:
        """The id on a network of whoever has this numeric id."""
        record, wanted = await self._record(ident), f"{NETWORKS.get(network, network)}:"
        own = [user for user in (record["user"], *record.get("accounts", ())) if user.startswith(wanted)]
        if not own:
            raise Missing("The user has no account on this network.")
        return {"id": name_of(min(own)), "network": network}

    async def _whose(self, users: Sequence[str]) -> set[str]:
        """Whom these are, as far as they are known: themselves, or the persons whose accounts they are."""
        found = [one for one in await self._reader.users(users) if one]
        persons = [one["person"] for one in found if "person" in one]
        shown = {one["user"] for one in await self._reader.users(persons) if one}
        return {one["person"] if one.get("person") in shown else one["user"] for one in found}

    def _identity(self, *users: str) -> Record:
        if len(users) != 1:
            raise Missing("Several users have this name: ask by network." if users else "There is no such user.")
        return {"id": numeric_id(users[0], self._app), "network": "ks"}

    # -- users ---------------------------------------------------------------------------------------------------------------

    async def user(self, ident: str) -> Record:
        """Nick, score and how it has changed."""
        return self._user(score_at(await self._record(ident), await self._now_ms()))

    async def score(self, ident: str) -> Record:
        """The score, and how it has changed."""
        record = score_at(await self._record(ident), await self._now_ms())
        return {"score": record["score"], "scoreDelta": changes(record), "bucket": bucket(record["score"])}

    async def influence(self, ident: str) -> Record:
        """Whom they engage with most, and who engages with them most."""
        record = await self._record(ident)
        found, now_ms = await asyncio.gather(self._reader.influence(record), self._now_ms())
        some = (found.influencers, found.influencees) if found else ([], [])
        influencers, influencees = await asyncio.gather(*(self._friends(friends, now_ms) for friends in some))
        return {
            "myInfluencers": influencers,
            "myInfluencees": influencees,
            "myInfluencersCount": len(influencers),
            "myInfluenceesCount": len(influencees),
        }

    async def topics(self, ident: str) -> list[Record]:
        """What they are engaged with for, the most first."""
        found = await self._reader.influence(await self._record(ident))
        return [self._topic(one) for one in found.topics] if found else []

    async def _record(self, ident: str) -> Record:
        user = await self._reader.search.user(ident)
        record = await self._reader.user(user) if user else None
        if record is None:
            raise Missing("There is no user with this id.")
        return record

    async def _friends(self, friends: Sequence[Friend], now_ms: int) -> list[Record]:
        """Those who have a score."""
        found = [one for one in await self._reader.users([friend.user for friend in friends]) if one]
        payloads = [self._user(score_at(one, now_ms)) for one in found[:MOST_FRIENDS]]
        return [{"entity": {"id": one["kloutId"], "payload": one}} for one in payloads]

    def _user(self, record: Record) -> Record:
        score = {"score": record["score"], "bucket": bucket(record["score"])}
        ident, nick = numeric_id(record["user"], self._app), nick_of(record)
        return {"kloutId": ident, "nick": nick, "score": score, "scoreDeltas": changes(record)}

    def _topic(self, one: TopicShare) -> Record:
        return {
            "id": numeric_id(f"#{one.topic}", self._app),
            "displayName": one.topic[:1].upper() + one.topic[1:],
            "name": one.topic,
            "slug": "-".join(one.topic.split()),
            "imageUrl": "",
            "topicType": "sub",
        }


def nick_of(record: Record) -> str:
    """The display name or handle, where one is known; else the id on the network."""
    return str(record.get("name", "")).removeprefix(HANDLE) or name_of(record["user"])


def changes(record: Record) -> dict[str, float]:
    """Since the last daily close, the one six days and the one 29 days before it; 0 where there was none."""
    delta = record["delta"]
    return {f"{name}Change": delta.get(name) or 0.0 for name in ("day", "week", "month")}


def bucket(score: float) -> str:
    """The decade of a score: `50-59`, the last one `90-100`."""
    decade = min(int(score // 10) * 10, 90)
    return f"{decade}-{decade + 9 if decade < 90 else 100}"
