"""What the terminal shows."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from agents.demo.view import line, screen


def board(**other: Any) -> dict[str, Any]:
    entry = {"rank": 1, "user": "x:[red]ada", "score": 71.26, "change": 1.5, "actors": 1200, "provisional": True}
    stats = {"folded": 950, "events_per_s": 498.4, "population": 1832, "latency_p50_ms": 34.0, "latency_p99_ms": 71.0}
    return {
        "top": [entry, {**entry, "rank": 2, "user": "x:bo", "change": None}],
        "stats": stats,
        "alert": None,
        **other,
    }


def shown(width: int, **other: Any) -> str:
    console = Console(file=StringIO(), width=width, force_terminal=False)
    console.print(screen(board(**other), 1000, "http://127.0.0.1:1/", 20, width))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_screen_shows_what_matters(width: int) -> None:
    """Scores, change, events a second, latency, alerts and the page's address are there at any width, names as they are."""
    text = shown(width)
    for word in (
        "x:[red]ada",
        "71.3",
        "▲ 1.5",
        "new",
        "1,200",
        "provisional",
        "498",
        "34 ms",
        "no alerts",
        "http://127.0.0.1:1/",
    ):
        assert word in " ".join(text.split()), word
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("user", ["bluesky:did:plc:z72i7hdynmk6r22z27h6tvur", "w:" + "漢字" * 60, "x" * 250])
def test_long_names_give_way(width: int, user: str) -> None:
    """Rank and score are whole at any width, whatever users are called; no line of the board is broken."""
    one = board()["top"][0]
    top = [{**one, "rank": 10 + n, "user": f"{user}{n}", "score": 99.9 - n} for n in range(3)]
    lines = [text for text in shown(width, top=top).splitlines() if "…" in text or user in text]
    assert len(lines) == 3
    for n, text in enumerate(lines):
        assert cell_len(text) <= width
        assert text.split()[0] == str(10 + n)
        assert f"{99.9 - n:.1f}" in text.split()


def test_screen_says_the_latest_alert() -> None:
    """An alert is a line in words."""
    assert "x:cy fell 6.5 points to 41.0" in shown(
        100, alert={"user": "x:cy", "state": "raised", "fall": 6.5, "score": 41.0}
    )
    assert "x:cy is back at 44.0" in shown(
        100, alert={"user": "x:cy", "state": "recovered", "fall": 1.0, "score": 44.0}
    )


def test_line_says_it_all_in_one() -> None:
    """Without a terminal a board is one line; without latency it does not make one up."""
    assert (
        line(board(), 1000)
        == "fed 1,000  folded 950  498 events/s  1,832 users  p50 34 ms  p99 71 ms  top x:[red]ada 71.3"
    )
    assert "p50" not in line(board(stats={**board()["stats"], "latency_p50_ms": None}), 1000)
