"""`clout rejects` without servers: which rejects go back and why others stay; usage."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from agents.admin.reject_log import Marks
from agents.admin.reject_sorting import STAYS, Back, Choice, way_back
from agents.cli.options import Since
from streams.events import MAX_AHEAD_MS
from streams.formats.rejects import DROPPED, REPLAYED, Kept, Mark, Origin
from streams.partitioner import partition_of
from streams.settings import Settings
from tests.servers import ROOT

NOW_MS = 1_767_225_600_000
SETTINGS = Settings.load({}, topic_prefix="pre-", partitions=7)
EVENT = {"id": "e1", "network": "n", "actor": "zoë", "target": "bob", "ts": NOW_MS}


def kept(value: Any = EVENT, topic: str = "pre-likes", reason: str = "ts_in_future", **other: Any) -> Kept:
    """A reject; a value that is no bytes becomes JSON."""
    raw = value if value is None or isinstance(value, bytes) else orjson.dumps(value, option=orjson.OPT_INDENT_2)
    return Kept(
        reason, "$", "why", Origin(topic, 3, 9), **{"size": len(raw or b""), "truncated": False, "value": raw} | other
    )


def test_an_event_goes_back_as_it_was() -> None:
    """To its own topic, bytes unchanged, keyed by actor, to the partition where Kafka's own partitioner puts that key."""
    one = kept()
    key = "n:zoë".encode()
    assert way_back(one, SETTINGS, NOW_MS) == Back("likes", partition_of(key, 7), key, one.value or b"")


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (kept(b"\x93", "pre-engagements", "bad_pack"), "pack"),
        (kept(b"\x93", "pre-strays", "bad_pack"), "pack"),
        (kept(topic="likes"), "other_topic"),
        (kept(topic="pre-scores"), "other_topic"),
        (kept(None, reason="undecodable_batch"), "undecodable_batch"),
        (kept(None, reason="empty"), "no_value"),
        (kept(truncated=True, size=70_000), "truncated"),
        (kept(b"{"), "not_json"),
        (kept(b""), "empty"),
        (kept(EVENT | {"type": "share"}), "kind_contradicts_topic"),
        (kept(EVENT | {"ts": NOW_MS + MAX_AHEAD_MS + 1}), "ts_in_future"),
    ],
)
def test_why_a_reject_stays(one: Kept, code: str) -> None:
    """By a code: one of `STAYS`, or the reason why a worker would reject it today."""
    assert way_back(one, SETTINGS, NOW_MS) == code


def test_the_future_comes() -> None:
    """`ts_in_future` is judged by the time of the replay."""
    one = kept(EVENT | {"ts": NOW_MS + MAX_AHEAD_MS + 1})
    assert isinstance(way_back(one, SETTINGS, NOW_MS + 1), Back)


def test_codes_are_no_reasons() -> None:
    """Otherwise a summary would mix them up."""
    assert not [code for code in STAYS if f'Reject("{code}"' in (ROOT / "streams/events.py").read_text()]


def test_choice() -> None:
    """Reasons and time, each only if given."""
    assert Choice().has(0, "x")
    assert Choice(("x", "y"), 5).has(5, "y")
    assert not Choice(("x", "y"), 5).has(4, "y")
    assert not Choice(("x", "y")).has(9, "z")


def test_marks_belong_to_an_offset() -> None:
    """Not to an origin; one about a reject before the part that is read is passed over, the last one counts."""
    marks = Marks({0: 100, 1: 5}, {0: 200, 1: 5})
    for number, done, reject in (
        (0, REPLAYED, 99),
        (0, REPLAYED, 100),
        (0, DROPPED, 199),
        (1, DROPPED, 5),
        (0, REPLAYED, 199),
    ):
        marks.add(number, Mark(done, Origin("likes", 0, 1), reject))
    assert [marks.of(0, offset) for offset in (99, 100, 101, 199, 200)] == [None, REPLAYED, None, REPLAYED, None]
    assert marks.of(1, 5) is None


@pytest.mark.parametrize(("text", "ago_s"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604_800)])
def test_since_how_long_ago(text: str, ago_s: int) -> None:
    """Or a time, as everywhere."""
    before = time.time()
    found = Since().convert(text, None, None)
    assert int((before - ago_s) * 1000) <= found <= (time.time() - ago_s) * 1000
    assert Since().convert("2026-01-01T00:00", None, None) == NOW_MS
    assert Since().convert(str(NOW_MS), None, None) == NOW_MS


@pytest.mark.parametrize(
    "words",
    [
        ["repaly"],
        ["-n", "0"],
        ["list", "--since", "yesterday"],
        ["list", "--since", "2w"],
        ["show"],
        ["show", "likes@3"],
        ["replay", "-n"],
        ["replay", "--since", "1767225600"],
    ],
)
def test_wrong_usage(clout: Callable[..., Any], words: list[str]) -> None:
    """Exit code 2, and nothing is asked of Kafka."""
    done = clout("rejects", *words)
    assert (done.exit_code, done.stdout) == (2, "")


@pytest.mark.parametrize("words", [["replay"], ["replay", "--dry-run"], ["drop"]])
def test_without_transactions(clout: Callable[..., Any], words: list[str]) -> None:
    """Nothing is sent: an event could go back twice."""
    done = clout("rejects", *words, kafka="127.0.0.1:1", transactions="no")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "CLOUT_TRANSACTIONS" in done.stderr
