"""A feed that breaks off says from which line to go on; whoever does loses nothing and doubles what was said."""

from __future__ import annotations

import asyncio
import gzip
import io
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from aiokafka.errors import KafkaTimeoutError

from agents.cli import feed_files as command
from agents.feeds import feeder
from streams.sources import open_source

Ask = Callable[..., Any]


class Batch:
    """Takes so many records."""

    def __init__(self, size: int) -> None:
        self.size, self.values = size, list[bytes]()

    def append(self, *, timestamp: None, key: bytes | None, value: bytes) -> object:  # noqa: ARG002
        if len(self.values) == self.size:
            return None
        self.values.append(value)
        return self


class Broker:
    """A producer without a broker: partition `bad` takes `good` batches, then none; others answer late."""

    def __init__(self, size: int = 3, bad: int | None = None, good: int = 1) -> None:
        self.size, self.bad, self.good = size, bad, good
        self.taken: list[bytes] = []

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def create_batch(self) -> Batch:
        return Batch(self.size)

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> Any:  # noqa: ARG002
        return self._answer(batch, partition)

    async def _answer(self, batch: Batch, partition: int) -> None:
        if partition == self.bad:
            if not self.good:
                raise KafkaTimeoutError
            self.good -= 1
        for _ in range(partition):
            await asyncio.sleep(0)
        self.taken += batch.values


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, clout: Ask) -> Callable[..., Any]:
    """`clout feed` with this broker."""
    monkeypatch.setattr(command, "topics_are_there", lambda *_: None)

    def ask(broker: Broker, *words: str, **more: Any) -> Any:
        monkeypatch.setattr(feeder, "plain_producer", lambda _: broker)
        return clout("feed", *words, **more)

    return ask


def post(n: int) -> bytes:
    """A post of Jetstream with a reply and two mentions: three events of one line."""
    uri = "at://did:plc:bob/app.bsky.feed.post/1"
    mentions = [{"features": [{"$type": "app.bsky.richtext.facet#mention", "did": f"did:plc:{x}"}]} for x in "xy"]
    record = {"reply": {"parent": {"uri": uri}}, "facets": mentions}
    commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": f"k{n}", "record": record}
    return orjson.dumps({"did": f"did:plc:a{n % 23}", "time_us": 1783123200000000, "kind": "commit", "commit": commit})


def like(n: int) -> bytes:
    event = {
        "id": f"e{n}",
        "type": "like",
        "network": "n",
        "actor": f"a{n % 23}",
        "target": "b",
        "ts": 1783123200000 + n,
    }
    return orjson.dumps(event)


