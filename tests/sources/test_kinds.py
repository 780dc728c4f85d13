"""Files that are plainly something else: refused before a record comes of them, with what they are and what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable

import pytest
import zstandard

from streams.errors import UsageError
from streams.sources import FORMATS, open_source
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
        (b'{\n  "id": "1",\n  "type": "like"\n}\n', "JSON over several lines.*jq -c"),
        (b'{"events": [\n' + event(1) + b"]}\n", "JSON over several lines"),
        (b"id,type,network,actor,target,ts\n1,like,n,a,b,1\n", "a table"),
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


@pytest.mark.parametrize("first", [b"[1, 2]", b"[" + event(3) + b"]"])
def test_one_wrong_line_is_no_wrong_file(write: Write, first: bytes) -> None:
    """A list in the first line, objects behind it: the list becomes a reject, the rest is read, each in its line."""
    source = open_source(write(first + b"\n" + LINES))
    assert [(record.value, source.begun) for record in source] == [(first, 1), (event(1), 2), (event(2), 3)]
    assert source.useless == 1
