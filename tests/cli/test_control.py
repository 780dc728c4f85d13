"""`clout control`: what is wrong is said before anything is sent; what is sent stands in the topic as it was said."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka.partitioner.default import murmur2

from agents.cli.control_lines import Given, body_of, facts_of, read
from agents.local.embedded import free_port
from streams.broker.admin import Admin
from streams.errors import CloutError, UsageError
from streams.people.controls import Fact, Facts, HideTopic, Link, Unlink, parse
from streams.settings import Settings
from tests.cli.test_with_servers import read as read_topic

NOW_MS = 1_767_225_600_000
GIVEN = Given(NOW_MS)
NOBODY = f"127.0.0.1:{free_port()}"
Ask = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    """Writes lines; returns the path of the file."""

    def write(*lines: Any, name: str = "given") -> str:
        path = tmp_path / name
        texts = [
            line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
            for line in lines
        ]
        data = b"\n".join(texts) + b"\n"
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write


def sent(path: str, kind: str = "facts", given: Given = GIVEN) -> list[Any]:
    """The controls that would be sent."""
    found = []
    for key, value in read(path, kind, given).records:
        one = parse(value, NOW_MS + 1_000)
        assert not isinstance(one, tuple), one
        assert key.decode() == one.user
        found.append(one)
    return found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["link"], "clout control link USER PERSON"),
        (["link", "net:a"], "clout control link USER PERSON"),
        (["link", "ann", "p"], "a user is `network:id`"),
        (["link", "net:a", "net:a"], "are the same"),
        (["link", "person:p", "p"], "are the same"),
        (["link", "person:p", "person:p"], "are the same"),
        (["link", "person:p", "q"], "this is a person"),
        (["link", "net:a", "person:"], "person: `person` is missing"),
        (["link", "net:a", "x" * 257], "257 bytes"),
        (["link", "net:a", "p", "--file", "x"], "or a --file"),
        (["link", "--file", "there/is/no/such.file"], "does not exist"),
        (["unlink"], "USER"),
        (["unlink", "person:p"], "this is a person"),
        (["hide-topic", "net:a"], "TOPIC"),
        (["hide-topic", "ann", "jazz"], "a user is `network:id`"),
        (["hide-topic", "net:a", " # "], "topic: nothing is left"),
        (["hide-topic", "net:a", "x" * 129], "topic: 129 bytes"),
        (["facts", "net:a"], "clout control facts USER NAME=VALUE"),
        (["facts", "net:a", "followers"], "'followers' is no fact"),
        (["facts", "net:a", "followers=many"], "followers: 'many' is no number"),
        (["facts", "net:a", "followers=nan"], "followers: 'nan' is no number"),
        (["facts", "net:a", "followers=1e999"], "followers: '1e999' is no number"),
        (["facts", "net:a", "followers=1_000"], "followers: '1_000' is no number"),
        (["facts", "net:a", "followers=-1"], "followers.value: -1"),
        (["facts", "net:a", "followers=1", "followers=2"], "twice"),
        (["facts", "net:a", "Followers=1"], "the name of a fact"),
        (["facts", "net:a", *(f"f{n}=1" for n in range(17))], "at most 16"),
        (["facts", "net:a", "followers=1", "--source", "x" * 65], "65 bytes"),
        (["facts", "net:a", "followers=1", "--date", "yesterday"], "no time"),
        (["facts", "net:a", "followers=1", "--date", "2999-01-01"], "ahead of the clock"),
        (["facts", "net:a", "followers=1", "--file", "x"], "or a --file"),
    ],
)
def test_wrong_words(clout: Ask, words: list[str], said: str) -> None:
    """Exit code 2 and what is wrong, without asking Kafka."""
    done = clout("control", *words, kafka=NOBODY)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_words_become_controls() -> None:
    """Numbers, what is taken away, what holds for all of them."""
    facts = facts_of(("followers=1200", "lists=-", "verified=", "rate=5e-1"), Given(NOW_MS, NOW_MS - 5, "c"))
    found = parse(orjson.dumps(body_of("facts", "net:a", GIVEN, facts=facts)), NOW_MS)
    assert found == Facts(
        "net:a",
        NOW_MS,
        {"followers": Fact(1200, NOW_MS - 5, "c"), "lists": None, "verified": None, "rate": Fact(0.5, NOW_MS - 5, "c")},
    )


def test_json_lines(file: Callable[..., str]) -> None:
    """Whole controls, short ones, bare numbers; --date and --source for those that say nothing; blank lines are nothing."""
    path = file(
        {"type": "facts", "user": "net:a", "ts": NOW_MS - 9, "facts": {"lists": {"value": 3, "date": NOW_MS - 8, "source": "own"}}},
        "",
        {"user": "net:p", "facts": {"followers": 1200, "lists": None, "verified": {"value": 1}}},
    )  # fmt: skip
    given = Given(NOW_MS, NOW_MS - 5, "census")
    assert sent(path, given=given) == [
        Facts("net:a", NOW_MS - 9, {"lists": Fact(3, NOW_MS - 8, "own")}),
        Facts(
            "net:p",
            NOW_MS,
            {"followers": Fact(1200, NOW_MS - 5, "census"), "lists": None, "verified": Fact(1, NOW_MS - 5, "census")},
        ),
    ]
    links = file(
        {"user": "net:a", "person": "person:p"}, {"type": "link", "user": "net:b", "person": "p", "ts": NOW_MS - 1}
    )
    assert sent(links, "link") == [Link("net:a", "p", NOW_MS), Link("net:b", "p", NOW_MS - 1)]


@pytest.mark.parametrize("name", ["given.csv", "given.csv.gz"])
def test_csv(file: Callable[..., str], name: str) -> None:
    """Columns in any order; an empty cell says nothing, a row of them is left out, - takes away; quotes are CSV's."""
    path = file(
        b"\xef\xbb\xbffollowers, user ,date,source,lists",
        '1200,net:a,2026-01-01,"census, of 2026",',
        ",net:b,,,-",
        "",
        ",net:c,,,",
        '0.5,"net:d ""x""",,,3',
        name=name,
    )
    given = Given(NOW_MS + 1, NOW_MS - 5, "else")
    assert read(path, "facts", given).silent == 1
    assert sent(path, given=given) == [
        Facts("net:a", NOW_MS + 1, {"followers": Fact(1200, NOW_MS, "census, of 2026")}),
        Facts("net:b", NOW_MS + 1, {"lists": None}),
        Facts(
            'net:d "x"', NOW_MS + 1, {"followers": Fact(0.5, NOW_MS - 5, "else"), "lists": Fact(3, NOW_MS - 5, "else")}
        ),
    ]
    links = file("note,user,person", "x,net:a,person:p", ",net:b,q", name=name)
    assert sent(links, "link") == [Link("net:a", "p", NOW_MS), Link("net:b", "q", NOW_MS)]


