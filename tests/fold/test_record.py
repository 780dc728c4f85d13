"""Score records as kernels write them, beside a plain statement of the same."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.events import KINDS
from streams.fold import digits
from streams.fold.rows import ACTED, ACTIONS, ACTORS, DID_TS, ENGAGEMENTS, FOLLOWERS, GOT_TS, LEDGER_DAYS, SUMS, WIDTH
from streams.fold.since import ACTED_SINCE, CLOSE, FACTS_THEN, FOLLOWERS_SINCE, GAINED, LINKED, REVERSED
from streams.fold.words import padded
from streams.model import score
from streams.model.closes import known
from streams.model.records import Rows, scored
from streams.model.table import Table
from streams.model.versions import DAY_MS, DEFAULT, PLAIN, Model
from tests.model.closed import close_at

NOW_MS = 1_767_225_600_000
LONGEST = "n" * 64 + ":" + "é" * 128
NAMES = [
    "net:ann",
    'net:"quoted"',
    "net:back\\slash\\\\",
    "世界:用户",
    "net:a:b",
    LONGEST,
    'q"t:' + '"\\' * 128,
    "net: ",
]

_out = np.zeros(4_096, np.uint8)


def written(kernel: Any, value: Any) -> str:
    return _out[: kernel(_out, 0, value)].tobytes().decode()


def closed(table: Table, slot: int, back: int) -> float | None:
    """The close so many days before the last one; all lines of these tests have one close."""
    days, moment_ms = table.days, table.days.closed_ms - back * DAY_MS
    line, newest_ms = int(days.lines(np.array([slot]))[0]), table.cells[slot, [DID_TS, GOT_TS]].max()
    if line and days.today - back <= days.arrays.day[line]:
        known = days.today - back == days.arrays.day[line]
        return max(float(score.hill(days.arrays.since[line, CLOSE], table.model)), 1.0) if known else None
    there = 0 < newest_ms < moment_ms
    found: float | None = plain(table, slot, moment_ms, 0, closes=False)["score"] if there else None
    return found


def plain(table: Table, slot: int, now_ms: int, version: int, *, closes: bool = True) -> dict[str, Any]:
    """A record as its fields are defined, nothing rounded."""
    model, row = table.model, table.cells[slot].tolist()
    decays = table.decays(now_ms).tolist()
    sums = [[row[SUMS + 3 * kind + window] * decays[window] for window in range(3)] for kind in range(len(KINDS))]
    windows = [max(sum(kind[window] for kind in sums), 0.0) for window in range(3)]
    acted = max(row[ACTED] * decays[1], 0.0)
    engagement = sum(w * m for w, m in zip(windows, model.mixture, strict=True))
    reach, participation = float(score.reach(row[FOLLOWERS], model)), float(score.participation(acted, model))
    mass = engagement + reach + participation
    unfloored = float(score.hill(mass, model))
    point = unfloored / mass if mass else 0.0
    of_kinds = [max(sum(w * m for w, m in zip(kind, model.mixture, strict=True)), 0.0) for kind in sums]
    gave = {k: v / sum(of_kinds) * engagement * point for k, v in zip(KINDS, of_kinds, strict=True) if v}
    user, actors = table.users[slot], max(row[ACTORS], 0.0)
    return {
        "user": user,
        "score": max(unfloored, 1.0),
        "as_of": now_ms,
        "model": model.name,
        "version": version,
        "event_ts": int(max(row[DID_TS], row[GOT_TS])),
        "engagements": int(row[ENGAGEMENTS]),
        "actors": int(actors),
        "actors_error": 0.065 if actors > 16 else 0.0,
        "actions": int(row[ACTIONS]),
        "windows": dict(zip(score.WINDOWS, windows, strict=True)),
        "followers": int(row[FOLLOWERS]),
        "acted": acted,
        "floored": unfloored < 1.0,
        "parts": {
            "kinds": gave,
            "networks": {user.partition(":")[0]: engagement * point} if engagement else {},
            "reach": reach * point,
            "participation": participation * point,
        },
        "delta": (hour(table, slot, now_ms) if closes else {})
        | {
            name: close and max(unfloored, 1.0) - close
            for name, back in ({"day": 0, "week": 6, "month": 29} if closes else {}).items()
            if (close := closed(table, slot, back)) or name == "day"
        },
        "confidence": actors / (actors + model.confident_actors),
        "provisional": actors < model.confident_actors,
        **(since(table, slot, decays) if closes else {}),
    }


def since(table: Table, slot: int, decays: list[float]) -> dict[str, Any]:
    """What has come since the last close, nothing rounded."""
    arrays, days = table.days.arrays, table.days
    line = int(days.lines(np.array([slot]))[0])
    if not line or arrays.day[line] <= days.today - LEDGER_DAYS:
        return {}
    there = arrays.since[line].tolist()
    at = days.closed_ms - (days.today - int(arrays.day[line])) * DAY_MS
    if not any(there[:CLOSE]) and not there[FACTS_THEN] and table.cells[slot, [DID_TS, GOT_TS]].max() < at:
        return {}
    by_kind = {kind: there[GAINED + 3 * n : GAINED + 3 * n + 3] for n, kind in enumerate(KINDS)} | {
        "reversed": there[REVERSED : REVERSED + 3],
        "links": there[LINKED : LINKED + 3],
    }
    sums = {
        kind: [x * decay for x, decay in zip(three, decays, strict=False)]
        for kind, three in by_kind.items()
        if any(three)
    }
    found = {
        "at": days.closed_ms - (days.today - int(arrays.day[line])) * DAY_MS,
        "mass": there[CLOSE],
        "kinds": {kind: sums[kind] for kind in KINDS if kind in sums},
    }
    more = {
        "acted": there[ACTED_SINCE] * decays[1],
        "followers": int(there[FOLLOWERS_SINCE]),
        "facts": there[FACTS_THEN],
    }
    return {
        "since": found
        | {name: sums[name] for name in ("reversed", "links") if name in sums}
        | {name: value for name, value in more.items() if value}
    }


def hour(table: Table, slot: int, now_ms: int) -> dict[str, float]:
    """The change since the third mark before the last, of somebody who was quiet since; else nobody of these tests knows."""
    row, mark_ms = table.cells[slot], now_ms // 1_200_000 * 1_200_000 - 3_600_000
    if not row[ACTIONS] + row[ENGAGEMENTS] > 0 or row[[DID_TS, GOT_TS]].max() // 1_200_000 * 1_200_000 >= mark_ms:
        return {}
    now, then = (plain(table, slot, at_ms, 0, closes=False)["score"] for at_ms in (now_ms, mark_ms))
    return {"hour": now - then}


def filled(model: Model, names: list[str], seed: int = 1) -> Table:
    """Rows of all sorts: nobody did anything, all kinds, one kind, tiny and huge sums, negative dust, closes."""
    random, table = np.random.default_rng(seed), Table(model)
    table.advance(NOW_MS - DAY_MS)
    slots = table.slots(names)
    rows = np.zeros((len(names), WIDTH))
    rows[:, SUMS:ENGAGEMENTS] = random.lognormal(0, 4, (len(names), 18)) * (random.random((len(names), 18)) < 0.5)
    rows[:, ACTED] = random.lognormal(0, 6, len(names))
    rows[:, [ACTIONS, ENGAGEMENTS, ACTORS]] = random.integers(0, 10**6, (len(names), 3))
    rows[:, FOLLOWERS] = random.integers(-2, 5_000, len(names))
    rows[:, DID_TS], rows[:, GOT_TS] = NOW_MS - random.integers(0, 2, len(names)), NOW_MS - 1
    rows[0] = 0
    rows[1:2, SUMS:ENGAGEMENTS], rows[1:2, ACTED] = 1e-200, 1e-300
    rows[2:3, SUMS:ENGAGEMENTS], rows[2:3, ACTED] = 1e200, 1e300
    rows[3:4, SUMS:ENGAGEMENTS] = -1e-12
    rows[4:5, SUMS:ENGAGEMENTS], rows[4:5, SUMS + 4] = 0, 3.5
    table.cells[slots] = rows
    close_at(table, slots[::2].tolist(), random.uniform(1, 99, len(slots[::2])).tolist(), NOW_MS)
    some = table.days.lines(slots[::4])
    come = random.lognormal(0, 4, (len(some), CLOSE)) * (random.random((len(some), CLOSE)) < 0.5)
    come[:, REVERSED : REVERSED + 3] *= -1
    come[:, FOLLOWERS_SINCE] = random.integers(-3, 4, len(some))
    table.days.arrays.since[some, :CLOSE] = come
    table.days.arrays.since[some[::2], FACTS_THEN] = 0.25
    return table


def close(found: Any, wanted: Any, path: str = "") -> None:
    """The same keys in the same order, the same types; points to eight decimals, windows to ten digits."""
    if isinstance(wanted, dict):
        assert list(found) == list(wanted), path
        for key in wanted:
            close(found[key], wanted[key], f"{path}.{key}")
    elif isinstance(wanted, list):
        for n, (one, other) in enumerate(zip(found, wanted, strict=True)):
            close(one, other, f"{path}.{n}")
    elif isinstance(wanted, float):
        assert type(found) is float, path
        exact = ".windows" in path or ".acted" in path or ".since" in path
        assert found == pytest.approx(wanted, rel=6e-10 if exact else 0, abs=1e-300 if exact else 1.1e-8), path
    else:
        assert (type(found), found) == (type(wanted), wanted), path


@pytest.mark.parametrize("model", [DEFAULT, PLAIN])
@pytest.mark.parametrize("days", [0, 1, 400])
def test_records_say_what_the_formula_says(model: Model, days: int) -> None:
    """Whatever the rows and names are, each record is the plain statement's JSON, rounded."""
    names = [*NAMES, *(f"net{n % 3}:{'x' * (n % 40)}{n}" for n in range(300))]
    table, now_ms = filled(model, names), NOW_MS + days * DAY_MS
    slots = np.random.default_rng(2).permutation(len(names))
    done = scored(table, slots, None, now_ms, (1 << 32) + 7)
    assert len(done.records) == len(names)
    for slot, points, record in zip(slots.tolist(), done.scores.tolist(), done.records, strict=True):
        wanted = plain(table, slot, now_ms, (1 << 32) + 7)
        close(json.loads(record), wanted)
        assert points == pytest.approx(wanted["score"], rel=1e-13)


