"""What partitions have sent each other, read without the product's kernels: engagements one by one, and who was told of whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np

from streams.events import NEWEST_MS
from streams.fold.lines import GONE
from streams.formats import lines

_NUMBERS = {"target": "<u2", "actor": "<u2", "ts": "<i8", "code": "u1", "kin": "<u8", "done": "<i8", "about": "<u2"}
_FLOATS = {"weight": "<f4", "pair": "<f4"}
_NOTHING = 0xFFFF  # is it about
CLOSE = 1e-6  #: part of a weight: they travel with 32 bits
_WHOLE = 8  # parts of the key of a line
_decode = msgspec.msgpack.Decoder().decode

Key = tuple[Any, ...]


class Travelled(NamedTuple):
    """What has come to one partition."""

    engagements: dict[Key, list[tuple[float, ...]]]  #: by all that is whole: their weights
    told: set[Key]  #: person, account and the numbers of a line; its sums are those of the account's row
    left: set[Key]  #: the same of accounts that have left, but for when it was told


def travelled(records: Iterable[bytes | None]) -> Travelled:
    """Of these records of `engagements`. What cannot be read, how scores are spread and what came of feeds are left out."""
    found = Travelled(defaultdict(list), set(), set())
    for record in records:
        try:
            _, _, names, sections = _decode(record or b"")
        except (msgspec.MsgspecError, ValueError, TypeError):
            continue
        if lines.SECTION in sections:
            for key in _told(sections[lines.SECTION]):
                (found.told if len(key) == _WHOLE else found.left).add(key)
        elif "target" in sections:
            for key, weights in _engagements(names, sections):
                found.engagements[key].append(weights)
    return found


def _engagements(names: list[str], sections: dict[str, bytes]) -> Iterator[tuple[Key, tuple[float, ...]]]:
    count = len(sections["code"])
    whole = {name: _column(sections, name, kind, count) for name, kind in _NUMBERS.items()}
    weights = zip(*(_column(sections, name, kind, count).tolist() for name, kind in _FLOATS.items()), strict=True)
    done = whole["done"] if "done" in sections else whole["ts"]
    rest = zip(*(column.tolist() for column in (whole["ts"], whole["code"], whole["kin"], done)), strict=True)
    about = whole["about"].tolist() if "about" in sections else [_NOTHING] * count
    for i, (numbers, floats) in enumerate(zip(rest, weights, strict=True)):
        who = names[whole["target"][i]], names[whole["actor"][i]], "" if about[i] == _NOTHING else names[about[i]]
        yield (*who, *numbers), floats


def _column(sections: dict[str, bytes], name: str, kind: str, count: int) -> np.ndarray[Any, Any]:
    return np.frombuffer(sections[name], kind) if name in sections else np.zeros(count, kind)


def _told(section: bytes) -> Iterator[Key]:
    """A line as key; of who has left without the version and the day: it is told again with each change."""
    told = lines.decode(section, NEWEST_MS)
    persons, accounts = ([*_names(*some)] for some in (told.persons, told.accounts))
    for of, account, numbers in zip(told.of.tolist(), accounts, told.numbers.tolist(), strict=True):
        link, version, flags, since, until, day = numbers
        when = () if flags & GONE else (version, day)
        yield persons[of], account, link, flags, since, until, *when


def _names(text: Any, ends: Any) -> Iterator[str]:
    start = 0
    for end in ends.tolist():
        yield text[start:end].tobytes().decode()
        start = end


def apart(found: Travelled, again: Travelled) -> Iterator[str]:
    """Where they differ, in words. A line that came twice is one.

    Until a day has closed since, an account tells again that it has left; whoever takes it over afterwards does not, and does not
    tell of links that began and ended before that close and were read behind it. So what was told may be less.
    """
    for key in sorted(found.left - again.left, key=str):
        yield f"that {key} has left was not told"
    for key in sorted(found.told ^ again.told, key=str):
        yield f"the line {key} {'was not told' if key in found.told else 'is missing'}"
    for key in sorted(found.engagements.keys() | again.engagements.keys(), key=str):
        one, other = (sorted(some.engagements.get(key, [])) for some in (found, again))
        if len(one) != len(other) or not np.allclose(one, other, rtol=CLOSE, atol=CLOSE):
            yield f"{key} weigh {one} instead of {other}"
