"""`clout top --topic` and `--topics`, and ranks of topics on the page of `--explain`: what Redis has, for people and programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import pytest

from streams.model.influential import Influence, TopicShare
from streams.model.versions import DAY_MS, DEFAULT
from streams.partitioner import partition_of
from streams.scoreboard.connect import connect
from streams.scoreboard.flush import Flush
from streams.scoreboard.layout import place_of
from streams.scoreboard.writer import Writer
from tests.scoreboard.records import NOW_MS, rows

Ask = Callable[..., Any]
LIFE_MS = DEFAULT.half_lives_ms[-1]
SCORES = {"t:ann": 70.5, "t:bob": 40.0}
#: engagement for each topic two days ago
WEIGHTS = {
    "jazz": {"t:ann": 4.0, "t:bob": 9.0, "t:\u202egone": 1.0},
    "jazzed": {"t:bob": 2.0},
    "日本": {"t:ann": 1234.5},
}


@pytest.fixture
def board(clout: Ask, redis_url: str, prefix: str) -> Ask:
    """The command on boards of three topics; one user on them has no record."""
    as_of = NOW_MS - 2 * DAY_MS

    async def write() -> None:
        client = connect(redis_url)
        writer = Writer(client, prefix, 1, 4)
        for version, (user, score) in enumerate(SCORES.items(), 1):
            seen = {"share": 0.25, "error": 0.0, "people": 12, "first": as_of, "last": as_of}
            topics = [TopicShare(topic=topic, **seen) for topic, of in WEIGHTS.items() if user in of]
            known = Influence(
                user=user, as_of=as_of, got=9.0, gave=0.0, topics=topics, influencees=[], influencers=[], moments=[]
            )
            users, document = rows({user: score}, actors_error=0.0), [(user, msgspec.json.encode(known))]
            pulse = {"event_ts": NOW_MS, "model": "clout-1"}
            await writer.write(Flush(partition_of(user, 4), version, pulse, users, influence=document))
        places: dict[str, list[float | str]] = {
            topic: [value for user, weight in of.items() for value in (place_of(weight, as_of, LIFE_MS), user)]
            for topic, of in WEIGHTS.items()
        }
        await writer.write(Flush(0, 9, pulse, topics=places))
        await client.aclose()

    asyncio.run(write())
    return lambda *words, **more: clout(
        *words, **{"redis": redis_url, "redis_prefix": prefix, "clock": "stream"} | more
    )


def lines(done: Any) -> list[dict[str, Any]]:
    """The JSON lines of a command that went well."""
    assert (done.exit_code, done.stderr) == (0, "")
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def left(weight: float) -> float:
    """What is left of a weight after the two days."""
    return float(weight * 0.5 ** (2 / 62.4))


@pytest.mark.parametrize("written", ["jazz", "#JAZZ", " Jazz "])
def test_users_of_a_topic(board: Ask, written: str) -> None:
    """However it is written: rank, what is left of the weight now, the score of now; as many as asked for."""
    found = lines(board("top", "--topic", written, "--json"))
    assert [(one["rank"], one["user"]) for one in found] == [(1, "t:bob"), (2, "t:ann"), (3, "t:\u202egone")]
    assert [one["weight"] for one in found] == pytest.approx([left(9.0), left(4.0), left(1.0)])
    live = [orjson.loads(board("score", user, "--json").stdout)["score"] for user in ("t:bob", "t:ann")]
    assert [one["score"] for one in found] == [*live, None]
    assert lines(board("top", "--topic", written, "-n", "1", "--json")) == found[:1]


def test_boards_for_people(board: Ask) -> None:
    """Columns of numbers, names safe to print, a dot for who has no record."""
    head, first, _, last = board("top", "--topic", "jazz").stdout.splitlines()
    assert head.split() == ["rank", "user", "weight", "score"]
    assert first.split()[:3] == ["1", "t:bob", f"{left(9.0):.2f}"]
    assert last.split() == ["3", "t:\\u202egone", f"{left(1.0):.2f}", "·"]
    head, first, second, third = board("top", "--topics").stdout.splitlines()
    assert head.split() == ["rank", "topic", "user", "weight"]
    assert first.split() == ["1", "日本", "t:ann", f"{left(1234.5):,.2f}"]
    assert (second.split()[1], third.split()[1]) == ("jazz", "jazzed")


def test_topics(board: Ask) -> None:
    """By their first user, the highest first."""
    found = lines(board("top", "--topics", "--json"))
    assert [(one["rank"], one["topic"], one["user"]) for one in found] == [
        (1, "日本", "t:ann"),
        (2, "jazz", "t:bob"),
        (3, "jazzed", "t:bob"),
    ]
    assert found[1]["weight"] == pytest.approx(left(9.0))
    assert lines(board("top", "--topics", "-n", "2", "--json")) == found[:2]


def test_an_unknown_topic_is_named_with_those_like_it(board: Ask, clout: Ask, redis_url: str) -> None:
    """No failure, as with networks; without any topic what one needs is said."""
    for given, said in (("Jaz", "did you mean jazz, jazzed?"), ("opera\u202e", "`clout top --topics` lists")):
        done = board("top", "--topic", given)
        assert (done.exit_code, done.stdout) == (0, "")
        assert said in done.stderr
        assert "\u202e" not in done.stderr
    for words in (["--topic", "jazz"], ["--topics"]):
        empty = clout("top", *words, redis=redis_url, redis_prefix="nobody-has-this")
        assert (empty.exit_code, empty.stdout) == (0, "")
        assert "three people on two days" in empty.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--topic", "# "], "nothing is left"),
        (["--topic", "x" * 129], "129 bytes"),
        (["--topic", "jazz", "--network", "t"], "name one"),
        (["--topic", "jazz", "--topics"], "name one"),
        (["--topics", "--network", "t"], "name one"),
    ],
)
def test_wrong_words(clout: Ask, words: list[str], said: str) -> None:
    """Exit code 2, without asking Redis."""
    done = clout("top", *words, redis="redis://127.0.0.1:1/0")
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_watch_looks_again(board: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --json a line a look: its moment, and what is there without --watch."""
    looks = 0

    async def enough(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("agents.cli.top.asyncio.sleep", enough)
    done = board("top", "--topic", "jazz", "--watch", "--json")
    found = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert [one["as_of"] for one in found] == [NOW_MS] * 2
    assert [[one["user"] for one in look["top"]] for look in found] == [["t:bob", "t:ann", "t:\u202egone"]] * 2


def test_ranks_on_the_page(board: Ask) -> None:
    """Of each topic on whose board the user is."""
    page = board("score", "t:ann", "t:bob", "--explain").stdout.splitlines()
    said = [line.split("12 people")[1] for line in page if "12 people" in line]
    assert said == [", 2nd of its topic", ", 1st of its topic", ", 1st of its topic", ", 1st of its topic"]