def act(n: int) -> bytes:
    """Three lines a second; the middle one is repeated by a mention."""
    kind = ("MT", "RE", "RT")[n % 3]
    return b"%d 9 %d %b" % (n // 3 % 5 if n % 3 < 2 else n % 23, 1341100972 + n // 3, kind.encode())


KINDS = {"events": like, "jetstream": post, "higgs": act}
PACKED = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("format_", KINDS)
@pytest.mark.parametrize("good", [0, 2])
def test_nothing_is_lost_and_no_more_doubles_than_was_said(
    at: Ask, tmp_path: Path, format_: str, packed: str, good: int
) -> None:
    """Whichever partition fails: with the line that was named all records are there, in files of each format and packing."""
    lines = [KINDS[format_](n) for n in range(60)]
    lines[10:10] = [b"", b"what is this" if format_ != "events" else b"\r"]  # they count as lines
    file = tmp_path / f"in put{packed}"
    file.write_bytes(PACKED[packed](b"\n".join(lines)))
    all_ = Counter(record.value for record in open_source(str(file), format_))
    for bad in range(4):
        first, then = Broker(3, bad, good), Broker()
        done = at(first, str(file), "--format", format_)
        assert done.exit_code == 3, done.output
        said = re.search(r"--from-line (\d+)`.* ([\d,]+) records have arrived and ([\d,]+) may", done.stderr)
        assert said
        line, arrived, perhaps = (int(number.replace(",", "")) for number in said.groups())
        given = "" if format_ == "events" else f" --format {format_}"
        assert f"`clout feed '{file}'{given} --from-line {line}`" in done.stderr
        again = at(then, str(file), "--format", format_, "--from-line", str(line))
        assert again.exit_code == 0
        both = Counter(first.taken) + Counter(then.taken)
        assert set(both) == set(all_)
        doubled = sum((both - all_).values())
        assert arrived <= doubled <= arrived + 9  # a line, or a second of Higgs, is not cut: its records come again
        assert 0 < perhaps <= 3  # the batch that failed; what waited behind it was never sent


def test_a_feed_that_is_interrupted_after_a_line(at: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With everything sent acknowledged, the next line is named, and that nothing of it has arrived."""
    file, broker = tmp_path / "f", Broker()
    file.write_bytes(b"\n".join([*(like(n) for n in range(9)), b"", b"", like(9)]))

    async def interrupted(*args: Any, **more: Any) -> int:
        await feeder.feed(*args, **more | {"limit": 9})
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "send_all", interrupted)
    done = at(broker, str(file))
    assert done.exit_code == 130
    assert "--from-line 12`: everything before it has arrived, and nothing of what follows" in done.stderr
    assert len(broker.taken) == 9


def test_the_line_of_a_pipe_is_told(at: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no file to name, but the number serves whoever has the lines."""
    monkeypatch.setattr(command, "own_stdin", lambda: io.BytesIO(b"\n".join(like(n) for n in range(30))))
    done = at(Broker(1, 0, 0), "-")
    assert done.exit_code == 3
    assert re.search(r"go on with line \d+ of what came through the pipe", done.stderr)


def test_a_damaged_file_says_it_too(at: Ask, tmp_path: Path) -> None:
    """All that could be read has arrived: the next line is the one to go on from, once the file is whole."""
    file = tmp_path / "torn.gz"
    file.write_bytes(gzip.compress(b"\n".join(like(n) for n in range(5_000)))[:-2_000])
    broker = Broker(500)
    done = at(broker, str(file))
    assert done.exit_code == 1
    assert f"--from-line {len(broker.taken) + 1}`" in done.stderr
    assert f"after line {len(broker.taken)};" in done.stderr


@pytest.mark.parametrize(
    ("format_", "lines", "code", "sent"),
    [
        ("events", [b"what", b"is this"], 1, 2),
        ("events", [b'{"a":1}', b'{"type":"poke"}'], 1, 2),
        ("events", [b"what", like(1)], 0, 2),
        ("events", [], 0, 0),
        ("jetstream", [b'{"kind":"identity"}', b"what"], 1, 0),
        ("jetstream", [b'{"kind":"identity"}'], 0, 0),
        ("higgs", [b"1 2"], 2, 0),
        ("events", ["{}\n".encode("utf-16")], 2, 0),
    ],
)
def test_success_is_not_told_of_nothing(
    at: Ask, clout: Ask, tmp_path: Path, format_: str, lines: list[bytes], code: int, sent: int
) -> None:
    """A feed, and an offline score, of which no line was an event ends with an error; an empty file has nothing wrong."""
    file, broker = tmp_path / "f", Broker()
    file.write_bytes(b"\n".join(lines))
    done = at(broker, str(file), "--format", format_)
    assert (done.exit_code, len(broker.taken)) == (code, sent), done.output
    assert ("none of" in done.stderr) == (code == 1 or format_ == "higgs")
    assert clout("offline", str(file), "--format", format_).exit_code == code


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("synthetic", "2", "the generator makes other events"),
        ("-", "7", "tail -n +7 FILE | clout feed -"),
        ("FILE", "5", "ends with line 3; there is no line 5"),
        ("FILE", "0", "not in the range"),
    ],
)
def test_lines_that_are_not_there(at: Ask, tmp_path: Path, source: str, line: str, says: str) -> None:
    """What has no such line is refused, and nothing is sent."""
    (tmp_path / "FILE").write_bytes(b"\n".join(like(n) for n in range(3)))
    broker = Broker()
    done = at(broker, source if source != "FILE" else str(tmp_path / "FILE"), "--from-line", line)
    assert (done.exit_code, broker.taken) == (2, [])
    assert says in done.stderr


def test_from_the_line_behind_the_last(at: Ask, tmp_path: Path) -> None:
    """Everything had arrived: there is nothing to do, and that is no error."""
    file = tmp_path / "FILE"
    file.write_bytes(b"\n".join(like(n) for n in range(3)))
    assert at(Broker(), str(file), "--from-line", "4").exit_code == 0
