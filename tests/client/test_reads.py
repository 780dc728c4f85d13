"""What the clients read, of a real API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice

import httpx
import msgspec
import pytest

from agents.client import AsyncClout, Clout, NotFound, WrongInput
from agents.shapes.either import OtherAlert, Ranked, Unscored
from agents.shapes.users import User
from streams.errors import UsageError
from streams.model.published import AlertRecord, FeedRecord
from streams.scoreboard.connect import connect_sync
from streams.scoreboard.layout import Keys
from tests.alerts import OLD
from tests.api.conftest import SCORES, Scene
from tests.api.test_users import HOSTILE

ADA = "x:ada"


def test_users(client: Clout) -> None:
    """One, some, a few beside each other."""
    ada = client.user(ADA)
    assert (ada.user, ada.rank, ada.of, ada.freshness.fresh) == (ADA, 1, 4, True)
    found = client.users(["x:cy", "x:no", ADA])
    assert ([one.user for one in found.items], found.unknown) == (["x:cy", ADA], ["x:no"])
    compared = client.compare([ADA, "x:cy"])
    assert [one.behind > 0 for one in compared.items] == [False, True]


def test_what_stands_under_a_user(client: Clout) -> None:
    """Typed, down to what is in it."""
    assert client.history(ADA).items[0].date == "2025-12-29"
    assert client.explain(ADA).outlook.later[0].days == 1
    influence = client.influence(ADA)
    assert [one.user for one in influence.influencees] == ["x:cy"]
    assert [(one.topic, one.rank) for one in client.topics(ADA).items] == [("jazz", 2)]
    assert client.moments(ADA).items[0].kinds == {"like": 3}
    assert all(isinstance(one, AlertRecord) for one in client.alerts_of(ADA).items)


def test_of_everyone(client: Clout) -> None:
    """Boards, the spread, alerts, rules, names, status."""
    assert client.distribution().population == len(SCORES)
    kinds = {type(one) for one in client.alerts(limit=50).items}
    assert kinds == {AlertRecord, FeedRecord}
    assert {one.name for one in client.rules().items} == {"day-fall", "week-fall"}
    assert [one.user for one in client.search("AD").items] == [ADA]
    assert client.status().channels[0].name == "ops"


def test_a_board_page_by_page(client: Clout) -> None:
    """All of it, the next page when it is needed; who has no record has no score."""
    found = list(client.leaderboard(page=1))
    assert [(one.rank, one.user) for one in found] == list(enumerate(sorted(SCORES, key=lambda user: -SCORES[user]), 1))
    assert [one.rank for one in islice(client.leaderboard(network="x", page=2), 3)] == [1, 2, 3]
    assert [type(one) for one in client.leaderboard(topic="jazz")] == [Unscored, Ranked]


def test_the_same_of_the_other_client(url: str) -> None:
    """Word for word."""

    async def ask() -> tuple[User, list[str], int]:
        async with AsyncClout(url) as client:
            ada, found = await asyncio.gather(client.user(ADA), client.users([ADA]))
            board = [one.user async for one in client.leaderboard(page=3)]
            return ada, board, len(found.items)

    ada, board, count = asyncio.run(ask())
    with Clout(url) as client:
        assert msgspec.structs.asdict(ada).keys() == msgspec.structs.asdict(client.user(ADA)).keys()
        assert board == [one.user for one in client.leaderboard()]
    assert count == 1


def test_who_is_not_there(client: Clout) -> None:
    """The error says who may have been meant, or what is wrong and where."""
    with pytest.raises(NotFound) as unknown:
        client.user("y:ada")
    assert (unknown.value.near, unknown.value.type) == ([ADA], "urn:clout:problem:unknown-user")
    assert unknown.value.request_id
    with pytest.raises(NotFound) as several:
        client.compare([ADA, "x:no"])
    assert several.value.unknown == ["x:no"]
    for wrong in ("ada", "", ".", "..", "../rules", "x:"):
        with pytest.raises(WrongInput) as malformed:
            client.user(wrong)
        assert [one.at for one in malformed.value.mistakes] == ["path.id"], wrong
    with pytest.raises(UsageError, match="surrogate"):
        client.user("x:\ud83d")
    with pytest.raises(UsageError, match="list"):
        client.users(ADA)


@pytest.mark.parametrize("user", HOSTILE)
def test_ids_may_hold_anything(scene: Scene, served: Callable[..., httpx.Client], user: str) -> None:
    """They arrive as they are, in a path and in a query."""
    scene.write({user: 50.0, "x:other": 40.0})
    with Clout(str(served().base_url)) as client:
        assert client.user(user).user == client.history(user).user == user
        assert [one.user for one in client.users([user]).items] == [user]
        assert [one.user for one in client.compare([user, "x:other"]).items] == [user, "x:other"]


def test_an_alert_of_another_version_costs_no_other(scene: Scene, client: Clout) -> None:
    """It comes as it is."""
    with connect_sync(scene.settings) as redis:
        redis.xadd(Keys(scene.settings.redis_prefix, 0).alerts, {"alert": msgspec.json.encode(OLD)})
    newest, *rest = client.alerts().items
    assert newest == OtherAlert(fields=OLD)
    assert not any(isinstance(one, OtherAlert) for one in rest)
