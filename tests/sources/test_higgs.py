"""The format `higgs`, against the three network files that were counted by others."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from streams.errors import UsageError
from streams.events import Event, parse
from streams.sources import open_source

Write = Callable[..., str]
Pairs = Counter[bytes]


@pytest.fixture(scope="module")
def networks(real: Callable[[str], str]) -> dict[str, Pairs]:
    """The three network files (`A B count` lines), by topic; pairs as they stand in an event."""
    out = {}
    for topic, kind in (("retweets", "retweet"), ("mentions", "mention"), ("replies", "reply")):
        with gzip.open(real(f"higgs/higgs-{kind}_network.edgelist.gz")) as file:
            edges = map(bytes.split, file)
            out[topic] = Counter({b'"actor":"%b","target":"%b"' % (a, b): int(count) for a, b, count in edges})
    return out


def counted(path: str, **options: Any) -> tuple[dict[str, Pairs], Counter[str]]:
    """The events of the source per topic and pair, and what it skipped."""
    out: dict[str, Pairs] = {"retweets": Counter(), "mentions": Counter(), "replies": Counter()}
    source = open_source(path, "higgs", **options)
    for topic, _, value, _ in source:
        out[topic][value[value.index(b'"actor"') : value.index(b',"ts"')]] += 1
    return out, source.skipped


def test_the_network_files_are_met_exactly(real: Callable[[str], str], networks: dict[str, Pairs]) -> None:
    """Events per (A, B, kind) equal the network files, a reply counting as the mention that it also is."""
    events, skipped = counted(real("higgs/higgs-activity_time.txt.gz"))
    totals = {topic: pairs.total() for topic, pairs in events.items()}
    assert totals == {"retweets": 354_930, "mentions": 134_335, "replies": 36_902}
    assert skipped == {"mention that repeats a reply": 36_902}
    events["mentions"] += events["replies"]
    for topic, pairs in networks.items():
        assert events[topic] == pairs, topic


def test_with_twins_nothing_needs_adding(real: Callable[[str], str], networks: dict[str, Pairs]) -> None:
    """With `twins` every line is an event, and the three files are met as they stand."""
    events, skipped = counted(real("higgs/higgs-activity_time.txt.gz"), twins=True)
    assert events == networks
    assert sum(pairs.total() for pairs in events.values()) == 563_069
    assert not skipped


def test_an_event_is_complete(write: Write) -> None:
    """A line becomes an event with the line as id, A as actor, and milliseconds."""
    (record,) = open_source(write("376989 50329 1341101181 RT\n"), "higgs")
    assert record[:2] == ("retweets", b"twitter:376989")
    assert record.ts == 1_341_101_181_000
    assert parse(record.value, "retweet", 1 << 42) == Event(
        id="376989-50329-1341101181-RT", type="retweet", network="twitter", actor="376989", target="50329", ts=record.ts
    )


@pytest.mark.parametrize(
    ("lines", "kinds"),
    [
        ("1 2 100 MT|1 2 100 RE", "RE"),
        ("1 2 100 RE|1 2 100 MT", "RE"),
        ("1 2 100 MT|3 4 100 RT|1 2 100 RE", "RT RE"),
        ("1 2 100 MT|1 2 101 RE", "MT RE"),  # another second
        ("1 2 100 MT|2 1 100 RE", "MT RE"),  # another pair
        ("1 2 100 MT|1 3 100 MT|1 2 100 RE", "MT RE"),  # also mentions another
        ("1 2 100 MT|1 2 100 MT|1 2 100 RE", "MT RE"),  # one reply, one twin
        ("1 2 100 RE", "RE"),
    ],
)
def test_a_reply_is_one_event(write: Write, lines: str, kinds: str) -> None:
    """Of a reply and its mention in the same second only the reply is sent, in whatever order they come."""
    records = open_source(write(lines.replace("|", "\n")), "higgs")
    assert " ".join(record.value.split(b'"')[3].decode()[-2:] for record in records) == kinds


def test_more_of_the_same(write: Write) -> None:
    """`shift_ms` and `suffix` make another copy of the data: other times, users and ids."""
    (record,) = open_source(write("1 2 100 RT"), "higgs", shift_ms=5, suffix="b", network="x")
    assert (record.key, record.ts) == (b"x:1b", 100_005)
    assert b'"id":"1-2-100-RTb"' in record.value
    assert b'"target":"2b"' in record.value
    with pytest.raises(UsageError):
        open_source(write("1 2 100 RT"), "higgs", suffix='"')


def test_bad_lines_are_counted(write: Write) -> None:
    """Lines that are not in the format are counted by reason, and the others come through in order."""
    source = open_source(write("1 2 100 RT\n1 2 100\na 2 100 RT\n1 2 100 XX\n1 2 -5 RT\n3 4 100 RT\n"), "higgs")
    assert [record.key for record in source] == [b"twitter:1", b"twitter:3"]
    assert source.skipped.total() == 4
