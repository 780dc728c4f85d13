"""The score record of a user, one JSON object, its fields always in this order:

    user score as_of model version event_ts engagements actors actors_error actions windows{day week quarter} followers acted
    floored parts{kinds{} networks{} reach participation} delta{hour day week month} confidence provisional

To whom something came within the last week has since{at mass kinds{} reversed[] links[] acted followers facts networks{}}. Who
has facts has parts.facts{}, and facts{name{mass date}}; an account its person, a person its accounts.

Points have at most eight decimals, windows and `acted` ten significant digits: whoever decays a record has nothing else to go by.
0.6 us a record of 550 bytes, the score included.
"""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.days import NONE, facts_before
from streams.fold.digits import MOST_ESCAPED, escaped, fixed, put, ten, whole, words
from streams.fold.more import DATE, NEXT, NOW, facts_of
from streams.fold.names import start_of
from streams.fold.parts import labelled, networks_since, of_facts, of_kinds, of_network, of_networks, of_since, wide
from streams.fold.people import ERROR, EXACT
from streams.fold.rows import ACTIONS, ACTORS, DID_TS, ENGAGEMENTS, FOLLOWERS, GOT_TS, KINDS, MORE
from streams.fold.score import ahead_of_row, hill, mass_of
from streams.fold.since import FACTS_THEN, KEPT_SINCE
from streams.fold.words import ahead

WHOLE, TEN, POINTS, TRUTH, SAID, OF_KINDS, OF_NETWORKS, OF_FACTS, SINCE = range(9)
#: what stands before each value, and how it is written
_FIELDS = [
    ('","score":', POINTS), ("", SAID), ("", WHOLE), (',"engagements":', WHOLE), (',"actors":', WHOLE),
    (',"actors_error":', POINTS), (',"actions":', WHOLE),
    (',"windows":{"day":', TEN), (',"week":', TEN), (',"quarter":', TEN), ('},"followers":', WHOLE), (',"acted":', TEN),
    (',"floored":', TRUTH), (',"parts":{"kinds":{', OF_KINDS), ('},"networks":{', OF_NETWORKS), ('},"reach":', POINTS),
    (',"participation":', POINTS), ("", OF_FACTS), ('},"delta":{', SINCE), ('},"confidence":', POINTS),
    (',"provisional":', TRUTH),
]  # fmt: skip
_WIDE = 32
_LABELS, _LENGTHS = wide([label for label, _ in _FIELDS], _WIDE), np.array([len(label) for label, _ in _FIELDS])
_FORMS = np.array([form for _, form in _FIELDS])
_TRUTHS, _BEGIN = wide(["false", "true"], 8), wide(['{"user":"'], 16)
_HOUR, _DAY = wide(['"hour":'], 16), wide([',"day":'], 24)
_WEEK, _MONTH = wide([',"week":'], 16), wide([',"month":'], 16)
_HOUR_LENGTH, _DAY_LENGTH, _WEEK_LENGTH, _MONTH_LENGTH = 7, 7, 8, 9
_BEGIN_LENGTH, _CLOSED = 9, 125

MOST_RECORD = 2_000  #: bytes of a record at most, without `said`, names and what MORE adds
MOST_ENTRY = 208  #: bytes of a fact or network at most, both times that it is there, without its name
MOST_NAME = 2 * MOST_ESCAPED  #: bytes that a byte of a name becomes at most


@kernel
def _ends(out, at, row, decays, more):
    """What a record of somebody with a line in `more` ends with."""
    line = np.int64(row[MORE])
    if more.first_fact[line]:
        at = of_facts(out, at, row, decays, more, 0.0)
    return labelled(out, at, more, more.tails[line, 0], more.tails[line, 1])


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


@part
def _changes(out, at, score, hour, known):
    """How the score has changed in an hour, since the last close (null: there is none), those of a week and a month ago."""
    if hour != NONE:
        words(out, at, _HOUR, 0, 16)
        at = fixed(out, at + _HOUR_LENGTH, score - hour)
        words(out, at, _DAY, 0, 16)
        at += _DAY_LENGTH
    else:
        words(out, at, _DAY, 1, 16)
        at += _DAY_LENGTH - 1
    for j in range(3):
        if j == 0:
            at = fixed(out, at, score - known[0] if known[0] != NONE else np.nan)
        elif known[j] != NONE:
            words(out, at, _WEEK if j == 1 else _MONTH, 0, 16)
            at = fixed(out, at + (_WEEK_LENGTH if j == 1 else _MONTH_LENGTH), score - known[j])
    return at


