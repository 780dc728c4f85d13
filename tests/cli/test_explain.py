"""The page of an explanation, on screens of any width, and `clout offline --explain`."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec
import orjson
import pytest
from msgspec import UNSET, UnsetType
from rich.cells import cell_len
from rich.console import Console

from agents.cli.explain_influence import _ordinal
from agents.cli.explain_page import WIDEST, Page
from agents.cli.places import Account
from streams.model.explain import Past, explain
from streams.model.explained import Cause, Close, Entry, Explanation, Ledger, LedgerDay
from streams.model.influential import Friend, Influence, Moment, TopicShare
from streams.model.score import at
from streams.model.standing import LEVELS, Place, Places, Style
from streams.model.versions import DAY_MS, DEFAULT
from tests.cli.conftest import NOW_MS
from tests.cli.test_output import C_LOCALE, in_process

Ask = Callable[..., Any]
SECTIONS = [
    "What it is made of",
    "Where it comes from",
    "What moved it",
    "History",
    "What one more would give",
    "If nothing happens",
]
STAND = "Where you stand"
KNOWN = ["What it is for", "Who moves whom", "Best moments"]
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


def explained(
    closes: dict[str, float] | None = None,
    now_ms: int = NOW_MS,
    closed_ms: int = NOW_MS - 6 * 3_600_000,
    ledger: Mapping[str, Mapping[str, float]] | None = None,
    places: Places | UnsetType = UNSET,
    influence: Influence | None = None,
    **more: Any,
) -> Explanation:
    """Of such a record."""
    history = [Close(date=date, score=close, model=DEFAULT.name) for date, close in sorted((closes or {}).items())]
    return explain(record(**more), DEFAULT, now_ms, Past(closed_ms, history, ledger or {}), places, influence)


def styled(style: Style) -> Influence:
    """Somebody of whom the style is all that is known."""
    return Influence(
        user="t:ann",
        as_of=NOW_MS,
        got=0.0,
        gave=0.0,
        topics=[],
        influencees=[],
        influencers=[],
        moments=[],
        style=style,
    )


def entries(points: dict[Cause, float]) -> list[Entry]:
    """So many points each."""
    return [Entry(cause=cause, mass=each / 2, points=each) for cause, each in points.items()]


def moved(points: dict[Cause, float], days: Mapping[str, dict[Cause, float]] | None = None) -> Explanation:
    """A score of 40 at the last close, and what moved it since; each of the days closed with 40, too."""
    total = sum(points.values())
    return msgspec.structs.replace(
        explained(),
        score=40.0 + total,
        ledger=Ledger(at=NOW_MS, score=40.0, points=total, entries=entries(points), networks={}),
        days=[
            LedgerDay(date=date, score=40.0, points=sum(each.values()), entries=entries(each))
            for date, each in (days or {}).items()
        ],
    )


def section(lines: list[str], title: str) -> list[str]:
    """What stands below a heading."""
    below = lines[lines.index(title) + 1 :]
    return below[: below.index("")]


def shown(found: Explanation, width: int = 100, accounts: Iterable[Account] = (), *, screen: bool = True) -> list[str]:
    """The lines of the page, without colours."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=screen, markup=False, highlight=False, color_system=None)
    console.print(Page(found, tuple(accounts)))
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()


def titles(lines: list[str]) -> list[str]:
    """The headings, in their order."""
    return [line for line in lines if line in {STAND, *SECTIONS, *KNOWN}]


