"""State out of one application and into another, with real workers before and after; and what must be refused."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from click.testing import CliRunner, Result

from agents.cli.main import cli
from streams.broker.admin import Admin
from streams.broker.publisher import transactional_producer
from streams.formats import state
from streams.formats.statefile import Head, Written
from streams.model.table import Counts
from streams.model.versions import PLAIN
from streams.topics import STATE
from tests.integration.compare import told_as_kept
from tests.integration.stack import Stack
from tests.integration.test_restart import _all_there, exact, history, until

Make = Callable[..., Stack]


def call(clout: Stack, *words: str, stdin: bytes | None = None) -> Result:
    """`clout state ...` with these settings."""
    return CliRunner().invoke(cli, ["state", *words], env=clout.environ(), input=stdin)


def empty(clout: Stack) -> bool:
    """Was nothing written to `state`, not even something aborted?"""
    with Admin(clout.settings) as admin:
        return all(at.first == at.end for at in admin.bounds(STATE).values())


def test_a_round_trip_goes_on_where_it_was(stack: Make, tmp_path: Path) -> None:
    """All users, their counts, scores and lists are in Redis and `scores` of the new application, and new events count on top.

    What is exported of it at once is what was imported, in however many partitions.
    """
    events, partitions = history(4_000, seed=21), 6
    old = stack(model="plain", clock="stream")
    with old.worker():
        old.feed(events[:3_000])
        counts = old.settled(3_000)
    file = tmp_path / "rows.zst"
    done = call(old, "export", str(file))
    assert done.exit_code == 0, done.output
    versions = {
        user: record["version"] for user, record in old.records({e.key.decode() for e in events[:3_000]}).items()
    }

    new = stack(model="plain", clock="stream", partitions=partitions)
    done = call(new, "import", str(file))
    assert done.exit_code == 0, done.output
    assert f"of 4 partitions into {partitions}" in done.stderr
    files = [call(each, "export", "-").stdout.splitlines()[1:-1] for each in (old, new)]
    assert sorted(files[0]) == sorted(files[1])
    with new.worker():
        until(lambda: len(new.pulses()) == partitions and _all_there(new, events[:3_000]))
        exact(new, events[:3_000])
        assert new.settled(3_000) == counts
        assert all(new.records([user])[user]["version"] > version for user, version in versions.items())  # type: ignore[index]
        new.feed(events[3_000:])
        new.settled(4_000)
        exact(new, events)
        told_as_kept(new)


def test_export_waits_for_an_application_at_rest(stack: Make, tmp_path: Path) -> None:
    """With a worker, or with events nobody counted, there is a message and no file; drained again, it works."""
    clout, file = stack(model="plain", clock="stream"), tmp_path / "rows.gz"
    events = history(600, seed=22)
    assert "there is no state to export" in call(clout, "export", str(file)).stderr
    with clout.worker():
        clout.feed(events[:500])
        clout.settled(500)
        assert "1 worker(s)" in call(clout, "export", str(file)).stderr
    clout.feed(events[500:])
    refused = call(clout, "export", str(file))
    assert refused.exit_code == 1
    assert "records wait at" in refused.stderr
    assert list(tmp_path.glob("rows*")) == []
    with clout.worker():
        clout.settled(600)
    assert call(clout, "export", str(file)).exit_code == 0
    again = call(clout, "export", str(file))
    assert (again.exit_code, "exists" in again.stderr) == (2, True)
    piped = call(clout, "export", "-").stdout.splitlines()
    assert sorted(piped[1:-1]) == sorted(gzip.decompress(file.read_bytes()).decode().splitlines()[1:-1])


def small(**head: object) -> bytes:
    """A whole file of one row."""
    lines = Written()
    header = state.Header(
        generation=1, version=1 << 32, now_ms=0, positions={}, clock=0, day=0, half_lives_ms=PLAIN.half_lives_ms,
        counts=Counts().as_dict(), model="plain",
    )  # fmt: skip
    about = {"exported_at": "2026-01-01", "model": "plain", "half_lives_ms": PLAIN.half_lives_ms, "partitions": 1}
    raw = {0: msgspec.Raw(state.header_record(header)[1])}
    return lines.head(Head(**about | {"headers": raw} | head)) + lines.rows([(b"dn:ann", bytes(56))]) + lines.tail()


REFUSED = {
    "damaged": (lambda: small().replace(b"n:ann", b"n:eve"), "SHA-256"),
    "truncated": (lambda: small().rsplit(b"\n", 2)[0], "cut off after 1 records"),
    "truncated gzip": (lambda: gzip.compress(small())[:-20], "gzip data end in the middle"),
    "newer": (lambda: small(format=4), "format 4, written by another Clout"),
    "newer rows": (lambda: small().replace(b'{"format":7', b'{"format":8'), "state is of format 8"),
    "model": (lambda: small(model="clout-1"), "set CLOUT_MODEL=clout-1"),
    "windows": (lambda: small(half_lives_ms=(1, 2, 3)), "half-lives"),
    "something else": (lambda: b'{"id":"e1"}\n', "no file of `clout state export`"),
    "empty": (lambda: b"", "no file of `clout state export`"),
}


def test_a_file_that_is_not_right_changes_nothing(stack: Make, tmp_path: Path) -> None:
    """Each way of being wrong has its message and exit code 1, and `state` stays empty; from stdin too."""
    clout = stack(model="plain", partitions=2)
    file = tmp_path / "file"
    for name, (make, said) in REFUSED.items():
        file.write_bytes(make())
        result = call(clout, "import", str(file))
        assert (result.exit_code, said in result.stderr) == (1, True), f"{name}: {result.output}"
        assert "Nothing was imported" in result.stderr
    cut = call(clout, "import", "-", stdin=gzip.compress(small())[:-20])
    assert (cut.exit_code, "stdin: the gzip data end" in cut.stderr) == (1, True)
    assert empty(clout)
    assert call(clout, "import", "-", stdin=small()).exit_code == 0
    again = call(clout, "import", "-", stdin=small())
    assert (again.exit_code, "there is state already" in again.stderr) == (1, True)


def test_an_import_that_was_killed_is_no_obstacle(stack: Make) -> None:
    """What it had sent was in an open transaction: the next import ends that, and nobody ever sees it."""
    clout = stack(model="plain", partitions=2)

    async def killed() -> None:
        producer = transactional_producer(clout.settings, clout.settings.transactional_id(1), 900_000)
        await producer.start()
        await producer.begin_transaction()
        await producer.send_and_wait(clout.settings.topic(STATE.name), b"half", b"gn:half", 1)
        await producer.stop()  # without commit or abort

    asyncio.run(killed())
    assert call(clout, "import", "-", stdin=small()).exit_code == 0
    exported = call(clout, "export", "-")
    assert exported.exit_code == 0
    assert [msgspec.json.decode(line)["user"] for line in exported.stdout.splitlines()[1:-1]] == ["n:ann"]


def test_import_goes_into_an_application_at_rest_only(stack: Make, tmp_path: Path) -> None:
    """Events that lie there would count from the log's start, a worker would write beside: both are refused."""
    clout = stack(model="plain", clock="stream", partitions=2)
    file = tmp_path / "file"
    file.write_bytes(small())
    clout.feed(history(1, seed=23))
    refused = call(clout, "import", str(file))
    assert (refused.exit_code, "sources are not empty" in refused.stderr) == (1, True)
    assert empty(clout)
    with clout.worker():
        refused = call(clout, "import", str(file))
        assert (refused.exit_code, "1 worker(s)" in refused.stderr) == (1, True)


def test_a_worker_refuses_a_newer_state(stack: Make) -> None:
    """A header of a newer format ends a real worker with a message, before it has read or written anything."""
    clout = stack()
    header = {"format": state.FORMAT + 1, "whatever": "a newer version keeps"}
    clout.produce([(STATE.name, 2, state.HEADER, msgspec.json.encode(header))])
    clout.feed(history(100, seed=24))
    worker = [sys.executable, "-m", "agents.cli.main", "worker"]
    ended = subprocess.run(worker, env=clout._around(), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert (
        f"the state is of format {state.FORMAT + 1}, this Clout knows {state.FORMAT}: run the newer one" in ended.stderr
    )
    assert clout.consume("scores") == []
    assert clout.pulses() == {}
    with Admin(clout.settings) as admin:
        assert sum(at.end for at in admin.bounds(STATE).values()) == 1
