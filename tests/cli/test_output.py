"""Tables with names as long as real ones, on screens of any width."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from rich.cells import cell_len
from rich.console import Console

from agents.cli.output import leaderboard, table
from agents.terminal import fit, shortened
from tests.servers import ROOT

Ask = Callable[..., Any]
USERS = (
    "bluesky:did:plc:z72i7hdynmk6r22z27h6tvur",
    "nostr:82341f882b6eabcd2ba7f1ef90aad961cf074af15b9ef44a09f9d2a8fbfbe6a2",
    "mastodon:" + "x" * 250,
    "weibo:" + "漢字仮名" * 30,
    "t:" + "e\u0301" * 60,
    "demo:al",
)


def record(user: str, score: float) -> dict[str, Any]:
    counts = {"engagements": 1_234_567, "actors": 345_678, "actions": 98_765, "confidence": 1.0}
    return {"user": user, "score": score, "delta": {"day": -12.34}, **counts}


def shown(what: Any, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, markup=False, emoji=False)
    console.print(what)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 120, 200, 1_000])
def test_only_names_shrink(width: int) -> None:
    """Rank and score of everyone are whole at any width; no line is longer than the screen; short names stay as they are."""
    board = [record(user, 99.25 - rank) for rank, user in enumerate(USERS)]
    head, *lines = shown(leaderboard(board, first=101), width)
    assert head.split()[:3] == ["rank", "user", "score"]
    assert len(lines) == len(board)
    for rank, (line, user) in enumerate(zip(lines, USERS, strict=True)):
        assert cell_len(line) <= width
        words = line.split()
        assert words[0] == str(101 + rank)
        assert words[2] == f"{99.25 - rank:.2f}"
        beginning, _, end = words[1].partition("…")
        assert user.startswith(beginning)
        assert user.endswith(end)
    assert "demo:al" in lines[-1]


def test_80_columns_have_all_numbers() -> None:
    """Names give way before numbers do."""
    head, line = shown(leaderboard([record(USERS[0], 40.0)]), 80)
    assert head.split()[3:] == ["day", "engagements", "people", "actions", "confidence"]
    assert line.split()[2:] == ["40.00", "-12.34", "1,234,567", "345,678", "98,765", "100%"]


def test_a_name_is_cut_in_the_middle() -> None:
    """Both ends stay, as many names begin alike; it is never wider than its room, and an accent never stands alone."""
    assert shortened("did:plc:abcdefghijklmnopqrstuvwxyz", 16) == "did:plc:ab…vwxyz"
    for text in USERS:
        for room in range(40):
            cut = shortened(text, room)
            assert cell_len(cut) <= room
            assert cut == text or "…" in cut or room == 0
            assert "…\u0301" not in cut


def test_a_pipe_gets_everything(clout: Ask, events: Ask, event: Ask) -> None:
    """Whatever the screen's width: nobody looks at one."""
    name = "x" * 250
    done = clout("offline", events(event("like", "ann", name)))
    assert re.search(rf" t:{name}  \d\d\.\d\d ", done.stdout)
    names = ("what", "user")
    assert shown(table(names, [("w" * 300, "u" * 300)], wide=names), 1_000)[1] == f"{'w' * 300}  {'u' * 300}"


def test_other_columns_are_cut_at_their_end() -> None:
    """Text of our own begins with what matters."""
    (_, line) = shown(table(("setting", "what"), [("CLOUT_KAFKA", "Kafka brokers, host:port")], wide=("what",)), 24)
    assert line == "CLOUT_KAFKA  Kafka brok…"


def test_columns_go_in_their_order() -> None:
    """What is flexible shrinks to the least first, then what may go goes, one by one; the rest stays whatever happens."""
    assert fit([4, 40, 5, 9], 60, flexible={1}) == {0: 4, 1: 36, 2: 5, 3: 9}
    assert fit([4, 40, 5, 9], 30, flexible={1}, drop=[3]) == {0: 4, 1: 17, 2: 5}
    assert fit([4, 40, 5, 9], 14, flexible={1}, drop=[3]) == {0: 4, 1: 1, 2: 5}
    assert fit([4, 40, 5], 5, flexible={1}) == {0: 4, 1: 1, 2: 5}


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
TERMINALS = ({"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, C_LOCALE)


def in_process(terminal: dict[str, str], *words: str | bytes) -> subprocess.CompletedProcess[bytes]:
    """The command where the terminal is no UTF-8."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("CLOUT_", "LC_", "PYTHON"))}
    argv = [sys.executable, "-m", "agents.cli.main", *words]
    return subprocess.run(argv, cwd=ROOT, env=env | terminal, capture_output=True, check=False)


@pytest.mark.parametrize("terminal", TERMINALS, ids=" ".join)
def test_a_terminal_that_is_no_utf_8(terminal: dict[str, str], events: Ask, event: Ask) -> None:
    """Text for people has what it can show and escapes the rest; data stays UTF-8."""
    file = events(event("like", "ann", "Zoë漢"))
    seen = in_process(terminal, "offline", file)
    assert (seen.returncode, seen.stderr.count(b"Traceback")) == (0, 0), seen.stderr
    assert b"\\u6f22" in seen.stdout
    data = in_process(terminal, "offline", file, "--json")
    assert "t:Zoë漢" in [orjson.loads(line)["user"] for line in data.stdout.splitlines()]


def test_names_on_the_command_line(redis_url: str) -> None:
    """They are UTF-8 whatever the locale is, and what is not is said to be not."""
    for name, code, said in (("t:Zoë".encode(), 1, b"unknown user t:Zo"), (b"t:Zo\xff", 2, b"is not UTF-8")):
        done = in_process(C_LOCALE, "score", "--redis", redis_url, name)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
