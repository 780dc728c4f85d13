"""The values of records, JSON, to lines of EVENT. It says yes only to what is plainly an event; the rest is *unusual*.

Plainly an event is a flat object of plain text: known names once, no escapes, no control characters, usual lengths, a time
within bounds. What is unusual is not wrong: `streams.events.parse` decides about it, so this needs to be right only where
it says yes. 0.64 us an event of 110 bytes, hashes included.

    {"id":"e1","network":"net","actor":"ann","target":"bob","ts":1767225600000}
     field     ^value          a field at a time: its name is one word of eight bytes, quote included
"""

from __future__ import annotations

import numpy as np

from streams.fold.about import one_topic
from streams.fold.compiled import kernel
from streams.fold.hashing import MOST, xxh3
from streams.fold.letters import ONES, QUOTES, TOPS, plain_end
from streams.fold.rows import MOST_OBJECT
from streams.fold.words import load_u32, load_u64, move, swapped, zeros_below

_U = np.uint64


def _word(text: str) -> np.uint64:
    return _U(int.from_bytes(text.encode(), "little"))


# names with the quote that ends them
_ID, _REF, _TS, _TYPE, _UNDO = (_word(w + '"') for w in ("id", "ref", "ts", "type", "undo"))
_ACTOR, _TARGET, _OBJECT, _TOPICS, _NETWORK = (
    _word(w + '"') for w in ("actor", "target", "object", "topics", "network")
)
_KINDS = np.array([_word(w) for w in ("like", "follow", "mention", "reply", "share", "retweet")], np.uint64)
_PERSON = _word("person")
_TRUE, _FALS, _NULL = (np.uint32(_word(w)) for w in ("true", "fals", "null"))
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(9)], np.uint64)
_QUOTE, _COLON, _COMMA, _OPEN, _CLOSE, _LIST, _UNLIST, _MINUS, _DOT, _E = (np.uint8(ord(c)) for c in '":,{}[]-.e')
_0, _9 = np.uint8(48), np.uint8(57)

# which fields were there
ID, NETWORK, ACTOR, TARGET, REF, TYPE, OBJECT, TS, UNDO, TOPICS = (1 << n for n in range(10))
_NEEDED = ID | NETWORK | ACTOR | TS

# in `bounds`: ms; the longest of each in bytes; topics; bytes of a whole event
OLDEST_MS, NEWEST_MS, MAX_NETWORK, MAX_ID, MAX_OBJECT, MAX_TOPICS, MAX_TOPIC, MAX_BYTES = range(8)


@kernel
def _blank(a, at, end):
    while at < end and (a[at] == 32 or a[at] == 10 or a[at] == 13 or a[at] == 9):
        at += 1
    return at


@kernel
def _number_end(a, at):
    """Where a plain number ends, at most 15 digits on each side of the point; -1: it is none."""
    if a[at] == _MINUS:
        at += 1
    start = at
    while _0 <= a[at] <= _9 and at - start < 16:
        at += 1
    if not 0 < at - start <= 15 or (a[start] == _0 and at - start > 1):
        return -1
    if a[at] == _DOT:
        start = at = at + 1
        while _0 <= a[at] <= _9 and at - start < 16:
            at += 1
        if not 0 < at - start <= 15:
            return -1
    return at


@kernel
def _word_end(a, at):
    """Where true, false or null ends; -1: it is none of them."""
    word = load_u32(a, at)
    if word == _TRUE or word == _NULL:
        return at + 4
    return at + 5 if word == _FALS and a[at + 4] == _E else -1


@kernel
def _topics(a, at, end, most, longest, e):
    """Where the list at `at` of at most so many plain texts, each of at most so many bytes, ends; -1: it is none.

    In its place they are written as they count, see `streams.fold.about`: that takes fewer bytes.
    """
    begin = to = at + 1
    many = 0
    e.topics_at = begin
    at = _blank(a, at + 1, end)
    if at < end and a[at] == _UNLIST:
        return at + 1
    for _ in range(most):
        if at >= end or a[at] != _QUOTE:
            return -1
        start = at + 1
        at = plain_end(a, start, end)
        if at < 0 or at - start > longest:
            return -1
        last = one_topic(a, start, at, to, begin, many)
        if last < 0:
            return -1
        many, to = many + (last > to), last
        e.topics_len = to - begin
        at = _blank(a, at + 1, end)
        if at >= end or (a[at] != _UNLIST and a[at] != _COMMA):
            return -1
        if a[at] == _UNLIST:
            return at + 1
        at = _blank(a, at + 1, end)
    return -1


