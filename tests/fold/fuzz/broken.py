"""Data broken in a few places."""

from __future__ import annotations

import random

from streams.fold.words import SPARE

T0 = 1_767_225_600_000
NEWEST = T0 + 600_000

#: what is put into JSON: all of its signs, ends of words and numbers, letters that are none or are forbidden
_TOKENS = [
    *(bytes((n,)) for n in b'"\\{}[]:,. \t\r\n-+0159eEtfnu\x00\x01\x1f\x7f\x80\xc2\xe2\xed\xf0\xf4\xff'),
    *(b"null", b"true", b"false", b"1e5", b"-0", b"00", b"0.5", b"NaN", b"\\u0041", b"\\n", b'\\"', b'""', b"{}", b"\\ud800"),
    *("\x85", "\u2028", "é", "世", "😀", "\ufeff", "\x9f", "\xa0"),
    *(b"\xed\xa0\x80", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf4\x90\x80\x80", b"\xf0\x80\x80\xaf", b"\xc2", b"\xe2\x80"),
    *(b'"id"', b'"ts"', b'"undo":true', b'"ref":"r"', b'"target":null', b'"undo":null', b',"x":1', b',"id":null', b"1767225600000"),
]  # fmt: skip
TOKENS = [token.encode() if isinstance(token, str) else token for token in _TOKENS]


def broken(dice: random.Random, data: bytes, tokens: list[bytes] = TOKENS) -> bytes:
    """A few changes anywhere: bytes set, put in, taken out, doubled or cut off."""
    for _ in range(dice.choice((1, 1, 1, 2, 3, 5))):
        at, how = dice.randint(0, len(data)), dice.randrange(7)
        to = min(len(data), at + dice.choice((0, 1, 1, 1, 2, 4, 8, 20)))
        if how == 0:
            data = data[:at] + bytes((dice.randrange(256),)) + data[at + 1 :]
        elif how <= 2:
            data = data[:at] + dice.choice(tokens) + data[to:]
        elif how == 3:
            data = data[:at] + data[to:]
        elif how == 4:
            other = dice.randint(0, len(data))
            data = data[:other] + data[at:to] + data[other:]
        elif how == 5 and dice.random() < 0.3:
            data = data[:at]
        elif at < len(data):
            data = data[:at] + bytes((data[at] ^ 1 << dice.randrange(8),)) + data[at + 1 :]
    return data


def behind(dice: random.Random) -> bytes:
    """What may lie behind the data: nothing, more of the same, or what would go on with it."""
    return dice.choice(
        (bytes(SPARE), b"9" * SPARE, b'"' * SPARE, b"}" * SPARE, b'"}{"id":"' * 9, b"\xff" * SPARE, b"e" * SPARE)
    )[:SPARE]
