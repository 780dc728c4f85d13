"""The page of an explanation, on screens of any width, and `clout offline --explain`."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from rich.cells import cell_len
from rich.console import Console

from agents.cli.explain_page import WIDEST, Page
from agents.cli.places import Account
from streams.model.explain import explain
from streams.model.explained import Close, Explanation
from streams.model.score import at
from streams.model.versions import DAY_MS, DEFAULT
from tests.cli.conftest import NOW_MS
from tests.cli.test_output import C_LOCALE, in_process

Ask = Callable[..., Any]
SECTIONS = ["What it is made of", "Where it comes from", "History", "What one more would give", "If nothing happens"]
CLOSES = {f"2025-12-{day:02}": 40.0 + day for day in range(1, 31)} | {"2025-12-12": 22.5, "2025-12-20": 81.25}


def record(user: str = "t:ann", quarter: float = 40.0, **more: Any) -> dict[str, Any]:
    """A score record of somebody with fifty people behind them."""
    windows = {"day": quarter / 8, "week": quarter / 2, "quarter": quarter}
    parts = {"kinds": {"like": 1.0, "retweet": 3.0}, "networks": {"t": 4.0}, "reach": 0.0, "participation": 0.0}
    counts = {"engagements": 61, "actors": 50, "actors_error": 0.065, "actions": 3, "followers": 7, "acted": 1.0}
    sure = {"confidence": 0.91, "provisional": False, "floored": False, "delta": {"day": -0.5}}
    rest = {"score": 70.0, "as_of": NOW_MS, "event_ts": NOW_MS, "model": "clout-1"}
    made = {"user": user, **rest, **counts, **sure, "windows": windows, "parts": parts, **more}
    return {**made, "score": at(made, DEFAULT, NOW_MS)["score"]}


def explained(closes: dict[str, float] | None = None, now_ms: int = NOW_MS, **more: Any) -> Explanation:
    """Of such a record."""
    history = [Close(date=date, score=close, model=DEFAULT.name) for date, close in sorted((closes or {}).items())]
    return explain(record(**more), DEFAULT, now_ms, history)


def shown(
    found: Explanation, width: int = 100, place: str = "", accounts: Iterable[Account] = (), *, screen: bool = True
) -> list[str]:
    """The lines of the page, without colours."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=screen, markup=False, highlight=False, color_system=None)
    console.print(Page(found, place, tuple(accounts)))
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()


def titles(lines: list[str]) -> list[str]:
    """The headings, in their order."""
    return [line for line in lines if line in SECTIONS]


SHAPES: dict[str, dict[str, Any]] = {
    "known": {"closes": CLOSES},
    "long": {"user": "mastodon:" + "x" * 250, "closes": CLOSES},
    "wide": {"user": "weibo:" + "漢字仮名" * 30},
    "person": {"user": "person:ann", "accounts": ["t:ann", "u:ann"], "closes": CLOSES},
    "high": {"quarter": 90_000.0},
    "facts": {"facts": {"seniority": {"mass": 0.2, "date": NOW_MS}, "f" * 32: {"mass": 0.1, "date": NOW_MS}}},
    "nothing": {"quarter": 0.0, "acted": 0.0, "followers": 0},
}


@pytest.mark.parametrize("width", [36, 40, 60, 80, 100, 160])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_line_is_longer_than_the_screen(shape: str, width: int) -> None:
    """And none longer than a page is wide; the score, each kind's points and the days to come are there at any width."""
    found = explained(**SHAPES[shape])
    accounts = [Account("t:ann" + "n" * 90, 61.5, "rank 3 of 20 on t"), Account("u:ann", 40.0)]
    lines = shown(found, width, "rank 12 of 2,000, above 99.3 % of all", accounts if found.accounts else ())
    assert max(map(cell_len, lines)) <= min(width, WIDEST)
    text = "\n".join(lines)
    assert f"{found.score:.2f}" in text
    assert all(re.search(rf"^  {kind} +\+\d", text, re.MULTILINE) for kind in found.one_more.average.points)
    assert all(f"{later.score:.2f}" in text for later in found.outlook.later)


