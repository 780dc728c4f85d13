"""Lines of persons on the wire, beside engagements: [2, sender's clock ms, [], {"lines": bytes}], see `streams.fold.lines`."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec
import numpy as np

from streams.fold import lines
from streams.fold import told as kernels
from streams.fold.lines import LEAST_GROUP, LEAST_LINE, MOST_LINE, NUMBERS
from streams.fold.packs import FORMAT
from streams.fold.people import REGISTERED, REGISTERS
from streams.fold.rows import LINE
from streams.fold.since import KEPT_SINCE
from streams.fold.told import ENDLESS, NAMELESS, OUT_OF_RANGE, SKETCHY, TORN
from streams.fold.words import SPARE, padded
from streams.model.given import given
from streams.model.lines import Names, Told
from streams.model.users import Slots
from streams.model.windows import Floats
from streams.people.telling import Telling

SECTION = "lines"
MOST_BYTES = 500_000  #: of a record
_WRONG = {
    TORN: "lines of persons that are cut off, or hold what lines do not",
    NAMELESS: "a line of a person, for somebody who is none, or of a name that is none",
    ENDLESS: "a line with a sum that is no number",
    OUT_OF_RANGE: "a line with a time or a number out of range",
    SKETCHY: "a line with a sketch of people that is none",
}
_encode = msgspec.msgpack.Encoder().encode
_LINE, _U16 = struct.Struct("<qqBqqIIIIII"), struct.Struct("<H")


def encode(telling: Telling, some: Slots, rows: Floats, version: int, clock: int) -> Iterator[bytes]:
    """The records that carry these lines, in order; `rows` are those of the changed, (n, WIDTH), scored in this interval."""
    out = np.empty(MOST_BYTES + MOST_LINE + SPARE, np.uint8)
    persons, accounts = telling.names
    rows, numbers = np.ascontiguousarray(rows[telling.changed]), telling.numbers.copy()
    numbers[:, 1] = version
    bounds, done = np.concatenate([[0], telling.facts.ends]), 0
    while done < len(some):
        done, size = lines.write(
            *(
                persons.arrays,
                telling.persons,
                numbers,
                telling.accounts,
                accounts.arrays,
                telling.steps,
            ),
            *(rows, telling.since, telling.sketches.text, telling.sketches.ends, telling.facts.text, bounds),
            *(telling.closed_ms, some, done, out),
        )
        yield _encode([FORMAT, clock, [], {SECTION: out[:size].tobytes()}])


def decode(section: bytes, newest_ms: int, clock: int = 0, *, careful: bool = False) -> Told:
    """Lines that came. Raises ValueError with what is wrong with them. `careful`: no kernel reads what Python has not seen."""
    if careful:
        _walk(section)
    size, most = len(section), len(section) // LEAST_LINE + 1
    text, person_ends = padded(section), np.empty(size // (LEAST_GROUP + LEAST_LINE) + 2, np.int64)
    persons, accounts = np.empty(size + SPARE, np.uint8), np.empty(size + SPARE, np.uint8)
    of, ends, numbers = np.empty(most, np.int64), np.empty(most, np.int64), np.empty((most, NUMBERS), np.int64)
    since = np.empty((most, KEPT_SINCE))
    steps, columns, places = np.empty((most, 3), np.int64), np.empty((most, LINE)), np.empty((most, 3), np.int64)
    groups, n = kernels.read(
        *(text, 0, size, newest_ms, persons, person_ends, of, accounts, ends, numbers, steps, columns, since, places)
    )
    if n < 0:
        raise ValueError(_WRONG[groups])
    named = Names(persons, person_ends[:groups]), Names(accounts, ends[:n])
    kept = numbers[:n], steps[:n], columns[:n], since[:n], places[:n]
    told = Told(text, named[0], of[:n], named[1], *kept, clock)
    for i in np.flatnonzero(told.places[:, 1] < told.places[:, 2]).tolist():
        if any(not 0 <= fact.date <= newest_ms for fact in given(told.facts(i))):
            raise ValueError(_WRONG[OUT_OF_RANGE])
    if clock > newest_ms:
        raise ValueError(_WRONG[OUT_OF_RANGE])
    return told


def _walk(section: bytes) -> None:
    """Raises ValueError where lines end elsewhere than they say."""
    at = 0

    def text(at: int) -> int:
        (size,) = _U16.unpack_from(section, at)
        return at + 2 + int(size)

    try:
        while at < len(section):
            at = text(at)
            (count,) = _U16.unpack_from(section, at)
            at += 2
            for _ in range(count):
                at = text(at)
                *_, mask, since = _LINE.unpack_from(section, at)
                at += _LINE.size + 8 * (mask.bit_count() + since.bit_count())
                known = section[at]
                at = text(at + 1 + (REGISTERS if known == REGISTERED else 8 * known))
    except (struct.error, IndexError):
        raise ValueError(_WRONG[TORN]) from None
    if at != len(section):
        raise ValueError(_WRONG[TORN])
