"""Letters in UTF-8, eight bytes at a time where they are plain ASCII."""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel
from streams.fold.words import load_u64, zeros_below

_U = np.uint64
ONES, TOPS = _U(0x0101010101010101), _U(0x8080808080808080)
QUOTES, SLASHES, BLANKS = _U(0x2222222222222222), _U(0x5C5C5C5C5C5C5C5C), _U(0x2020202020202020)
QUOTE, SLASH = np.uint8(34), np.uint8(92)


@kernel
def letter(a, at, end):
    """Bytes of the letter at `at`, whose first byte is no ASCII; 0: it is no valid UTF-8."""
    b = a[at]
    if b < 0xC2 or at + 2 > end:
        return 0
    second = a[at + 1]
    if b < 0xE0:
        return 2 if 0x80 <= second < 0xC0 else 0
    if at + 3 > end or not 0x80 <= a[at + 2] < 0xC0:
        return 0
    if b < 0xF0:  # no longer form of a shorter letter, no half of a surrogate pair
        low, high = (0xA0 if b == 0xE0 else 0x80), (0xA0 if b == 0xED else 0xC0)
        return 3 if low <= second < high else 0
    if b > 0xF4 or at + 4 > end or not 0x80 <= a[at + 3] < 0xC0:
        return 0
    low, high = (0x90 if b == 0xF0 else 0x80), (0x90 if b == 0xF4 else 0xC0)
    return 4 if low <= second < high else 0


@kernel
def controls(a, at):
    """Is the letter at `at`, valid and no ASCII, a control character (U+0080 to U+009F) or ends a line (U+2028, U+2029)?"""
    return (a[at] == 0xC2 and a[at + 1] < 0xA0) or (a[at] == 0xE2 and a[at + 1] == 0x80 and a[at + 2] & 0xFE == 0xA8)


@kernel
def valid(a, at, end):
    """Is this UTF-8?"""
    while at < end:
        if at + 8 <= end and not load_u64(a, at) & TOPS:
            at += 8
        elif a[at] < 0x80:
            at += 1
        else:
            n = letter(a, at, end)
            if not n:
                return False
            at += n
    return True


@kernel
def plain_end(a, at, end):
    """Where the quote is that ends the JSON text at `at`; -1: it has an escape, a control character, bad UTF-8, or no quote."""
    while at < end:
        word = load_u64(a, at)
        quote, slash = word ^ QUOTES, word ^ SLASHES
        odd = ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash) | (word - BLANKS) | (word + ONES) | word
        odd &= TOPS  # the lowest byte marked is surely a quote, a backslash, below 32 or above 126
        if not odd:
            at += 8
            continue
        at += zeros_below(odd) >> 3
        if at >= end:
            return -1
        b = a[at]
        if b == QUOTE:
            return at
        if b < 0x80:
            if b < 32 or b == SLASH or b == 127:
                return -1
            at += 1  # marked by what was borrowed from a lower byte
            continue
        n = letter(a, at, end)
        if not n or controls(a, at):
            return -1
        at += n
    return -1