def test_the_tables_own_rows_need_no_copy() -> None:
    """Copied rows and the table's give the same bytes; rows of an earlier moment are read with its decays."""
    table = filled(DEFAULT, NAMES)
    slots = np.array([5, 1, 7])
    copied = Rows(table.cells[slots], table.decays(NOW_MS), known(table, slots, NOW_MS))
    own = scored(table, slots, None, NOW_MS, 1)
    assert own.records == scored(table, slots, copied, NOW_MS, 1).records
    table.advance(NOW_MS + 500 * DAY_MS)
    assert table.decays(NOW_MS).tolist() != copied.decays.tolist()
    assert own.records == scored(table, slots, copied, NOW_MS, 1).records


def test_records_are_a_sequence_of_bytes() -> None:
    """Length, index, part, iteration: as a list of bytes; nobody is none."""
    table = filled(DEFAULT, NAMES)
    records = scored(table, np.arange(4), None, NOW_MS, 1).records
    everyone = list(records)
    assert [records[i] for i in range(4)] == everyone == records
    assert records[-1] == everyone[-1]
    assert list(records[1:3]) == everyone[1:3]
    assert list(scored(table, np.arange(0), None, NOW_MS, 1).records) == []


@settings(deadline=None)  # the first call compiles
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_ten_significant_digits(x: float) -> None:
    """Every number there is comes back within half a unit of the tenth digit, and as a number with a fraction."""
    text = written(digits.ten, x)
    read = json.loads(text)
    assert type(read) is float
    assert sum(c.isdigit() for c in text.partition("e")[0].lstrip("-0.")) in (0, 10)
    assert read == pytest.approx(x, rel=5.001e-10, abs=0) or math.isinf(read)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0.0"), (-0.0, "0.0"), (1.0, "1.000000000"), (-12.5, "-12.50000000"), (0.1, "0.1000000000"),
        (9.99999999999, "10.00000000"),
        (12345678.904, "12345678.90"), (123456789.04, "1.234567890e8"), (999999999.97, "1.000000000e9"),
        (0.0000123456789012, "0.00001234567890"), (1e-6, "1.000000000e-6"), (5e-324, "4.940656458e-324"),
        (1.7976931348623157e308, "1.797693135e308"), (math.nan, "null"), (math.inf, "null"),
    ],
)  # fmt: skip
def test_ten_significant_digits_by_example(x: float, text: str) -> None:
    """Plain where people can read it, else with an exponent; what is no number is null."""
    assert written(digits.ten, x) == text


