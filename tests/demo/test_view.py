"""What the terminal shows."""

from __future__ import annotations

from io import StringIO
from typing import Any

import orjson
import pytest
from rich.cells import cell_len
from rich.console import Console

from agents.demo.view import LineView, line, screen
from tests.alerts import OLD, of_feed, told


def board(**other: Any) -> dict[str, Any]:
    entry = {"rank": 1, "user": "x:[red]ada", "score": 71.26, "change": 1.5, "actors": 1200, "provisional": True}
    stats = {"folded": 950, "events_per_s": 498.4, "population": 1832, "latency_p50_ms": 34.0, "latency_p99_ms": 71.0}
    return {
        "top": [entry, {**entry, "rank": 2, "user": "x:bo", "change": None}],
        "stats": stats,
        "alert": None,
        "alerts": [],
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


def alerts(*states: str) -> list[dict[str, Any]]:
    """Newest first."""
    why = "354 engagements were taken back"
    return [
        orjson.loads(told(f"x:c{n}", n, state=state, score=41.0, change=-6.5, sentence=why))
        for n, state in enumerate(states)
    ]


def test_screen_says_the_latest_alerts() -> None:
    """Three, each a line: who, how far, why; of an older version what it says."""
    lines = shown(100, alerts=[*alerts("raised", "recovered"), OLD, *alerts("settled")]).splitlines()
    assert "alert: x:c0  ▼ 6.5 to 41.0  354 engagements were taken back" in lines
    assert "recovered: x:c1  ▼ 6.5 to 41.0  354 engagements were taken back" in lines
    assert "alert: t:old  ▼ 7.5 to 40.0  fell 7.5 points to 40.0" in lines
    assert not any("settled" in one for one in lines)
    feed = shown(100, alerts=[orjson.loads(of_feed("net"))]).splitlines()
    assert any(one.startswith("alert: nothing comes from net since 2026-01-01T00:00:00Z; usually 1,240") for one in feed)
    narrow = shown(40, alerts=alerts("raised")).splitlines()
    assert [one.rstrip() for one in narrow if one.startswith("alert: x:c0  ▼ 6.5")] == [
        "alert: x:c0  ▼ 6.5 to 41.0  354 engagem…"
    ]


def test_without_a_terminal_each_alert_is_told_once() -> None:
    """In their order, also when several came at once."""
    view = LineView(Console(file=StringIO(), width=200))
    view.show(board(), 1)
    first, second, third = alerts("raised", "recovered", "settled")
    for some in ([], [first], [second, first], [second, first], [third, second, first]):
        view.show(board(alerts=some), 1, pager="webhook 1")
    text = view._console.file.getvalue()  # type: ignore[attr-defined]
    heads = [one.split()[0] for one in text.splitlines() if "fed" not in one]
    assert heads == ["no", "webhook", "alert:", "recovered:", "settled:"]


def test_line_says_it_all_in_one() -> None:
    """Without a terminal a board is one line; without latency it does not make one up."""
    assert (
        line(board(), 1000)
        == "fed 1,000  folded 950  498 events/s  1,832 users  p50 34 ms  p99 71 ms  top x:[red]ada 71.3"
    )
    assert "p50" not in line(board(stats={**board()["stats"], "latency_p50_ms": None}), 1000)
