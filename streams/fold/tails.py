"""What records of persons and accounts end with, `,"accounts":["net:ann"]` and `,"person":"person:ann"`. 0.1 us a record."""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel
from streams.fold.digits import MOST_ESCAPED, escaped, put
from streams.fold.names import start_of
from streams.fold.words import move

_ACCOUNTS, _MEMBER = (np.frombuffer(text, np.uint8).copy() for text in (b',"accounts":[', b',"person":"'))
_QUOTE, _COMMA, _CLOSED = 34, 44, 93
MOST_TAIL = 32  #: bytes of a tail beside the names
_EACH = 3  # bytes around a name


@kernel
def tail_bytes(persons, lines, names):
    """How many bytes the tails of these persons have at most."""
    size = np.int64(0)
    for person in persons:
        size, number = size + MOST_TAIL, np.int64(lines.heads[person])
        while number:
            account = lines.accounts[number]
            size += _EACH + MOST_ESCAPED * (start_of(names, account + 1) - start_of(names, account))
            number = np.int64(lines.after[number])
    return size


@kernel
def tails_of_persons(persons, lines, names, out, bounds):
    """What records of these persons end with, one behind another: the names of their accounts; of who has none, nothing."""
    at = np.int64(0)
    for i in range(len(persons)):
        number, start = np.int64(lines.heads[persons[i]]), at
        while number:
            if not lines.gone[number]:
                if at == start:
                    at = put(out, at, _ACCOUNTS)
                else:
                    out[at] = _COMMA
                    at += 1
                account = lines.accounts[number]
                out[at] = _QUOTE
                at = escaped(out, at + 1, names.text, start_of(names, account), start_of(names, account + 1))
                out[at] = _QUOTE
                at += 1
            number = np.int64(lines.after[number])
        if at > start:
            out[at] = _CLOSED
            at += 1
        bounds[i + 1] = at


@kernel
def tails_of_accounts(names, numbers, out, bounds):
    """What records of accounts end with, one behind another: the person of this number; -1: nobody, and nothing."""
    at = np.int64(0)
    for i in range(len(numbers)):
        if numbers[i] >= 0:
            at = put(out, at, _MEMBER)
            at = escaped(out, at, names.text, start_of(names, numbers[i]), start_of(names, numbers[i] + 1))
            out[at] = _QUOTE
            at += 1
        bounds[i + 1] = at


@kernel
def together(text, places, new, at):
    """The texts at `places` (n, 2) one behind another in `new` from `at` on; the places are changed. Returns where they end."""
    for i in range(len(places)):
        size = places[i, 1] - places[i, 0]
        move(new, at, text, places[i, 0], size)
        places[i, 0], places[i, 1] = at, at + size
        at += size
    return at
