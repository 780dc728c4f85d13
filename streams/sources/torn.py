"""Lines that are no JSON, but hold some: a writer that stopped, blocks of NUL, two objects without a line end between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

if TYPE_CHECKING:
    from streams.sources.report import Report

MOST_BYTES = 1 << 20  # of a line that is searched: events are smaller, and each try reads on from where it begins
_MOST_TRIES = 1_000  # braces in a row at which no object of the format begins
_NOTHING = b"\0 \t\r\n,;[]\x1e"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_whole = json.JSONDecoder(parse_constant=_no_constant).raw_decode


def pieces(line: bytes, known: Callable[[Any], bool]) -> tuple[list[bytes], bytes]:
    """The objects in a line, at the outermost place where one is whole and `known`, and the bytes that belong to none."""
    if len(line) > MOST_BYTES:
        return [], line
    text = line.decode("latin-1")  # a character for each byte: places are the same
    found: list[bytes] = []
    between: list[bytes] = []
    done = tries = 0
    at = text.find("{")
    while at >= 0 and tries < _MOST_TRIES:
        tries += 1
        end = _end(text, at)
        if end is not None and known(_loaded(line[at:end])):
            found.append(line[at:end])
            between.append(line[done:at])
            done, tries = end, 0
        at = text.find("{", at + 1 if end is None else end)
    return found, b"".join([*between, line[done:]]).strip(_NOTHING)


def objects(lines: Iterable[bytes], report: Report, known: Callable[[Any], bool]) -> Iterator[tuple[bytes, Any]]:
    """Each line with what it says; of a line that is no JSON each `known` object in it. The rest is told as malformed."""
    for line in lines:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            found, rest = pieces(line, known)
            for piece in found:
                yield piece, orjson.loads(piece)
            if rest:
                report.malformed("torn: part of a line" if found else "no JSON")
            elif not found:
                report.malformed("a block of NUL bytes")
        else:
            yield line, value


def _end(text: str, at: int) -> int | None:
    try:
        return _whole(text, at)[1]
    except (ValueError, RecursionError):
        return None


def _loaded(piece: bytes) -> Any:
    try:
        return orjson.loads(piece)
    except orjson.JSONDecodeError:
        return None