def test_sections_and_what_they_say() -> None:
    """Each has its heading, in order; those that have nothing to say have none."""
    lines = shown(explained(CLOSES), place="rank 12 of 2,000")
    assert titles(lines) == [SECTIONS[0], *SECTIONS[2:]]
    text = "\n".join(lines)
    for said in (
        "t:ann",
        "▼ 0.50 since the last daily close",
        "sure: 61 engagements by about 50 people, confidence 91%",
        "rank 12 of 2,000",
        "model clout-1, as of 2026-01-01T00:00:00Z",
        "lowest 22.50 on 2025-12-12, highest 81.25 on 2025-12-20",
        "41.00 on 2025-12-01, 70.00 on 2025-12-30",
        "who scores 40, with 0.46 own actions lately",
        "who scores 40, without own actions lately",
    ):
        assert said in text, said
    assert titles(shown(explained())) == [SECTIONS[0], *SECTIONS[3:]]
    assert "of 2025-12-01, the first one" in "\n".join(shown(explained({"2025-12-01": 41.0})))


def test_bars_are_as_long_as_their_points() -> None:
    """The most first, with the longest bar; a third of the points, a third of the bar. What gave nothing has none."""
    lines = shown(explained(followers=0, acted=0.0))
    start = lines.index(SECTIONS[0])
    (name, points, first), (other, less, second) = (line.split() for line in lines[start + 1 : start + 3])
    assert (name, other) == ("retweets", "likes")
    assert float(points) == pytest.approx(3 * float(less), abs=0.02)
    assert len(first) == pytest.approx(3 * len(second), abs=2)
    assert not any(line.startswith(("  reach", "  participation")) for line in lines)


def test_large_digits_only_where_somebody_looks() -> None:
    """On a screen with room; a pipe and a narrow screen have the number alone."""
    found = explained()
    assert "█" in shown(found)[0]
    assert (
        shown(found, 30)[0].split() == shown(found, 1_000, screen=False)[0].split() == ["t:ann", f"{found.score:.2f}"]
    )


def test_a_pipe_gets_names_in_full() -> None:
    """Whatever the width of a page; nothing else is wider, and no line ends with blanks."""
    user = "mastodon:" + "x" * 250
    lines = shown(explained(user=user), 1_000_000, screen=False)
    assert user in lines[0]
    assert max(map(len, lines[1:])) <= WIDEST
    assert all(line == line.rstrip() for line in lines[:8])


def test_a_person_has_networks_and_accounts() -> None:
    """The networks as bars; the accounts, the highest first, with their places."""
    parts = record()["parts"] | {"networks": {"t": 3.0, "u": 1.0}}
    found = explained(user="person:ann", accounts=["t:ann", "u:ann"], parts=parts)
    lines = shown(found, accounts=[Account("u:ann", 40.0), Account("t:ann", 61.5, "rank 3 of 20 on t")])
    start = lines.index(SECTIONS[1])
    t, u, first, second = (line.split() for line in lines[start + 1 : start + 5])
    assert (t[0], u[0], first, second) == (
        "t",
        "u",
        ["t:ann", "61.50", "rank", "3", "of", "20", "on", "t"],
        ["u:ann", "40.00"],
    )
    assert float(t[1]) == pytest.approx(3 * float(u[1]), abs=0.02)


def test_who_has_nothing_reads_well() -> None:
    """Nobody engaged yet; below the floor; nothing at all. No multiple of ten is crossed."""
    some = "\n".join(
        shown(explained(quarter=0.0, actors=0, actors_error=0.0, engagements=0, followers=0, provisional=True))
    )
    assert "provisional: nobody has engaged yet" in some
    assert re.search(r"participation +5\.\d\d", some)
    assert "below" not in some.partition(SECTIONS[4])[2]
    none = "\n".join(shown(explained(quarter=0.0, followers=0, acted=0.0)))
    assert "nothing that still counts; nobody is shown below 1" in none
    later = explained(quarter=0.0, followers=0, now_ms=NOW_MS + 110 * DAY_MS)
    assert later.floored
    assert "less than a point all together" in "\n".join(shown(later))


