"""Percentiles and the top N: counted in each partition, summed in one, published when they move."""

from __future__ import annotations

from random import Random

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.proof.simulation.ranks import plain
from streams.events import NEWEST_MS
from streams.fold.rows import ENGAGEMENTS, GOT_TS, SCORE
from streams.formats import engagements, ranks
from streams.formats.engagements import arrived
from streams.formats.ranks import TENTHS, Counted
from streams.model.lately import LATELY_MS
from streams.model.ranks import MOST_LINES, asked, called, is_line, line_of
from streams.model.rules import Rule, ScoreLine, When
from streams.model.table import Table
from streams.model.versions import PLAIN
from streams.partition.intake import Intake
from streams.partition.ranks import Lines, counts, line
from streams.policies.records import line_key
from streams.topics import ENGAGEMENTS as TOPIC
from tests.partition.blocks import T0, Record, block

TOP, HALF = "top/2", "percentile/50"
_SCORES = st.lists(st.floats(1.0, 100.0), min_size=1, max_size=40)
_NAMES = st.one_of(
    st.integers(1, 50).map(lambda n: f"top/{n}"),
    st.sampled_from([f"percentile/{p}" for p in ("0.1", 10, 50, 95, "99.9")]),
)


def spread(*scores: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Users by tenth of a point."""
    return np.bincount([int(score * 10) for score in scores], minlength=TENTHS)


def told(*parts: list[float], version: int = 7) -> dict[int, Counted]:
    """What partitions have told."""
    return {number: Counted(number, version + number, spread(*scores)) for number, scores in enumerate(parts)}


@given(_SCORES, _NAMES)
def test_a_line_is_where_sorting_has_it(scores: list[float], name: str) -> None:
    """To the tenth of a point; whoever is among the N highest is not below it, and below it are at least N others above."""
    found = line(spread(*scores), name)
    assert found == plain(name, sorted(scores))
    if name.startswith("top/") and (places := int(name[4:])) <= len(scores):
        highest = sorted(scores, reverse=True)[:places]
        assert highest[-1] - 0.1 - 1e-9 < found <= highest[-1] + 1e-9


@given(_SCORES, _NAMES, st.integers(1, 5), st.randoms())
def test_partitions_together_are_as_one(scores: list[float], name: str, partitions: int, random: Random) -> None:
    """However users lie in them."""
    parts: list[list[float]] = [[] for _ in range(partitions)]
    for score in scores:
        random.choice(parts).append(score)
    ((key, value),) = Lines(partitions, 60.0).records(told(*parts), (name,), {}, -1, T0) or [(b"", b"")]
    assert key == line_key(name)
    assert orjson.loads(value or b"")["score"] == plain(name, sorted(scores))


def test_the_population_is_that_of_the_page() -> None:
    """Published, engaged with in the last 90 days, and no account of a person."""
    table = Table(PLAIN)
    slots = table.slots([f"net:u{n}" for n in range(6)])
    table.cells[slots, SCORE] = [10.04, 20.0, 30.0, 40.0, 0.0, 10.06]
    table.cells[slots, GOT_TS] = T0
    table.cells[slots, ENGAGEMENTS] = [1, 1, 1, 0, 1, 1]
    table.cells[slots[1], GOT_TS] = T0 - LATELY_MS
    table.linked = lambda some: some == slots[2]  # type: ignore[method-assign,assignment]
    assert counts(table, T0).tolist() == spread(10.04, 10.06).tolist()


@given(st.lists(st.floats(1.0, 100.0), max_size=30), st.integers(0, 2**32 - 1), st.integers(0, 2**63))
def test_it_survives_the_wire(scores: list[float], partition: int, version: int) -> None:
    """Read with kernels and without."""
    record = ranks.encode(Counted(partition, version, spread(*scores)), T0)
    for careful in (False, True):
        found = arrived(record, NEWEST_MS, careful=careful)
        assert isinstance(found, Counted)
        assert (found.partition, found.version, found.counts.tolist()) == (partition, version, spread(*scores).tolist())
    with pytest.raises(ValueError, match="counted scores or feeds where engagements are read"):
        engagements.decode(record)


@pytest.mark.parametrize(
    "section", [b"", bytes(11), bytes(13), bytes(12) + b"\xff\xff\0\0\0\0", bytes(12) + 2 * b"\x09\0\x01\0\0\0"]
)
def test_what_no_clout_has_written_is_refused(section: bytes) -> None:
    """Cut off, of a score that nobody can have, or one twice."""
    with pytest.raises(ValueError, match="counted scores"):
        ranks.decode(section)


def test_the_newest_of_a_partition_counts() -> None:
    """Once more or late it changes nothing; of a partition that there is not it is a reject."""
    intake = Intake(Table(PLAIN), 0, 2)
    intake.positions = {TOPIC.name: 0}
    sent = [(0, 5, 50.0), (1, 9, 60.0), (0, 7, 70.0), (0, 5, 50.0), (0, 7, 10.0), (2, 1, 1.0)]
    records = [ranks.encode(Counted(number, version, spread(score)), T0) for number, version, score in sent]
    intake.fold(block(TOPIC.name, *(Record(n, record) for n, record in enumerate(records))), T0)
    cut = intake.cut(T0)
    assert {number: (one.version, one.counts.tolist()) for number, one in cut.counted.items()} == {
        0: (7, spread(70.0).tolist()), 1: (9, spread(60.0).tolist()),
    }  # fmt: skip
    assert [b"there are 2" in value for _, value in cut.rejects] == [True]


def test_lines_wait_for_all_partitions_and_for_a_minute() -> None:
    """And for somebody who counts; what has not moved is not said, nor what was said and the book does not know yet."""
    lines, known = Lines(2, 60.0), {HALF: ScoreLine(score=10.0, at=0)}
    one, both = told([10.0, 20.0]), told([10.0, 20.0], [30.0, 40.0])

    def said(counted: dict[int, Counted], at_s: float, asked: tuple[str, ...] = (HALF, TOP), offset: int = 3) -> object:
        records = lines.records(counted, asked, known, offset, T0 + round(at_s * 1000))
        if records:
            lines.committed(9)
        return {key.decode(): value and orjson.loads(value) for key, value in records}

    assert said(one, 0) == said({}, 0) == said(told([], []), 0) == {}
    assert said(both, 1) == {
        f"line/{HALF}": {"type": "line", "score": 30.0, "at": T0 + 1_000, "versions": [7, 8]},
        f"line/{TOP}": {"type": "line", "score": 30.0, "at": T0 + 1_000, "versions": [7, 8]},
    }
    assert said(told([10.0, 20.0], [30.0, 50.0, 60.0]), 60.9) == {}
    assert said(both, 61) == {}
    moved = said(told([10.0, 20.0], [30.0, 50.0, 60.0]), 121)
    assert moved == {f"line/{TOP}": {"type": "line", "score": 50.0, "at": T0 + 121_000, "versions": [7, 8]}}
    assert said(both, 122, (TOP,)) == {f"line/{HALF}": None}
    assert said(both, 123, (TOP,)) == {}
    assert said(both, 124, (TOP,), offset=8) == {f"line/{HALF}": None}, "somebody has written it again since"


def test_names_of_lines() -> None:
    """One for each way to write a number; at most a hundred, and none of what is switched off."""
    assert [line_of(When(percentile=p)) for p in (95, 95.0, 99.9)] == [f"percentile/{p}" for p in ("95", "95", "99.9")]
    assert [called(When(percentile=p)) for p in (95, 91, 99.2, 13, 3)] == [
        f"the {p} percentile" for p in ("95th", "91st", "99.2nd", "13th", "3rd")
    ]
    assert [is_line(name) for name in (TOP, HALF, "top/02", "top/x", "percentile/nan", "percentile/50.0", "x/1")] == [
        True, True, False, False, False, False, False,
    ]  # fmt: skip
    rules = [Rule(name=f"r{n}", when=When(top=n)) for n in range(1, 200)]
    assert len(asked(rules)) == MOST_LINES
    assert asked([Rule(name="r", when=When(top=3), enabled=False), Rule(name="s", when=When(below=3.0))]) == ()
