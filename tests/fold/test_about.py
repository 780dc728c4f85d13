"""What an event is about: made normal by the kernel and by the long way alike, on its way as bytes, and read again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events import KINDS, Reject
from streams.fold import about as kernels
from streams.fold import memories
from streams.fold.rows import HEAD, MOST_KEYS, MOST_OBJECT, OF_KEYS
from streams.fold.words import SPARE, padded
from streams.formats.engagements import local
from streams.model import about
from streams.model.acting import act
from streams.model.engagements import Engagements, Outbox
from streams.model.parsed import Parsed
from streams.model.table import Table
from streams.model.texts import Texts
from streams.model.versions import PLAIN
from tests.fold.edge import Edge
from tests.model.memories import Remembered, memory_of
from tests.model.test_engagements import about_of
from tests.model.test_memory import keys as keys_of_texts

T0 = 1_767_225_600_000
_ascii = st.text(st.characters(min_codepoint=32, max_codepoint=127), max_size=12)
_topics = _ascii | st.sampled_from(["Art", "art", "#ART ", "## art", "", "#", "x" * 127, "X" * 128, "Y" * 64, "z" * 63, "#\x7f"])
_any = _topics | st.text(max_size=9) | st.sampled_from(["ＪＡＺＺ", "Straße", "ﬁ", "İ", "ΑΣ", "\x85", "a\u2028", "\u3000x", "é" * 64, "世" * 43])
_BARE: dict[str, Any] = {"id": "1", "network": "net", "actor": "ann", "target": "bob", "ts": T0}


def parsed_of(*events: dict[str, Any], careful: bool = False, ascii_only: bool = False) -> Parsed:
    """These as lines; each is one."""
    parsed = Parsed()
    values = [json.dumps(event).encode() if ascii_only else orjson.dumps(event) for event in events]
    assert not parsed.add(Texts.of(values), 0, 2**45, careful=careful)
    return parsed


def said(parsed: Parsed, line: int = 0) -> tuple[bytes, bytes]:
    """The object and the topics of a line."""
    e = parsed.lines[line]
    return tuple(parsed.text[e[f"{name}_at"] :][: e[f"{name}_len"]].tobytes() for name in ("object", "topics"))  # type: ignore[return-value]


def sent(*events: dict[str, Any], careful: bool = False) -> Engagements:
    """The engagements of these events, of one kind each, in turn."""
    table, parsed, out = Table(PLAIN), Parsed(), Outbox(1)
    values = [orjson.dumps({"id": f"e{n}", **event}) for n, event in enumerate(events)]
    assert not parsed.add(Texts.of(values), [n % len(KINDS) for n in range(len(events))], 2**45, careful=careful)
    assert not parsed.find_actors(table, 0, partitions=1, number=0)
    act(table, parsed, parsed.in_order(), out)
    (pack,) = local(out.take()[0], table.clock)
    return pack


def read(text: bytes, edge: Edge | None = None) -> tuple[list[int], list[bytes]]:
    """Keys and texts that the kernel finds."""
    a = edge.hold(text) if edge else padded(text)
    keys, starts, ends = np.full((3, MOST_KEYS), -1, np.int64)
    many = kernels.read(a, 0, len(text), keys, starts, ends)
    assert 0 <= many <= MOST_KEYS
    assert ((starts[:many] >= 0) & (starts[:many] <= ends[:many]) & (ends[:many] <= len(text))).all()
    assert (keys[many:] == -1).all()
    places = zip(starts[:many].tolist(), ends[:many].tolist(), strict=True)
    return keys[:many].tolist(), [text[start:end] for start, end in places]


# -- normal ------------------------------------------------------------------------------------------------------------


@given(st.lists(_topics, max_size=9), st.booleans())
def test_the_kernel_makes_topics_normal_as_the_model_does(topics: list[str], indented: bool) -> None:
    """Any ASCII: capitals, signs, blanks, doubles, too many, too long. What is ordinary is written in the place where it was."""
    parsed = Parsed()
    value = json.dumps(_BARE | {"topics": topics}, indent=2 if indented else None)
    assert not parsed.add(Texts.of([value.encode()]), 0, 2**45)
    assert said(parsed) == (b"", about.topics(topics))


@given(st.lists(_any, max_size=6), st.text(max_size=9))
def test_every_way_says_the_same(topics: list[str], object_: str) -> None:
    """Plain, with escapes, or careful: topics and object of one event are the same."""
    event = _BARE | {"topics": topics, "object": object_}
    wanted = about.object_(object_), about.topics(topics)
    assert said(parsed_of(event)) == said(parsed_of(event, careful=True)) == said(parsed_of(event, ascii_only=True)) == wanted


@given(_any)
def test_normal_stays_normal(written: str) -> None:
    """What is normal is what it is made to; it has no capitals, no signs or blanks around it, and no end of a line."""
    once = about.topic(written)
    assert about.topic(once) == once
    assert once == once.casefold().strip(" ").lstrip("#")
    assert len(once.encode()) <= 128
    assert once.isprintable() or not once.isascii()


@pytest.mark.parametrize(
    ("written", "counts"),
    [
        (["Jazz", "#jazz", " JAZZ "], "jazz"),
        (["ＪＡＺＺ", "jazz"], "jazz"),
        (["Straße", "STRASSE"], "strasse"),
        (["ﬁsh"], "fish"),
        (["# #x", "x#", "x #"], "x\x1fx#\x1fx #"),
        (["a", "b", "c", "d", "e", "f"], "a\x1fb\x1fc\x1fd\x1fe"),
        (["", "#", " ", "a"], "a"),
        (["b", "a", "b", "c"], "b\x1fa\x1fc"),
        (["x" * 128], "x" * 128),
        (["é" * 64], "é" * 64),
        (["é" * 65, "a"], "a"),  # 130 bytes, 65 characters
        (["x" * 128, "y" * 128, "z" * 62], f"{'x' * 128}\x1f{'y' * 128}\x1f{'z' * 62}"),  # 320 bytes in all
        (["x" * 128, "y" * 128, "z" * 63, "a"], f"{'x' * 128}\x1f{'y' * 128}\x1fa"),  # 321
        ([f"t{n}" for n in range(32)], "t0\x1ft1\x1ft2\x1ft3\x1ft4"),
        (["a\x7f", "b\n", "c\x1fd", "e\u2028", "f"], "f"),
        ([], ""),
    ],
)
def test_topics_that_count(written: list[str], counts: str) -> None:
    """In their order, each once, five at most, 128 bytes each, 320 in all; what has a control character does not."""
    assert about.topics(written) == counts.encode()
    for careful in (False, True):
        assert said(parsed_of(_BARE | {"topics": written}, careful=careful))[1] == counts.encode()


def test_a_topic_of_half_a_pair_does_not_count() -> None:
    """A surrogate alone is no text; nor is it an object."""
    assert about.topics(["\ud800x", "a"]) == b"a"
    assert about.object_("\ud800") == b""


@pytest.mark.parametrize(
    ("written", "counts"),
    [("at://x/Y#Z ", True), ("o" * 256, True), ("o" * 257, False), ("é" * 128, True), ("é" * 129, False), ("a\nb", False), ("\x1f", False), ("", False)],
)
def test_objects_that_count(written: str, counts: bool) -> None:
    """Up to 256 bytes, as they are; with a control character, or longer, the event has none, and counts all the same."""
    for careful in (False, True):
        assert said(parsed_of(_BARE | {"object": written}, careful=careful))[0] == (written.encode() if counts else b"")


@pytest.mark.parametrize(
    "broken", [{"topics": "jazz"}, {"topics": [1]}, {"topics": {}}, {"topics": ["x" * 129]}, {"topics": ["a"] * 33}, {"object": 5}, {"object": "o" * 1025}, {"object": None, "topics": None}]
)
def test_an_event_counts_though_what_it_is_about_is_broken(broken: dict[str, Any]) -> None:
    """Of a wrong type, or longer than an event may say: it is about nothing, and is an event."""
    parsed = parsed_of(_BARE | {"object": "o", "topics": ["a"]} | broken)
    assert said(parsed) == (b"", b"")
    assert parsed.lines[0]["target_len"] == 3


@pytest.mark.parametrize("end", ['"x":"\\u0041"}', '"x":[1]}', '"ts":1767225600000}', '"id":5}', "", '"topics":["d"]}'])
def test_what_was_written_over_is_not_read_again(end: str) -> None:
    """The kernel writes topics over the record before it knows whether the rest is plain: the long way reads what was sent."""
    value = json.dumps(_BARE | {"topics": [" #Some", "B", "#b", "c"]})[:-1] + "," + end
    fast, careful = Parsed(), Parsed()
    found = [way.add(Texts.of([value.encode()]), 0, 2**45, careful=way is careful) for way in (fast, careful)]
    assert found[0] == found[1]
    if not found[0]:
        assert said(fast) == said(careful) in ((b"", b"some\x1fb\x1fc"), (b"", b"d"))
    else:
        assert all(isinstance(why, Reject) for _, why in found[0])


# -- on the way --------------------------------------------------------------------------------------------------------

_objects = st.just(None) | st.text(max_size=9) | st.sampled_from(["at://did:plc:x/app.bsky.feed.post/3k", "o" * 256])


@given(st.lists(st.tuples(_objects, st.lists(_any, max_size=6)), min_size=1, max_size=12), st.booleans())
def test_keys_of_the_event_are_those_of_what_is_attached(events: list[tuple[str | None, list[str]]], careful: bool) -> None:
    """What memory keeps, what travels, and what the receiver reads of it: one and the same, also at the end of what may be read."""
    made = [
        {**_BARE, "id": f"e{n}", "target": f"t{n}", "ts": T0 + n, "object": object_, "topics": topics}
        for n, (object_, topics) in enumerate(events)
    ]
    parsed, edge = parsed_of(*made, careful=careful), Edge()
    abouts, _ = about_of(sent(*made, careful=careful))
    for line, (event, attached) in enumerate(zip(made, abouts, strict=True)):
        keys = np.full(MOST_KEYS, -1, np.int64)
        many = kernels.keys_of_event(parsed.text, parsed.lines[line], keys)
        object_, topics = about.object_(event["object"]), about.topics(event["topics"])
        assert attached.encode() == object_ + (b"\x1f" + topics if topics else b"")
        texts = (object_.decode(), *(topics.decode().split("\x1f") if topics else ()))
        assert keys[:many].tolist() == list(keys_of_texts(texts) if any(texts) else ())
        if attached:
            assert read(attached.encode(), edge) == (keys[:many].tolist(), [text.encode() for text in texts])
        else:
            assert many == 0


@given(st.lists(st.integers(0, 2**32 - 1), max_size=6).map(tuple), st.integers(0, 256))
def test_an_undo_has_the_keys_of_the_memory(keys: tuple[int, ...], length: int) -> None:
    """As digits, the object's first, 0 where there is none."""
    keys = keys if len(keys) > 1 or any(keys) else ()
    kept = padded(memory_of([Remembered(1.0, T0, 5, 0, 7, b"x" * length, keys)]))
    assert memories.keys_of(kept, HEAD) == len(keys if any(keys[:1]) else keys[1:])
    out = Outbox(1).emitted
    out.so_far[0], out.ends[0], out.abouts[0] = 1, 11, 0
    kernels.attach_keys(out, kept, HEAD)
    written = out.names[11 : out.ends[0]].tobytes()
    assert len(written) == out.abouts[0]
    assert written == (bytes((OF_KEYS,)) + b"".join(b"%08x" % key for key in keys) if keys else b"")
    assert read(written) == (list(keys), [b""] * len(keys)) or not keys


