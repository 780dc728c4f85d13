"""`clout demo`, whole: broker, Redis and worker from wheels, a feed, and that nothing is left afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from agents.demo.stack import SESSION_TIMEOUT_S, worker_environment
from agents.local.embedded import free_port
from streams.settings import Settings
from tests.feeds.jetstream import Instance, messages, serving_apart
from tests.feeds.test_bluesky import expected
from tests.servers import ROOT

ONLY_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
#: what a user's shell may hold; the demo must not go there
STRAY = {
    "CLOUT_KAFKA": "127.0.0.1:1",
    "CLOUT_REDIS": "redis://127.0.0.1:1/0",
    "CLOUT_TOPIC_PREFIX": "x-",
    "CLOUT_CLOCK": "stream",
}


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A demo in a process of its own, whose temporary files go to `folder`; whatever is left of it is killed."""
    command = [sys.executable, "-m", "agents.cli.main", "demo", *arguments]
    environment = {**os.environ, **STRAY, "TMPDIR": str(folder)}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def children(folder: Path) -> list[int]:
    """The processes that know of this temporary folder: all that a demo started, directly or not, and itself."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TMPDIR={folder}".encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


def left(folder: Path, within_s: float = 5.0) -> list[int]:
    """The processes still there after a moment."""
    deadline_s = time.monotonic() + within_s
    while (found := children(folder)) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return found


def until(process: subprocess.Popen[str], word: str) -> str:
    """The first line on stderr with this word."""
    assert process.stderr
    told = ""
    for line in process.stderr:
        told += line
        if word in line:
            return line
    raise AssertionError(f"never said {word!r}: {told}")


@ONLY_LINUX
def test_what_was_fed_is_folded_and_nothing_is_left(tmp_path: Path) -> None:
    """The last line of stdout is one JSON object whose counters add up; then all processes and files are gone."""
    with demo(tmp_path, "--for", "4", "--json", "--rate", "800", "--users", "300") as process:
        out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    result = orjson.loads(out.splitlines()[-1])
    assert result["fed"] > 1_500
    assert result["folded"] == result["fed"] - result["rejected"] - result["repeats"]
    assert result["repeats"] > 0
    # who engages with the star may have an account on another network; and there is the person
    assert 200 < result["users"] <= 2 * 300 + 1
    assert 0 < result["latency_p50_ms"] <= result["latency_p99_ms"]
    assert 300 < result["events_per_s"] < 1_000
    scores = [record["score"] for record in result["top"]]
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)
    assert {"user", "windows", "parts", "version"} <= result["top"][0].keys()
    assert left(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@ONLY_LINUX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM ends the demo in order, soon, with all its processes and files."""
    with demo(tmp_path, "--rate", "200") as process:
        url = until(process, "page: ").rpartition(" ")[2].strip()
        if number == signal.SIGINT:  # in full swing; the other while it starts
            until(process, "folded")
            with httpx.stream("GET", f"{url}v1/stream?events=board", trust_env=False) as stream:
                assert "event: board" in next(text for text in stream.iter_text() if "event" in text)
        process.send_signal(number)
        process.send_signal(number)  # impatience changes nothing
        process.communicate(timeout=20)
    assert process.returncode in (0, 130)
    assert left(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@ONLY_LINUX
def test_the_story_begins_again(tmp_path: Path) -> None:
    """After a while all servers are replaced; the page stays where it was and says how often that happens."""
    with demo(tmp_path, "--again", "3") as process:
        url = until(process, "page: ").rpartition(" ")[2].strip()
        until(process, "the story begins again")
        assert until(process, "page: ").rpartition(" ")[2].strip() == url
        until(process, "folded")
        with httpx.stream("GET", f"{url}v1/stream?events=board", trust_env=False) as stream:
            assert '"note":"invented people; the story begins again every' in next(
                t for t in stream.iter_text() if "board" in t
            )
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert left(tmp_path) == []


@ONLY_LINUX
def test_a_dead_worker_is_told(tmp_path: Path) -> None:
    """When the worker dies the demo says so with its last words, and ends with 1."""
    with demo(tmp_path, "--rate", "100") as process:
        until(process, "waiting for the worker")
        workers = [
            pid for pid in children(tmp_path) if b"agents.demo.worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(workers[-1], signal.SIGKILL)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "the worker ended with code -9" in err
    assert "Its last words" in err
    assert left(tmp_path) == []


@ONLY_LINUX
def test_a_worker_that_stood_still_keeps_its_rows(tmp_path: Path) -> None:
    """Stopped for longer than its session, the worker comes back to its partitions: every event of before and after counts once."""
    with demo(tmp_path, "--rate", "300", "--for", "16", "--json") as process:
        until(process, "p50")
        worker = next(
            pid for pid in children(tmp_path) if b"agents.demo.worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        os.kill(worker, signal.SIGSTOP)
        time.sleep(3 * SESSION_TIMEOUT_S)
        os.kill(worker, signal.SIGCONT)
        out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    result = orjson.loads(out.splitlines()[-1])
    assert result["folded"] == result["fed"] - result["rejected"] - result["repeats"]
    assert result["fed"] > 3_000


def test_a_file_is_replayed_with_its_own_times(tmp_path: Path) -> None:
    """A file of another year is folded whole, scores are as of its newest event, and the demo ends with the file."""
    then = 1_600_000_000_000
    lines = [
        orjson.dumps(
            {"id": str(i), "type": "like", "network": "x", "actor": f"a{i % 7}", "target": "t", "ts": then + i}
        )
        for i in range(300)
    ]
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"\n".join(lines))
    with demo(tmp_path, "--source", str(file), "--for", "60", "--json") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    result = orjson.loads(out.splitlines()[-1])
    assert (result["fed"], result["folded"], result["users"]) == (300, 300, 8)
    assert result["top"][0]["user"] == "x:t"
    assert result["top"][0]["as_of"] == then + 299
    assert result["latency_p99_ms"] is None


def test_a_live_source_is_shown(tmp_path: Path) -> None:
    """What happens there now is folded, and is on the board."""
    some = messages(400, begins_us=int(time.time() * 1e6) - 5_000_000, each_us=10_000)
    with (
        serving_apart(Instance(some)) as url,
        demo(tmp_path, "--source", "bluesky", "--endpoint", url, "--for", "4", "--json") as process,
    ):
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    came = orjson.loads(out.splitlines()[-1])
    assert came["fed"] == len(expected(some)) == came["folded"] + came["rejected"] + came["repeats"]
    assert came["top"][0]["user"].startswith("bluesky:did:plc:u")
    assert "feeding bluesky" in err


def test_without_a_network_events_are_invented(tmp_path: Path) -> None:
    """That is said in one sentence, and the demo goes on."""
    url = f"ws://127.0.0.1:{free_port()}"
    with demo(tmp_path, "--source", "bluesky", "--endpoint", url, "--for", "2", "--json") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err.count("bluesky cannot be reached from here (no connection: ") == 1
    assert orjson.loads(out.splitlines()[-1])["top"][0]["user"].startswith(("demo:", "person:"))


def test_wrong_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    """A file that is not there is a usage error, at once."""
    with demo(tmp_path, "--source", str(tmp_path / "nothing")) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "does not exist" in err
    assert "starting" not in err


def test_worker_takes_nothing_from_the_shell() -> None:
    """Every CLOUT_* variable the worker sees is the demo's own; the rest of the environment stays."""
    environment = worker_environment(
        Settings(kafka="127.0.0.1:5"), {**STRAY, "CLOUT_FAUST_BROKER": "x", "HOME": "/h", "CLOUT_KERNELS": "/k"}
    )
    assert environment["CLOUT_KERNELS"] == "/k"  # where the compiled core is: no setting
    assert environment["CLOUT_KAFKA"] == "127.0.0.1:5"
    assert environment["CLOUT_TOPIC_PREFIX"] == ""
    assert "CLOUT_FAUST_BROKER" not in environment
    assert environment["HOME"] == "/h"
    assert Settings.load(environment) == Settings(kafka="127.0.0.1:5")
