"""Opening, unpacking, splitting into lines, and the format `events`."""

from __future__ import annotations

import gzip
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import zstandard

from streams.errors import CloutError, UsageError
from streams.events import TOPIC_OF, Event, Reject, parse
from streams.sources import FORMATS, Produced, open_source, produced
from streams.sources import lines as lines_module

Write = Callable[..., str]
TS = 1_767_225_600_000
LATEST = TS + 10**9


def event(number: int, kind: str = "like") -> bytes:
    return b'{"id":"%d","type":"%b","network":"demo","actor":"ada","target":"bea","ts":%d}' % (
        number,
        kind.encode(),
        TS + number,
    )


MANY = b"\n".join(event(n) for n in range(20_000)) + b"\n"


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


class _Pipe(io.RawIOBase):
    """Like stdin from a pipe: cannot seek, and hands over a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data, self._step = io.BytesIO(data), step

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(self._step, size) if size >= 0 else self._step)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zst], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("name", ["events.json", "events.gz", "events.zst"])
def test_content_decides_not_the_name(write: Write, pack: Callable[[bytes], bytes], name: str) -> None:
    """A file gives the same records packed or not, whatever it is called."""
    records = list(open_source(write(pack(MANY), name)))
    assert [record.value for record in records] == MANY.splitlines()
    assert records[7] == Produced("likes", b"demo:ada", event(7), TS + 7)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zst], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("step", [1, 5, 4096])
def test_stdin(pack: Callable[[bytes], bytes], step: int) -> None:
    """`-` reads stdin, packed or not, even when it trickles."""
    data = b"".join(event(n) + b"\n" for n in range(50))
    source = open_source("-", opened=_Pipe(pack(data), step))  # type: ignore[arg-type]
    assert [record.value for record in source] == data.splitlines()


def test_a_live_pipe_is_not_held_up() -> None:
    """A line that has arrived is handed out before the pipe says more."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stdin:
        os.write(writer, event(1) + b"\n" + event(2) + b"\n")
        source = open_source("-", opened=stdin)
        guard = threading.Timer(5, os.write, (writer, b"\n" * 100_000))  # frees a reader that waits for more
        guard.start()
        try:
            assert next(source).value == event(1)
            assert next(source).value == event(2)
            assert guard.is_alive()
        finally:
            guard.cancel()
            os.close(writer)
        assert list(source) == []


def test_several_members_and_frames(write: Write) -> None:
    """Packed files put one behind the other are one file."""
    for pack in (gzip.compress, zst):
        path = write(pack(event(1) + b"\n") + pack(event(2)))
        assert [record.value for record in open_source(path)] == [event(1), event(2)]