GIVEN: dict[str, float] = {
    "from": 9.0,
    "to": 12.0,
    "retweet": 2.0,
    "mention": 1.5,
    "participation": 0.5,
    "reversed": -0.4,
}
SINCE = {"at": NOW_MS, "mass": 15.0, "kinds": {"like": [0.5, 0.6, 0.7]}, "reversed": [-0.1, -0.1, -0.1], "acted": 0.5}
PLACES = Places(overall=Place(rank=12, of=2_000), percentile=99.34, network=Place(rank=3, of=120))
STYLE = Style(
    label="celebrity",
    sharing_creating=1.0,
    broad_focused=-1.0,
    casual_consistent=0.5,
    listening_participating=0.0,
    events=1234,
)
_SEEN = {"people": 12, "first": NOW_MS - 86_400_000, "last": NOW_MS}
INFLUENCE = Influence(
    user="t:ann",
    as_of=NOW_MS,
    got=40.0,
    gave=2.0,
    topics=[
        TopicShare(topic="jazz", share=0.5, error=0.0, **_SEEN),
        TopicShare(topic="\u65e5\u672c", share=0.25, error=0.01, **_SEEN | {"people": 240}),
    ],
    influencees=[Friend(user=f"t:fan{n}", share=0.2 - n / 50) for n in range(8)],
    influencers=[Friend(user="t:" + "star" * 40, share=0.75), Friend(user="t:bob", share=0.25)],
    moments=[
        Moment(object="https://example.org/post/1", share=0.4, error=0.0, kinds={"like": 12, "reply": 2}, **_SEEN),
        Moment(object="x" * 256, share=0.1, error=0.05, kinds={"retweet": 1}, **_SEEN | {"people": 1}),
    ],
    style=STYLE,
)
SHAPES: dict[str, dict[str, Any]] = {
    "known for": {"influence": INFLUENCE},
    "moved": {"since": SINCE, "closed_ms": NOW_MS, "ledger": {f"2025-12-{day}": GIVEN for day in range(20, 32)}},
    "known": {"closes": CLOSES},
    "long": {"user": "mastodon:" + "x" * 250, "closes": CLOSES},
    "wide": {"user": "weibo:" + "漢字仮名" * 30, "places": PLACES},
    "styled": {"places": PLACES, "influence": styled(STYLE)},
    "hardly": {"influence": styled(msgspec.structs.replace(STYLE, label=None, events=19))},
    "person": {"user": "person:ann", "accounts": ["t:ann", "u:ann"], "closes": CLOSES},
    "high": {"quarter": 90_000.0},
    "facts": {"facts": {"seniority": {"mass": 0.2, "date": NOW_MS}, "f" * 32: {"mass": 0.1, "date": NOW_MS}}},
    "nothing": {"quarter": 0.0, "acted": 0.0, "followers": 0},
}


@pytest.mark.parametrize("width", [36, 40, 60, 80, 100, 120, 160])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_line_is_longer_than_the_screen(shape: str, width: int) -> None:
    """And none longer than a page is wide; the score, each kind's points and the days to come are there at any width."""
    found = explained(**SHAPES[shape])
    accounts = [Account("t:ann" + "n" * 90, 61.5, "rank 3 of 20 on t"), Account("u:ann", 40.0)]
    lines = shown(found, width, accounts if found.accounts else ())
    assert max(map(cell_len, lines)) <= min(width, WIDEST)
    text = "\n".join(lines)
    assert f"{found.score:.2f}" in text
    assert all(re.search(rf"^  {kind} +\+\d", text, re.MULTILINE) for kind in found.one_more.average.points)
    assert all(f"{later.score:.2f}" in text for later in found.outlook.later)


def test_sections_and_what_they_say() -> None:
    """Each has its heading, in order; those that have nothing to say have none."""
    lines = shown(explained(CLOSES, places=PLACES))
    assert titles(lines) == [STAND, SECTIONS[0], *SECTIONS[2:]]
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
    assert titles(shown(explained())) == [STAND, SECTIONS[0], SECTIONS[2], *SECTIONS[4:]]
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


def test_what_moved_it() -> None:
    """A line an entry, in their order: gains to the right of an axis, losses to its left, on one scale; then the sum."""
    found = moved({"like": 1.2, "reversed": -0.6, "decay": -0.32, "reach": 0.15, "facts": -0.004})
    began, *lines, total, why = section(shown(found), SECTIONS[2])
    assert began == "  since the close at 2026-01-01T00:00:00Z, 40.00 then"
    assert total == "  +0.43 in all, 40.00 to 40.43"
    assert why == "  silence: what came earlier counts for less as time goes by"
    assert [line.split("  ")[1] for line in lines] == ["likes", "taken back", "silence", "reach"]
    assert [float(number) for line in lines for number in re.findall(r"[+-]\d+\.\d\d", line)] == [
        1.2,
        -0.6,
        -0.32,
        0.15,
    ]
    assert len({line.index("│") for line in lines}) == 1
    lost, gained = zip(*(map(str.strip, line[line.index(".") + 3 :].split("│")) for line in lines), strict=True)
    assert [bool(one) for one in lost] == [False, True, True, False] == [not one for one in gained]
    for bars, part in ((gained[0], 1.0), (lost[1], 0.5), (lost[2], 0.27), (gained[3], 0.125)):
        assert len(bars) == pytest.approx(part * len(gained[0]), abs=1)
    assert lost[2] == "╺" + "━" * 10


