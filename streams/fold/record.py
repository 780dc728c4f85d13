"""The score record of a user, one JSON object, its fields always in this order:

    user score as_of model version event_ts engagements actors actions windows{day week quarter} followers acted floored
    parts{kinds{} networks{} reach participation} delta{day} confidence provisional

Points have eight decimals. Windows and `acted` have ten significant digits: whoever decays a record has nothing else to go by.
0.6 us a record of 550 bytes, the score included.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel
from streams.fold.digits import MOST_ESCAPED, escaped, fixed, put, ten, whole
from streams.fold.rows import ACTIONS, ACTORS, CLOSE, DID_TS, ENGAGEMENTS, FOLLOWERS, GOT_TS, KINDS, SUMS, WIDTH
from streams.fold.score import hill, mass_of
from streams.fold.words import ahead


def _text(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8).copy()


_USER, _SCORE = _text('{"user":"'), _text('","score":')
_ENGAGEMENTS, _ACTORS, _ACTIONS = (_text(f',"{name}":') for name in ("engagements", "actors", "actions"))
_DAY, _WEEK, _QUARTER = _text(',"windows":{"day":'), _text(',"week":'), _text(',"quarter":')
_FOLLOWERS, _ACTED, _FLOORED = _text('},"followers":'), _text(',"acted":'), _text(',"floored":')
_KINDS, _NETWORKS = _text(',"parts":{"kinds":{'), _text('},"networks":{')
_REACH, _PARTICIPATION, _DELTA = _text('},"reach":'), _text(',"participation":'), _text('},"delta":{"day":')
_CONFIDENCE, _PROVISIONAL = _text('},"confidence":'), _text(',"provisional":')
_TRUE, _FALSE, _NULL = _text("true"), _text("false"), _text("null")
_EACH_KIND = [f'"{kind}":' for kind in ("like", "follow", "mention", "reply", "share", "retweet")]
_KIND_NAMES, _KIND_ENDS = _text("".join(_EACH_KIND)), np.cumsum([len(name) for name in _EACH_KIND])
_COMMA, _COLON, _QUOTE, _CLOSED = 44, 58, 34, 125

MOST_RECORD = 1_000  #: bytes of a record at most, without `said` and names
MOST_NAME = 2 * MOST_ESCAPED  #: bytes that a byte of a name becomes at most


@kernel
def _kinds(out, at, row, decays, model, points):
    """`points` divided among the kinds by their mass; those that gave nothing are left out."""
    shares, total = np.empty(KINDS), 0.0
    for kind in range(KINDS):
        mass = 0.0
        for window in range(3):
            mass += row[SUMS + 3 * kind + window] * decays[window] * model.mixture[window]
        shares[kind] = max(mass, 0.0)
        total += shares[kind]
    share = points / total if total > 0.0 else 0.0
    start = at
    for kind in range(KINDS):
        if shares[kind] * share > 0.0:
            if at > start:
                out[at] = _COMMA
                at += 1
            name = _KIND_ENDS[kind - 1] if kind else 0
            for i in range(name, _KIND_ENDS[kind]):
                out[at] = _KIND_NAMES[i]
                at += 1
            at = fixed(out, at, shares[kind] * share)
    return at


@kernel
def _network(out, at, text, start, end, points):
    """What came from the network of a name, which is what stands before its first colon."""
    colon = start
    while colon < end and text[colon] != _COLON:
        colon += 1
    out[at] = _QUOTE
    at = escaped(out, at + 1, text, start, colon)
    out[at], out[at + 1] = _QUOTE, _COLON
    return fixed(out, at + 2, points)


@kernel
def _record(out, at, text, start, end, row, decays, model, said):
    """One record; returns (where it ends, the score)."""
    mass = mass_of(row, decays, model)
    total = mass.engagement + mass.reach + mass.participation
    unfloored = hill(total, model)
    # floored users still get parts: those of the score before the floor
    point = unfloored / total if total > 0.0 else 0.0
    score, actors = max(unfloored, 1.0), max(row[ACTORS], 0.0)

    at = escaped(out, put(out, at, _USER), text, start, end)
    at = put(out, fixed(out, put(out, at, _SCORE), score), said)
    at = whole(out, at, np.int64(max(row[DID_TS], row[GOT_TS])))
    at = whole(out, put(out, at, _ENGAGEMENTS), np.int64(row[ENGAGEMENTS]))
    at = whole(out, put(out, at, _ACTORS), np.int64(actors))
    at = whole(out, put(out, at, _ACTIONS), np.int64(row[ACTIONS]))
    at = ten(out, put(out, at, _DAY), mass.day)
    at = ten(out, put(out, at, _WEEK), mass.week)
    at = ten(out, put(out, at, _QUARTER), mass.quarter)
    at = whole(out, put(out, at, _FOLLOWERS), np.int64(row[FOLLOWERS]))
    at = ten(out, put(out, at, _ACTED), mass.acted)
    at = put(out, put(out, at, _FLOORED), _TRUE if unfloored < 1.0 else _FALSE)
    earned = mass.engagement * point
    at = _kinds(out, put(out, at, _KINDS), row, decays, model, earned)
    at = put(out, at, _NETWORKS)
    if earned > 0.0:
        at = _network(out, at, text, start, end, earned)
    at = fixed(out, put(out, at, _REACH), mass.reach * point)
    at = fixed(out, put(out, at, _PARTICIPATION), mass.participation * point)
    at = put(out, at, _DELTA)
    at = fixed(out, at, score - row[CLOSE]) if row[CLOSE] > 0.0 else put(out, at, _NULL)
    at = fixed(out, put(out, at, _CONFIDENCE), actors / (actors + model.confident_actors))
    at = put(out, put(out, at, _PROVISIONAL), _TRUE if actors < model.confident_actors else _FALSE)
    out[at] = _CLOSED
    return at + 1, score


@kernel
def write(names, slots, rows, by_slot, decays, model, said, out, bounds, scores):
    """The records of `slots` one behind another, record i from bounds[i] to bounds[i + 1], and the scores (n,).

    Row i of `rows` is the i-th user's or, `by_slot`, that of slot i. `said` is what all say of as_of, model and version.
    """
    at, cells = 0, rows.reshape(-1)
    for i in range(len(slots)):
        if i + 8 < len(slots):
            ahead(names.starts, slots[i + 8])
            row = (slots[i + 8] if by_slot else i + 8) * WIDTH
            for line in range(0, WIDTH, 8):
                ahead(cells, row + line)
        if i + 4 < len(slots):
            ahead(names.text, names.starts[slots[i + 4]])
        slot = slots[i]
        row = rows[slot if by_slot else i]
        at, scores[i] = _record(out, at, names.text, names.starts[slot], names.starts[slot + 1], row, decays, model, said)
        bounds[i + 1] = at
