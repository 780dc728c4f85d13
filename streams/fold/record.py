"""The score record of a user, one JSON object, its fields always in this order:

    user score as_of model version event_ts engagements actors actors_error actions windows{day week quarter} followers acted
    floored parts{kinds{} networks{} reach participation} delta{day week month} confidence provisional

Who has facts has parts.facts{}, and facts{name{mass date}}; an account its person, a person its accounts.

Points have at most eight decimals, windows and `acted` ten significant digits: whoever decays a record has nothing else to go by.
0.74 us a record of 550 bytes, the score included.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.days import NONE, close_of
from streams.fold.digits import MOST_ESCAPED, escaped, fixed, put, ten, whole, words
from streams.fold.more import CODE, DATE, MASS, NEXT, NOW, OF_WINDOWS, fact_mass, facts_of
from streams.fold.people import ERROR, EXACT
from streams.fold.rows import ACTIONS, ACTORS, DID_TS, ENGAGEMENTS, FOLLOWERS, GOT_TS, KINDS, MORE, SUMS
from streams.fold.score import ahead_of_row, hill, mass_of
from streams.fold.words import ahead, move


def _rows(texts: list[str], wide: int) -> np.ndarray:
    """Short texts, `wide` bytes each with blanks behind: they are copied as words, whatever their lengths are."""
    return np.frombuffer("".join(text.ljust(wide) for text in texts).encode(), np.uint8).copy()


WHOLE, TEN, POINTS, TRUTH, SAID, OF_KINDS, OF_NETWORKS, OF_FACTS, SINCE = range(9)
#: what stands before each value, and how it is written
_FIELDS = [
    ('","score":', POINTS), ("", SAID), ("", WHOLE), (',"engagements":', WHOLE), (',"actors":', WHOLE),
    (',"actors_error":', POINTS), (',"actions":', WHOLE),
    (',"windows":{"day":', TEN), (',"week":', TEN), (',"quarter":', TEN), ('},"followers":', WHOLE), (',"acted":', TEN),
    (',"floored":', TRUTH), (',"parts":{"kinds":{', OF_KINDS), ('},"networks":{', OF_NETWORKS), ('},"reach":', POINTS),
    (',"participation":', POINTS), ("", OF_FACTS), ('},"delta":{"day":', SINCE), ('},"confidence":', POINTS),
    (',"provisional":', TRUTH),
]  # fmt: skip
_WIDE, _KIND_WIDE = 32, 16
_LABELS, _LENGTHS = _rows([label for label, _ in _FIELDS], _WIDE), np.array([len(label) for label, _ in _FIELDS])
_FORMS = np.array([form for _, form in _FIELDS])
_EACH_KIND = [f'"{kind}":' for kind in ("like", "follow", "mention", "reply", "share", "retweet")]
_KIND_LABELS, _KIND_LENGTHS = _rows(_EACH_KIND, _KIND_WIDE), np.array([len(label) for label in _EACH_KIND])
_TRUTHS, _BEGIN = _rows(["false", "true"], 8), _rows(['{"user":"'], 16)
_FACTS, _MASS, _DATE = _rows([',"facts":{'], 16), _rows(['{"mass":'], 8), _rows([',"date":'], 8)
_MASS_LENGTH, _DATE_LENGTH = 8, 8
_WEEK, _MONTH = _rows([',"week":'], 16), _rows([',"month":'], 16)
_WEEK_LENGTH, _MONTH_LENGTH = 8, 9
_FACTS_LENGTH, _BEGIN_LENGTH, _COMMA, _COLON, _QUOTE, _CLOSED = 10, 9, 44, 58, 34, 125

MOST_RECORD = 1_000  #: bytes of a record at most, without `said`, names and what MORE adds
MOST_ENTRY = 128  #: bytes of a fact or network at most, both times that it is there, without its name
MOST_NAME = 2 * MOST_ESCAPED  #: bytes that a byte of a name becomes at most


@part
def _kinds(out, at, row, decays, model, points, shares):
    """`points` divided among the kinds by their mass; those that gave nothing are left out."""
    total = 0.0
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
            words(out, at, _KIND_LABELS, kind * _KIND_WIDE, _KIND_WIDE)
            at = fixed(out, at + _KIND_LENGTHS[kind], shares[kind] * share)
    return at


@part
def _network(out, at, text, start, end, points):
    """What came from the network of a name, which is what stands before its first colon."""
    colon = start
    while colon < end and text[colon] != _COLON:
        colon += 1
    out[at] = _QUOTE
    at = escaped(out, at + 1, text, start, colon)
    out[at], out[at + 1] = _QUOTE, _COLON
    return fixed(out, at + 2, points)


@part
def _label(out, at, more, start, end):
    """What is ready in `more.text`."""
    move(out, at, more.text, start, end - start)
    return at + end - start


@kernel
def _facts(out, at, row, decays, more, points):
    """`points` divided among the facts by what they give; without points what each gives at its date, and that date."""
    total, entry = 0.0, np.int64(more.first_fact[np.int64(row[MORE])])
    first = entry
    while entry:
        total += fact_mass(more, entry, decays[NOW])
        entry = np.int64(more.facts[entry, NEXT])
    words(out, at, _FACTS, 0, 16)
    at += _FACTS_LENGTH
    entry = first
    while entry:
        if entry != first:
            out[at] = _COMMA
            at += 1
        code = np.int64(more.facts[entry, CODE])
        at = _label(out, at, more, more.labels[code, 0], more.labels[code, 1])
        if points > 0.0:
            at = fixed(out, at, points * fact_mass(more, entry, decays[NOW]) / total)
        else:
            words(out, at, _MASS, 0, 8)
            at = ten(out, at + _MASS_LENGTH, more.facts[entry, MASS])
            words(out, at, _DATE, 0, 8)
            at = whole(out, at + _DATE_LENGTH, np.int64(more.facts[entry, DATE]))
            out[at] = _CLOSED
            at += 1
        entry = np.int64(more.facts[entry, NEXT])
    out[at] = _CLOSED
    return at + 1


@kernel
def _ends(out, at, row, decays, more):
    """What a record of somebody with a line in `more` ends with."""
    line = np.int64(row[MORE])
    if more.first_fact[line]:
        at = _facts(out, at, row, decays, more, 0.0)
    return _label(out, at, more, more.tails[line, 0], more.tails[line, 1])


@kernel
def _networks(out, at, row, decays, model, more, points):
    """`points` divided among the networks of a person by the mass of its accounts there; those that gave nothing are left out."""
    total, first = 0.0, np.int64(more.first_network[np.int64(row[MORE])])
    entry = first
    while entry:
        total += _network_mass(more, entry, decays, model)
        entry = np.int64(more.networks[entry, NEXT])
    share, start, entry = points / total if total > 0.0 else 0.0, at, first
    while entry:
        given = share * _network_mass(more, entry, decays, model)
        if given > 0.0:
            if at > start:
                out[at] = _COMMA
                at += 1
            code = np.int64(more.networks[entry, CODE])
            at = _label(out, at, more, more.labels[code, 0], more.labels[code, 1])
            at = fixed(out, at, given)
        entry = np.int64(more.networks[entry, NEXT])
    return at


@part
def _network_mass(more, entry, decays, model):
    mass = 0.0
    for window in range(3):
        mass += max(more.networks[entry, OF_WINDOWS + window], 0.0) * decays[window] * model.mixture[window]
    return mass


@part
def _values(row, decays, model, facts, values):
    """What the fields of a row's record say, in their order; of the kinds and of the network: the points of all engagement."""
    mass = mass_of(row, decays, model, facts)
    total = mass.engagement + mass.reach + mass.participation + mass.facts
    unfloored = hill(total, model)
    # floored users still get parts: those of the score before the floor
    point = unfloored / total if total > 0.0 else 0.0
    score, actors = max(unfloored, 1.0), max(row[ACTORS], 0.0)
    values[0], values[2] = score, max(row[DID_TS], row[GOT_TS])
    values[3], values[4], values[5], values[6] = row[ENGAGEMENTS], actors, ERROR if actors > EXACT else 0.0, row[ACTIONS]
    values[7], values[8], values[9] = mass.day, mass.week, mass.quarter
    values[10], values[11], values[12] = row[FOLLOWERS], mass.acted, unfloored < 1.0
    values[13] = values[14] = mass.engagement * point
    values[15], values[16], values[17] = mass.reach * point, mass.participation * point, mass.facts * point
    values[19], values[20] = actors / (actors + model.confident_actors), actors < model.confident_actors
    return score


