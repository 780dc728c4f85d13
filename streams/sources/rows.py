"""The format `csv`: rows whose columns are named in the first line, with commas, semicolons or tabs between them."""

from __future__ import annotations

import csv
import datetime
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from streams.errors import UsageError
from streams.events import OLDEST_MS, TOPIC_OF
from streams.sources.record import Produced, produced

if TYPE_CHECKING:
    from streams.sources.report import Report

FIELDS = ("id", "type", "network", "actor", "target", "ts", "object", "topics", "ref", "undo")
NEEDED = ("type", "network", "actor", "ts")
_BETWEEN = ("\t", ";", ",")
_YES, _NO = {"1", "true", "yes"}, {"", "0", "false", "no"}
_TOPICS = re.compile(r"[;|,\s]+")


class _Bad(Exception):
    """A row that is no event; the message says why."""


def read(
    lines: Iterable[bytes],
    report: Report,
    *,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    header: bytes | None = None,
) -> Iterator[Produced]:
    """Each row as an event. Fields of events are in the columns of their names, in any order; other columns are left out.

    `columns`: by field the column that has it under another name; `values`: by field what it is in each row that says nothing
    else; `header`: the first line, when `lines` begins behind it. `ts` is ms since epoch or ISO 8601 (UTC without an offset),
    topics have blanks, `;` or `|` between them. A row without an id is its own id: who sends it again sends the same event.
    """
    rows = iter(lines)
    first = header if header is not None else next(rows, None)
    if first is None:
        return
    columns, values = columns or {}, values or {}
    between, places = _places(first, columns, values)
    width = max(places.values(), default=-1) + 1
    for line in rows:
        try:
            yield produced(_event(line, _cells(line, between), places, values, width))
        except _Bad as error:
            report.malformed(str(error))


def is_header(line: bytes) -> bool:
    """Does a first line name columns of events?"""
    return {b"actor", b"ts"} <= {name.strip(b' "') for name in re.split(rb"[,;\t]", line)}


def _places(first: bytes, columns: Mapping[str, str], values: Mapping[str, str]) -> tuple[str, dict[str, int]]:
    """What stands between cells, and the place of each field. Raises UsageError when one that is needed has none."""
    try:
        text = first.decode()
    except UnicodeDecodeError:
        raise UsageError("csv: the first line is no UTF-8; it has to name the columns") from None
    between = max(_BETWEEN, key=text.count)
    names = [name.strip() for name in _cells(first, between)]
    unknown = sorted({*columns, *values} - set(FIELDS))
    if unknown:
        raise UsageError(f"csv: events have no field {unknown[0]}; they have {', '.join(FIELDS)}")
    places = {}
    for field in FIELDS:
        name = columns.get(field, field)
        if name in names:
            places[field] = names.index(name)
        elif field in columns:
            raise UsageError(f"csv: there is no column {name}; there are {', '.join(names)}")
        elif field in NEEDED and field not in values:
            raise UsageError(
                f"csv: no column is named {field}; there are {', '.join(names)}. Say which it is, --column {field}=NAME, or "
                f"what it is in each row, --value {field}=TEXT"
            )
    return between, places


def _cells(line: bytes, between: str) -> list[str]:
    try:
        return next(csv.reader([line.decode()], delimiter=between, strict=True))
    except UnicodeDecodeError:
        raise _Bad("a row that is no UTF-8") from None
    except csv.Error:
        raise _Bad("a cell whose quotes do not end in its line") from None


def _event(
    line: bytes, cells: list[str], places: Mapping[str, int], values: Mapping[str, str], width: int
) -> dict[str, Any]:
    if len(cells) < width:
        raise _Bad("a row with too few columns")
    said = dict(values)
    said |= {field: cell for field, at in places.items() if (cell := cells[at].strip())}
    if said.get("type") not in TOPIC_OF:
        raise _Bad("a type that is none" if "type" in said else "a row without a type")
    for field in NEEDED:
        if field not in said:
            raise _Bad(f"a row without {field}")
    event: dict[str, Any] = {
        field: said[field] for field in FIELDS if field in said and field not in ("topics", "undo")
    }
    event["ts"] = _ts_ms(said["ts"])
    event.setdefault("id", hashlib.blake2b(line, digest_size=12).hexdigest())
    if topics := [one for one in _TOPICS.split(said.get("topics", "")) if one]:
        event["topics"] = topics
    if (undo := said.get("undo", "").lower()) in _YES:
        event["undo"] = True
    elif undo not in _NO:
        raise _Bad("undo is neither yes nor no")
    return event


def _ts_ms(text: str) -> int:
    if text.isdecimal():
        ms = int(text)
        if ms < OLDEST_MS:
            raise _Bad("a time in seconds: ms since epoch are wanted, or ISO 8601")
        return ms
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise _Bad("a time that is neither ms since epoch nor ISO 8601") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return round(moment.timestamp() * 1000)
