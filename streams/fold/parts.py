"""The lists in a score record: points by kind, by network, by fact, and what facts give."""

from __future__ import annotations

import numpy as np

from streams.fold.compiled import kernel, part
from streams.fold.digits import escaped, fixed, ten, whole, words
from streams.fold.more import CODE, DATE, MASS, NEXT, NOW, OF_SINCE, OF_WINDOWS, fact_mass
from streams.fold.rows import KINDS, MORE, SUMS
from streams.fold.since import ACTED_SINCE, CLOSE, FACTS_THEN, FOLLOWERS_SINCE, GAINED, LINKED, REVERSED
from streams.fold.words import move


def wide(texts: list[str], room: int) -> np.ndarray:
    """Short texts, `room` bytes each with blanks behind: they are copied as words, whatever their lengths are."""
    return np.frombuffer("".join(text.ljust(room) for text in texts).encode(), np.uint8).copy()


_KIND_WIDE = 16
_EACH_KIND = [f'"{kind}":' for kind in ("like", "follow", "mention", "reply", "share", "retweet")]
_KIND_LABELS, _KIND_LENGTHS = wide(_EACH_KIND, _KIND_WIDE), np.array([len(label) for label in _EACH_KIND])
_FACTS, _MASS, _DATE = wide([',"facts":{'], 16), wide(['{"mass":'], 8), wide([',"date":'], 8)
_SINCE, _SINCE_MASS, _SINCE_KINDS = wide([',"since":{"at":'], 16), wide([',"mass":'], 8), wide([',"kinds":{'], 16)
_SINCE_LINKS, _SINCE_NETWORKS = wide([',"links":'], 16), wide([',"networks":{'], 16)
_SINCE_REVERSED, _SINCE_ACTED = wide([',"reversed":'], 16), wide([',"acted":'], 16)
_SINCE_FOLLOWERS, _SINCE_FACTS = wide([',"followers":'], 16), wide([',"facts":'], 16)
_OPEN, _SHUT = 91, 93
_FACTS_LENGTH, _MASS_LENGTH, _DATE_LENGTH, _COMMA, _COLON, _QUOTE, _CLOSED = 10, 8, 8, 44, 58, 34, 125


@part
def of_kinds(out, at, row, decays, model, points, shares):
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
def of_network(out, at, text, start, end, points):
    """What came from the network of a name, which is what stands before its first colon."""
    colon = start
    while colon < end and text[colon] != _COLON:
        colon += 1
    out[at] = _QUOTE
    at = escaped(out, at + 1, text, start, colon)
    out[at], out[at + 1] = _QUOTE, _COLON
    return fixed(out, at + 2, points)


@part
def labelled(out, at, more, start, end):
    """What is ready in `more.text`."""
    move(out, at, more.text, start, end - start)
    return at + end - start


@kernel
def of_facts(out, at, row, decays, more, points):
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
        at = labelled(out, at, more, more.labels[code, 0], more.labels[code, 1])
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


@part
def _of_windows(out, at, since, first, decays):
    """Three sums as a list; `at` if all are 0."""
    if since[first] == 0.0 and since[first + 1] == 0.0 and since[first + 2] == 0.0:
        return at
    for window in range(3):
        out[at] = _COMMA if window else _OPEN
        at = ten(out, at + 1, since[first + window] * decays[window])
    out[at] = _SHUT
    return at + 1


@kernel
def of_since(out, at, since, closed_ms, decays):
    """What has come since the close at `closed_ms`, and the mass then: sums of the windows as of the record, and counts.

    What closes it is left to the caller.
    """
    words(out, at, _SINCE, 0, 16)
    at = whole(out, at + 15, closed_ms)
    if since[CLOSE] >= 0.0:
        words(out, at, _SINCE_MASS, 0, 8)
        at = ten(out, at + 8, since[CLOSE])
    words(out, at, _SINCE_KINDS, 0, 16)
    at = start = at + 10
    for kind in range(KINDS):
        label = at + 1 if at > start else at
        words(out, label, _KIND_LABELS, kind * _KIND_WIDE, _KIND_WIDE)
        begun = label + _KIND_LENGTHS[kind]
        end = _of_windows(out, begun, since, GAINED + 3 * kind, decays)
        if end > begun:
            if label > at:
                out[at] = _COMMA
            at = end
    out[at] = _CLOSED
    at += 1
    words(out, at, _SINCE_REVERSED, 0, 16)
    end = _of_windows(out, at + 12, since, REVERSED, decays)
    at = end if end > at + 12 else at
    words(out, at, _SINCE_LINKS, 0, 16)
    end = _of_windows(out, at + 9, since, LINKED, decays)
    at = end if end > at + 9 else at
    if since[ACTED_SINCE] != 0.0:
        words(out, at, _SINCE_ACTED, 0, 16)
        at = ten(out, at + 9, since[ACTED_SINCE] * decays[1])
    if since[FOLLOWERS_SINCE] != 0.0:
        words(out, at, _SINCE_FOLLOWERS, 0, 16)
        at = whole(out, at + 13, np.int64(since[FOLLOWERS_SINCE]))
    if since[FACTS_THEN] != 0.0:
        words(out, at, _SINCE_FACTS, 0, 16)
        at = ten(out, at + 9, since[FACTS_THEN])
    return at


@kernel
def networks_since(out, at, row, decays, more):
    """The same of each network of a person, all kinds together and less what was taken back."""
    entry, empty = np.int64(more.first_network[np.int64(row[MORE])]), True
    words(out, at, _SINCE_NETWORKS, 0, 16)
    end = at + 13
    while entry:
        code = np.int64(more.networks[entry, CODE])
        label = end if empty else end + 1
        begun = labelled(out, label, more, more.labels[code, 0], more.labels[code, 1])
        after = _of_windows(out, begun, more.networks[entry], OF_SINCE, decays)
        if after > begun:
            if not empty:
                out[end] = _COMMA
            end, empty = after, False
        entry = np.int64(more.networks[entry, NEXT])
    if empty:
        return at
    out[end] = _CLOSED
    return end + 1


@part
def _network_mass(more, entry, decays, model):
    mass = 0.0
    for window in range(3):
        mass += max(more.networks[entry, OF_WINDOWS + window], 0.0) * decays[window] * model.mixture[window]
    return mass


@kernel
def of_networks(out, at, row, decays, model, more, points):
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
            at = labelled(out, at, more, more.labels[code, 0], more.labels[code, 1])
            at = fixed(out, at, given)
        entry = np.int64(more.networks[entry, NEXT])
    return at
