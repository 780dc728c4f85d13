"""`fields=`: of each user what is asked for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.api.conftest import Scene
from tests.api.filled import fill
from tests.api.test_api import problem

Serve = Callable[..., httpx.Client]

FIELDS = "user,score,rank,delta.day"
CHOSEN = {"user", "score", "rank", "delta"}


def with_fields(path: str, fields: str) -> httpx.URL:
    """The address that asks for these."""
    return httpx.URL(path).copy_add_param("fields", fields)


def test_nothing_else(page: httpx.Client) -> None:
    """The same values as without, on every route that has users; what is inside of another field is named with a dot."""
    whole = page.get("/v1/users/x:ada").json()
    one = page.get(with_fields("/v1/users/x:ada", FIELDS)).json()
    assert one.keys() == CHOSEN
    assert one["delta"] == {"day": whole["delta"]["day"]}
    assert (one["user"], one["rank"], round(one["score"], 2)) == ("x:ada", whole["rank"], round(whole["score"], 2))
    for path in ("/v1/users?ids=x:ada,x:cy,x:no", "/v1/compare?ids=x:ada,x:cy", "/v1/leaderboard"):
        found, all_of_it = page.get(with_fields(path, FIELDS)).json(), page.get(path).json()
        assert [item.keys() for item in found["items"]] == [CHOSEN] * len(all_of_it["items"]), path
        assert found.keys() == all_of_it.keys(), path
    behind = page.get(with_fields("/v1/compare?ids=x:ada,x:cy", "behind")).json()["items"]
    assert [item.keys() for item in behind] == [{"behind"}] * 2
    assert behind[1]["behind"] == pytest.approx(71.5 - 12.0)


def test_several_and_whole_ones(page: httpx.Client) -> None:
    """Given several times they add up; a field asked for whole is whole, whatever else is asked for of it."""
    whole = page.get("/v1/users/x:ada").json()
    both = page.get("/v1/users/x:ada?fields=parts.kinds,windows&fields=windows.day,model").json()
    assert both == {"parts": {"kinds": both["parts"]["kinds"]}, "windows": both["windows"], "model": "clout-1"}
    assert both["windows"].keys() == whole["windows"].keys()


def test_who_has_no_record(scene: Scene, served: Serve) -> None:
    """Of somebody unscored on the board of a topic what there is."""
    fill(scene)
    found = served().get("/v1/leaderboard?topic=jazz&fields=user,score,delta.day,weight").json()["items"]
    (unscored,) = [item for item in found if item["score"] is None]
    assert unscored.keys() == {"user", "score", "weight", "delta"}
    assert unscored["delta"] == {}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("scor", "score"),
        ("delta.dya", "delta.day"),
        ("user,wieght", "there are"),
        ("", "0 different names"),
        (",", "0 different names"),
        ("delta.day.x", "delta.day"),
        ("__class__", "there are"),
        (",".join(f"a{n}" for n in range(60)), "1 to 50"),
        ("x" * 4_000, "there are"),
    ],
)
def test_names_that_no_user_has(page: httpx.Client, asked: str, said: str) -> None:
    """422 that names what is near, or all there are; short."""
    for path in ("/v1/users/x:ada", "/v1/users?ids=x:ada", "/v1/compare?ids=x:ada,x:cy", "/v1/leaderboard"):
        body = problem(page.get(with_fields(path, asked)), 422)
        (error,) = body["errors"]
        assert error["at"] == "query.fields"
        if "weight" not in error["message"]:  # a field of boards alone
            assert said in error["message"], error
        assert len(error["message"]) < 1_500


def test_the_etag_knows_them(page: httpx.Client) -> None:
    """Another selection is another answer; the order of names says nothing."""
    tags = [
        page.get(f"/v1/users/x:ada{query}").headers["etag"]
        for query in ("", "?fields=user,score", "?fields=score,user", "?fields=score")
    ]
    assert len(set(tags)) == 3
    assert tags[1] == tags[2]
    again = page.get("/v1/users/x:ada?fields=user,score", headers={"if-none-match": tags[2]})
    assert again.status_code == 304
