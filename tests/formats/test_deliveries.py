"""Records of `deliveries`: there and back; what is none is told, and never taken for one."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.formats.deliveries import DEAD, Delivery, Off, decode, encode, home, key_of
from tests.alerting.kit import IDS, T0, alert, delivery
from tests.strategies import ids

OFF = Off(channel="ops", at=T0, of="0123456789abcdef", outcome="answered 410")
FULL = msgspec.structs.replace(delivery(), state=DEAD, attempts=7, outcome="no", members=("a", "b/ü"))


def changed(key: bytes = FULL.key, **more: Any) -> tuple[bytes, bytes]:
    """The full one with other fields."""
    return key, json.dumps(orjson.loads(encode(FULL)[1]) | more).encode()


@given(st.one_of(st.sampled_from(IDS), ids), st.integers(0, 9))
def test_there_and_back(user: str, attempts: int) -> None:
    """Any id; a key is the channel, a slash, and the id."""
    one = msgspec.structs.replace(delivery(user=user), attempts=attempts)
    assert decode(*encode(one)) == one
    assert one.key == key_of("ops", one.id)
    assert one.key.partition(b"/")[0] == b"ops"


def test_all_fields_and_none() -> None:
    """Also of a channel that is off; what is newer but of this format is ignored."""
    assert decode(*encode(FULL)) == FULL
    assert decode(*encode(OFF)) == OFF
    newer = decode(*changed(colour="blue"))
    assert isinstance(newer, Delivery)
    assert (newer.id, newer.members, newer.state) == (FULL.id, FULL.members, DEAD)
    assert bytes(decode(*encode(FULL)).alert) == orjson.dumps(alert())  # type: ignore[union-attr]


def test_a_newer_format_says_so() -> None:
    """Whatever else is new in it."""
    for value in (b'{"format": 2}', b'{"format":2,"id":[1],"at":"now"}'):
        for key in (b"ops/a", b"ops"):
            with pytest.raises(ValueError, match="of format 2; this version knows 1: update it"):
                decode(key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((FULL.key, text) for text in (b"", b"null", b"[]", b"{}", b"{", b"\xff", b'"a"', b"[" * 10_000)),
        changed(at="1"),
        changed(due=1.5),
        changed(state="lost"),
        changed(members="a"),
        changed(members=[1]),
        changed(attempts=None),
        changed(format="1"),
        *(
            changed(alert=text)
            for text in (None, 5, [], "x", {}, {"id": 5}, {"id": "a", "at": "soon"}, {"id": "a", "at": -1})
        ),
        *(changed(alert={"id": "a", "at": 10**18}), changed(alert={"id": "a", "change": "x"})),
        *(changed(alert={"id": "a", "severity": []}), changed(alert={"id": "a", "user": {}})),
        (b"ops/other", encode(FULL)[1]),
        (b"other/" + FULL.id.encode(), encode(FULL)[1]),
        (b"ops", encode(FULL)[1]),
        (b"ops/a", encode(OFF)[1]),
        (b"other", encode(OFF)[1]),
        (b"", encode(OFF)[1]),
        (b"\xff/a", encode(FULL)[1]),
    ],
    ids=lambda part: repr(part)[:40],
)
def test_what_is_none(key: bytes, value: bytes) -> None:
    """Also an alert that nobody could tell, and one under the key of another, which would come back at each start."""
    with pytest.raises(ValueError, match=r"no delivery|under the key of another"):
        decode(key, value)


@given(st.binary(max_size=40), st.one_of(st.binary(max_size=99), st.just(encode(FULL)[1][:-3])))
def test_nothing_else_is_raised(key: bytes, value: bytes) -> None:
    """Whatever came."""
    try:
        found = decode(key, value)
    except ValueError:
        return
    assert isinstance(found, Delivery | Off)


def test_a_channel_has_one_home() -> None:
    """One of so many partitions, the same for all that it is sent."""
    assert {home(f"c{n}", 8) for n in range(200)} == set(range(8))
    assert home("ops", 8) == home("ops", 8)