@kernel
def _text_field(a, name, at, n, kind, bounds, e, own):
    """Note the text of `n` bytes at `at`; which field it is, -1: it is not plainly one. `own`: places of id and ref."""
    if name == _ID:
        own[0], own[1] = at, n
        return ID if 0 < n < min(MOST, bounds[MAX_ID] + 1) else -1
    if name == _NETWORK:
        e.network_at, e.network_len = at, n
        for i in range(at, at + n):
            if a[i] == _COLON:
                return -1
        if n == 6 and load_u64(a, at) & _MASKS[6] == _PERSON:
            return -1
        return NETWORK if 0 < n <= bounds[MAX_NETWORK] else -1
    if name == _ACTOR:
        e.actor_at, e.actor_len = at, n
        return ACTOR if 0 < n <= bounds[MAX_ID] else -1
    if name == _TARGET:
        e.target_at, e.target_len = at, n
        return TARGET if 0 < n <= min(MOST, bounds[MAX_ID]) else -1
    if name == _REF:
        own[2], own[3] = at, n
        return REF if 0 < n < min(MOST, bounds[MAX_ID] + 1) else -1
    if name == _TYPE:
        return TYPE if n <= 7 and load_u64(a, at) & _MASKS[n] == _KINDS[kind] else -1
    if name == _OBJECT:
        e.object_at, e.object_len = at, n if n <= MOST_OBJECT else 0
        return OBJECT if n <= bounds[MAX_OBJECT] else -1
    return -1 if name == _TS or name == _UNDO or name == _TOPICS else 0


@kernel
def _time(a, at):
    """(the whole number at `at`, where it ends), at most 15 digits; -1: it is none."""
    start, ts = at, np.int64(0)
    while _0 <= a[at] <= _9 and at - start < 16:
        ts = 10 * ts + np.int64(a[at] - _0)
        at += 1
    if not 0 < at - start <= 15 or a[start] == _0:
        return np.int64(-1), at
    return ts, at


@kernel
def one(a, at, end, kind, bounds, scratch, own, e):
    """The event at `at` into the line `e`; False: it is not plainly an event."""
    at = _blank(a, at, end)
    if at >= end or a[at] != _OPEN:
        return False
    seen, ts, undo = 0, np.int64(0), False
    own[1] = own[3] = 0
    e.target_len, e.ref_key, e.object_len, e.topics_len = 0, _U(0), 0, 0
    while True:
        at = _blank(a, at + 1, end)  # behind { or ,
        if at >= end or a[at] != _QUOTE:
            return False
        start = at + 1
        word = load_u64(a, start)
        quote = word ^ QUOTES
        n = zeros_below((quote - ONES) & ~quote & TOPS) >> 3  # 8: a longer name than any known
        name = word & _MASKS[min(n + 1, 8)]
        at = plain_end(a, start, end)
        if at < 0:
            return False
        at = _blank(a, at + 1, end)
        if at >= end or a[at] != _COLON:
            return False
        at = _blank(a, at + 1, end)
        if at >= end:
            return False
        field = 0
        if a[at] == _QUOTE:
            start = at + 1
            at = plain_end(a, start, end)
            if at < 0:
                return False
            field = _text_field(a, name, start, at - start, kind, bounds, e, own)
            at += 1
        elif name == _TS:
            field = TS
            ts, at = _time(a, at)
            if not bounds[OLDEST_MS] < ts <= bounds[NEWEST_MS]:
                return False
        elif name == _TOPICS and a[at] == _LIST:
            field, at = TOPICS, _topics(a, at, end, bounds[MAX_TOPICS], bounds[MAX_TOPIC], e)
        elif name == _UNDO:
            field, undo = UNDO, load_u32(a, at) == _TRUE
            at = -1 if load_u32(a, at) == _NULL else _word_end(a, at)
        elif name == _REF or name == _TYPE or name == _OBJECT or name == _TOPICS:
            field = REF if name == _REF else TYPE if name == _TYPE else OBJECT if name == _OBJECT else TOPICS
            at = at + 4 if load_u32(a, at) == _NULL else -1
        elif name == _ID or name == _NETWORK or name == _ACTOR or name == _TARGET or a[at] == _LIST or a[at] == _OPEN:
            return False
        else:  # a number or a word that nobody reads
            last = _word_end(a, at)
            at = last if last > 0 else _number_end(a, at)
        if field < 0 or at < 0 or seen & field:
            return False
        seen |= field
        at = _blank(a, at, end)
        if at < end and a[at] == _CLOSE:
            break
        if at >= end or a[at] != _COMMA:
            return False
    if _blank(a, at + 1, end) != end or seen & _NEEDED != _NEEDED or (not own[3] if undo else not seen & TARGET):
        return False
    e.ts, e.kind, e.undo = ts, kind, undo
    e.target_key = swapped(xxh3(a, e.target_at, e.target_len, _U(0)))  # as the bytes of its digest
    scratch[0] = kind
    move(scratch, 1, a, own[0], own[1])
    e.id_key = swapped(xxh3(scratch, 0, own[1] + 1, _U(0)))
    if undo:
        move(scratch, 1, a, own[2], own[3])
        e.ref_key = swapped(xxh3(scratch, 0, own[3] + 1, _U(0)))
    return True


@kernel
def parse(a, starts, ends, kinds, bounds, lines, first, usual):
    """The values (n,) from `starts` to `ends`, of these kinds, as lines[first:]; what is not `usual` (n,) is read elsewhere."""
    scratch, own = np.empty(MOST + 8, np.uint8), np.zeros(4, np.int64)
    for i in range(len(starts)):
        n = ends[i] - starts[i]
        usual[i] = 0 < n <= bounds[MAX_BYTES] and one(
            a, starts[i], ends[i], np.int64(kinds[i]), bounds, scratch, own, lines[first + i]
        )