def test_of_several_lines_about_a_user_the_last_counts(file: Callable[..., str]) -> None:
    """Each is said a millisecond after the one before; those about others are not."""
    path = file("user,person", "net:a,p", "net:b,p", "net:a,q", "net:a,r")
    assert [(one.user, one.person, one.ts - NOW_MS) for one in sent(path, "link")] == [
        ("net:a", "p", 0),
        ("net:b", "p", 0),
        ("net:a", "q", 1),
        ("net:a", "r", 2),
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["user;followers", "net:a;1"], ["line 1: no column user (user;followers)"]),
        (["person,lists", "net:a,1"], ["line 1: no column user (person, lists)"]),
        (["user,Followers", "net:a,1"], ["line 1: the column 'Followers'"]),
        (["user,lists,lists", "net:a,1,1"], ["line 1: the column 'lists' is there twice"]),
        (["user,lists", "net:a,1", "net:b", "net:c,1,2", "d,3", "net:e,x", "net:f,-1"],
         ["line 3: 1 cells", "line 4: 3 cells", "line 5: user: a user is", "line 6: lists: 'x' is no number",
          "line 7: lists.value: -1"]),
        (["user,lists,date", "net:a,1,yesterday", "net:a,1,2999-01-01"], ["line 2: date: 'yesterday'", "line 3: lists.date: "]),
        (["user,lists", 'net:a,"1', b"net:\xff,1"], ["line 2: no CSV", "line 3: no UTF-8"]),
        ([{"user": "net:a", "facts": {"a": 1}}, "net:a,1", "[1]", "5", {"user": "net:a", "facts": {"a": True}}, {"user": "net:a"},
          {"user": 5, "facts": {"a": 1}}, {"user": "net:a", "facts": {}}, {"type": "link", "user": "net:a", "person": "p"}],
         ["line 2: no JSON", "line 3: an array", "line 4: no JSON object", "line 5: a: Expected", "line 6: facts: ",
          "line 7: user: Expected", "line 8: facts: no fact is named", "line 9: type: this is for controls of type facts"]),
        (['[{"user":"net:a","facts":{"a":1}}]'], ["line 1: an array"]),
        ([{"user": "net:\x1b[2Ja\n", "facts": {"A\x1b": 1}}], ["line 1: user: `user` has a control character"]),
    ],
)  # fmt: skip
def test_wrong_lines(clout: Ask, file: Callable[..., str], lines: list[Any], said: list[str]) -> None:
    """Each is named with what is wrong; nothing is sent, not even the good ones, and Kafka is not asked. Exit code 1."""
    path = file(*lines)
    done = clout("control", "facts", "--file", path, kafka=NOBODY)
    assert (done.exit_code, done.stdout) == (1, "")
    told = done.stderr.splitlines()
    assert len(told) == len(said) + 1
    for line, part in zip(told, said, strict=False):
        assert line.startswith(f"clout: {path}, {part}")
    assert "nothing was sent" in told[-1]
    assert "\x1b" not in done.stderr


