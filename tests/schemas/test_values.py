"""The schemas say what the product does: what it writes fits them, and an event fits just when a worker takes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from streams.events import KINDS, MAX_AHEAD_MS, MAX_ID_BYTES, MAX_NETWORK_BYTES, NEWEST_MS, OLDEST_MS, Reject, parse
from streams.fold.days import NONE
from streams.formats import rejects, state
from streams.formats.rejects import DROPPED, MOST_BYTES, REPLAYED, Origin
from streams.model.alerts import Judge
from streams.model.explain import Past, explain
from streams.model.explained import Close
from streams.model.feed_alerts import State
from streams.model.influential import Friend, Influence, Moment, TopicShare
from streams.model.published import AlertRecord, Delta, FeedRecord, Parts, ScoreRecord, Windows
from streams.model.records import scored
from streams.model.rules import built_in
from streams.model.ruleset import RuleSet
from streams.model.standing import Place, Places
from streams.model.style import Traits, style
from streams.model.versions import DEFAULT
from streams.offline import fold
from streams.offline import scored as everyone
from streams.people.controls import Fact, Facts, Link
from streams.policies.book import Book
from streams.schemas import values
from streams.sources.record import Produced
from streams.topics import ALERTS, ALL, REJECTS, SCORES, STATE, Topic
from tests.alerts import of_feed
from tests.fold.test_record import NAMES, NOW_MS, filled
from tests.servers import ROOT
from tests.strategies import T0, broken_events, ids, kinds, times

LATEST_MS = T0 + MAX_AHEAD_MS
GOOD: dict[str, Any] = {"id": "1", "network": "net", "actor": "ann", "target": "bob", "ts": T0}
ORIGIN = Origin("pre-likes", 2, 77)


def wrong(schema: dict[str, Any]) -> Callable[[Any], list[str]]:
    """What does not fit a schema, as sentences; both drafts that it is made for must agree."""
    for draft in (Draft7Validator, Draft202012Validator):
        draft.check_schema(schema)
    older, newer = Draft7Validator(schema), Draft202012Validator(schema)

    def ask(value: Any) -> list[str]:
        found = [f"{error.json_path}: {error.message}" for error in newer.iter_errors(value)]
        assert older.is_valid(value) == (not found)
        return found

    return ask


def told(kind: type, value: Any, path: str = "$") -> None:
    """An object has just the fields of its type, in their order: nothing is written that the schema is silent about."""
    fields = msgspec.structs.fields(kind)
    names = [field.encode_name for field in fields if field.default is not msgspec.UNSET or field.encode_name in value]
    assert list(value) == names, path
    for field in msgspec.structs.fields(kind):
        if field.type in (Windows, Parts, Delta):
            told(field.type, value[field.encode_name], f"{path}.{field.name}")


@pytest.mark.parametrize("topic", ALL, ids=lambda topic: topic.name)
def test_every_topic_has_a_schema(topic: Topic) -> None:
    """A valid one, which names its key, says what it is of, and needs nothing beside it."""
    made = values.document(topic)
    assert wrong(made)
    assert (made["title"], made["$schema"]) == (topic.name, values.DIALECT)
    assert "$ref" not in json.dumps(made)
    assert topic.key == "-" or made["x-key"]["description"] == topic.key
    assert "anyOf" in made or made["description"]


def score_records() -> list[bytes]:
    """Of a fold: who did, who got, an undo; of rows of all sorts, also of somebody with nothing; of a person, with facts."""
    likes = [orjson.dumps({**GOOD, "id": str(n), "actor": f"a{n}"}) for n in range(7)]
    likes.append(orjson.dumps({**GOOD, "id": "u", "undo": True, "ref": "3", "actor": "a3"}))
    said = [Link("net:bob", "bob", T0), Facts("net:bob", T0, {"lists": Fact(90, T0), "followers": Fact(7, T0)})]
    table = fold([Produced("likes", b"", value, T0) for value in likes], DEFAULT, newest_ms=LATEST_MS, controls=said)
    rows = filled(DEFAULT, [*NAMES, *(f"net:{n}" for n in range(50))])
    written = scored(rows, np.arange(len(rows)), None, NOW_MS, 1 << 33).records
    return [*(one.record for one in everyone(table, T0)), *written]


def test_score_records_are_told() -> None:
    """Each record has just the fields that `ScoreRecord` has, of their types."""
    for record in score_records():
        told(ScoreRecord, orjson.loads(record))
        msgspec.json.decode(record, type=ScoreRecord)


def test_score_records_fit() -> None:
    """And its schema takes them; it would not without a field, or with a number as a text."""
    ask = wrong(values.document(SCORES))
    for record in score_records():
        body = orjson.loads(record)
        assert ask(body) == []
    for name in body:
        assert ask({one: said for one, said in body.items() if one != name}), name
    assert ask({**body, "score": "40"})
    assert ask({**body, "score": 100.1})
    assert ask({**body, "parts": {**body["parts"], "kinds": {"poke": 1.0}}})
    assert ask({**body, "windows": {"day": 0.0, "week": 0.0}})
    assert ask({**body, "more": 1}) == []


def test_explanations_fit() -> None:
    """Of each of those records, also later; not without a field, nor with a kind that there is not."""
    made = values.explanation()
    ask = wrong(made)
    assert "$ref" not in json.dumps(made)
    place = Place(rank=1, of=3)
    places = Places(overall=place, percentile=66.7, network=place)
    habits = style(Traits(np.ones(len(KINDS)), 1.0, np.zeros(len(KINDS)), 0.0, 8), DEFAULT)
    seen = {"share": 0.5, "error": 0.0, "people": 3, "first": NOW_MS, "last": NOW_MS}
    known = Influence(
        user="net:ann",
        as_of=NOW_MS,
        got=2.0,
        gave=0.0,
        topics=[TopicShare(topic="jazz", **seen)],
        influencees=[Friend(user="net:bob", share=0.5)],
        influencers=[],
        moments=[Moment(object="post", kinds={"like": 2}, **seen)],
        style=habits,
    )
    for record in score_records():
        for closes in ([], [Close(date="2026-01-01", score=40.5, model="plain")]):
            past = Past(NOW_MS, closes, {})
            found = explain(orjson.loads(record), DEFAULT, NOW_MS + 86_400_000, past, places, known)
            body = orjson.loads(msgspec.json.encode(found))
            assert ask(body) == []
            assert set(body) <= set(made["properties"])
    for name in made["required"]:
        assert ask({one: said for one, said in body.items() if one != name}), name
    assert ask(
        {**body, "one_more": {**body["one_more"], "average": {**body["one_more"]["average"], "points": {"poke": 1}}}}
    )
    standing = body["standing"]
    for broken in ({"outreach": 13}, {"style": {**standing["style"], "label": "star"}}, {"authority": 100.1}):
        assert ask({**body, "standing": {**standing, **broken}}), broken
    assert ask({**body, "more": 1}) == []


def test_alerts_fit() -> None:
    """Raised, over, and over for somebody without a close."""
    ask, table = wrong(values.document(ALERTS)), filled(DEFAULT, ["net:ann", "net:bob"])
    slots, found, rules = np.array([1]), [], RuleSet(table)
    rules.follow(Book(built_in(5.0, 0)[:1]), NOW_MS)
    judge = Judge(table, rules)
    real = scored(table, slots, None, NOW_MS, 7)
    for moment, (close, score) in enumerate(((50.0, 40.0), (50.0, 49.0), (50.0, 20.0), (NONE, 48.0))):
        done = real._replace(scores=np.array([score]), closes=np.array([[close, NONE, NONE]]))
        found += judge.judge(done, np.zeros(1, np.uint8), NOW_MS + moment, 7).alerts
    assert [alert.state for alert in found] == ["raised", "recovered"] * 2
    for alert in found:
        body = orjson.loads(alert.value)
        told(AlertRecord, body)
        assert ask(body) == []
        assert ask({**body, "state": "over"})


@pytest.mark.parametrize("state", ["raised", "recovered"])
def test_alerts_about_feeds_fit(state: State) -> None:
    """And are told from those about somebody."""
    ask, body = wrong(values.document(ALERTS)), orjson.loads(of_feed("net", state))
    told(FeedRecord, body)
    assert ask(body) == []
    assert ask({**body, "type": "user"})
    assert ask({**body, "state": "settled"})
    assert ask({name: said for name, said in body.items() if name != "network"})


def test_rejects_and_marks_fit() -> None:
    """With bytes, with too many of them, with none; and what was done about one."""
    ask = wrong(values.document(REJECTS))
    why = Reject("not_json", "$", "m" * 600)
    written = [rejects.record(why, ORIGIN, value) for value in (b"{\xff", b"", None, b"x" * (MOST_BYTES + 1))]
    marks = [rejects.mark(done, ORIGIN, 1234) for done in (REPLAYED, DROPPED)]
    for key, value in [*written, *marks]:
        body = orjson.loads(value)
        assert ask(body) == []
        assert set(values.document(REJECTS)["properties"]) == {*body, "reject"}
        assert key == b"pre-likes[2]@77"
    assert ["reject" in orjson.loads(value) for _, value in [*written, *marks]] == [False] * 4 + [True] * 2
    assert ask({**body, "value": 5})
    assert ask({name: said for name, said in body.items() if name != "size"})


def test_headers_fit() -> None:
    """The header of `state` as it is written; rows are bytes."""
    made = state.Header(
        generation=3,
        version=1,
        now_ms=0,
        positions={"likes": 4},
        clock=0,
        day=0,
        half_lives_ms=(1, 2, 3),
        counts={"a": 1},
    )
    body = orjson.loads(state.header_record(made)[1])
    for schema in (values.header(), values.document(STATE)):
        ask = wrong(schema)
        assert ask(body) == []
        assert ask({**body, "half_lives_ms": [1, 2]})
        assert ask({**body, "positions": {"likes": "4"}})
    told(state.Header, body)
    assert values.rows()["contentMediaType"] == "application/octet-stream"


@pytest.mark.parametrize("name", sorted(values.INTERNAL))
def test_internal_topics_say_so(name: str) -> None:
    """And where their bytes are described."""
    (topic,) = (topic for topic in ALL if topic.name == name)
    said = json.dumps(values.document(topic))
    where = re.search(r"Described in (\S+\.py)", said)
    assert "Internal and versioned" in said
    assert where
    assert (ROOT / where[1]).is_file()


#: what the parser refuses and a schema cannot: its description names each
UNSAID = {"empty", "too_large", "not_json", "ts_in_future"}


def check(value: bytes, kind: str) -> None:
    """The schema and the parser agree about these bytes, but for what a schema cannot say."""
    found = parse(value, kind, LATEST_MS)
    reason, path = (found.reason, found.path) if isinstance(found, Reject) else ("", "")
    if reason in UNSAID:
        return
    try:
        body = json.loads(value)
    except ValueError:  # no JSON: the parser met something else first, or does not look at it (bytes of unknown fields)
        return
    problems = ASKED[kind](body)
    if reason == "too_long" and len(body[path[2:]]) <= (MAX_NETWORK_BYTES if path == "$.network" else MAX_ID_BYTES):
        return  # in bytes, not in characters
    if (reason, path) == ("wrong_type", "$.ts") and isinstance(body["ts"], float) and body["ts"].is_integer():
        return  # 5.0 is a whole number in JSON Schema
    assert bool(problems) == bool(reason), (value, found, problems)


class _Asked(dict[str, Callable[[Any], list[str]]]):
    """The schema of each kind, made when it is asked."""

    def __missing__(self, kind: str) -> Callable[[Any], list[str]]:
        self[kind] = wrong(values.event(kind))
        return self[kind]


ASKED = _Asked()


@given(broken_events(), kinds)
def test_a_broken_event_fits_just_when_a_worker_takes_it(value: bytes, kind: str) -> None:
    """Fields missing, of any type, cut anywhere."""
    check(value, kind)


_texts = ids | st.sampled_from(["", "a:b", "x" * 256, "x" * 257, "é" * 128, "é" * 129, "a\x00", "\x85", "b\u2028"])
_fields = st.fixed_dictionaries(
    {},
    optional={
        "id": _texts | st.none(),
        "network": _texts | st.sampled_from(["n" * 64, "n" * 65]),
        "actor": _texts | st.integers(),
        "target": _texts | st.none() | st.integers(),
        "ts": times
        | st.sampled_from([OLDEST_MS, OLDEST_MS + 1, LATEST_MS, NEWEST_MS + 1, 2**70, 5, 1.5, 2.0, True, None]),
        "type": kinds | st.sampled_from([None, "poke", 3]),
        "undo": st.booleans() | st.sampled_from([None, 1, "yes"]),
        "ref": _texts | st.none() | st.integers(),
        "object": st.sampled_from([None, "post/1", "x" * 1024, "x" * 1025, 3, {}]),
        "topics": st.sampled_from([None, [], ["go"], ["go", 5], ["x" * 129], ["x"] * 33, "go"]),
        "more": st.sampled_from([None, {"a": [1]}]),
    },
)


@given(_fields, st.sets(st.sampled_from(sorted(GOOD)), max_size=1), kinds)
def test_an_event_fits_just_when_a_worker_takes_it(fields: dict[str, Any], without: set[str], kind: str) -> None:
    """Each field at its limits and beyond, undo or not."""
    body = {name: said for name, said in {**GOOD, **fields}.items() if name not in without}
    check(json.dumps(body).encode(), kind)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, ""), ({"undo": True, "ref": "0", "target": ""}, ""), ({"undo": True, "ref": "0", "target": None}, ""),
        ({"undo": None, "ref": 5}, ""), ({"object": 3, "topics": 5}, ""), ({"ref": "x" * 300}, ""), ({"more": []}, ""),
        ({"type": "like"}, ""), ({"type": None}, ""), ({"ts": OLDEST_MS + 1}, ""), ({"id": "x" * 256}, ""),
        ({"type": "share"}, "kind_contradicts_topic"), ({"type": "poke"}, "unknown_kind"),
        ({"undo": True}, "missing_field"), ({"undo": True, "ref": ""}, "missing_field"), ({"undo": 1}, "wrong_type"),
        ({"undo": True, "ref": 5}, "wrong_type"), ({"undo": True, "ref": "x" * 257}, "too_long"),
        ({"undo": True, "ref": "a\n"}, "control_character"), ({"undo": True, "ref": "0", "target": "a\n"}, "control_character"),
        ({"target": ""}, "missing_field"), ({"target": None}, "missing_field"), ({"target": 5}, "wrong_type"),
        ({"id": ""}, "missing_field"), ({"id": "x" * 257}, "too_long"), ({"actor": "a\x7f"}, "control_character"),
        ({"network": "a:b"}, "bad_network"), ({"network": "n" * 65}, "too_long"), ({"ts": str(T0)}, "wrong_type"),
        ({"ts": OLDEST_MS}, "ts_too_small"), ({"ts": NEWEST_MS + 1}, "ts_too_large"), ({"ts": True}, "wrong_type"),
    ],
)  # fmt: skip
def test_each_reason_a_schema_can_say(changed: dict[str, Any], reason: str) -> None:
    """One by one, so that none is met by luck alone; no reason: both take it."""
    body = {**GOOD, **changed}
    found = parse(json.dumps(body).encode(), "like", LATEST_MS)
    assert (found.reason if isinstance(found, Reject) else "") == reason
    assert bool(wrong(values.event("like"))(body)) == bool(reason)


@pytest.mark.parametrize("kind", KINDS)
def test_examples_are_events(kind: str) -> None:
    """Those in the schema are taken by both."""
    for example in values.event(kind)["examples"]:
        assert not isinstance(parse(orjson.dumps(example), kind, LATEST_MS), Reject)
        assert wrong(values.event(kind))(example) == []
