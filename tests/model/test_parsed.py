"""Blocks of events as lines, beside events parsed one by one: usual and unusual ones, rejects, actors of here and elsewhere."""

from __future__ import annotations

import random

import orjson
import pytest

from streams.events import KINDS, Event, Reject, parse
from streams.fold.event import ASTRAY, NOBODY
from streams.model.memory import id_key, target_key
from streams.model.parsed import Parsed
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.versions import PLAIN
from streams.partitioner import partition_of
from tests.fold.fuzz.broken import NEWEST, broken
from tests.fold.fuzz.events import as_json, odd, plain


def block(dice: random.Random, n: int) -> list[tuple[bytes | None, int]]:
    """Values with their kinds: ordinary, odd, broken, empty, too long, none at all."""
    made: list[tuple[bytes | None, int]] = []
    for _ in range(n):
        kind, sort = dice.randrange(len(KINDS)), dice.random()
        if sort < 0.1:
            made.append((dice.choice((None, b"", b"{}", b"x" * 70_000)), kind))
        elif sort < 0.5:
            made.append((orjson.dumps(plain(dice, kind)), kind))
        elif sort < 0.7:
            made.append((as_json(dice, odd(dice, kind)), kind))
        else:
            made.append((broken(dice, orjson.dumps(plain(dice, kind))), kind))
    return made


def test_lines_are_the_events() -> None:
    """Whichever way an event took, its line says the same; rejects are those of `parse`, and their lines are empty."""
    dice, parsed = random.Random(5), Parsed()
    unusual = rejected = 0
    for number in range(40):
        if number % 4 == 0:
            parsed.clear()
        first, given = len(parsed), block(dice, dice.choice((0, 1, 3, 100)))
        parsed.begins("likes")
        rejects = dict(parsed.add(Texts.of([value for value, _ in given]), [kind for _, kind in given], NEWEST))
        assert len(parsed) == first + len(given)
        for i, (value, kind) in enumerate(given):
            line, event = parsed.lines[first + i], parse(value, KINDS[kind], NEWEST)
            if isinstance(event, Reject):
                assert rejects.pop(i) == event
                assert (line["ts"], line["network_len"]) == (0, 0)
                rejected += 1
                continue
            texts = [
                parsed.text[line[f"{n}_at"] :][: line[f"{n}_len"]].tobytes().decode()
                for n in ("network", "actor", "target")
            ]
            assert texts == [event.network, event.actor, event.target]
            assert (line["ts"], line["kind"], line["undo"]) == (event.ts, kind, event.undo)
            assert (line["id_key"], line["target_key"]) == (id_key(event.id, kind), target_key(event.target))
            assert not event.undo or line["ref_key"] == id_key(event.ref or "", kind)
            unusual += b"\\" in (value or b"")
        assert not rejects
    assert min(4 * unusual, rejected) > 20


@pytest.mark.parametrize("partitions", [1, 4])
def test_actors_are_found_beside_a_dictionary(partitions: int) -> None:
    """Newcomers of this partition get the next slot, those of others none; who has a row is at home wherever they hash to."""
    dice, parsed, table = random.Random(partitions), Parsed(), Table(PLAIN)
    guests = [f"net:user{n}" for n in range(0, 999, 100)]
    known = {name: table.slot(name) for name in guests}
    for _ in range(12):
        parsed.clear()
        given = block(dice, 300)
        parsed.add(Texts.of([value for value, _ in given]), [kind for _, kind in given], NEWEST)
        elsewhere, expected = [], []
        for i, (value, kind) in enumerate(given):
            event = parse(value, KINDS[kind], NEWEST)
            if not isinstance(event, Event):
                expected.append(NOBODY)
                continue
            name = f"{event.network}:{event.actor}"
            if name in known or partition_of(name, partitions) == 0:
                expected.append(known.setdefault(name, len(known)))
            else:
                expected.append(ASTRAY)
                elsewhere.append((i, partition_of(name, partitions)))
        assert parsed.find_actors(table, 0, partitions, 0) == [i for i, _ in elsewhere]
        assert parsed.lines["slot"][: len(parsed)].tolist() == expected
        assert [parsed.home(i, partitions) for i, _ in elsewhere] == [home for _, home in elsewhere]
        assert list(table.users) == list(known)
        assert parsed.in_order().tolist() == [i for i, slot in enumerate(expected) if slot >= 0]
    assert partitions == 1 or ASTRAY in expected


def test_later_events_can_be_left_out() -> None:
    """Those after a moment become empty lines, and are counted; rejects are not counted again."""
    parsed = Parsed()
    values = [
        orjson.dumps({"id": str(n), "network": "n", "actor": "a", "target": "b", "ts": NEWEST - n}) for n in range(10)
    ]
    parsed.add(Texts.of([*values, b"{"]), 0, NEWEST)
    assert parsed.leave_out_after(NEWEST - 4) == 4
    parsed.find_actors(Table(PLAIN), 0, partitions=1, number=0)
    assert parsed.in_order().tolist() == [4, 5, 6, 7, 8, 9]
