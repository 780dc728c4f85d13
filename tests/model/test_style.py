"""Style: the balance of an axis, the cells of the matrix, hand-made users, and how the styles of real people are shared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import KINDS
from streams.fold.rows import ACTIONS, ENGAGEMENTS
from streams.model.standing import Label, Style
from streams.model.style import LABELS, balance, days_there, label, standings, style_of, traits
from streams.model.table import Table
from streams.model.users import Slots
from streams.model.versions import DAY_MS, DEFAULT
from streams.offline import Core, fold
from streams.sources import open_source
from streams.sources.record import Produced, produced
from tests.servers import ROOT

NOW_MS = 1_767_225_600_000  # a midnight
README = ROOT / "streams" / "README.md"
AMOUNTS = st.floats(0, 1e9)
Event = tuple[str, str, str]  # kind, actor, target


def folded(events: Sequence[Event], apart_ms: int = 1000) -> Table:
    """These, one after another."""
    made = [
        {"type": kind, "network": "t", "actor": actor, "target": target, "ts": NOW_MS + n * apart_ms, "id": f"e{n}"}
        for n, (kind, actor, target) in enumerate(events)
    ]
    return fold(map(produced, made), DEFAULT, newest_ms=2**45)


def day_by_day(events: Sequence[Event], apart_ms: int) -> Table:
    """The same, each before the next one is known of."""
    table, core = Table(DEFAULT), Core()
    for n, (kind, actor, target) in enumerate(events):
        made = {"network": "t", "actor": actor, "target": target, "ts": NOW_MS + n * apart_ms, "id": f"e{n}"}
        core.fold(table, [orjson.dumps(made)], [KINDS.index(kind)], 2**45)
    return table


def of(user: str, events: Sequence[Event], apart_ms: int = 1000) -> Style:
    """The style of one of them."""
    table = folded(events, apart_ms)
    [found] = standings(table, np.array([table.slot(f"t:{user}")]), table.clock)
    assert isinstance(found.style, Style)
    return found.style


@given(AMOUNTS, AMOUNTS, st.floats(0, 1e9), st.floats(0.01, 0.99))
def test_a_balance(first: float, second: float, more: float, middle: float) -> None:
    """From -1 to 1; more of the second moves it to the second."""
    assert -1.0 <= balance(first, second, middle) <= balance(first, second + more, middle) + 1e-9 <= 1.0 + 2e-9


def test_a_balance_at_its_limits() -> None:
    """All of one, neither, and the middle."""
    assert [balance(*both, 0.2) for both in ((3.0, 0.0), (0.0, 3.0), (0.0, 0.0))] == [-1.0, 1.0, 0.0]
    assert balance(8.0, 2.0, 0.2) == pytest.approx(0.0)


def test_the_matrix() -> None:
    """Sixteen cells, each for one combination of sides; on the middle an axis is on its first side."""
    sides = (-1.0, 1.0)
    cells = [label(*(a, b, c, d)) for d in sides[::-1] for b in sides for a in sides for c in sides]
    assert tuple(cells) == LABELS
    assert len(set(LABELS)) == 16
    assert label(0.0, 0.0, 0.0, 0.0) == "dabbler"


FANS: list[Event] = [("retweet", f"fan{n}", "ann") for n in range(40)]
HAND_MADE: dict[str, tuple[Label, list[Event], int]] = {
    "everybody retweets her, in a week": ("networker", FANS, DAY_MS // 6),
    "everybody retweets her, in an hour": ("socializer", FANS, 1000),
    "everybody mentions her, in a week": ("celebrity", [("mention", f"fan{n}", "ann") for n in range(40)], DAY_MS // 6),
    "two comment on what she does": ("thought leader", [("reply", f"fan{n % 2}", "ann") for n in range(40)], 1000),
    "two comment day by day": ("pundit", [("reply", f"fan{n % 2}", "ann") for n in range(40)], DAY_MS // 6),
    "she passes on what many say": ("dabbler", [("share", "ann", f"u{n}") for n in range(30)], 1000),
    "she passes on the same, day by day": ("explorer", [("share", "ann", f"u{n % 2}") for n in range(40)], DAY_MS // 6),
    "she answers many, day by day": ("broadcaster", [("reply", "ann", f"u{n}") for n in range(40)], DAY_MS // 6),
    "she answers two": ("syndicator", [("reply", "ann", f"u{n % 2}") for n in range(30)], 1000),
}


@pytest.mark.parametrize("who", HAND_MADE)
def test_hand_made_users(who: str) -> None:
    """Habits that are plain have the style that is."""
    wanted, events, apart_ms = HAND_MADE[who]
    assert of("ann", events, apart_ms).label == wanted


def test_axes_at_their_limits() -> None:
    """Who only gets is all creating, who only gives all sharing; likes are all listening, replies all participating."""
    got, did = of("ann", FANS), of("ann", [("reply", "ann", "bob")] * 20)
    assert (got.sharing_creating, got.broad_focused, got.listening_participating, got.events) == (1.0, -1.0, -1.0, 40)
    assert (did.sharing_creating, did.listening_participating, did.events) == (-1.0, 1.0, 20)
    assert did.broad_focused > 0.9  # of 16 that are remembered one is the first


def test_too_little_to_tell() -> None:
    """Below 20 events; those with oneself, and undone ones, tell nothing."""
    assert (of("ann", FANS[:19]).label, of("ann", FANS[:20]).label) == (None, "socializer")
    alone = of("ann", [("reply", "ann", "ann")] * 30)
    assert (alone.label, alone.events) == (None, 0)


@pytest.mark.parametrize("seldom", [1, 2, 3])
def test_days_there(seldom: int) -> None:
    """Of the last eight, whatever is done or got, and however the days were closed."""
    days = range(0, 12, seldom)
    events: list[Event] = [("like", "ann", "bob") if n % 2 else ("like", "cay", "ann") for n in days]
    table = day_by_day(events, seldom * DAY_MS)
    slot, last = table.slot("t:ann"), (len(events) - 1) * seldom
    for later in range(12):
        table.days.begin(NOW_MS + (last + later) * DAY_MS)
        there = sum(last + later - 8 < day <= last + later for day in days)
        assert days_there(table, slot, ()) == traits(table, slot).days == there, later


def test_a_day_is_a_day_without_a_line() -> None:
    """Who came on one day only, until it is eight days ago; who never came has none."""
    table = folded([("like", "ann", "bob")])
    for later, there in ((0, 1), (7, 1), (8, 0)):
        table.days.begin(NOW_MS + later * DAY_MS)
        assert [traits(table, table.slot(f"t:{user}")).days for user in ("ann", "bob", "new")] == [there, there, 0]


def test_persons_have_none() -> None:
    """Their accounts remember what these did."""
    table = Table(DEFAULT)
    assert not style_of(table, table.slot("person:ann"))
    assert style_of(table, table.slot("personal:ann"))


def test_traits_of_all_are_told_from_what_is_remembered() -> None:
    """16 of each kind are; the shares of these hold for all."""
    events: list[Event] = [("reply", "ann", f"u{n % 8}") for n in range(64)]
    table = folded([*events, *FANS, *FANS[:10]])
    found = traits(table, table.slot("t:ann"))
    assert dict(zip(KINDS, found.given.tolist(), strict=True))["reply"] == pytest.approx(64)
    assert (found.targets, found.people) == (pytest.approx(32), pytest.approx(40, rel=0.2))
    assert dict(zip(KINDS, found.got.tolist(), strict=True))["retweet"] == pytest.approx(50)


SETS = {
    "higgs": ("higgs", ["higgs/higgs-activity_time.txt.gz"], 4057),
    "gharchive": ("gharchive", ["gharchive/min-2015-02-22-21.json.gz", "gharchive/min-2015-02-22-22.json.gz"], 55),
}


def real(shared_data: Path, name: str) -> Table:
    """One of these sets, folded."""
    format, names, _ = SETS[name]

    def read() -> Iterator[Produced]:
        for one in names:
            with open_source(str(shared_data / one), format) as source:
                yield from source

    return fold(read(), DEFAULT, newest_ms=2**45)


def busy(table: Table) -> Slots:
    """Who has 20 events or more."""
    rows = table.cells[: len(table)]
    return np.flatnonzero(rows[:, ACTIONS] + rows[:, ENGAGEMENTS] >= 20)


@pytest.mark.parametrize("name", SETS)
def test_no_style_has_more_than_a_quarter_of_real_users(shared_data: Path, name: str) -> None:
    """Of those with 20 events or more, at the end of the data; and several are not rare."""
    table, many = real(shared_data, name), SETS[name][2]
    some = busy(table)
    found = [one.style for one in standings(table, some, table.clock)]
    labels = Counter(one.label for one in found if one)
    assert len(some) == many
    assert max(number for style, number in labels.items() if style) <= 0.25 * many
    assert sum(number >= 0.1 * many for style, number in labels.items() if style) >= 3
    place, text = list(SETS).index(name), README.read_text()
    for style in (*LABELS, None):
        told = re.search(rf"{style or 'The rest,'} (\d+\.\d) / (\d+\.\d)", text)
        assert told, style
        assert told[1 + place] == f"{100 * labels[style] / many:.1f}", style


def test_the_parts_of_real_users_are_spread(shared_data: Path) -> None:
    """Over the range: the deciles are those of the table in the docs."""
    table = real(shared_data, "higgs")
    found = standings(table, busy(table), table.clock)
    for name in ("authority", "audience", "activity"):
        deciles = np.quantile([getattr(one, name) for one in found], np.linspace(0.1, 1.0, 10)).round().astype(int)
        assert f"| {name} | {' | '.join(map(str, deciles))} |" in README.read_text()
