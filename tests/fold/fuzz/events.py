"""Events as JSON, ordinary, odd and broken: the fast parser beside `streams.events.parse`."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import numpy as np
import orjson

from streams import events
from streams.events import KINDS, Event
from streams.fold.event import EVENT
from streams.fold.parse import parse
from streams.model import about
from streams.model.memory import id_key, target_key
from streams.model.parsed import _bounds
from tests.fold.edge import Edge
from tests.fold.fuzz.broken import NEWEST, T0, behind, broken

#: as people write them: some mean the same, some do not count
_TOPICS = ["art", "#Art", " ART ", "music", "##", "", "jazz blues", "q" * 70, "Q" * 70 + " ", "r" * 120, "s" * 128]


def text(dice: random.Random, most: int) -> str:
    """Short as a rule, sometimes as long as may be, and a little longer."""
    letters = dice.choice(
        ("abcdefgh", "abc:._-/ ", "äöüß", "世界", "😀", 'a"b\\', "\x00\x1f\x7fab", "a\x85\u2028b", "a\xa0")
    )
    n = (
        dice.choice((0, 1, 3, 7, 8, 9, 16, most // 4, most - 1, most, most + 1))
        if dice.random() < 0.3
        else dice.randint(1, 20)
    )
    return (
        "".join(dice.choice(letters[:3] if dice.random() < 0.9 else letters) for _ in range(n))
        if n < 40
        else letters[0] * n
    )


def plain(dice: random.Random, kind: int) -> dict[str, Any]:
    """An ordinary event, as any producer would send it."""
    event: dict[str, Any] = {"id": f"e{dice.randrange(10**6)}", "network": "net", "actor": f"user{dice.randrange(999)}"}
    event |= {"target": f"did:plc:{dice.randrange(10**9)}", "ts": T0 - dice.randrange(10**10)}
    if dice.random() < 0.1:
        event |= {"undo": True, "ref": f"e{dice.randrange(10**6)}"}
        if dice.random() < 0.5:
            del event["target"]
    if dice.random() < 0.3:
        event["type"] = KINDS[kind]
    if dice.random() < 0.2:
        event |= {"object": "at://x/y/3k", "topics": [dice.choice(_TOPICS) for _ in range(dice.randrange(7))]}
    return event


def odd(dice: random.Random, kind: int) -> dict[str, Any]:
    """An event with any of its fields, or others, of any sort."""
    event = plain(dice, kind)
    for _ in range(dice.randrange(4)):
        field = dice.choice(
            ("id", "network", "actor", "target", "ts", "type", "ref", "object", "topics", "undo", "x", "targets", "tsx")
        )
        event[field] = dice.choice(
            (
                lambda: text(dice, dice.choice((64, 240, 256))),
                lambda: text(dice, dice.choice((64, 240, 256))),
                lambda: dice.choice(
                    (None, True, False, [], {}, 0, -1, 1.5, 1e300, 2**63, NEWEST, NEWEST + 1, 10**11, 10**15, 10**16)
                ),
                lambda: [text(dice, 128) for _ in range(dice.choice((0, 1, 2, 33)))],
                lambda: dice.choice(KINDS),
            )
        )()
    items = list(event.items())
    if dice.random() < 0.2:
        dice.shuffle(items)
    return dict(items)


def as_json(dice: random.Random, event: dict[str, Any]) -> bytes:
    """In one of the ways in which libraries write it."""
    form = dice.randrange(4)
    if form == 0:
        return json.dumps(event, ensure_ascii=dice.random() < 0.5).encode("utf-8", "replace")
    if form == 1:
        return (
            json.dumps(event, ensure_ascii=False, indent=dice.choice((1, 4, "\t"))).encode("utf-8", "replace") + b"\n"
        )
    return msgspec.json.encode(event)


def in_pieces(dice: random.Random, event: dict[str, Any]) -> bytes:
    """An event with fields that come twice, in any order, blanks between all its signs."""
    fields = [(msgspec.json.encode(name), msgspec.json.encode(value)) for name, value in event.items()]
    for _ in range(dice.randrange(3)):
        name, value = dice.choice(fields)
        if dice.random() < 0.4:
            name = dice.choice((b'"ref"', b'"undo"', b'"type"', b'"target"', b'"object"', b'"topics"', b'"x"'))
        if dice.random() < 0.7:
            value = dice.choice(
                (b"null", b"true", b"false", b'"like"', b'"r"', b"[]", b'["a" , "b"]', b"1", b"-0.5", b"1e3", b"{}")
            )
        fields.insert(dice.randint(0, len(fields)), (name, value))
    blanks = [b"", b"", b"", b" ", b"\n\t", b"  \r\n"] if dice.random() < 0.5 else [b""]
    some = []
    for name, value in fields:
        some.append(
            dice.choice(blanks) + name + dice.choice(blanks) + b":" + dice.choice(blanks) + value + dice.choice(blanks)
        )
    return dice.choice(blanks) + b"{" + b",".join(some) + b"}" + dice.choice(blanks)


class Parser:
    """The kernel, one record at a time, at the edge."""

    def __init__(self, newest_ms: int = NEWEST) -> None:
        self.edge, self.lines, self.usual = Edge(), np.zeros(1, EVENT), np.zeros(1, np.bool_)
        self.newest_ms, self.bounds = newest_ms, _bounds(newest_ms)

    def __call__(self, value: bytes, kind: int) -> bool:
        """Does it say yes? If so, it must agree with `streams.events.parse`."""
        text = self.edge.hold(value)
        one = np.zeros(1, np.int64), np.array([len(value)], np.int32), np.array([kind], np.uint8)
        parse(text, *one, self.bounds, self.lines, 0, self.usual)
        event, line = events.parse(value, KINDS[kind], self.newest_ms), self.lines[0]
        if not self.usual[0]:
            return False
        assert isinstance(event, Event), (value, event)
        read = {
            name: text[line[f"{name}_at"] :][: line[f"{name}_len"]].tobytes().decode()
            for name in ("network", "actor", "target", "object", "topics")
        }
        of_object, of_topics = about.object_(event.object), about.topics(event.topics or ())
        assert read == {
            "network": event.network,
            "actor": event.actor,
            "target": event.target,
            "object": of_object.decode(),
            "topics": of_topics.decode(),
        }, value
        assert (line["ts"], line["kind"], bool(line["undo"])) == (event.ts, kind, event.undo), value
        assert line["id_key"] == id_key(event.id, kind), value
        assert line["target_key"] == target_key(event.target), value
        assert not event.undo or line["ref_key"] == id_key(event.ref or "", kind), value
        return True


def records(seed: int, n: int) -> dict[str, float]:
    """So many records, most of them broken; how many of the ordinary, and of the broken ones, the kernel says yes to."""
    dice, parser = random.Random(seed), Parser()
    said = {"ordinary": [0, 0], "odd": [0, 0], "broken": [0, 0]}
    for number in range(n):
        kind = dice.randrange(len(KINDS))
        if number % 8 == 0:
            parser.edge.behind, parser.edge.left = behind(dice), dice.random() < 0.2
            sort, value = "ordinary", orjson.dumps(plain(dice, kind))
        elif number % 8 == 1:
            sort, value = "odd", as_json(dice, odd(dice, kind))
        elif number % 8 == 2:
            sort, value = "odd", in_pieces(dice, plain(dice, kind))
        else:
            sort, value = "broken", broken(dice, as_json(dice, (plain if dice.random() < 0.7 else odd)(dice, kind)))
        said[sort][0] += 1
        said[sort][1] += parser(value, kind)
    return {sort: yes / max(all_, 1) for sort, (all_, yes) in said.items()}
