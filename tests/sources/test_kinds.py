"""Files that are plainly something else: refused before a record comes of them, with what they are and what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import msgspec
import pytest
import zstandard

from streams.errors import UsageError
from streams.sources import FORMATS, open_source
from streams.sources.lines import MAX_LINE_BYTES
from streams.sources.torn import MOST_BYTES
from tests.sources.test_files import SAMPLES, event

Write = Callable[..., str]
LINES = event(1) + b"\n" + event(2) + b"\n"
PACKINGS = (bytes, gzip.compress, zstandard.compress)


@pytest.mark.parametrize("pack", PACKINGS)
@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "be-mark-16", "be-mark-32"]
)
def test_wide_text(write: Write, pack: Callable[[bytes], bytes], format_: str, end: str, encoding: str) -> None:
    """Two or four bytes a character, with or without a mark, packed or not, in any format: said, with the way out of it."""
    text = (SAMPLES[format_] + end) * 2
    if encoding.startswith("be-mark"):
        width = encoding[-2:]
        data, name = ("\ufeff" + text).encode(f"utf-{width}-be"), f"UTF-{width}BE"
    else:
        data, name = text.encode(encoding), encoding.upper().replace("F-16-", "F-16").replace("F-32-", "F-32")
    with pytest.raises(UsageError, match=rf"is {name}\w* text; make it UTF-8: iconv -f {name}"):
        next(open_source(write(pack(data)), format_))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("pack", PACKINGS)
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"[" + event(1) + b", " + event(2) + b"]", r"one JSON array.*jq -c '.\[\]'"),
        (b"[" + event(1) + b",\n" + event(2) + b"]\n", "one JSON array"),
        (b"[\n" + event(1) + b",\n" + event(2) + b"\n]\n", "one JSON array"),
        (b"[\n" + event(1) + b"\n]\n", "one JSON array"),
        (b"[]\n", "one JSON array"),
        (b'["1", "like"]\n["2", "like"]\n', "a JSON array a line"),
        (b'{\n  "id": "1",\n  "type": "like"\n}\n', "JSON over several lines.*jq -c"),
        (b'{"events": [\n' + event(1) + b"]}\n", "JSON over several lines"),
        (b"id,type,network,who,target,at\n1,like,n,a,b,1\n", "a table"),
        (b'"id";"type";"ts"\r\n"1";"like";"2"\r\n', "a table"),
        (b"id\ttype\tts\n", "a table"),
        (b"actor,target\nann,bob\n", "a table"),
        (b"\n\n<!DOCTYPE html>\n<html>", "a web page"),
        (b"<html><body>404", "a web page"),
        (b"<?xml version='1.0'?>\n<a/>", "XML"),
        (b"\x1e" + event(1) + b"\n\x1e" + event(2), "text sequence"),
        (b"data: " + event(1) + b"\n\ndata: " + event(2) + b"\n\n", "server-sent events"),
        (b"event: like\ndata: " + event(1) + b"\n\n", "server-sent events"),
    ],
)
def test_text_that_is_no_line_for_each_event(
    write: Write, mark: bytes, pack: Callable[[bytes], bytes], data: bytes, says: str
) -> None:
    """What editors, databases, browsers and other tools write, with or without a mark of UTF-8, packed or not."""
    with pytest.raises(UsageError, match=says):
        next(open_source(write(pack(mark + data))))


def packed_up(kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("events.ndjson", LINES)
    else:
        with tarfile.open(fileobj=out, mode="w") as tar:
            about = tarfile.TarInfo("events.ndjson")
            about.size = len(LINES)
            tar.addfile(about, io.BytesIO(LINES))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (packed_up("zip"), "zip data; unpack"),
        (packed_up("tar"), "a tar archive"),
        (gzip.compress(packed_up("tar")), "a tar archive"),
        (gzip.compress(zstandard.compress(LINES)), "zstd data packed once more"),
        (zstandard.compress(gzip.compress(LINES)), "gzip data packed once more"),
        (zlib.compress(LINES), "no text .it begins with the bytes 78 9c"),
        (msgspec.msgpack.encode({"id": "1", "network": "n", "ts": 1 << 40}), "no text"),
        (LINES.decode().encode("cp500"), "no text"),
        (gzip.compress(gzip.compress(LINES)), "packed once more"),
        (bz2.compress(LINES), "bzip2"),
        (gzip.compress(packed_up("zip")), "zip"),
        (b"PAR1\x15\x04\x15" + bytes(99), "Parquet data; export it"),
        (zstandard.compress(b"PAR1\x15\x04\x15" + bytes(99)), "Parquet"),
        (b"Obj\x01\x04\x14avro.codec", "an Avro file"),
        (b"ARROW1\0\0" + bytes(99), "Arrow"),
        (b"ORC\x0a", "ORC"),
        (b"SQLite format 3\0", "SQLite"),
        (b"\xff\x06\x00\x00sNaPpY\x00", "snappy"),
    ],
)
def test_data_that_are_no_text(write: Write, data: bytes, says: str) -> None:
    """Archives, tables in columns, and what was packed twice."""
    with pytest.raises(UsageError, match=says):
        next(open_source(write(data)))


@pytest.mark.parametrize("pack", PACKINGS)
def test_a_mark_of_utf_8_is_fine(write: Write, pack: Callable[[bytes], bytes]) -> None:
    """It is what Windows puts in front."""
    records = list(open_source(write(pack(b"\xef\xbb\xbf" + LINES.replace(b"\n", b"\r\n")))))
    assert [record.value for record in records] == [event(1), event(2)]


def test_marks_in_the_middle(write: Write) -> None:
    """Files with a mark, put together by `cat`."""
    one = b"\xef\xbb\xbf" + LINES.replace(b"\n", b"\r\n")
    source = open_source(write(one + one))
    assert [record.value for record in source] == [event(1), event(2)] * 2
    assert (source.useless, source.first_bad) == (0, None)


@pytest.mark.parametrize("size_bytes", [MOST_BYTES + 1, MAX_LINE_BYTES + 1])
@pytest.mark.parametrize(
    ("one", "says"),
    [
        (event(1) + b"\r", r"end with CR alone.*tr '\\r' '\\n'"),
        (event(1), "without line ends.*jq -c"),
        (b"[" + event(1) + b",", "one JSON array"),
        ((event(1) + b"\r").decode().encode("utf-16-le"), "UTF-16LE"),
    ],
)
def test_all_in_one_line(write: Write, one: bytes, says: str, size_bytes: int) -> None:
    """Also where it is too long to be held: its beginning says what it is."""
    with pytest.raises(UsageError, match=says):
        next(open_source(write(one * (size_bytes // len(one) + 1))))


def test_higgs_with_cr_alone(write: Write) -> None:
    """However small: its lines cannot be told apart otherwise."""
    with pytest.raises(UsageError, match="end with CR alone"):
        next(open_source(write(b"1 2 1341100972 RT\r3 4 1341100973 RE\r"), "higgs"))


@pytest.mark.parametrize("first", [b"[settings]", b"[INFO] started", b"\x80\x04\x95" + event(3), b"caf\xe9"])
def test_what_may_be_one_wrong_line(write: Write, first: bytes) -> None:
    """A heading, a log line, a torn beginning, another encoding: it costs itself."""
    source = open_source(write(first + b"\n" + LINES))
    assert len(list(source)) == 3 + (b"{" in first)
    assert source.useless == 1


@pytest.mark.parametrize("first", [b"[1, 2]", b"[" + event(3) + b"]"])
def test_one_wrong_line_is_no_wrong_file(write: Write, first: bytes) -> None:
    """A list in the first line, objects behind it: the list becomes a reject, the rest is read, each in its line."""
    source = open_source(write(first + b"\n" + LINES))
    assert [(record.value, source.begun) for record in source] == [(first, 1), (event(1), 2), (event(2), 3)]
    assert source.useless == 1