def test_closed_days_are_told_in_a_line() -> None:
    """The newest first: points, the close, and its largest entries, three at most; on a narrow screen these go below."""
    days: dict[str, dict[Cause, float]] = {
        "2025-12-29": {"participation": 1.2, "reversed": -0.9, "retweet": 0.8, "like": 0.6},
        "2025-12-30": {"decay": -0.004, "like": 0.003},
        "2025-12-31": {"facts": -1.0},
    }
    broad = section(shown(moved({"decay": -0.1}, days)), SECTIONS[2])
    assert [line.split(maxsplit=3) for line in broad[-4:-1]] == [
        ["2025-12-31", "-1.00", "40.00", "facts -1.00"],
        ["2025-12-30", "+0.00", "40.00", "nothing that shows"],
        ["2025-12-29", "+1.70", "40.00", "participation +1.20, taken back -0.90, retweets +0.80"],
    ]
    narrow = section(shown(moved({"like": 0.1}, days), 40), SECTIONS[2])
    assert [line.split() for line in narrow[-6::2]] == [line.split()[:3] for line in broad[-4:-1]]
    assert narrow[-5::2] == ["    facts -1.00", "    nothing that shows", "    participation +1.20"]
    assert not any("silence" in line for line in narrow)


def test_who_began_today_began_with_1() -> None:
    """So all of the score moved it."""
    found = explained(delta={"day": None})
    began, *lines, total = section(shown(found), SECTIONS[2])
    assert began == "  begun today, everybody begins with 1"
    assert [line.split()[0] for line in lines] == ["retweets", "likes", "reach"]
    assert total == f"  +{found.score - 1:.2f} in all, 1.00 to {found.score:.2f}"


def test_nothing_moved_it() -> None:
    """What is too little to be seen is said in words; without anything there is no section."""
    assert section(shown(moved({"decay": -0.002})), SECTIONS[2])[1:] == ["  nothing that shows"]
    assert SECTIONS[2] not in shown(moved({}))
    assert SECTIONS[2] in shown(moved({}, {"2025-12-31": {"like": 1.0}}))


def test_a_person_gained_by_network() -> None:
    """The largest first; an account has one network, which is not told."""
    found = moved({"like": 3.0})
    ledger = msgspec.structs.replace(found.ledger, networks={"mastodon": 1.0, "bluesky": 2.0, "github": 0.001})
    person = msgspec.structs.replace(found, ledger=ledger, accounts=["bluesky:ann", "mastodon:ann"])
    assert "  by network: bluesky +2.00, mastodon +1.00" in shown(person)
    assert not any("by network" in line for line in shown(msgspec.structs.replace(found, ledger=ledger)))


@pytest.mark.parametrize("width", [40, 100])
def test_every_cause_fits_in_ascii(width: int) -> None:
    """However large: labels and points are in columns, and nothing is escaped or too wide."""
    every = {cause: -1200.25 if number % 2 else 1234.5 for number, cause in enumerate(get_args(Cause))}
    raw = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(file=raw, width=width, color_system=None).print(Page(moved(every, {"2025-12-31": every})))
    raw.seek(0)
    lines = section(raw.read().splitlines(), SECTIONS[2])
    assert max(map(len, lines)) <= width
    told = [line for line in lines if re.match(r"  [a-z ]+  +[+-]1,2\d\d\.\d\d", line)]
    assert len(told) == len(every)
    assert len({line.index(".") for line in told}) == 1
    assert {end: sum(end in line for line in told) for end in ("=|", "|=")} == {"=|": 6, "|=": 7}


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
    assert "below" not in some.partition(SECTIONS[5])[2]
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
    assert titles(page.stdout.splitlines()) == [STAND, SECTIONS[0], KNOWN[1], SECTIONS[2], *SECTIONS[4:]]
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
    assert "  rank 1 of 2, above 0.0 %" in person  # with ann; the account is not counted
    account = clout("offline", file, "--controls", str(controls), "--explain", "t:bob").stdout
    assert "  account of person:bob, rank 1 of 2 on t\n" in account


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


GOLDEN = """\
  between 60 and 70
  rank 12 of 2,000, above 99.3 % of those engaged with in 90 days
  rank 3 of 120 on t
  authority       19.03  ━━━━━━━━━━╸
  audience        61.26  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╸
  activity        24.03  ━━━━━━━━━━━━━
  outreach       level 2, 3 from 7 own actions on
  style          celebrity, by 1,234 events: habits, no judgement
    sharing  ────────────────────────────────────────●  creating
      broad  ●────────────────────────────────────────  focused
     casual  ──────────────────────────────●──────────  consistent
  listening  ────────────────────●────────────────────  participating
  of 100 each: what a person's engagement weighs, people, own actions lately"""


