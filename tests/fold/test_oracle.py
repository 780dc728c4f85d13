"""Kernels and the oracle side by side: the same events, the same counts, memories and sums."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, islice
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.events import KINDS
from streams.fold.rows import (
    ACTIONS,
    ACTORS,
    DID_TS,
    ENGAGEMENTS,
    FOLLOW,
    FOLLOWERS,
    GOT_TS,
    KIND_BITS,
    SUMS,
    UNDO,
)
from streams.fold.score import scores_of
from streams.formats.engagements import local
from streams.model.acting import act
from streams.model.engagements import Engagements, Outbox
from streams.model.memory import id_key, target_key
from streams.model.parsed import Parsed
from streams.model.receiving import receive
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.versions import DEFAULT, PLAIN
from streams.sources import Shape, Synthetic, open_source
from streams.topics import KIND_OF
from tests.fold.edge import Edge
from tests.fold.test_about import read
from tests.model.assessed import assess
from tests.model.lists import MOST
from tests.model.memories import Remembered, entries
from tests.model.test_engagements import about_of
from tests.model.test_memory import keys
from tests.oracle import DAY_MS, HALF_LIVES_MS, NOTHING, About, Engagement, Oracle, User, halved, short_hash
from tests.sources.conftest import real  # noqa: F401 - the fixture
from tests.strategies import Step, histories

T0 = 1_767_225_600_000
#: how far from each other two weights of 32 bits may be that come from almost equal numbers of 64 bits
_ULP = 1.2e-7
Block = Sequence[tuple[str, dict[str, Any]]]


class Pair:
    """One history, folded by both."""

    def __init__(self, *, plain: bool, partitions: int = 1) -> None:
        self.table, self.oracle = Table(PLAIN if plain else DEFAULT), Oracle(plain=plain)
        self.parsed, self.out, self.edge = Parsed(), Outbox(partitions), Edge()
        self.rounded_otherwise, self.listed = 0, Counter[str]()

    def fold(self, block: Block) -> None:
        """Both stages of a block; what is sent is compared on its way."""
        parsed, table = self.parsed, self.table
        parsed.clear()
        values = Texts.of([orjson.dumps(event) for _, event in block])
        assert not parsed.add(values, [KINDS.index(kind) for kind, _ in block], 2**45)
        own, parsed.text = parsed.text, self.edge.hold(parsed.text[: parsed._used].tobytes())
        assert not parsed.find_actors(table, 0, partitions=1, number=0)
        act(table, parsed, parsed.in_order(), self.out)
        parsed.text = own
        packs = [pack for home in self.out.take().values() for pack in local(home, table.clock)]
        expected = self.oracle.act(block)
        self._sent([row for pack in packs for row in _rows(pack)], expected)
        receive(table, packs)
        self.oracle.receive(expected)

    def _sent(self, sent: list[Sent], expected: list[Engagement]) -> None:
        if self.out.partitions > 1:  # each partition has its own order
            sent, expected = sorted(sent), sorted(expected, key=_row)
        exact = [(user, by, ts, code, keys) for user, by, _, ts, code, keys, _ in map(_row, expected)]
        assert [(user, by, ts, code, keys) for user, by, _, ts, code, keys, _ in sent] == exact
        for (_, _, weight, _, _, _, pair), one in zip(sent, expected, strict=True):
            assert pair == pytest.approx(one.pair, rel=1e-5)
            if weight != one.weight:
                assert weight == pytest.approx(one.weight, rel=_ULP)
                self.rounded_otherwise += 1
                one.weight = weight
                if one.action:
                    one.action.weight = weight

    def agree(self, *later_ms: int) -> None:
        """Who is there, every count, every memory, and every sum and score at these times after the newest event."""
        table, oracle = self.table, self.oracle
        assert table.clock == oracle.clock
        assert set(table.users) == set(oracle.users)
        counts = {name: n for name, n in table.counts.as_dict().items() if n}
        assert counts == {name: n for name, n in oracle.counts.items() if n}
        users = [oracle.users[name] for name in table.users]
        for slot, user in enumerate(users):
            row = table.cells[slot, [ACTIONS, DID_TS, ENGAGEMENTS, ACTORS, FOLLOWERS, GOT_TS]].tolist()
            assert row == [user.actions, user.did_ts, user.engagements, user.actors(), user.followers, user.got_ts]
            assert entries(table.memory[slot]) == _kept(user)
            self.listed += lists_agree(table, slot, user)
        for now_ms in [table.clock + later for later in (0, *later_ms)]:
            self._sums(users, now_ms)
        assert self.rounded_otherwise <= 1 + len(users) // 1_000

    def _sums(self, users: list[User], now_ms: int) -> None:
        table = self.table
        rows = table.cells[: len(table)]
        seen, scores = assess(table, rows, now_ms), np.empty(len(table))
        scores_of(rows, table.decays(now_ms), table.constants, table.extras.arrays, scores)
        decays = table.decays(now_ms)
        for slot, user in enumerate(users):
            gross = sum(halved(now_ms - ts, HALF_LIVES_MS["week"]) for _, ts in user.did)
            assert seen.acted[slot] == pytest.approx(max(user.acted(now_ms), 0.0), rel=1e-9, abs=1e-9 * gross)
            for window, name in enumerate(HALF_LIVES_MS):
                weighed = {kind: [] for kind in KINDS}
                for kind, weight, ts in user.got:
                    weighed[kind].append(weight * halved(now_ms - ts, HALF_LIVES_MS[name]))
                for number, kind in enumerate(KINDS):
                    total, gross = sum(weighed[kind]), sum(map(abs, weighed[kind]))
                    cell = rows[slot, SUMS + 3 * number + window] * decays[window]
                    assert abs(cell - total) <= 1e-9 * gross + 1e-300, (name, kind)
            # where almost all of a mass was taken back, what is left of it is rounding: compare what anybody sees
            assert [scores[slot], max(seen.unfloored[slot], 1.0)] == pytest.approx([user.score(now_ms)] * 2, rel=1e-6)
            if user.mass(now_ms) > 1e-6 * sum(abs(weight) for _, weight, _ in user.got):
                assert scores[slot] == pytest.approx(user.score(now_ms), rel=1e-9)


def lists_agree(table: Table, slot: int, user: User) -> Counter[str]:
    """The lists of a user, wherever all that there was has room in them: what they say then has no error. How many entries."""
    now_ms, life_ms, seen = table.clock, table.model.half_lives_ms[2], Counter[str]()
    found = table.tops.lists(slot, now_ms, life_ms)
    names = ("topics", "persons", "objects", "forgotten")
    for name, entries_, most in zip(names, found, MOST, strict=True):
        wanted = getattr(user, name)
        if len(wanted) > most:
            assert len(entries_) == most
            continue
        assert {one.name for one in entries_} == set(wanted)
        seen[name] += len(wanted)
        for one in entries_:
            exact, error = wanted[one.name], 1e-5 * wanted[one.name].gross(now_ms)
            assert abs(one.weight - exact.weight(now_ms)) <= error + 1e-30, (one, exact)
            assert one.error == 0.0
            assert (one.first_ms // 1000, one.last_ms // 1000) == exact.seconds()
            if wanted is user.objects:
                assert one.kinds == {kind: n for kind, n in exact.kinds.items() if n}
            if wanted is user.objects or wanted is user.topics:
                people = len({short_hash(name) for name in exact.people})
                assert one.people == people or people > 16 < one.people
                assert abs(one.people - people) <= 3 * 0.18 * people
    return seen


Sent = tuple[str, str, float, int, int, tuple[int, ...], float]


def _rows(pack: Engagements) -> list[Sent]:
    columns = pack.weights.tolist(), pack.times.tolist(), pack.codes.tolist()
    abouts, pairs = about_of(pack)
    found = [tuple(read(one.encode())[0]) if one else () for one in abouts]
    return list(zip(pack.targets, pack.actors, *columns, found, pairs, strict=True))


def _row(one: Engagement) -> Sent:
    code = KINDS.index(one.kind) | FOLLOW * one.follow | UNDO * one.undo
    assert code & KIND_BITS == KINDS.index(one.kind)
    return one.user, one.actor, one.weight, one.ts, code, _keys(one.about), one.pair


def _keys(about: About) -> tuple[int, ...]:
    return keys((about.object, *about.topics)) if about != NOTHING else ()


def _kept(user: User) -> list[Remembered]:
    return [
        Remembered(
            a.weight,
            a.ts,
            id_key(a.event_id, KINDS.index(a.kind)),
            KINDS.index(a.kind),
            target_key(a.target) if a.target else 0,
            a.target.encode(),
            _keys(a.about),
        )
        for a in user.memory
    ]


def compared(
    blocks: Iterable[Block], *, plain: bool, partitions: int = 1, later_ms: Sequence[int] = ()
) -> Counter[str]:
    """Fold these blocks with both and compare; what became of the events."""
    pair = Pair(plain=plain, partitions=partitions)
    for block in blocks:
        pair.fold(block)
    pair.agree(*later_ms)
    return pair.oracle.counts + pair.listed


def of_steps(steps: list[Step], sizes: list[int]) -> Iterable[Block]:
    """A history as blocks of these sizes, over and over."""
    rest = [(s.kind, {k: v for k, v in _fields(s).items() if v is not None}) for s in steps]
    for n in cycle(sizes):
        if not rest:
            return
        yield rest[:n]
        rest = rest[n:]


def _fields(step: Step) -> dict[str, Any]:
    e = step.event
    return {
        "id": e.id,
        "network": e.network,
        "actor": e.actor,
        "target": e.target or None,
        "ts": e.ts,
        "undo": e.undo or None,
        "ref": e.ref,
        "object": e.object,
        "topics": e.topics,
    }


@given(histories(), st.booleans(), st.lists(st.integers(1, 8), min_size=1, max_size=4))
def test_any_history(steps: list[Step], plain: bool, sizes: list[int]) -> None:
    """Few events, of all sorts, in blocks of any size."""
    compared(of_steps(steps, sizes), plain=plain, later_ms=[DAY_MS, 400 * DAY_MS])


#: ten topics, as many as a list has, in the ways people write them
TOPICS = ["Jazz", "#jazz", "blues", "BLUES ", "ＳＯＵＬ", "soul", "Straße", "strasse", "a b", "#d", "e", "f", "g", "i", "##j", ""]


def history(seed: int, events: int, people: int) -> Iterable[Block]:
    """Many events of few people: full memories, repeats of what is remembered and what is not, undos, years between, late ones."""
    dice = random.Random(seed)
    done: list[tuple[str, dict[str, Any]]] = []
    ts, block = T0, []
    for n in range(events):
        ts += int(dice.expovariate(1 / 400_000)) if dice.random() < 0.995 else dice.randint(0, 500 * DAY_MS)
        late = int(dice.expovariate(1 / 7 / DAY_MS)) if dice.random() < 0.1 else 0
        sort, kind = dice.random(), dice.choices(KINDS, [8, 2, 1, 1, 1, 1])[0]
        event: dict[str, Any] = {"id": f"e{n}", "network": "net", "ts": ts - late}
        before = done[-1 - min(int(dice.expovariate(1 / 30)), len(done) - 1)] if done else None
        if before and sort < 0.06:
            block.append(before)
        elif before and sort < 0.16:
            kind, what = before
            block.append((kind, {**event, "actor": what["actor"], "undo": True, "ref": what["id"]}))
        else:
            event |= {
                "actor": f"a{dice.randrange(people)}",
                "target": f"a{int(dice.paretovariate(0.7)) % (3 * people)}",
            }
            if dice.random() < 0.7:
                event |= dice.choice(({"object": None}, {"object": f"post/{dice.randrange(6)}"}))
                event["topics"] = dice.sample(TOPICS, dice.choice((0, 1, 1, 2, 3, 7)))
            done.append((kind, event))
            block.append((kind, event))
        if dice.random() < 0.05:
            yield block
            block = []
    yield block


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("people", [2, 40])
def test_long_histories(plain: bool, people: int) -> None:
    """Memories are full, and everything happens; nothing of it is left out."""
    counts: Counter[str] = Counter()
    for seed in range(6):
        counts += compared(
            history(seed, 700, people), plain=plain, partitions=1 + 4 * (seed % 2), later_ms=[7 * DAY_MS]
        )
    assert min(counts[what] for what in ("repeats", "undone", "undo_unknown", "self_engagements")) > 20
    assert min(counts[what] for what in ("topics", "persons", "objects")) > 20
    assert counts["forgotten"] > 5


@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_synthetic(seed: int) -> None:
    """The generator's own mix of people, kinds, undos, repeats and late events."""
    source = Synthetic(seed, 60, rate=0.05, shape=Shape(broken=0.0))
    records = [(KINDS[KIND_OF[r.topic]], orjson.loads(r.value)) for r in islice(source, 600)]
    compared([records[n : n + 50] for n in range(0, 600, 50)], plain=False)


@pytest.mark.parametrize(
    ("form", "file"),
    [
        ("higgs", "higgs/higgs-activity_time.txt.gz"),
        ("gharchive", "gharchive/min-2015-02-22-21.json.gz"),
        ("jetstream", "jetstream/corpus_v1_152.redacted.jsonl"),
    ],
)
def test_real_events(form: str, file: str, real: Callable[[str], str]) -> None:  # noqa: F811
    """What people did: the first 2,500 events of each."""
    records = islice(open_source(real(file), form), 2_500)
    events = [(KINDS[KIND_OF[r.topic]], orjson.loads(r.value)) for r in records]
    assert len(events) > 50
    compared((events[n : n + 500] for n in range(0, len(events), 500)), plain=False, later_ms=[30 * DAY_MS])
