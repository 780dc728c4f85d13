"""What an engagement is about: an object and topics. As bytes on their way, and as keys, which find an entry of a list.

    object  BEHIND topic  BEHIND topic ...         an undo: OF_KEYS, then 8 hexadecimal digits a key, the object's first

A topic is made normal: no capitals, no `#` and no blanks around it, and NFKC (Unicode), so that people who write it in different
ways mean the same one. `streams.model.about` does it for all that is not ASCII. 0.05 us an event.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.hashing import name_key
from streams.fold.memories import LENGTH, OF_OBJECT, keys_of, name_length
from streams.fold.names import same
from streams.fold.rows import BEHIND, ENTRY, MOST_KEYS, MOST_OBJECT, MOST_TOPIC, MOST_TOPICS, OF_KEYS, TOPICS_BYTES
from streams.fold.words import load_u16, load_u32, move

_U = np.uint64
_BLANK, _HASH, _A, _Z, _LOWER = 32, 35, 65, 90, 32
_DIGITS = np.frombuffer(b"0123456789abcdef" + bytes(64), np.uint8).copy()
_OF_ONE = 8  # digits of a key


@part
def key_of(a, at, n):
    """32 bits that find a text, never 0."""
    return max(np.int64(name_key(a, at, n, _U(0)) & _U(0xFFFFFFFF)), 1)


@kernel
def one_topic(a, at, end, to, start, many):
    """Write the topic in `at` to `end`, made normal, to place `to` (at or before it), behind `many` others that begin at `start`.

    Returns where it ends; `to`: it does not count; -1: it is not ASCII.
    """
    for i in range(at, end):
        if a[i] >= 0x80:
            return -1
    while at < end and (a[at] == _BLANK or a[at] == _HASH):
        at += 1
    while end > at and a[end - 1] == _BLANK:
        end -= 1
    n, begin = end - at, to + 1 if many else to
    if not 0 < n <= MOST_TOPIC or many == MOST_TOPICS or begin + n - start > TOPICS_BYTES:
        return to
    if many:
        a[to] = BEHIND
    for i in range(n):
        b = a[at + i]
        a[begin + i] = b + _LOWER if _A <= b <= _Z else b
    other = start
    while other < to:  # is it there already?
        last = other
        while last < to and a[last] != BEHIND:
            last += 1
        if last - other == n and same(a, other, a, begin, n):
            return to
        other = last + 1
    return begin + n


@kernel
def keys_of_event(text, e, keys):
    """The keys of an event, into (MOST_KEYS,): the object's first, 0: it has none. Returns how many places are in use."""
    n, at = np.int64(e.object_len), np.int64(e.object_at)
    if not n and not e.topics_len:
        return 0
    keys[0] = key_of(text, at, n) if n else 0
    many, at = 1, np.int64(e.topics_at)
    end = at + np.int64(e.topics_len)
    while at < end:
        last = at
        while last < end and text[last] != BEHIND:
            last += 1
        keys[many] = key_of(text, at, last - at)
        many += 1
        at = last + 1
    return many


@kernel
def attach(out, text, e):
    """The last engagement in `out`, see `streams.fold.packing`, is about what the event `e` is about."""
    i = out.so_far[0] - 1
    start = at = out.ends[i]
    n = np.int64(e.object_len)
    move(out.names, at, text, np.int64(e.object_at), n)
    at += n
    if e.topics_len:
        out.names[at] = BEHIND
        n = np.int64(e.topics_len)
        move(out.names, at + 1, text, np.int64(e.topics_at), n)
        at += 1 + n
    out.ends[i], out.abouts[i] = at, at - start


@kernel
def attach_keys(out, arena, entry):
    """The same of an undo: the entry of the actor's memory at `entry` in `arena` knows what it is about."""
    many = keys_of(arena, entry)
    if not many:
        return
    i = out.so_far[0] - 1
    start = at = out.ends[i]
    of_object = load_u16(arena, entry + LENGTH) & OF_OBJECT
    out.names[at] = OF_KEYS
    at, place = at + 1, entry + ENTRY + name_length(arena, entry)
    for number in range(0 if of_object else -1, many):
        key = _U(load_u32(arena, place + 4 * number)) if number >= 0 else _U(0)
        for digit in range(_OF_ONE):
            out.names[at + digit] = _DIGITS[np.int64((key >> _U(4 * (_OF_ONE - 1 - digit))) & _U(15))]
        at += _OF_ONE
    out.ends[i], out.abouts[i] = at, at - start


@kernel
def _digits(a, at):
    """The key that 8 hexadecimal digits say; -1: they are none."""
    key = np.int64(0)
    for i in range(_OF_ONE):
        b = np.int64(a[at + i])
        digit = b - 48 if 48 <= b <= 57 else b - 87 if 97 <= b <= 102 else -1
        if digit < 0:
            return np.int64(-1)
        key = key << 4 | digit
    return key


@kernel
def read(a, at, n, keys, starts, ends):
    """What an engagement is about, `n` bytes at `at`: keys and where their texts are, (MOST_KEYS,) each; returns how many.

    Keys alone have no texts. What somebody else wrote may be anything: what is too much is left out.
    """
    end = at + n
    if n and a[at] == OF_KEYS:
        many, at = 0, at + 1
        while at + _OF_ONE <= end and many < MOST_KEYS:
            key = _digits(a, at)
            if key < 0:
                break
            keys[many], starts[many], ends[many] = key, at, at
            many, at = many + 1, at + _OF_ONE
        return many
    many = 0
    while many < MOST_KEYS:
        last = at
        while last < end and a[last] != BEHIND:
            last += 1
        if last - at > (MOST_TOPIC if many else MOST_OBJECT):
            keys[many] = 0
        else:
            keys[many] = key_of(a, at, last - at) if last > at else 0
        starts[many], ends[many] = at, last
        many += 1
        if last >= end:
            break
        at = last + 1
    return many
