"""The lists of the call to Redis as kernels write them, beside msgspec's MessagePack and orjson's JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import orjson
import pytest

from streams.model.texts import Texts
from streams.scoreboard.changes import Change, Changes

encode = msgspec.msgpack.encode
NAMES = ["net:ann", 'net:"q"', "net:back\\slash\\\\", "世界:用户", "n" * 64 + ":" + "é" * 128]
NAMES += ["a:" + '"' * 256, "x:" + "y" * 29, "x:" + "y" * 30]
SIZES = [0, 1, 31, 32, 255, 256, 65_535, 65_536]
SCORES = [1.0, 100.0, 41.25, 99.999, 55.55, 1e-300, 63.75, 2.5]


def changes(count: int) -> list[Change]:
    """Each third has not moved."""
    return [
        (f"{NAMES[i % 8]}{i // 8}", None if i % 3 == 2 else SCORES[i % 8] + i, b"r" * SIZES[i % 8])
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 7, 8, 15, 16, 500, 2_000])
def test_lists_are_what_msgspec_writes(count: int) -> None:
    """Byte for byte, at every length of a list and of a text where the form changes."""
    users = changes(count)
    made = Changes.of(users)
    places = [value for user, score, _ in users if score is not None for value in (score, user)]
    assert made.places() == encode(places)
    assert made.records() == encode([value for user, _, record in users for value in (user, record.decode())])
    assert len(made) == count
    assert list(made) == users
    assert made[0] == users[0]


def test_nobody_gives_empty_lists() -> None:
    """Empty bytes are flush.lua's empty list: of nobody, and of nobody who moved."""
    assert (Changes.of([]).places(), Changes.of([]).records(), list(Changes.of([]))) == (b"", b"", [])
    still = Changes.of([("a:1", None, b"{}")])
    assert still.places() == b""
    assert still.updates(np.zeros(1), np.zeros(1), 0.1, 0, 0) is None


def told(users: list[Change], board: list[float], before: list[float], step: float) -> list[Any]:
    """Who moved to another displayed score than the board had, plainly."""
    return [
        [user, near(score), near(was) if was else None]
        for (user, score, _), had, was in zip(users, board, before, strict=True)
        if score is not None and round(score / step) != round(had / step)
    ]


def near(score: float) -> Any:
    """The score with two decimals."""
    return pytest.approx(score, abs=0.005001)


@pytest.mark.parametrize("count", [1, 8, 500])
def test_updates_name_those_whose_displayed_score_moved(count: int) -> None:
    """Only those on whose place another tenth is shown, with two decimals and what it was before; any name stays valid JSON."""
    users = [(user, None if score is None else 1 + score % 99, record) for user, score, record in changes(count)]
    board = [(score or 50.0) + (0.0, 0.01, 0.3, -7.0)[i % 4] for i, (_, score, _) in enumerate(users)]
    before = [0.0 if i % 5 == 2 else max(had, 1.0) + 0.25 for i, had in enumerate(board)]
    found = Changes.of(users).updates(np.array(board), np.array(before), 0.1, 3, 1_767_225_600_000)
    wanted = told(users, board, before, 0.1)
    if not wanted:
        assert found is None
        return
    assert found is not None
    assert orjson.loads(found) == {"partition": 3, "as_of": 1_767_225_600_000, "users": wanted}


def test_parts_of_larger_arrays() -> None:
    """Names that lie anywhere in an array, not one behind another, as those of a table do."""
    everyone = Texts.of([user.encode() for user, *_ in changes(100)])
    some = np.array([70, 3, 99, 0])
    names = Texts(everyone.text, everyone.starts[some], everyone.ends[some])
    users = [changes(100)[i] for i in some.tolist()]
    plain = Changes.of([(user, 5.0, record) for user, _, record in users])
    made = Changes(names, np.full(4, 5.0), np.ones(4, np.bool_), Texts.of([record for *_, record in users]))
    assert (made.places(), made.records()) == (plain.places(), plain.records())
