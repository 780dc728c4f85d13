"""What the call to Redis takes, from arrays: the lists of flush.lua as MessagePack, and the updates for push as JSON.

0.25 us a user together.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.digits import escaped, hundredths, unwritable
from streams.fold.words import load_u64, move, store_f64, store_u16, store_u32, store_u64, swapped

_U = np.uint64
MOST_HEAD = 5  #: bytes before a text or a list at most
_NUMBER, _LIST_FEW, _LIST_U16 = 0xCB, 0x90, 0xDC
_TEXT_FEW, _TEXT_U8, _TEXT_U16, _TEXT_U32 = 0xA0, 0xD9, 0xDA, 0xDB
_COMMA, _QUOTE, _BEGIN, _END = 44, 34, 91, 93


@part
def _big_u16(out, at, value):
    store_u16(out, at, np.uint16(swapped(_U(value)) >> _U(48)))


@part
def list_head(out, at, count):
    """The beginning of a list of fewer than 65,536 values."""
    if count < 16:
        out[at] = _LIST_FEW | count
        return at + 1
    out[at] = _LIST_U16
    _big_u16(out, at + 1, count)
    return at + 3


@part
def text(out, at, source, start, end):
    """A text, in the shortest form that its length allows."""
    n = end - start
    if n < 32:
        out[at] = _TEXT_FEW | n
        at += 1
    elif n < 256:
        out[at], out[at + 1] = _TEXT_U8, n
        at += 2
    elif n < 65_536:
        out[at] = _TEXT_U16
        _big_u16(out, at + 1, n)
        at += 3
    else:
        out[at] = _TEXT_U32
        store_u32(out, at + 1, np.uint32(swapped(_U(n)) >> _U(32)))
        at += 5
    move(out, at, source, start, n)
    return at + n


@kernel
def placed(names, starts, ends, scores, moved, count, out):
    """[score, user, ...] of the `count` users who have moved; returns its length."""
    at = list_head(out, np.int64(0), 2 * count)
    for i in range(len(ends)):
        if moved[i]:
            out[at] = _NUMBER
            store_f64(out, at + 1, scores[i])
            store_u64(out, at + 1, swapped(load_u64(out, at + 1)))
            at = text(out, at + 9, names, starts[i], ends[i])
    return at


@kernel
def recorded(names, starts, ends, records, record_starts, record_ends, out):
    """[user, record, ...] of all; returns its length."""
    at = list_head(out, np.int64(0), 2 * len(ends))
    for i in range(len(ends)):
        at = text(out, at, names, starts[i], ends[i])
        at = text(out, at, records, record_starts[i], record_ends[i])
    return at


@kernel
def updates(names, starts, ends, board, before, scores, moved, step, out, at):
    """["user",score,before],... of those who moved to where another score is displayed than that of the board; returns where it
    ends. Displayed in `step`s; a `before` of 0 is null."""
    first = at
    for i in range(len(ends)):
        if moved[i] and np.rint(scores[i] / step) != np.rint(board[i] / step):
            if at > first:
                out[at] = _COMMA
                at += 1
            out[at], out[at + 1] = _BEGIN, _QUOTE
            at = escaped(out, at + 2, names, starts[i], ends[i])
            out[at], out[at + 1] = _QUOTE, _COMMA
            at = hundredths(out, at + 2, scores[i])
            out[at] = _COMMA
            at = hundredths(out, at + 1, before[i]) if before[i] > 0 else unwritable(out, at + 1)
            out[at] = _END
            at += 1
    return at
