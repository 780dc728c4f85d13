"""Lines of persons on the wire, beside engagements, and as a person's row keeps them: a pack with other sections.

[2, sender's clock ms, [name, ...], {section: bytes, ...}], each name once; a value a line, little-endian:

account u16  number of a name        person u16  number of a name        link i64, version i64: the higher pair holds
gone u8  a marker                    steps 3 u32  landmarks, in half-lives
columns f64  the first LINE of a row     size u16, sketch  who engaged with it, as `streams.fold.people` keeps it
facts  MessagePack [[[name, mass, date], ...], ...]; only where there are some
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.fold import unions
from streams.fold.packs import FORMAT
from streams.fold.rows import DID_TS, GOT_TS, LINE, LONGEST
from streams.fold.words import padded
from streams.model.extras import Given
from streams.model.lines import Told
from streams.model.memory import Copied
from streams.model.profiles import is_person
from streams.model.versions import MOST_FACTS

MOST = 300  #: lines in a record, so that it stays below the broker's 1 MB with the longest names and all facts
_COLUMNS = {
    "account": "<u2",
    "person": "<u2",
    "link": "<i8",
    "version": "<i8",
    "gone": "u1",
    "steps": "<u4",
    "columns": "<f8",
    "size": "<u2",
}
_EACH = {"steps": 3, "columns": LINE}
SECTIONS = (*_COLUMNS, "sketch", "facts")  #: names
_encode, _decode_facts = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(list[list[Given]]).decode


def encode(told: Told, clock: int) -> Iterator[bytes]:
    """The records that carry these lines, in order."""
    for start in range(0, len(told), MOST):
        yield _record(told, slice(start, start + MOST), clock)


def _record(told: Told, part: slice, clock: int) -> bytes:
    accounts, persons = told.accounts[part], told.persons[part]
    numbers = {name: i for i, name in enumerate(dict.fromkeys((*accounts, *persons)))}
    ends = told.sketches.ends[part]
    first = int(told.sketches.ends[part.start - 1]) if part.start else 0
    values = (
        [numbers[name] for name in accounts],
        [numbers[name] for name in persons],
        *(told.links[part], told.versions[part], told.gone[part], told.steps[part], told.columns[part]),
        np.diff(ends, prepend=first),
    )
    sections = {
        name: np.ascontiguousarray(some, kind).tobytes()
        for (name, kind), some in zip(_COLUMNS.items(), values, strict=True)
    }
    sections["sketch"] = told.sketches.text[first : int(ends[-1])].tobytes()
    if any(facts := told.facts[part]):
        sections["facts"] = _encode(facts)
    return _encode([FORMAT, clock, list(numbers), sections])


def each(told: Told) -> Iterator[bytes]:
    """One record a person, whose lines lie one behind another: what their rows keep."""
    links, versions, gone, steps, columns = (
        np.ascontiguousarray(some, _COLUMNS[name]).tobytes()
        for name, some in zip(
            list(_COLUMNS)[2:-1], (told.links, told.versions, told.gone, told.steps, told.columns), strict=True
        )
    )
    sizes = np.diff(told.sketches.ends, prepend=0).astype("<u2").tobytes()
    ends, sketches = [0, *told.sketches.ends.tolist()], told.sketches.text.tobytes()
    start = 0
    for person, own in groupby(told.persons):
        end = start + len(list(own))
        n = end - start
        sections = {
            "account": np.arange(n, dtype="<u2").tobytes(),
            "person": n.to_bytes(2, "little") * n,
            "link": links[8 * start : 8 * end],
            "version": versions[8 * start : 8 * end],
            "gone": gone[start:end],
            "steps": steps[12 * start : 12 * end],
            "columns": columns[8 * LINE * start : 8 * LINE * end],
            "size": sizes[2 * start : 2 * end],
            "sketch": sketches[ends[start] : ends[end]],
        }
        if any(facts := told.facts[start:end]):
            sections["facts"] = _encode(facts)
        yield _encode([FORMAT, 0, [*told.accounts[start:end], person], sections])
        start = end


def decode(names: Sequence[str], sections: Mapping[str, bytes], newest_ms: int, clock: int) -> Told:
    """Lines of a record that was taken apart. Raises ValueError with what is wrong with it."""
    n = len(sections["account"]) // 2
    for name in (*_COLUMNS, "sketch"):
        if name not in sections:
            raise ValueError(f"pack without the section {name!r}")
    arrays = {
        name: np.frombuffer(sections[name], kind) for name, kind in _COLUMNS.items() if _whole(sections, name, kind, n)
    }
    facts = _facts(sections["facts"], n) if "facts" in sections else [[] for _ in range(n)]
    accounts, persons = (_named(names, arrays[name]) for name in ("account", "person"))
    columns = arrays["columns"].reshape(n, LINE).copy()
    if not all(map(is_person, persons)) or any(map(is_person, accounts)):
        raise ValueError("a line of a person, or for somebody who is none")
    if not np.isfinite(columns).all() or any(not np.isfinite(fact.mass) for some in facts for fact in some):
        raise ValueError("a line with a sum that is no number")
    newest = max(
        columns[:, [DID_TS, GOT_TS]].max(initial=0), max((fact.date for some in facts for fact in some), default=0)
    )
    if max(newest, clock) > newest_ms or min(arrays["link"].min(initial=0), arrays["version"].min(initial=0)) < 0:
        raise ValueError("a line with a time or a number out of range")
    return Told(
        accounts,
        persons,
        arrays["link"],
        arrays["version"],
        arrays["gone"] != 0,
        arrays["steps"].reshape(n, 3).astype(np.int64),
        columns,
        _sketches(sections["sketch"], arrays["size"].astype(np.int64)),
        facts,
        clock,
    )


def _whole(sections: Mapping[str, bytes], name: str, kind: str, n: int) -> bool:
    if len(sections[name]) != n * _EACH.get(name, 1) * np.dtype(kind).itemsize:
        raise ValueError("pack with columns of different lengths")
    return True


def _named(names: Sequence[str], numbers: NDArray[np.uint16]) -> list[str]:
    if numbers.max(initial=0) >= max(len(names), 1) or any(len(name.encode()) > LONGEST for name in names):
        raise ValueError("a line of somebody who is not named in the pack, or whose name is too long")
    return [names[number] for number in numbers.tolist()]


def _facts(section: bytes, n: int) -> list[list[Given]]:
    try:
        facts = _decode_facts(section)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"a line with facts that are none: {error}") from None
    if len(facts) != n or any(len(some) > MOST_FACTS for some in facts):
        raise ValueError("lines with too many facts, or too few")
    return facts


def _sketches(section: bytes, sizes: NDArray[np.int64]) -> Copied:
    ends, text = np.cumsum(sizes), padded(section)
    if len(section) != int(sizes.sum()):
        raise ValueError("pack with columns of different lengths")
    if sizes.min(initial=1) < 1 or unions.unsound(text, ends) >= 0:
        raise ValueError("a line with a sketch of people that is none")
    return Copied(text, ends)
