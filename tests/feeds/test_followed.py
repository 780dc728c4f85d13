"""Files that grow, and files at the pace of their own times; which files a pattern means."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import signal
import sys
from collections import Counter
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from agents.cli.feed_paths import expanded
from agents.cli.main import cli
from agents.feeds.followed import Followed
from agents.feeds.realtime import OwnPace
from agents.local.embedded import child
from streams.errors import UsageError
from streams.sources.record import NO_TIME
from tests.feeds.scripted import ids, made
from tests.integration.test_live_source import environ, until

T0 = 1_767_225_600_000


def line(n: int, ts: int = T0) -> bytes:
    """An event."""
    return (
        orjson.dumps({"id": f"e{n}", "type": "like", "network": "n", "actor": f"a{n}", "target": "t", "ts": ts}) + b"\n"
    )


def written(path: Path, *numbers: int) -> None:
    """At the end of the file."""
    with path.open("ab") as file:
        file.writelines(line(n) for n in numbers)


def test_a_file_that_grows_and_is_replaced(kafka: str, prefix: str, tmp_path: Path) -> None:
    """What is written to it arrives, also in a new file of its name and when it is begun anew; a line without an end, too."""
    settings, path, log = made(kafka, prefix), tmp_path / "events.ndjson", tmp_path / "feed.log"
    written(path, 0, 1)
    argv = [sys.executable, "-m", "agents.cli.main", "feed", str(path), "--follow"]

    def there(count: int) -> None:
        until(process, log, lambda: asyncio.run(ids(settings)) == Counter(f"e{n}" for n in range(count)))

    with child(argv, log=log, env=environ(settings)) as process:
        there(2)
        written(path, 2)
        with path.open("ab") as file:
            file.write(line(3)[:-1])  # its end never comes
        path.rename(tmp_path / "events.1")
        written(path, 4, 5)
        there(6)
        path.write_bytes(b"")
        until(process, log, lambda: path.stat().st_size == 0)
        written(path, 6)
        there(7)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert "fed 7 records" in log.read_text()


def test_what_cannot_be_followed(tmp_path: Path) -> None:
    """Is said at once."""
    packed = tmp_path / "x.gz"
    packed.write_bytes(gzip.compress(line(1)))
    with pytest.raises(UsageError, match="is packed: only plain files"):
        Followed(str(packed))
    with pytest.raises(UsageError, match="cannot be followed: No such file"):
        Followed(str(tmp_path / "none"))


def test_own_pace() -> None:
    """Records are due as far apart as they happened, by the speed; what is late or has no time is due at once."""
    now_s = itertools.count(100.0, 0.0)
    pace = OwnPace(60.0, lambda: next(now_s))
    assert [pace.wait_s(ts) for ts in (T0, T0 + 60_000, T0 + 30_000, T0 - 5, NO_TIME)] == [0.0, 1.0, 0.5, 0.0, 0.0]


def test_files_in_order_at_a_speed(kafka: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that a pattern means, by name, within a limit for all of them; a minute passes in a tenth of a second."""
    settings = made(kafka, prefix)
    for name, first in (("b", 10), ("a", 0), ("c", 20)):
        (tmp_path / f"{name}.ndjson").write_bytes(
            b"".join(line(first + n, T0 + 6_000 * (first + n)) for n in range(10))
        )
    for name, text in environ(settings).items():
        monkeypatch.setenv(name, text)
    done = CliRunner().invoke(cli, ["feed", f"{tmp_path}/*.ndjson", "--speed", "600x", "--limit", "25"])
    assert done.exit_code == 0, done.output
    assert asyncio.run(ids(settings)) == Counter(f"e{n}" for n in range(25))
    assert done.output.count("fed 10 records") == 2
    broken = CliRunner().invoke(
        cli, ["feed", str(tmp_path / "a.ndjson"), str(tmp_path / "none"), str(tmp_path / "b.ndjson")]
    )
    assert broken.exit_code == 2
    assert f"nothing was sent of {tmp_path / 'b.ndjson'}" in broken.output


def test_patterns(tmp_path: Path) -> None:
    """A file of such a name is that file; a pattern without any file is a mistake."""
    odd = tmp_path / "a[1].ndjson"
    odd.write_bytes(b"")
    assert expanded([str(odd), "-"]) == [str(odd), "-"]
    with pytest.raises(UsageError, match="no file matches"):
        expanded([f"{tmp_path}/*.csv"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("synthetic a.ndjson", "cannot be sent together"),
        ("- --speed 2x", "--realtime and --speed are for files"),
        ("a.ndjson --speed 2x --rate 5", "without --rate"),
        ("a.ndjson --speed fast", "is no speed"),
        ("a.ndjson --column actor", "FIELD=TEXT"),
        ("a.ndjson --column actor=who", "are for --format csv"),
        ("a.ndjson b.ndjson --follow", "--follow is for one file"),
        ("a.ndjson --endpoint ws://x", "are for live sources"),
        ("bluesky a.ndjson", "bluesky never ends"),
        ("bluesky --endpoint http://x", "no endpoint of Jetstream"),
    ],
)
def test_what_makes_no_sense(words: str, why: str) -> None:
    """Is said before anything is opened."""
    done = CliRunner().invoke(cli, ["feed", *words.split()], env={"CLOUT_KAFKA": "127.0.0.1:1"})
    assert done.exit_code == 2
    assert why in done.output + str(done.exception)