@settings(deadline=None)  # the first call compiles
@given(st.floats(-1e9, 1e9))
def test_eight_decimals(x: float) -> None:
    """Within half a unit of the eighth decimal; no noughts behind, but the one that makes it a number with a fraction."""
    text = written(digits.fixed, x)
    decimals = text.partition(".")[2]
    assert decimals == "0" or (1 <= len(decimals) <= 8 and decimals[-1] != "0")
    assert json.loads(text) == pytest.approx(x, rel=1e-15, abs=5.001e-9)


@settings(deadline=None)  # the first call compiles
@given(st.integers(-(2**62), 2**62))
def test_whole_numbers(x: int) -> None:
    """As Python writes them."""
    assert written(digits.whole, x) == str(x)


@settings(deadline=None)  # the first call compiles
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_texts_are_json(text: str) -> None:
    """Any text comes back, control characters too, and is bounded by the text's own end."""
    raw = text.encode()
    end = digits.escaped(_out, 0, padded(b"xx" + raw + b'"\\more'), 2, 2 + len(raw))
    assert json.loads(b'"%b"' % _out[:end].tobytes()) == text
    assert end <= digits.MOST_ESCAPED * len(raw)


def test_a_record_fits_into_the_room_made_for_it() -> None:
    """The longest names with nothing but quotes and backslashes, the longest numbers: no byte behind the room is touched."""
    name = '"' * 64 + ":" + "\\" * 256
    table = filled(DEFAULT, [*NAMES, name])
    slot = table.users.get(name)
    assert slot is not None
    table.cells[slot, SUMS:ENGAGEMENTS] = 1.23456789e-200
    table.cells[slot, ACTED] = 1.23456789e-200
    close_at(table, [slot], [99.0], NOW_MS)
    table.cells[slot, [ACTIONS, ENGAGEMENTS, ACTORS, FOLLOWERS]] = -(2.0**62)
    slots = np.array([slot] * 50)
    records = scored(table, slots, None, NOW_MS, 2**53).records
    assert records.ends[-1] < len(records.text)
    assert json.loads(records[49])["user"] == name