def test_wrong_lines_of_links(clout: Ask, file: Callable[..., str]) -> None:
    """The same from stdin; a person cannot be linked."""
    stdin = "user,person\nnet:a,net:a\nperson:p,q\nnet:b,\n"
    done = clout("control", "link", "--file", "-", stdin=stdin, kafka=NOBODY)
    assert done.exit_code == 1
    told = done.stderr.splitlines()
    for line, part in zip(
        told, ["line 2: person: ", "line 3: user: this is a person", "line 4: person: "], strict=False
    ):
        assert line.startswith(f"clout: stdin, {part}")
    missing = clout("control", "link", "--file", file("user,lists", "net:a,1"), kafka=NOBODY)
    assert "no column person (user, lists)" in missing.stderr


def test_many_wrong_lines_and_none(file: Callable[..., str]) -> None:
    """Twenty are shown, the others counted; a file without a control is an error too."""
    with pytest.raises(CloutError) as caught:
        read(file("user,lists", *["net:a,x"] * 1_000), "facts", GIVEN)
    told = str(caught.value).splitlines()
    assert len(told) == 22
    assert told[20] == "and 980 more lines"
    for lines in ([], ["user,lists"], ["user,lists", "net:a,"]):
        with pytest.raises(CloutError, match="nothing to send"):
            read(file(*lines), "facts", GIVEN)
    with pytest.raises(UsageError, match="xz data"):
        read(file(b"\xfd7zXZ\x00"), "facts", GIVEN)


def test_without_kafka(clout: Ask) -> None:
    """Exit code 3, one line that says where it looked."""
    done = clout("control", "link", "net:a", "p", kafka=NOBODY)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (3, "", 1)
    assert NOBODY in done.stderr


def test_into_the_topic(clout: Ask, file: Callable[..., str], kafka: str, prefix: str) -> None:
    """One by one and from files: keyed by user, where Kafka's own partitioner puts it, in the order given; stamped now."""
    settings = {"kafka": kafka, "topic_prefix": prefix}
    missing = clout("control", "unlink", "net:a", **settings)
    assert missing.exit_code == 1
    assert "clout topics create" in missing.stderr
    with Admin(Settings.load({}, **settings)) as admin:
        admin.create()
    began_ms = int(time.time() * 1000)
    linked = clout("control", "link", "net:zoë", "person:zoe", **settings)
    assert (linked.exit_code, linked.stdout) == (0, "")
    assert linked.stderr == "sent: net:zoë is an account of person:zoe; a worker takes it up within a second or so\n"
    assert "net:zoë is nobody's account any more" in clout("control", "unlink", "net:zoë", **settings).stderr
    hidden = clout("control", "hide-topic", "net:zoë", "#Jazz", **settings)
    assert hidden.stderr == "sent: net:zoë: the topic jazz is hidden; a worker takes it up within a second or so\n"
    again = clout("control", "hide-topic", "net:zoë", "jazz", "--show", **settings)
    assert "net:zoë: the topic jazz is shown again" in again.stderr
    told = clout("control", "facts", "net:zoë", "followers=1200", "lists=-", "--source", "me", "--json", **settings)
    assert "net:zoë: followers 1200, lists taken away" in told.stderr
    assert orjson.loads(told.stdout) == {"sent": 1, "users": 1, "silent": 0, "refused": 0, "topic": f"{prefix}controls"}
    path = file("user,lists", *(f"net:a{n % 40},{n}" for n in range(200)), "net:b,")
    many = clout("control", "facts", "--file", path, "--json", **settings)
    assert orjson.loads(many.stdout) == {
        "sent": 200,
        "users": 40,
        "silent": 1,
        "refused": 0,
        "topic": f"{prefix}controls",
    }
    assert "200 controls of type facts about 40 users; 1 line says nothing" in many.stderr
    ended_ms = int(time.time() * 1000)
    by_user: dict[str, list[Any]] = {}
    for record in read_topic(kafka, f"{prefix}controls"):
        one = parse(record.value, ended_ms + 1_000)
        assert not isinstance(one, tuple), one
        assert record.key.decode() == one.user
        assert record.partition == (murmur2(record.key) & 0x7FFF_FFFF) % 4
        assert began_ms <= one.ts <= ended_ms + 5
        by_user.setdefault(one.user, []).append(one)
    first, second, fourth, fifth, third = by_user.pop("net:zoë")
    assert fourth == HideTopic("net:zoë", "jazz", fourth.ts, hidden=True)
    assert fifth == HideTopic("net:zoë", "jazz", fifth.ts, hidden=False)
    assert (type(first), first.person, type(second)) == (Link, "zoe", Unlink)
    assert third.facts == {"followers": Fact(1200, third.ts, "me"), "lists": None}
    assert first.ts <= second.ts <= third.ts
    assert by_user.keys() == {f"net:a{n}" for n in range(40)}
    for user, found in by_user.items():
        assert [one.facts["lists"].value for one in found] == list(range(int(user[5:]), 200, 40))
        assert [one.ts - found[0].ts for one in found] == [0, 1, 2, 3, 4]
