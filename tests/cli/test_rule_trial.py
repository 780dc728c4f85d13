"""`clout rule test`: which rules are tried, and how it is told what they would have sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

Ask = Callable[..., Any]
MINUTE_MS = 60_000


@pytest.fixture
def silent(event: Ask, events: Ask) -> str:
    """A file of somebody whom five people engage with, and nobody afterwards."""
    return str(events(*(event("share", f"a{n}", "bob", 1_767_225_600_000 + n * MINUTE_MS) for n in range(5))))


def test_alerts_and_how_many(clout: Ask, silent: str) -> None:
    """Each as `clout alerts` shows it, then how many by rule, state, cause and day."""
    done = clout("rule", "test", silent, "--falls", "0.7", "--silence", "2d", "--model", "plain")
    assert done.exit_code == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith("2026-01-02T")
    assert "raised" in first
    assert "nobody engages" in first
    assert rest[1].startswith("1 alerts about 1 users, 2026-01-01T00:00:00Z to 2026-01-03T00:04:00Z: ")
    assert rest[3:] == [
        "rule    state   cause  alerts  users",
        "tested  raised  idle        1      1",
        "",
        "day         raised  recovered  settled",
        "2026-01-02       1          0        0",
    ]
    assert "6 users from 5 events" in done.stderr


def test_json(clout: Ask, silent: str) -> None:
    """The records, and the summary behind them; nothing told is no mistake."""
    done = clout(
        "rule", "test", silent, "--falls", "0.7", "--silence", "2d", "--every", "6h", "--model", "plain", "--json"
    )
    alert, summary = (orjson.loads(line) for line in done.stdout.splitlines())
    assert (alert["user"], alert["rule"], alert["cause"]) == ("t:bob", "tested", "idle")
    body = summary["summary"]
    assert body["sorts"] == [{"rule": "tested", "state": "raised", "cause": "idle", "alerts": 1, "users": 1}]
    assert body["days"] == {"2026-01-02": {"raised": 1, "recovered": 0, "settled": 0}}
    assert (body["alerts"], body["users"], body["to"]) == (1, 1, 1_767_225_600_000 + 2 * 86_400_000 + 4 * MINUTE_MS)
    done = clout("rule", "test", silent, "--falls", "5", "--json")
    assert done.exit_code == 0
    assert orjson.loads(done.stdout)["summary"]["alerts"] == 0


def test_rules_of_a_file(clout: Ask, silent: str, tmp_path: Path) -> None:
    """Also those that are switched off or not yet in force; what is held back is told; no line is known here."""
    rules = [
        {"name": "off", "when": {"falls": 0.7}, "enabled": False, "from": 4_000_000_000_000},
        {"name": "ignored", "when": {"falls": 0.7}, "ignore": ["idle"]},
        {"name": "ten", "when": {"top": 10}},
    ]
    file = tmp_path / "rules.json"
    file.write_bytes(orjson.dumps(rules))
    done = clout("rule", "test", silent, "--file", str(file), "--silence", "2d", "--model", "plain")
    assert "held back: ignored " in done.stdout
    assert "off" in done.stdout
    assert "not tried, for their lines come from workers: ten" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say one of: what a rule says"),
        (("--falls", "5", "--rule", "x"), "say one of: what a rule says"),
        (("--falls", "0"), "rule tested: when.falls: 0"),
        (("--falls", "5", "--every", "0"), "--every: at least 1s"),
        (("--file", "nowhere.json"), "nowhere.json does not exist"),
    ],
)
def test_what_cannot_be(clout: Ask, silent: str, words: tuple[str, ...], said: str) -> None:
    """Exit code 2, and nothing is read."""
    done = clout("rule", "test", silent, *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
