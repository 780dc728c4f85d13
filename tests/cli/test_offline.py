"""`clout offline`: the pure functions over files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import Result

Ask = Callable[..., Any]

NOW_MS = 1_767_225_600_000
DAY_MS = 86_400_000


def records(done: Result) -> list[dict[str, Any]]:
    """The score records on stdout."""
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def test_one_like_by_hand(clout: Ask, event: Ask, events: Ask) -> None:
    """A like seen at its own time is a mass of 2: 1 in the quarter, half of 1 in the week and in the day."""
    done = clout("offline", events(event("like", "ann", "bob")), "--json", "--model", "plain")
    assert done.exit_code == 0
    bob, ann = records(done)
    x = (2 / 6.4) ** 0.375
    assert bob["user"] == "t:bob"
    assert bob["score"] == pytest.approx(100 * x / (1 + x), abs=5.1e-9)
    assert (bob["engagements"], bob["actions"], bob["version"], bob["as_of"], bob["model"]) == (
        1,
        0,
        0,
        NOW_MS,
        "plain",
    )
    assert (ann["user"], ann["engagements"], ann["actions"]) == ("t:ann", 0, 1)


def test_everyone_highest_first_equal_ones_by_name(clout: Ask, event: Ask, events: Ask) -> None:
    """There is one record for everyone who acted or was acted on, by falling score, then by name."""
    file = events(*(event("like", actor, target) for actor, target in (("d", "z"), ("c", "z"), ("b", "y"), ("a", "x"))))
    done = clout("offline", file, "--json", model="plain")
    assert [record["user"][2:] for record in records(done)] == ["z", "x", "y", "a", "b", "c", "d"]


def test_newer_than_as_of_is_left_out(clout: Ask, event: Ask, events: Ask) -> None:
    """What happened after --as-of does not count and makes nobody appear; ISO and ms mean the same."""
    file = events(event("like", "ann", "bob"), event("like", "ann", "cat", ts=NOW_MS + 1))
    by_ms, by_iso = (clout("offline", file, "--json", "--as-of", at) for at in (str(NOW_MS), "2026-01-01T00:00:00"))
    assert by_ms.stdout == by_iso.stdout
    assert {record["user"] for record in records(by_ms)} == {"t:ann", "t:bob"}
    assert "newer than --as-of 1" in by_ms.stderr


def test_as_of_decays(clout: Ask, event: Ask, events: Ask) -> None:
    """A day later the day window holds half."""
    done = clout("offline", events(event("like", "ann", "bob")), "--json", "--as-of", str(NOW_MS + DAY_MS))
    assert records(done)[0]["windows"]["day"] == pytest.approx(0.5 * 0.8, rel=0.01)  # 0.8: the standing of nobody


def test_bad_lines_repeats_and_undo_are_counted(clout: Ask, event: Ask, events: Ask) -> None:
    """A bad line costs itself, a repeated id counts once, an undone like leaves nothing."""
    like = event("like", "ann", "bob")
    undo = {"id": "u", "type": "like", "network": "t", "actor": "ann", "ts": NOW_MS, "ref": like["id"], "undo": True}
    done = clout("offline", events(like, b"{broken", like, event("poke", "ann", "bob"), undo), "--json")
    assert done.exit_code == 0
    assert {record["user"]: record["engagements"] for record in records(done)} == {"t:ann": 0, "t:bob": 0}
    assert "rejected 2: not_json 1, unknown_kind 1; the first of each:\n" in done.stderr
    assert "\n  not_json  $  " in done.stderr
    assert "send one JSON object in UTF-8" in done.stderr
    assert "\n  unknown_kind  $.type  Invalid enum value 'poke'; one of like, follow" in done.stderr
    assert "repeats dropped 1" in done.stderr


def test_nothing_but_bad_lines_is_a_failure(clout: Ask, events: Ask) -> None:
    """A file in which no line is an event exits with 1 and says why."""
    done = clout("offline", events(b"hello", b"world"), "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "not_json 2" in done.stderr


def test_table_for_people(clout: Ask, event: Ask, events: Ask) -> None:
    """Without --json a table of the top N on stdout; names are shown as they are, not as markup or as orders to the terminal."""
    done = clout(
        "offline", events(event("like", "ann", "[red]bob[/]"), event("like", "ann", "c\u202eat")), "--top", "2"
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert "t:[red]bob[/]" in done.stdout
    assert "\u202e" not in done.stdout
    assert "\x1b" not in done.stdout


def test_out_stdin_and_several_files(clout: Ask, event: Ask, events: Ask, tmp_path: Path) -> None:
    """Files are read in the order given, - is stdin, --out takes the lines, and stdout stays empty."""
    file, out = events(event("like", "ann", "bob")), tmp_path / "out.ndjson"
    done = clout(
        "offline", file, "-", "--out", str(out), "--top", "1", stdin=orjson.dumps(event("share", "ann", "bob"))
    )
    assert (done.exit_code, done.stdout) == (0, "")
    [bob] = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    assert (bob["user"], bob["engagements"], bob["actors"]) == ("t:bob", 2, 1)


def test_another_format_is_named(clout: Ask, tmp_path: Path) -> None:
    """A file that is plainly of another format is refused with its name, before anything is written."""
    file = tmp_path / "higgs.txt"
    file.write_text("1 2 1341100972 MT\n")
    done = clout("offline", str(file))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "higgs" in done.stderr
    assert records(clout("offline", str(file), "--format", "higgs", "--json"))[0]["user"] == "twitter:2"


def test_the_day_closes_when_a_worker_closes_it(clout: Ask, event: Ask, events: Ask) -> None:
    """Between these two events at two in the morning, or not at all; the setting is the workers'."""
    file = events(*(event("like", f"a{hour}", "bob", ts=NOW_MS + hour * 3_600_000) for hour in (1, 3)))
    for words, known in (((), False), (("--day-closes", "02:00"), True), (("--day-closes", "04:00"), False)):
        bob = records(clout("offline", file, "--json", *words))[0]
        assert (words, bob["user"], bob["delta"]["day"] is not None) == (words, "t:bob", known)