@kernel
def _since(out, at, row, score, known, moments, decays, model, more, closes, i):
    """How the score has changed since the last close (null: there is none), and since those of a week and of a month ago."""
    for j in range(3):
        close = close_of(known[i, j], row, moments[j], decays[j], model, more)
        if j == 0:
            closes[i] = close
            at = fixed(out, at, score - close if close != NONE else np.nan)
        elif close != NONE:
            words(out, at, _WEEK if j == 1 else _MONTH, 0, 16)
            at = fixed(out, at + (_WEEK_LENGTH if j == 1 else _MONTH_LENGTH), score - close)
    return at


@kernel
def write(names, slots, rows, by_slot, decays, known, moments, then, model, more, said, out, bounds, scores, closes):
    """The records of `slots` one behind another, record i from bounds[i] to bounds[i + 1], and the scores (n,).

    Row i of `rows` is the i-th user's or, `by_slot`, that of slot i. `said` is what all say of as_of, model and version.
    `known` (n, 3) is what lines know of the closes at `moments` (3,), `then` (3, 4) what reads rows at these; the last one of
    each goes to `closes` (n,).
    """
    at, cells, values, shares = np.int64(0), rows.reshape(-1), np.empty(len(_FORMS)), np.empty(KINDS)
    for i in range(len(slots)):
        if i + 8 < len(slots):
            ahead(names.starts, slots[i + 8])
            ahead_of_row(cells, slots[i + 8] if by_slot else i + 8)
        if i + 4 < len(slots):
            ahead(names.text, names.starts[slots[i + 4]])
        slot = slots[i]
        row = rows[slot if by_slot else i]
        facts, line = 0.0, np.int64(row[MORE])
        if line:
            facts = facts_of(more, row, decays)
        scores[i] = _values(row, decays, model, facts, values)
        start, end = names.starts[slot], names.starts[slot + 1]
        words(out, at, _BEGIN, 0, 16)
        at = escaped(out, at + _BEGIN_LENGTH, names.text, start, end)
        for field in range(len(_FORMS)):  # no part of its own: `more` is only given to calls that need it, see `mass_of`
            words(out, at, _LABELS, field * _WIDE, _WIDE)
            at += _LENGTHS[field]
            form, value = _FORMS[field], values[field]
            if form == POINTS:
                at = fixed(out, at, value)
            elif form == WHOLE:
                at = whole(out, at, np.int64(value))
            elif form == TEN:
                at = ten(out, at, value)
            elif form == TRUTH:
                words(out, at, _TRUTHS, 8 if value else 0, 8)
                at += 4 if value else 5
            elif form == OF_KINDS:
                at = _kinds(out, at, row, decays, model, value, shares)
            elif form == SAID:
                at = put(out, at, said)
            elif form == SINCE:
                at = _since(out, at, row, scores[i], known, moments, then, model, more, closes, i)
            elif form == OF_FACTS:
                if value > 0.0:
                    at = _facts(out, at, row, decays, more, value)
            elif value > 0.0:
                if line and more.first_network[line]:
                    at = _networks(out, at, row, decays, model, more, value)
                else:
                    at = _network(out, at, names.text, start, end, value)
        if line:
            at = _ends(out, at, row, decays, more)
        out[at] = _CLOSED
        at += 1
        bounds[i + 1] = at