def test_the_undo_of_an_event_says_what_it_was_about() -> None:
    """From the event to its undo: the same keys, without any text."""
    like = {"network": "net", "actor": "ann", "target": "bob", "ts": T0, "object": "post", "topics": ["#Jazz", "b"]}
    back = {"network": "net", "actor": "ann", "ts": T0 + 9, "undo": True, "ref": "e0"}
    filler = [{"network": "net", "actor": f"x{n}", "target": "y", "ts": T0} for n in range(5)]
    abouts, pairs = about_of(sent(like, *filler, back))
    assert abouts[0] == "post\x1fjazz\x1fb"
    assert read(abouts[0].encode())[0] == read(abouts[-1].encode())[0] == list(keys_of_texts(("post", "jazz", "b")))
    assert set(pairs) == {0.0}


_strange = st.lists(st.binary(max_size=9) | st.sampled_from([b"\x1f", b"\x1e", b"0badcafe", b"x" * 129, b"y" * 257]), max_size=12)


@given(_strange.map(b"".join), st.sampled_from([bytes(SPARE), b"0" * SPARE, b"\x1f" * SPARE, b"\xff" * SPARE]))
def test_whatever_comes_is_read_within_its_bounds(text: bytes, behind: bytes) -> None:
    """By a page that nobody may read; what lies behind it does not matter; what is too long has no key."""
    edge = Edge()
    edge.behind = behind
    for left in (False, True):
        edge.left = left
        keys, texts = read(text, edge)
        assert (keys, texts) == read(text)
        if text[:1] == bytes((OF_KEYS,)):
            continue
        assert texts == text.split(b"\x1f")[:MOST_KEYS]
        for n, (key, one) in enumerate(zip(keys, texts, strict=True)):
            assert (key == 0) == (not one or len(one) > (128 if n else MOST_OBJECT))