@pytest.mark.parametrize("pack", [gzip.compress, zst], ids=["gzip", "zstd"])
def test_truncated(write: Write, pack: Callable[[bytes], bytes]) -> None:
    """Of an incomplete file all readable lines come out, then an error says after which line it ended."""
    packed = pack(MANY + Random(1).randbytes(300_000).hex().encode())
    source = open_source(write(packed[: len(packed) * 3 // 4]))
    assert [next(source).value for _ in range(20_000)] == MANY.splitlines()
    with pytest.raises(CloutError, match=r"after line 20000; the file is incomplete"):
        next(source)


@pytest.mark.parametrize("pack", [gzip.compress, zst], ids=["gzip", "zstd"])
def test_damaged(write: Write, pack: Callable[[bytes], bytes]) -> None:
    """Damaged packed data are an error that says so, not a traceback."""
    packed = bytearray(pack(MANY))
    packed[len(packed) // 2 :] = b"\x55" * (len(packed) - len(packed) // 2)
    with pytest.raises(CloutError, match=r"damaged|incomplete"):
        list(open_source(write(bytes(packed))))


def test_cannot_be_opened(write: Write, tmp_path: Path) -> None:
    """A missing file, a directory, an unknown format or option, and foreign packing are told at once."""
    for path, said in [
        (str(tmp_path / "none"), "does not exist"),
        (str(tmp_path), "is a directory"),
        (write(b"BZh91AY&SY", "b"), "bzip2"),
        (write(b"PK\x03\x04....", "z"), "zip"),
        ("a\0b", "cannot be read"),
    ]:
        with pytest.raises(UsageError, match=said):
            open_source(path)
    good = write(event(1))
    with pytest.raises(UsageError, match="unknown format `xml`; one of events, higgs"):
        open_source(good, "xml")
    with pytest.raises(UsageError, match="colour"):
        open_source(good, "higgs", colour=1)


SAMPLES = {
    "events": event(1).decode(),
    "higgs": "1 2 1341100972 RT",
    "jetstream": '{"did":"did:plc:a","time_us":1783123200000000,"kind":"identity","identity":{}}',
    "gharchive": '{"id":"1","dt":"2015-02-22T21:00:00Z","repo":"a/b","type":"watch","actor":"c"}',
    "csv": "id,type,network,actor,target,ts",
}


@pytest.mark.parametrize("given", FORMATS)
@pytest.mark.parametrize("true", FORMATS)
def test_another_format_is_found_out(write: Write, given: str, true: str) -> None:
    """A file in another format is refused before anything is sent, and the right format is named."""
    source = open_source(write("\n" + SAMPLES[true] + "\n"), given)
    if given == true:
        list(source)
        return
    with pytest.raises(UsageError, match=f":2: this looks like {true}, not {given}; use the format `{true}`"):
        next(source)


def test_events_may_have_fields_of_other_formats(write: Write) -> None:
    """Unknown fields are ignored: what has network, actor and ts is an event, whatever else it has."""
    line = event(1)[:-1] + b',"did":"x","time_us":1,"kind":"x","repo":"a/b","created_at":"x","dt":"x","payload":{}}'
    assert [record.value for record in open_source(write(line))] == [line]


@pytest.mark.parametrize("line", ["1 2 7", "1 2"])
def test_the_network_files_of_higgs_have_their_name(write: Write, line: str) -> None:
    """They lie beside the activity and have no times: the message says so, and where those are."""
    with pytest.raises(UsageError, match=r"edge of a network file.*higgs-activity_time\.txt"):
        list(open_source(write(f"{line}\n" * 3), "higgs"))


@pytest.mark.parametrize("format_", ["higgs", "jetstream", "gharchive"])
@pytest.mark.parametrize("count", [1, 99, 100, 5000])
def test_a_file_without_one_good_line(write: Write, format_: str, count: int) -> None:
    """Where no line is in the format, the file is given up, at the end or after a hundred lines."""
    source = open_source(write("what is this\n\n" * count), format_)
    with pytest.raises(UsageError, match=rf"none of the first {min(count, 100)} lines is in the format {format_}"):
        list(source)
    assert source.line <= 201


def test_one_good_line_is_enough(write: Write) -> None:
    """Bad lines after a good one are counted, and the rest of the file is read."""
    source = open_source(write("1 2 1341100972 RT\n" + "x\n" * 500 + "1 2 1341100973 RT\n"), "higgs")
    assert len(list(source)) == 2
    assert source.skipped == {"malformed: not `A B ts RT|RE|MT`": 500}


def test_empty_files(write: Write) -> None:
    """An empty file has no records and is no error, packed or not."""
    for content in (b"", b"\n\n", gzip.compress(b""), zst(b"")):
        assert list(open_source(write(content))) == []


def test_line_ends_and_marks(write: Write) -> None:
    """CRLF, a byte order mark, blank lines and a missing last line end change nothing; blank lines are counted."""
    source = open_source(write(b"\xef\xbb\xbf" + event(1) + b"\r\n\r\n  \n" + event(2)))
    assert [record.value for record in source] == [event(1), event(2)]
    assert (source.line, source.skipped) == (4, {"blank line": 2})


def test_an_endless_line(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line beyond all measure is left out and counted, without being kept in memory; its neighbours come through."""
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 1 << 20)
    source = open_source(write(event(1) + b"\n" + b"x" * (3 << 20) + b"\n" + event(2) + b"\n" + b"y" * (2 << 20)))
    assert [record.value for record in source] == [event(1), event(2)]
    assert source.skipped.total() == 2
    assert next(iter(source.skipped)).startswith("malformed: longer than")


def test_events_go_to_the_topic_of_their_type(write: Write) -> None:
    """Each kind goes to its topic, byte for byte, keyed by its actor."""
    source = open_source(write(b"\n".join(event(n, kind) for n, kind in enumerate(TOPIC_OF))))
    for number, (kind, topic) in enumerate(TOPIC_OF.items()):
        assert next(source) == Produced(topic, b"demo:ada", event(number, kind), TS + number)


BAD_LINES = [
    b"{broken",
    b"not json at all",
    b"[1,2]",
    b"42",
    b"{}",
    b'"like"',
    b"null",
    b"\xff\xfe\x00",
    event(1).replace(b"like", b"poke"),
    event(1).replace(b'"like"', b"7"),
    event(1).replace(b'"like"', b"null"),
    event(1).replace(b'"type":"like",', b""),
    event(1).replace(b'"like"', b'["like"]'),
    b"[" * 2000,
]


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_line_that_is_no_event_ends_as_a_reject(write: Write, line: bytes) -> None:
    """What cannot be used is still sent, so that it is rejected with a reason; none is taken for a like by mistake."""
    before, bad, after = open_source(write(event(1) + b"\n" + line + b"\n" + event(2)))
    assert (before.value, after.value) == (event(1), event(2))
    assert (bad.topic, bad.key) == ("likes", b"")
    assert line.rstrip(b"}") in bad.value
    assert isinstance(parse(bad.value, "like", LATEST), Reject)


def test_a_bad_first_line_stops_nothing(write: Write) -> None:
    """A file of events that begins with a broken line, or has nothing else, is sent all the same."""
    assert [record.value for record in open_source(write(b"{oops\n" + event(1)))] == [b"{oops", event(1)]
    assert [record.value for record in open_source(write(b"{oops\n"))] == [b"{oops"]


def test_known_type_with_unreadable_rest(write: Write) -> None:
    """With a type, a line goes to that topic as it is; the key is empty, or ts 0, where they cannot be read."""
    odd = [
        b'{"type":"follow","network":"demo","actor":7,"ts":true}',
        b'{"type":"follow","network":"demo","actor":"a\\u0000b","ts":99999999999999999999}',
        b'{"type":"follow","ts":-5}',
        '{"type":"follow","network":"demo","actor":"Ünï 😀","ts":1.5}'.encode(),
    ]
    records = list(open_source(write(b"\n".join(odd))))
    assert [record.value for record in records] == odd
    assert {(record.topic, record.ts) for record in records} == {("follows", 0)}
    assert [record.key for record in records] == [b"", b"demo:a\0b", b"", "demo:Ünï 😀".encode()]


def test_a_failing_reader_closes_its_file(write: Write) -> None:
    """The file is closed at the end, after an error, and by `with`."""
    source = open_source(write(event(1)))
    list(source)
    assert source._raw.closed
    with open_source(write(event(1))) as source:
        next(source)
    assert source._raw.closed
    source = open_source(write("junk"), "higgs")
    with pytest.raises(UsageError):
        next(source)
    assert source._raw.closed


def test_produced_picks_the_topic() -> None:
    """A well-formed event becomes a record that decodes to the same event."""
    record = produced({"id": "1", "type": "reply", "network": "x", "actor": "Ünï", "target": "b", "ts": TS})
    assert record[:2] == ("replies", "x:Ünï".encode())
    assert parse(record.value, "reply", LATEST) == Event(
        id="1", type="reply", network="x", actor="Ünï", target="b", ts=TS
    )
