"""Rejects and marks are read back as they were written; nothing else is taken for one."""

from __future__ import annotations

import orjson
import pytest

from streams.events import Reject
from streams.formats import rejects
from streams.formats.rejects import DROPPED, MOST_BYTES, REPLAYED, Kept, Mark, Origin

ORIGIN = Origin("pre-likes", 2, 77)


@pytest.mark.parametrize("value", [b'{"\xff\x00', b"", None, b"x" * MOST_BYTES, b"y" * (MOST_BYTES + 1)])
def test_a_reject_is_read_back(value: bytes | None) -> None:
    """With its bytes, and whether they are all of them."""
    key, record = rejects.record(Reject("not_json", "$.x", "why"), ORIGIN, value)
    size = len(value or b"")
    kept = value[:MOST_BYTES] if value is not None else None
    assert rejects.read(record) == Kept("not_json", "$.x", "why", ORIGIN, size, size > MOST_BYTES, kept)
    assert key == b"pre-likes[2]@77"


@pytest.mark.parametrize("done", [REPLAYED, DROPPED])
def test_a_mark_is_read_back_and_looks_like_a_reject(done: str) -> None:
    """Key and fields are those of a reject, so that who reads the topic by its fields goes on; `reject` tells it apart."""
    key, record = rejects.mark(done, ORIGIN, 1234)
    assert rejects.read(record) == Mark(done, ORIGIN, 1234)
    like_key, like = rejects.record(Reject("not_json", "$", "why"), ORIGIN, b"x")
    assert key == like_key
    assert set(orjson.loads(record)) == {*orjson.loads(like), "reject"}
    assert orjson.loads(record)["reason"] == done


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"reason":"x"}', b"\xff", b"[" * 60_000])
def test_what_is_neither(value: bytes | None) -> None:
    """Anybody could write to the topic."""
    with pytest.raises(ValueError, match="no record of `rejects`"):
        rejects.read(value)
