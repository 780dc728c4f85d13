"""What two workers have died of is read without kernels, once."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pytest

from agents.proof.simulation import run as simulation
from streams.fold import packs
from streams.fold.packs import NAMES
from streams.formats import engagements as wire
from streams.formats.engagements import encode
from streams.model import parsed
from streams.model.engagements import packed
from streams.partition.intake import Intake
from streams.partition.partitions import DEATHS
from streams.partition.sending import Sender
from tests.partition.blocks import T0, fold, intake, names, value

ANN, BEN, CAT = names(0)
EVENTS = [
    value(ANN, BEN, event_id="1"),
    value(BEN, CAT, event_id="2", object="x", topics=["a"]),
    value(ANN, CAT, event_id="1"),  # a repeat
    value(CAT, BEN, event_id='"\\u00e9"'),
    value(ANN, "", event_id="3", undo=True, ref="1"),
    b'{"id": 7}',
    None,
]
PACK = packed([f"net:{BEN}", f"net:{CAT}"], [f"net:{ANN}"] * 2, [1.0, 2.5], [T0, T0 + 1], [8, 3])


def folded(*, careful: bool) -> Intake:
    one = intake()
    one.careful = careful
    fold(one, "likes", *EVENTS)
    fold(one, "engagements", *encode(PACK, T0))
    return one


def test_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, memories, counts, packs and rejects are those that kernels give; no kernel has seen a byte of an event."""
    usual = folded(careful=False)
    monkeypatch.setattr(parsed, "parse", lambda *_: pytest.fail("a kernel reads an event"))
    careful = folded(careful=True)
    assert [*careful.table.users] == [*usual.table.users]
    assert np.array_equal(careful.table.cells, usual.table.cells)
    everyone = np.arange(len(usual.table))
    assert [*careful.table.memory.copied(everyone).each()] == [*usual.table.memory.copied(everyone).each()]
    assert careful.table.counts == usual.table.counts
    assert (usual.table.counts.rejected, usual.table.counts.repeats, usual.table.counts.undone) == (2, 1, 1)
    one, other = careful.cut(), usual.cut()
    assert one.rejects == other.rejects
    assert {to: [*encode(pack, 0)] for to, pack in one.packs.items()} == {
        to: [*encode(pack, 0)] for to, pack in other.packs.items()
    }


def test_until_something_was_cut() -> None:
    """A cut with nothing in it does not count; the next block is read by kernels again."""
    one = intake()
    one.careful = True
    one.cut()
    assert one.careful
    fold(one, "likes", *EVENTS)
    one.cut()
    assert not one.careful


SECTIONS = dict(zip(NAMES, (b"\0\0", b"\0\0", b"\0\0\0\0", bytes(8), b"\0"), strict=True))
BAD = [
    b"",
    b"\x96\x01",
    msgspec.msgpack.encode([1, 0, [], b"", b"", b""]),
    msgspec.msgpack.encode([2, 0, ["a"], {"target": b""}]),
    msgspec.msgpack.encode([2, 0, ["a"], {**SECTIONS, "object": b""}]),
    msgspec.msgpack.encode([2, 0, ["a"], {**SECTIONS, "actor": b"\x01\x00"}]),
    msgspec.msgpack.encode([2, 0, ["a" * 999], SECTIONS]),
]


@pytest.mark.parametrize("record", [*BAD, *encode(PACK, T0)])
def test_packs_are_taken_apart_first(monkeypatch: pytest.MonkeyPatch, record: bytes) -> None:
    """A kernel reads only what was written anew; what is no pack ends as it does else."""
    try:
        expected: Any = wire.decode(record).targets
    except ValueError as error:
        expected = str(error)
    seen: list[bytes] = []
    monkeypatch.setattr(packs, "count_of", lambda text, size: seen.append(bytes(text[:size])) or len(PACK) + 1)
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=re.escape(expected)):
            wire.decode(record, careful=True)
        assert not seen
    else:
        assert wire.decode(record, careful=True).targets == expected
        assert len(seen) == 1


def test_deaths_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the simulation, whose workers are killed: some begin for the third time, and what they then read is what it was."""
    begun: list[int] = []
    keep = Sender._keep

    async def noting(self: Sender, *given: Any) -> Any:
        begun.append(self.begun)
        return await keep(self, *given)

    monkeypatch.setattr(Sender, "_keep", noting)
    wrong = [found for seed in range(12) if (found := simulation.attempt(seed))]
    assert not wrong
    assert begun.count(0) > len(begun) / 2
    assert max(begun) > DEATHS