def test_where_one_stands() -> None:
    """The decade and the ranks, bars of 100, the level with the next one, the style with a mark on each axis."""
    assert section(shown(explained(places=PLACES, influence=styled(STYLE)), 80), STAND) == GOLDEN.splitlines()


def test_as_far_as_it_is_known() -> None:
    """A record alone has no ranks and no style; few events have no label; the highest level has no next one."""
    alone = section(shown(explained()), STAND)
    assert [line.split()[0] for line in alone] == ["between", "authority", "audience", "activity", "outreach", "of"]
    few = section(shown(explained(**SHAPES["hardly"])), STAND)
    assert few[-2] == "  style          too little to tell, 19 events, 20 at least are needed"
    assert "  outreach       level 12" in section(shown(explained(actions=LEVELS[-1])), STAND)
    nobody = section(shown(explained(places=Places())), STAND)
    assert nobody[:2] == ["  between 60 and 70", "  no rank"]


def test_offline_ranks(clout: Ask, events: Ask, event: Ask) -> None:
    """Among all of the files: overall, of those who were engaged with, of the network; the style of who did and got little."""
    file = events(
        *(event(kind, "ann", who) for who in ("bob", "cay") for kind in ("like", "share")[: 1 + (who == "bob")])
    )
    found = {
        who: msgspec.json.decode(clout("offline", file, "--explain", f"t:{who}", "--json").stdout, type=Explanation)
        for who in ("ann", "bob", "cay")
    }
    assert [found[who].places.overall.rank for who in ("bob", "cay", "ann")] == [1, 2, 3]
    assert {who: one.places.percentile for who, one in found.items()} == {"ann": 0.0, "bob": 50.0, "cay": 0.0}
    assert {one.places.network for one in found.values()} == {Place(rank=rank, of=3) for rank in (1, 2, 3)}
    assert [(one.standing.style.label, one.standing.style.events) for one in found.values()] == [
        (None, 3),
        (None, 2),
        (None, 1),
    ]


def test_ranks_of_topics() -> None:
    """Behind the people of those that have one; the line stays as wide as the page."""
    ranks = {"jazz": 3, "else": 1}
    console = Console(file=io.StringIO(), width=80, color_system=None, force_terminal=True)
    console.print(Page(explained(influence=INFLUENCE), (), ranks))
    jazz, japan = section(console.file.getvalue().splitlines(), KNOWN[0])
    assert jazz.endswith("━  12 people, 3rd of its topic")
    assert len(jazz) <= 80
    assert "of its topic" not in japan
    ordinals = {
        1: "1st",
        2: "2nd",
        3: "3rd",
        4: "4th",
        11: "11th",
        12: "12th",
        21: "21st",
        113: "113th",
        1_002: "1,002nd",
    }
    assert {n: _ordinal(n) for n in ordinals} == ordinals


def test_topics_people_and_moments() -> None:
    """Points are shares of what engagement earns; names and what is not sure stand beside them; without lists there is none."""
    lines = shown(explained(influence=INFLUENCE), 80)
    assert titles(lines)[2:5] == KNOWN
    earned = sum(explained().parts.kinds.values())
    jazz, japan = section(lines, KNOWN[0])
    assert re.fullmatch(rf"  jazz +{earned / 2:.2f}  ━+  12 people", jazz)
    assert f"about 240 people, up to {earned / 100:.2f} not sure" in japan
    assert section(lines, KNOWN[1]) == [
        "  engage with them  t:fan0 20%, t:fan1 18%, t:fan2 16%, t:fan3 14%, t:fan4 12%,",
        "                    t:fan5 10%, t:fan6 8%, t:fan7 6%",
        "  they engage with  t:starstarstarstarstarstar…rstarstarstar 75%, t:bob 25%",
    ]
    first, by, second, alone = section(lines, KNOWN[2])
    assert first == f"  2025-12-31  {earned * 0.4:6.2f}  https://example.org/post/1"
    assert by.strip() == "12 likes, 2 replies by 12 people"
    assert second.startswith(f"  2025-12-31  {earned * 0.1:6.2f}  xxx")
    assert alone.strip() == "1 retweet by 1 person"
    assert not set(titles(shown(explained(), 80))) & set(KNOWN)
