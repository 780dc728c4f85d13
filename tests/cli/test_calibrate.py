"""`clout calibrate`: what it prints, writes and refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.sources import Synthetic

Ask = Callable[..., Any]
SYNTHETIC = ("synthetic", "--steady", "--users", "200", "--weekly", "3")


@pytest.fixture
def some(tmp_path: Path) -> str:
    """A file of two thousand invented events."""
    file = tmp_path / "some.ndjson"
    file.write_bytes(b"".join(record.value + b"\n" for record in Synthetic(1, 500, 1.0, limit=2_000)))
    return str(file)


def test_a_file_is_fitted_as_of_its_newest_event(clout: Ask, some: str) -> None:
    """The curve gives the goals; the model in force is told beside it."""
    done = clout("calibrate", some, "--json")
    assert done.exit_code == 0, done.output
    found = orjson.loads(done.stdout)
    assert found["fitted"]["half_mass"] > 0
    assert found["model"]["name"] == "clout-1"
    assert found["weeks"] == []
    farthest = max(abs(found["average"] - 40), abs(found["top"] - 63))
    assert found["farthest"] == pytest.approx(farthest)
    text = clout("calibrate", some).stdout
    assert "some.ndjson: " in text
    assert f"steepness {found['fitted']['steepness']:.4g}: average 40, top 5 % from 63" in text


def test_later_everyone_has_fallen_out(clout: Ask, some: str) -> None:
    """Ninety days after the last event nobody counts, and it is said how many are needed."""
    done = clout("calibrate", some, "--as-of", "2026-06-01")
    assert done.exit_code == 1
    assert "0 people were engaged with in the last 90 days: at least 100 are needed" in done.stderr


def test_steady_traffic_is_told_by_week_and_drawn(clout: Ask, tmp_path: Path) -> None:
    """From week 13 to 26, after the busiest hour and the quietest; the page needs nothing from elsewhere."""
    page = tmp_path / "page.html"
    done = clout("calibrate", *SYNTHETIC, "--json", "--page", str(page))
    assert done.exit_code == 0, done.output
    weeks = orjson.loads(done.stdout)["weeks"]
    assert [(week["week"], week["night"]) for week in weeks] == [(n, b) for n in range(13, 27) for b in (False, True)]
    for week in weeks:
        assert 1 <= week["average"][0] <= week["average"][1] <= week["top"][0] <= week["top"][1] <= 100
    html = page.read_text()
    assert html.count("<svg") == 2
    assert "http" not in html
    assert "<script" not in html


def test_the_mixture_that_moves_least_comes_first(clout: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the grid are told, the calmest first."""
    monkeypatch.setattr("streams.calibration.mixtures._TRIED", (0.0, 0.5))
    done = clout("calibrate", *SYNTHETIC, "--mixture", "--json")
    tried = orjson.loads(done.stdout)["mixtures"]
    assert sorted(one["mixture"] for one in tried) == [[d, w, 1.0] for d in (0.0, 0.5) for w in (0.0, 0.5)]
    assert [one["farthest"] for one in tried] == sorted(one["farthest"] for one in tried)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "give files to read, or --live"),
        (("x", "--live"), "give files to read, or --live"),
        (("x", "--mixture"), "--mixture needs --steady"),
        (("synthetic",), "`synthetic` needs --steady"),
        (("x", "--average", "70"), "--average 70 is not below --top 63"),
        (("x", "--steady", "--as-of", "2026-01-01"), "neither --live nor --as-of"),
        (("/nowhere/x",), "/nowhere/x"),
        (("/nowhere/x", "--steady"), "/nowhere/x"),
        (("x", "--page", "/nowhere/page.html"), "--page /nowhere/page.html cannot be written"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(clout: Ask, words: tuple[str, ...], why: str) -> None:
    """Exit code 2, and a sentence."""
    done = clout("calibrate", *words)
    assert done.exit_code == 2
    assert why in done.stderr


def test_an_empty_file_and_one_of_an_instant_are_told(clout: Ask, events: Ask, event: Ask) -> None:
    """Nothing to repeat, nobody to fit."""
    empty = events()
    assert "no event in it" in clout("calibrate", empty, "--steady").stderr
    done = clout("calibrate", empty)
    assert (done.exit_code, "0 people" in done.stderr) == (1, True)
    instant = events(*(event("like", f"a{i}", f"b{i}") for i in range(200)))
    done = clout("calibrate", instant)
    assert (done.exit_code, "no curve gives this population an average of 40" in done.stderr) == (1, True)
    done = clout("calibrate", instant, "--steady")
    assert (done.exit_code, "at least 6 days are needed" in done.stderr) == (1, True)


def test_without_redis_live_says_so(clout: Ask) -> None:
    """As other commands: exit code 3."""
    done = clout("calibrate", "--live", redis="redis://127.0.0.1:1/0")
    assert done.exit_code == 3
    assert "127.0.0.1:1" in done.stderr
