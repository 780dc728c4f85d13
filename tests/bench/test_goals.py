"""Goals beside what was measured, and parts measured again one by one."""

from __future__ import annotations

from typing import Any

from agents.cli.compare import joined
from agents.proof.bench.goals import goals


def _result(**parts: Any) -> dict[str, Any]:
    about = {
        "date": "2026-01-02",
        "machine": {"cores": 2, "load": 0.5},
        "versions": {"redis": "8"},
        "sizes": {"events": 9},
    }
    return {**about, "failed": [], **parts}


def test_what_was_not_measured_has_no_figure() -> None:
    """Every goal has a row, with or without its part."""
    rows = goals(_result())
    assert len(rows) > 10
    assert {measured for _, _, measured in rows} == {"-"}


def test_ratios_are_of_one_run() -> None:
    """Dearer than another system is told in times, cheaper as a fraction; a hot user beside the feed without one."""
    cpu = {"clout": 20.0, "faust": 500.0, "flink": 5.0, "limit": 1.0}
    systems = {name: {"cpu_us_per_event": us, "events_per_core_s": round(1e6 / us)} for name, us in cpu.items()}
    feeds = [("nobody is hot", 10.0), ("one target has 30 %", 9.0), ("one actor has 30 %", 15.0)]
    hot = [{"feed": feed, "cpu_us_per_event": us} for feed, us in feeds]
    with_rules = {"systems": {"clout": {"cpu_us_per_event": 21.0}}}
    result = _result(w1={"systems": systems}, hot=hot) | {"w1-rules": with_rules}
    told = {figure: measured for figure, _, measured in goals(result)}
    assert told["CPU an event with 10,000 rules, 1,000 of them of somebody, against none"] == "1.05 times"
    assert told["w1, events/s of a worker core, transactions, default model"] == "50,000"
    assert told["CPU an event against plain Faust"] == "1/25.0"
    assert told["CPU an event against Flink"] == "4.00 times"
    assert told["CPU an event against Quix Streams"] == "-"
    assert told["share of reading and decoding alone"] == "5%"
    assert told["cost an event with a hot user, against without"] == "target 0.90 times, actor 1.50 times"


def test_a_part_measured_again_replaces_itself_only() -> None:
    """Of the same day, machine and size the rest of the file is kept, of another nothing."""
    before = _result(w1=1, hot=1) | {"versions": {"redis": "8", "Flink": "2"}}
    now = _result(hot=2) | {"machine": {"cores": 2, "load": 9.0}}
    found = joined(before, now)
    assert (found["w1"], found["hot"], found["versions"]) == (1, 2, {"redis": "8", "Flink": "2"})
    assert joined(before, now | {"date": "2026-01-03"}) == now | {"date": "2026-01-03"}
    assert "w1" not in joined(before, now | {"machine": {"cores": 4, "load": 0.5}})
    assert "w1" not in joined(before, now | {"sizes": {"events": 8}})
    assert joined({}, now) == now
