"""Rules over users just scored. 0.05 us a user with the two built-in rules.

Who is looked at by which rule: by those of everyone (accounts of a person are not: the person is, and what was on of them is
over), by those of their network, those that name them, and those of a topic that is in their list.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.fold.chunks import begin_of
from streams.fold.compiled import kernel, part
from streams.fold.days import NONE
from streams.fold.episodes import COOLING, FIRING, IGNORED, WAITING, drop, of_rule
from streams.fold.gaps import FIRST_WINDOW, REAL
from streams.fold.gaps import LINE as OF_LINES
from streams.fold.networks import key_of_network
from streams.fold.rows import ACTORS, DID, EPISODES, GOT, MORE, SCORE, TIED
from streams.fold.tops import HEAD, KEY, MOST, SIZE, TOPICS
from streams.fold.words import load_u16, load_u32

FALL, RISE, LINE = 0, 1, 2  #: sorts of rules
RAISE, RECOVERED, SETTLED = 1, 2, 3  #: verdicts; RAISE: it holds, and its cause is to be looked at
AGAIN_MS = 3_600_000  #: after so long it is looked again at a cause that was ignored, if nothing has come in between
_MOST_LISTS = 3 + int(MOST[TOPICS])
_U = np.uint64


class Rules(NamedTuple):
    """Rules as columns, and which of them are of whom: lists one behind another in `of`, list i from begins[i] to begins[i + 1]."""

    key: NDArray[np.uint64]  #: hash of the name
    sort: NDArray[np.uint8]
    window: NDArray[np.int64]  #: which reference: an hour, a day, a week, a month ago
    per_cent: NDArray[np.bool_]
    amount: NDArray[np.float64]  #: points or per cent; of a LINE the score, 0 while nobody knows it
    was: NDArray[np.float64]  #: of a LINE: the score in the interval before; it may move and so leave somebody behind
    back: NDArray[np.float64]  #: by how much it must be better to be over
    cooldown: NDArray[np.float64]  #: ms
    looks_back: NDArray[np.float64]  #: ms; of a LINE nothing
    least: NDArray[np.float64]  #: score before
    confidence: NDArray[np.float64]
    other_model: NDArray[np.bool_]  #: is a reference by another model compared, too?
    of: NDArray[np.int64]  #: numbers of rules
    begins: NDArray[np.int64]  #: list 0 is everyone's
    network: NDArray[np.uint64]  #: hashes of the networks of the lists from 1 on
    topic: NDArray[np.uint64]  #: keys of the topics of the lists behind those
    user: NDArray[np.int32]  #: (users,) the list of each; 0: none names them. Shorter: nor those behind


class Found(NamedTuple):
    """Verdicts, one behind another."""

    place: NDArray[np.int64]  #: among the users judged
    rule: NDArray[np.int64]
    verdict: NDArray[np.uint8]
    touched: NDArray[np.uint8]  #: (n,) by user: what is kept of them has changed
    counts: NDArray[np.int64]  #: (2,) verdicts; judgements that the cooldown held back


@part
def _moved(sort, per_cent, reference, score):
    """By how much a score has moved in the direction of a rule since it was `reference`; minus infinity: nobody knows."""
    if reference == NONE:
        return -np.inf
    by = reference - score if sort == FALL else score - reference
    return by * 100.0 / reference if per_cent else by


@part
def _judge(rules, r, e, cells, slot, scores, refs, other, actors, confident, mark, now_ms, dry, found, i):
    """One rule about one user."""
    sort, per_cent, window = rules.sort[r], rules.per_cent[r], rules.window[r]
    amount, back, before, column = rules.amount[r], rules.back[r], cells[slot, SCORE], REAL
    if scores.shape[1] > 1 and sort != RISE:
        column = OF_LINES if sort == LINE else FIRST_WINDOW + window
    score = scores[i, column]
    if sort == LINE:
        before += score - scores[i, REAL]
        holds, moved = score < amount, 0.0
        enters, reference = holds and before >= rules.was[r], before
    else:
        reference = refs[i, window]
        known = rules.other_model[r] or not other[window]
        moved = _moved(sort, per_cent, reference, score) if known else -np.inf
        holds = enters = moved >= amount
    enters = enters and reference >= rules.least[r] and actors >= rules.confidence[r] * (actors + confident)
    at = of_rule(e, np.int64(cells[slot, EPISODES]), rules.key[r])
    verdict = 0
    if at == 0:
        verdict = RAISE if enters else 0
    else:
        phase, over = e.phase[at], now_ms - e.began[at] >= rules.cooldown[r]
        if phase == FIRING:
            if sort == LINE:
                verdict = RECOVERED if score >= min(amount + back, 100.0) and amount > 0.0 else 0
            elif _moved(sort, per_cent, e.reference[at], score) <= amount - back:
                verdict = RECOVERED
            elif now_ms - e.began[at] >= rules.looks_back[r] and moved <= amount - back:
                verdict = SETTLED
        elif phase == IGNORED:
            if not holds:
                if not dry:
                    drop(e, cells, slot, rules.key[r])
                    found.touched[i] = 1
            elif mark & (DID | GOT | TIED) or now_ms - e.began[at] >= AGAIN_MS:
                verdict = RAISE if sort == LINE or enters else 0
        elif over:
            if holds and (phase == WAITING or enters):
                verdict = RAISE
            elif not dry:
                drop(e, cells, slot, rules.key[r])
                found.touched[i] = 1
        elif holds and enters and not dry:
            found.counts[1] += 1
            if sort == LINE and phase == COOLING:
                e.phase[at] = WAITING
                found.touched[i] = 1
        elif phase == WAITING and not holds and not dry:
            e.phase[at] = COOLING
            found.touched[i] = 1
    if verdict:
        n = found.counts[0]
        found.place[n], found.rule[n], found.verdict[n] = i, r, verdict
        found.counts[0] = n + 1


@part
def _given_up(rules, e, cells, slot, found, i):
    """An account of a person is not judged by rules of everyone, which are in list 0: what is on of them is over."""
    for at in range(rules.begins[0], rules.begins[1]):
        r = rules.of[at]
        kept = of_rule(e, np.int64(cells[slot, EPISODES]), rules.key[r])
        if kept and e.phase[kept] == FIRING:
            n = found.counts[0]
            found.place[n], found.rule[n], found.verdict[n] = i, r, SETTLED
            found.counts[0] = n + 1


@part
def _list_of_network(rules, names, slot):
    """The list of the network that somebody is of; 0: no rule is of it."""
    key = key_of_network(names, slot)
    at = np.searchsorted(rules.network, key)
    return 1 + at if at < len(rules.network) and rules.network[at] == key else 0


@kernel
def judged(
    rules, e, cells, names, linked, tops, slots, scores, refs, other, confident, marks, now_ms, first, dry, found
):
    """Judge these users (n,), from number `first` on, scored so: (n, 1), or (n, 6) where gaps concern one, see `streams.fold.gaps`.

    `refs` (n, 4) are the scores an hour, a day, a week and a month ago.

    `other` (4,): is that score by another model? `marks` (n,) how they changed, `linked` by number of what they have beside
    their rows whether they are accounts of a person. `dry`: nothing is changed but what is `found`. Returns at which user
    there was no room for more verdicts; else n.
    """
    lists, many, count = np.empty(_MOST_LISTS, np.int64), len(rules.key), 0
    for i in range(first, len(slots)):
        if found.counts[0] + many > len(found.place):
            return i
        slot, mark, line = slots[i], np.int64(marks[i]), np.int64(cells[slots[i], MORE])
        account = line > 0 and linked[line] != 0
        if account and cells[slot, EPISODES] > 0.0:
            _given_up(rules, e, cells, slot, found, i)
        count = 0 if account else 1
        lists[0] = 0
        if len(rules.network):
            lists[count] = _list_of_network(rules, names, slot)
            count += lists[count] > 0
        if slot < len(rules.user) and rules.user[slot]:
            lists[count] = rules.user[slot]
            count += 1
        if len(rules.topic) and tops.at[slot]:
            chunk = begin_of(tops, slot)
            entry, end = chunk + HEAD, chunk + np.int64(load_u16(tops.arena, chunk + 4))
            while entry < end and count < _MOST_LISTS:
                key = _U(load_u32(tops.arena, entry + KEY))
                number = np.searchsorted(rules.topic, key)
                if number < len(rules.topic) and rules.topic[number] == key:
                    lists[count] = 1 + len(rules.network) + number
                    count += 1
                entry += np.int64(load_u16(tops.arena, entry + SIZE))
        actors = max(cells[slot, ACTORS], 0.0)
        for number in range(count):
            for at in range(rules.begins[lists[number]], rules.begins[lists[number] + 1]):
                _judge(
                    rules,
                    rules.of[at],
                    e,
                    cells,
                    slot,
                    scores,
                    refs,
                    other,
                    actors,
                    confident,
                    mark,
                    now_ms,
                    dry,
                    found,
                    i,
                )
    return len(slots)
