"""What can be read. Ids are `network:id` or `person:NAME`, as they are: they may hold anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agents.client.ask import Ask, segment, several, some
from agents.shapes.boards import Alerts, Boards, Distribution, Leaderboard, Rules
from agents.shapes.status import Status
from agents.shapes.trial import Trial
from agents.shapes.users import (
    Comparison,
    Explained,
    History,
    Moments,
    Search,
    Topics,
    User,
    UserAlerts,
    Users,
    WhoInfluences,
)
from streams.model.rules import Rule


def user(id: str) -> Ask[User]:
    """One user's score as of now, with the place. Raises NotFound, whose `near` says who may have been meant."""
    return Ask(User, _user(id))


def users(ids: Sequence[str]) -> Ask[Users]:
    """1 to 100 users at once; those whom nobody knows stand in `unknown`."""
    return Ask(Users, "/v1/users", several("ids", ids))


def history(id: str) -> Ask[History]:
    """The daily closes of a user, at most 90, the oldest first."""
    return Ask(History, f"{_user(id)}/history")


def explain(id: str) -> Ask[Explained]:
    """Why a user scores what they score, and what would change it."""
    return Ask(Explained, f"{_user(id)}/explain")


def influence(id: str) -> Ask[WhoInfluences]:
    """Who influences a user, and whom the user influences."""
    return Ask(WhoInfluences, f"{_user(id)}/influence")


def topics(id: str) -> Ask[Topics]:
    """What a user is engaged with for."""
    return Ask(Topics, f"{_user(id)}/topics")


def moments(id: str) -> Ask[Moments]:
    """What earned a user most."""
    return Ask(Moments, f"{_user(id)}/moments")


def alerts_of(id: str) -> Ask[UserAlerts]:
    """The latest alerts about a user, at most 20, the newest first."""
    return Ask(UserAlerts, f"{_user(id)}/alerts")


def compare(ids: Sequence[str]) -> Ask[Comparison]:
    """Two to five users beside each other. Raises NotFound, whose `unknown` says whom nobody knows."""
    return Ask(Comparison, "/v1/compare", several("ids", ids))


def page(
    *, network: str | None = None, topic: str | None = None, limit: int = 100, cursor: str | None = None
) -> Ask[Leaderboard]:
    """One page of a board, 1 to 1,000 of the highest; `cursor` is `next` of the page before."""
    return Ask(Leaderboard, "/v1/leaderboard", some(limit=limit, network=network, topic=topic, cursor=cursor))


def boards(*, topics: int = 20) -> Ask[Boards]:
    """Which networks and topics have a board; of topics so many at most, the most engaged with first."""
    return Ask(Boards, "/v1/boards", some(topics=topics))


def distribution() -> Ask[Distribution]:
    """How scores are spread, in bins of a tenth of a point."""
    return Ask(Distribution, "/v1/distribution")


def alerts(limit: int = 20) -> Ask[Alerts]:
    """The latest alerts of everyone and of feeds, the newest first."""
    return Ask(Alerts, "/v1/alerts", some(limit=limit))


def rules() -> Ask[Rules]:
    """The rules in force, as workers told them."""
    return Ask(Rules, "/v1/rules")


def trial(rule: Rule | Mapping[str, Any]) -> Ask[Trial]:
    """What a rule would have told over the daily closes of 90 days; nothing is sent. Raises WrongInput."""
    return Ask(Trial, "/v1/trial", method="POST", body=msgspec.json.encode(rule))


def search(q: str, *, limit: int = 10) -> Ask[Search]:
    """Whose names begin so, with the network or without it, in whatever case; 50 at most."""
    return Ask(Search, "/v1/search", some(q=q, limit=limit))


def status() -> Ask[Status]:
    """What runs, and what is wrong."""
    return Ask(Status, "/v1/status")


def _user(id: str) -> str:
    return f"/v1/users/{segment(id)}"