def test_from_90_on_there_is_no_next_ten() -> None:
    """Small points have as many digits as they need to say something."""
    lines = shown(explained(quarter=9_000.0))
    assert not any(" for 100" in line or "away" in line for line in lines)
    like = next(line for line in lines if line.startswith("  like "))
    assert re.fullmatch(r"  like +\+0\.0+[1-9]\d +\+0\.0+[1-9]\d", like)


def test_crossings_are_told_in_words() -> None:
    """A date and how long it is until then, in a unit that fits; the first that is not crossed ends the list."""
    found = explained(quarter=40.0, followers=1_000_000)
    said = [line.strip() for line in shown(found) if "below" in line]
    dates = [one for one in found.outlook.below if one.at is not None]
    assert len(said) == len(dates) + 1 <= len(found.outlook.below)
    assert all(
        re.fullmatch(r"below \d0 on \d{4}-\d\d-\d\d, in [\d.]+ (minutes|hours|days|years)", one) for one in said[:-1]
    )
    assert said[-1] == f"not below {found.outlook.below[len(dates)].score} within 10 years"


def test_offline(clout: Ask, events: Ask, event: Ask) -> None:
    """The page, or with --json one explanation, of the same fold; without a history."""
    file = events(*(event(kind, "ann", "bob") for kind in ("like", "share")))
    page = clout("offline", file, "--explain", "t:bob")
    assert page.exit_code == 0
    assert titles(page.stdout.splitlines()) == [SECTIONS[0], *SECTIONS[3:]]
    found = msgspec.json.decode(clout("offline", file, "--explain", "t:bob", "--json").stdout, type=Explanation)
    first = orjson.loads(clout("offline", file, "--json", "--top", "1").stdout)
    assert (found.user, found.score, found.as_of, found.history) == ("t:bob", pytest.approx(first["score"]), NOW_MS, [])
    later = clout("offline", file, "--explain", "t:bob", "--json", "--as-of", str(NOW_MS + 7 * DAY_MS))
    assert orjson.loads(later.stdout)["score"] == pytest.approx(found.outlook.later[1].score, abs=1e-6)


def test_offline_persons(clout: Ask, events: Ask, event: Ask, tmp_path: Path) -> None:
    """A person has accounts with their scores; an account says whose it is."""
    file, controls = events(event("like", "ann", "bob")), tmp_path / "controls"
    controls.write_bytes(orjson.dumps({"type": "link", "user": "t:bob", "person": "bob", "ts": NOW_MS - 1}))
    person = clout("offline", file, "--controls", str(controls), "--explain", "person:bob").stdout
    assert SECTIONS[1] in person
    assert re.search(r"t:bob +\d\d\.\d\d", person)
    account = clout("offline", file, "--controls", str(controls), "--explain", "t:bob").stdout
    assert "account of person:bob" in account


def test_offline_unknown_users(clout: Ask, events: Ask, event: Ask) -> None:
    """Exit code 1, and names like it; --explain is about one user."""
    file = events(event("like", "ann", "alexandra"))
    done = clout("offline", file, "--explain", "t:alexandrea")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "unknown user t:alexandrea; did you mean t:alexandra?" in done.stderr
    none = clout("offline", file, "--explain", "zoe")
    assert (none.exit_code, "users are named network:id" in none.stderr) == (1, True)
    for words in (["--top", "3"], ["--out", "-"]):
        assert clout("offline", file, "--explain", "t:ann", *words).exit_code == 2


def test_a_terminal_that_is_no_utf_8(events: Ask, event: Ask) -> None:
    """Bars are ASCII, and nothing is escaped but names."""
    seen = in_process(C_LOCALE, "offline", events(event("like", "ann", "bob")), "--explain", "t:bob")
    assert (seen.returncode, seen.stderr.count(b"Traceback")) == (0, 0), seen.stderr
    assert b"====" in seen.stdout
    assert b"\\u" not in seen.stdout
