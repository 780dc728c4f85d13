"""What a file is that is plainly not lines of text in UTF-8, and what to do about it. Known by its first bytes or first line."""

from __future__ import annotations

import re
from collections.abc import Callable

import orjson

from streams.sources.torn import MOST_BYTES

LONGEST_MAGIC_BYTES = 10
_UNPACK = "unpack it first (plain text, gzip and zstd are read as they are)"
_MAGIC = {
    b"BZh": "bzip2 data",
    b"\xfd7zXZ": "xz data",
    b"PK\x03\x04": "zip data",
    b"PK\x05\x06": "zip data",
    b"7z\xbc\xaf": "7z data",
    b"Rar!": "rar data",
    b"\x04\x22\x4d\x18": "lz4 data",
    b"\x1f\x9d": "compress (.Z) data",
    b"\xff\x06\x00\x00sNaPpY": "snappy data",
}
_TABLES = {
    b"PAR1": "Parquet data",
    b"ARROW1": "Arrow data",
    b"FEA1": "Feather data",
    b"Obj\x01": "an Avro file",
    b"ORC": "ORC data",
    b"SQLite": "SQLite data",
    b"%PDF": "PDF data",
    b"\x89PNG": "a picture (PNG)",
    b"\x89HDF": "HDF5 data",
}
_EXPORT = "export it as one JSON object a line first"
_BOMS = {
    b"\xff\xfe\x00\x00": "UTF-32LE",
    b"\x00\x00\xfe\xff": "UTF-32BE",
    b"\xff\xfe": "UTF-16LE",
    b"\xfe\xff": "UTF-16BE",
}
_CELL = rb"(\"[^\"]*\"|[^\",;\t|{}\[\]]*)"
_CSV = re.compile(_CELL + rb"(([,;\t|])" + _CELL + rb"){2,}")
_NO_ARRAY = re.compile(rb"\[\s*[A-Za-z_]")  # a section of a settings file, a log line
_SIDE_BY_SIDE = re.compile(rb"\}\s*,?\s*\{\s*\"")
_HEADER = re.compile(rb"\"?[A-Za-z_]\w*\"?([,;\t|]\"?[A-Za-z_]\w*\"?)+")
HEAD_BYTES = MOST_BYTES + 1  # of a line that is too long, to say what it is
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1d\x7f]")
_LOOKED_AT_BYTES = 64  # of text, to see the zeros of a wide encoding


def by_magic(head: bytes) -> str | None:
    """What data are whose first bytes are these, and what to do; None when they may be lines of text."""
    for table, advice in ((_MAGIC, _UNPACK), (_TABLES, _EXPORT)):
        for magic, kind in table.items():
            if head.startswith(magic):
                return f"is {kind}; {advice}"
    return None


def by_line(line: bytes, following: Callable[[], bytes | None], *, json: bool) -> str | None:
    """What a file is whose first line (not blank, stripped) is this; None when it may be read. `json`: lines are JSON.

    `following` gives the next line, or None; it is asked only where the first one does not decide.
    """
    if encoding := wide_encoding(line):
        return f"is {encoding} text; make it UTF-8: iconv -f {encoding} -t UTF-8 FILE > NEW"
    if packed := next((name for magic, name in _PACKED.items() if line.startswith(magic)), None):
        return f"is {packed} data packed once more; unpack it once"
    if line[257:262] == b"ustar":
        return "is a tar archive; unpack it first"
    if known := by_magic(line):
        return known
    if re.match(rb"<(!doctype html|html|head|body)", line, re.IGNORECASE):
        return "is a web page; perhaps an error or a login was saved in place of the file: fetch it again"
    if line.startswith(b"<"):
        return f"is XML; {_EXPORT}"
    if b"\r" in line and (len(line) > MOST_BYTES or not json):
        return "has lines that end with CR alone, as on old Macs; make them LF: tr '\\r' '\\n' < FILE > NEW"
    if _is_binary(line):
        return f"is no text (it begins with the bytes {line[:8].hex(' ')}); {_EXPORT}"
    return _by_json_line(line, following) if json else None


def _is_binary(line: bytes) -> bool:
    """Neither UTF-8 nor text in an older encoding, nor does any event stand in it."""
    if not _CONTROL.search(line) or b'{"' in line:
        return False
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return False


def wide_encoding(line: bytes) -> str | None:
    """The encoding of text in two or four bytes a character, by its mark or by where the zeros are."""
    for mark, name in _BOMS.items():
        if line.startswith(mark) and (len(mark) > 2 or b"\0" in line[2:_LOOKED_AT_BYTES]):
            return name
    head = line[:_LOOKED_AT_BYTES]
    zeros = [bool(head[n::4].strip(b"\0")) for n in range(4)]  # has the column anything but zeros?
    if len(head) < 8 or b"\0" not in head:
        return None
    patterns = {
        (True, False, False, False): "UTF-32LE",
        (False, False, False, True): "UTF-32BE",
        (True, False, True, False): "UTF-16LE",
        (False, True, False, True): "UTF-16BE",
    }
    return patterns.get(tuple(zeros))  # type: ignore[arg-type]


def _by_json_line(line: bytes, following: Callable[[], bytes | None]) -> str | None:
    if line.startswith(b"["):
        is_list, then = _is(line, list), following() or b""
        if is_list and _is(then, dict):
            return None  # a line that is wrong, in a file that is right
        if is_list and _is(then, list):
            return "has a JSON array a line, not an object; name its values: jq -c '{id: .[0], type: .[1]}' FILE > NEW"
        if not is_list and _NO_ARRAY.match(line):
            return None
        return "is one JSON array, not an object a line; take it apart: jq -c '.[]' FILE > NEW"
    if line == b"{" or (
        line.startswith(b"{") and not _is(line, dict) and re.fullmatch(rb'\{\s*"[^"]*"\s*:\s*[\[{]?', line)
    ):
        return "is JSON over several lines; put each object on a line: jq -c . FILE > NEW"
    if len(line) > MOST_BYTES and _SIDE_BY_SIDE.search(line):
        return "is JSON without line ends; put each object on a line: jq -c . FILE > NEW"
    if line.startswith(b"\x1e"):
        return "is a JSON text sequence (RFC 7464); take the separators out: tr -d '\\036' < FILE > NEW"
    if re.match(rb"(data|event|id|retry):", line):
        return "is a stream of server-sent events; keep their data: sed -n 's/^data: *//p' FILE > NEW"
    if _CSV.fullmatch(line) or _HEADER.fullmatch(line):
        return "is a table (CSV or the like), not JSON; with the names of its columns in the first line: --format csv"
    return None


def _is(line: bytes, what: type) -> bool:
    try:
        return isinstance(orjson.loads(line), what)
    except orjson.JSONDecodeError:
        return False