@part
def _has_come(since):
    """Has anything come since the close, facts left aside?"""
    for column in range(KEPT_SINCE):
        if since[column] != 0.0:
            return True
    return False


@kernel
def _has_facts(row, since, close, model, more):
    """Are there other facts than at the moment of `close`?"""
    entry = np.int64(more.first_fact[np.int64(row[MORE])]) if row[MORE] > 0.0 else np.int64(0)
    while entry:
        if more.facts[entry, DATE] >= close[NOW]:
            return True
        entry = np.int64(more.facts[entry, NEXT])
    return abs(facts_before(more, row, close, model) - min(since[FACTS_THEN], model.facts_cap)) > 1e-9


@kernel
def write(
    names, slots, rows, by_slot, decays, known, hour, moments, then, model, more, said, since, since_ms, out, bounds, scores, closes
):
    """The records of `slots` one behind another, record i from bounds[i] to bounds[i + 1], and the scores (n,).

    Row i of `rows` is the i-th user's or, `by_slot`, that of slot i. `said` is what all say of as_of, model and version.
    `known` (n, 3) is what lines know of the closes at `moments` (3,), `then` (3, 4) what reads rows at these; all closes, those
    by the closed form too, go to `closes` (n, 3). `hour` (n,) are the scores an hour ago; NONE. `since` (n, SINCE) is what has
    come since the close at `since_ms` (n,), 0: that is not told.
    """
    at, cells, values, shares = np.int64(0), rows.reshape(-1), np.empty(len(_FORMS)), np.empty(KINDS)
    close, own = np.empty(NOW + 1), np.empty(3)
    for i in range(len(slots)):
        if i + 8 < len(slots):
            ahead(names.starts, slots[i + 8])
            ahead_of_row(cells, slots[i + 8] if by_slot else i + 8)
        if i + 4 < len(slots):
            ahead(names.text, start_of(names, slots[i + 4]))
        slot = slots[i]
        row = rows[slot if by_slot else i]
        facts, line = 0.0, np.int64(row[MORE])
        if line:
            facts = facts_of(more, row, decays)
        scores[i] = _values(row, decays, model, facts, values)
        newest = max(row[DID_TS], row[GOT_TS])
        for j in range(3):
            own[j] = known[i, j]
            if np.isnan(own[j]):  # the closed form has it
                own[j] = NONE
                if 0.0 < newest < moments[j]:
                    facts = facts_of(more, row, then[j]) if line else 0.0
                    mass = mass_of(row, then[j], model, facts)
                    own[j] = max(hill(mass.engagement + mass.reach + mass.participation + mass.facts, model), 1.0)
        for j in range(3):
            closes[i, j] = own[j]
        start, end = start_of(names, slot), start_of(names, slot + 1)
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
                at = of_kinds(out, at, row, decays, model, value, shares)
            elif form == SAID:
                at = put(out, at, said)
            elif form == SINCE:
                at = _changes(out, at, scores[i], hour[i], own)
            elif form == OF_FACTS:
                if value > 0.0:
                    at = of_facts(out, at, row, decays, more, value)
            elif value > 0.0:
                if line and more.first_network[line]:
                    at = of_networks(out, at, row, decays, model, more, value)
                else:
                    at = of_network(out, at, names.text, start, end, value)
        come, close[NOW] = since_ms[i] != 0 and (newest >= since_ms[i] or _has_come(since[i])), since_ms[i]
        if come or (since_ms[i] and (line or since[i, FACTS_THEN] != 0.0) and _has_facts(row, since[i], close, model, more)):
            at = of_since(out, at, since[i], since_ms[i], decays)
            if line and more.first_network[line]:
                at = networks_since(out, at, row, decays, more)
            out[at] = _CLOSED
            at += 1
        if line:
            at = _ends(out, at, row, decays, more)
        out[at] = _CLOSED
        at += 1
        bounds[i + 1] = at
