"""Numbers and texts as JSON, written into a byte array at a place; each returns the place behind what it wrote.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import part
from streams.fold.letters import BLANKS, ONES, QUOTES, SLASHES, TOPS
from streams.fold.words import load_u64, move, store_f64, store_u16, store_u32, store_u64

_U = np.uint64
#: two digits each, as they lie in memory
_PAIRS = np.frombuffer(b"".join(b"%02d" % n for n in range(100)), "<u2").astype(np.uint16)
_TENS = np.array([float(f"1e{n}") for n in range(-308, 309)])
_ZERO = 308  # where 1e0 is among them
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8).copy()
_QUOTE, _SLASH, _MINUS, _POINT, _NOUGHT, _E = 34, 92, 45, 46, 48, 101
_ALL = _U(0xFFFFFFFFFFFFFFFF)
_CONTROL = int.from_bytes(b"\\u00", "little")
_NULL = int.from_bytes(b"null", "little")

MOST_NUMBER = 24  #: bytes of a number at most
MOST_ESCAPED = 6  #: bytes of a byte of a text at most


@part
def put(out, at, text):
    """Bytes as they are."""
    move(out, at, text, 0, len(text))
    return at + len(text)


@part
def words(out, at, text, start, count):
    """`count` bytes as they are, a multiple of 8: for short texts with room behind them."""
    for i in range(0, count, 8):
        store_u64(out, at + i, load_u64(text, start + i))


@part
def digits(out, at, value):
    """A u64 below 1e19."""
    long = value >= _U(1_000_000_000_000)  # a time, a version
    first = value // _U(100_000_000) if long else value
    n, limit = 1, _U(10)
    while first >= limit and n < 19:
        n += 1
        limit *= _U(10)
    i = at + n
    rest = first
    while rest >= _U(100):
        i -= 2
        store_u16(out, i, _PAIRS[rest % _U(100)])
        rest //= _U(100)
    if rest >= _U(10):
        store_u16(out, at, _PAIRS[rest])
    else:
        out[at] = _NOUGHT + rest
    if long:
        _eight(out, at + n, value % _U(100_000_000))
        n += 8
    return at + n


@part
def whole(out, at, value):
    """A whole number, i64."""
    if value < 0:
        out[at] = _MINUS
        at, value = at + 1, -value
    return digits(out, at, _U(value))


@part
def unwritable(out, at):
    """For what is no number: null."""
    store_u32(out, at, np.uint32(_NULL))
    return at + 4


@part
def fixed(out, at, x):
    """A number with at most eight decimals, for points: 1.5, 0.06500001, 0.0; what is no number, or beyond 1e10, is null."""
    if not abs(x) <= 1e10:
        return unwritable(out, at)
    if x < 0.0:
        out[at] = _MINUS
        at, x = at + 1, -x
    scaled = _U(np.int64(x * 1e8 + 0.5))
    at = digits(out, at, scaled // _U(100_000_000))
    out[at] = _POINT
    _eight(out, at + 1, scaled % _U(100_000_000))
    end = at + 9
    while out[end - 1] == _NOUGHT and end > at + 2:
        end -= 1
    return end


@part
def _eight(out, at, value):
    """Eight digits of a u64. (Whole numbers are divided as unsigned ones here: signed division rounds down, which takes longer.)"""
    high, low = value // _U(10_000), value % _U(10_000)
    store_u16(out, at, _PAIRS[high // _U(100)])
    store_u16(out, at + 2, _PAIRS[high % _U(100)])
    store_u16(out, at + 4, _PAIRS[low // _U(100)])
    store_u16(out, at + 6, _PAIRS[low % _U(100)])


@part
def _exponent_of(out, at, x):
    """The power of ten that x > 0 begins with; `out` has room for a word at `at`."""
    store_f64(out, at, x)
    two = np.int64(load_u64(out, at) >> _U(52)) - 1023
    e = (two * 1233) >> 12  # log10(2), rounded down: one too low at most
    if x >= _TENS[_ZERO + e + 1]:
        e += 1
    return e


@part
def ten(out, at, x):
    """A number with ten significant digits, as 12.34567890 or 1.234567890e-12; 0 is 0.0."""
    if not np.isfinite(x):
        return unwritable(out, at)
    if x < 0.0:
        out[at] = _MINUS
        at, x = at + 1, -x
    if x == 0.0:
        out[at], out[at + 1], out[at + 2] = _NOUGHT, _POINT, _NOUGHT
        return at + 3
    shift = 0
    if x < 1e-250:
        x, shift = x * 1e200, 200
    e = _exponent_of(out, at, x)
    scaled = _U(np.int64(x * _TENS[_ZERO + 9 - e] + 0.5))
    if scaled >= _U(10_000_000_000):
        scaled, e = scaled // _U(10), e + 1
    e -= shift
    if -5 <= e < 0:
        store_u64(out, at, _U(0x3030303030302E30))  # 0.000000
        at += 1 - e
        _ten_digits(out, at, scaled)
        return at + 10
    _ten_digits(out, at + 1, scaled)
    before = e + 1 if 0 <= e < 8 else 1  # digits before the point: they move one place forward
    moved = _ALL >> _U(64 - 8 * before)
    first = load_u64(out, at + 1)
    store_u64(out, at, (first & moved) | ((first << _U(8)) & ~moved))
    out[at + before] = _POINT
    at += 11
    if 0 <= e < 8:
        return at
    out[at] = _E
    return whole(out, at + 1, e)


@part
def _ten_digits(out, at, value):
    store_u16(out, at, _PAIRS[value // _U(100_000_000)])
    _eight(out, at + 2, value % _U(100_000_000))


@part
def hundredths(out, at, x):
    """A number from 0 to 1e10 with two decimals."""
    scaled = np.int64(np.rint(x * 100.0))
    at = digits(out, at, _U(scaled // 100))
    out[at] = _POINT
    store_u16(out, at + 1, _PAIRS[scaled % 100])
    return at + 3


@part
def _has_special(w):
    """Is one of these eight bytes a quote, a backslash or a control character?"""
    quote, slash = w ^ QUOTES, w ^ SLASHES
    found = ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash) | ((w - BLANKS) & ~w)
    return (found & TOPS) != _U(0)


@part
def escaped(out, at, a, start, end):
    """The inside of a JSON text: UTF-8 as it is, but for quotes, backslashes and control characters."""
    while start < end:
        w, n = load_u64(a, start), end - start
        if n < 8:
            w = (w & ~(_ALL << _U(8 * n))) | (BLANKS << _U(8 * n))
        if not _has_special(w):
            store_u64(out, at, w)
            start, at = start + 8, at + min(n, 8)
            continue
        byte = a[start]
        if byte < 32:
            store_u32(out, at, np.uint32(_CONTROL))
            out[at + 4], out[at + 5] = _HEX[byte >> 4], _HEX[byte & 15]
            at += 5
        else:
            if byte == _QUOTE or byte == _SLASH:
                out[at] = _SLASH
                at += 1
            out[at] = byte
        start, at = start + 1, at + 1
    return at
