"""A person with three accounts on real servers: linked, told facts, unlinked; a successor goes on; offline says the same."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.sources import produced
from tests.integration.stack import PATIENCE_S, Stack

NOW_MS = (int(time.time()) - 3_600) * 1_000
CLOSE_MS = NOW_MS + 5_000  # the day closes between the events
ACCOUNTS = ("bluesky:ann", "mastodon:ann", "github:ann")
PERSON = "person:ann"


def events() -> list[dict[str, Any]]:
    """Ten people on each network engage with ann's account there, one of them with every one of the accounts' networks."""
    kinds = ("like", "share", "follow")
    users = [account.split(":") for account in ACCOUNTS]
    return [
        {
            "id": f"{k}.{n}",
            "type": kinds[n % 3],
            "network": network,
            "actor": f"a{n}",
            "target": name,
            "ts": NOW_MS + 1_000 * n + k,
        }
        for k, (network, name) in enumerate(users)
        for n in range(10)
    ]


def clout(stack: Stack, *argv: str) -> str:
    """What a command says; it must succeed."""
    argv = (sys.executable, "-m", "agents.cli.main", *argv)
    return subprocess.run(argv, env=stack._around(), check=True, capture_output=True, text=True).stdout


def until(stack: Stack, right: Callable[[dict[str, Any]], bool], user: str = PERSON) -> dict[str, Any]:
    """The record in Redis as soon as it is as it should be."""
    deadline = time.monotonic() + PATIENCE_S
    while not (record := stack.records([user])[user]) or not right(record):
        assert time.monotonic() < deadline, record
        time.sleep(0.1)
    return record


def offline(stack: Stack, folder: Path, as_of: int) -> dict[str, dict[str, Any]]:
    """The records of the events and of what `controls` holds, without a broker."""
    (folder / "events").write_bytes(b"\n".join(map(orjson.dumps, events())))
    said = [value for _, value in stack.consume("controls")]
    (folder / "controls").write_bytes(b"\n".join(map(orjson.dumps, said)))
    files = str(folder / "events"), "--controls", str(folder / "controls"), "--as-of", str(as_of)
    lines = clout(stack, "offline", *files, "--json", "--model", "plain").splitlines()
    return {record["user"]: record for record in map(orjson.loads, lines)}


def same(one: Any, other: Any, path: str = "") -> None:
    """Numbers to a millionth; `version` is everybody's own."""
    if isinstance(one, dict):
        assert set(one) == set(other), path
        for name in set(one) - {"version"}:
            same(one[name], other[name], f"{path}.{name}")
    elif isinstance(one, float):
        assert one == pytest.approx(other, abs=1e-6), path
    else:
        assert one == other, path


def test_a_person_with_three_accounts(stack: Callable[..., Stack], tmp_path: Path) -> None:
    """The person is the sum, takes the accounts' place, and is there again after a kill; without an account as offline."""
    closes = time.strftime("%H:%M:%S", time.gmtime(CLOSE_MS // 1_000))
    house = stack(model="plain", partitions=3, day_closes=closes)
    fed = [produced(event) for event in events()]
    with house.worker():
        house.feed(fed)
        house.settled(len(fed))
        for account in ACCOUNTS:
            clout(house, "control", "link", account, "ann")
        clout(house, "control", "facts", ACCOUNTS[1], "lists=100", "followers=500")
        record = until(house, lambda r: r["engagements"] == 30 and "facts" in r)
        assert record["accounts"] == sorted(ACCOUNTS)
        assert record["actors"] == pytest.approx(30, rel=0.2)  # thirty people, estimated
        assert record["followers"] == 500 + 2 * 3
        assert set(record["parts"]["networks"]) == {"bluesky", "mastodon", "github"}
        until(house, lambda r: r.get("person") == PERSON, ACCOUNTS[0])
        same(record, offline(house, tmp_path, record["as_of"])[PERSON])
        top = [orjson.loads(line)["user"] for line in clout(house, "top", "--json").splitlines()]
        assert top[0] == PERSON
        assert not set(top) & set(ACCOUNTS)
        assert f"account of {PERSON}" in clout(house, "score", ACCOUNTS[0])
        said = clout(house, "score", PERSON)
        assert all(f"  account  {account}" in said for account in ACCOUNTS), said
        assert "  networks " in said
    with house.worker():
        clout(house, "control", "unlink", ACCOUNTS[0])
        record = until(house, lambda r: r["engagements"] == 20)
        assert record["accounts"] == sorted(ACCOUNTS[1:])
        same(record, offline(house, tmp_path, record["as_of"])[PERSON])
        until(house, lambda r: "person" not in r, ACCOUNTS[0])
    published = [value for key, value in house.consume("scores") if key == PERSON]
    assert published[-1]["engagements"] == 20
