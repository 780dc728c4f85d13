"""The rules in force in Redis: written by one worker, again when they were lost, and read by whoever likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agents.surroundings.finding import NOTE, OK, WRONG
from agents.surroundings.policies import Shown, look
from streams.model.rules import Rule, When
from streams.policies import book as books
from streams.policies.book import Book, Policies
from streams.policies.records import encode
from tests.scoreboard.conftest import Board

FIRST = Rule(name="a", when=When(falls=3.0))
LATER = Rule(name="b", when=When(below=40.0), since=1_000)
OFF = Rule(name="c", when=When(top=10), enabled=False)
HELD: Any = {0: None}


def plain(*rules: Rule) -> list[Any]:
    """As JSON has them."""
    return [msgspec.to_builtins(rule) for rule in rules]


def test_whoever_holds_the_first_partition_writes_them(play: Callable[..., None]) -> None:
    """Not the others; on the first of several shards; those in force now, and again when one comes into force."""

    async def story(board: Board) -> None:
        shown, book = Shown(board.writer), Book((FIRST, LATER, OFF), 7)
        assert await board.reader.rules() is None
        await shown.look({1: HELD}, book, 999)
        assert await board.reader.rules() is None
        await shown.look(HELD, book, 999)
        assert await board.reader.rules() == {"offset": 7, "rules": plain(FIRST)}
        assert await board.client.keys(f"{board.prefix}:*rules") == [board.keys(0).rules.encode()]
        await shown.look(HELD, book, 1_000)
        assert await board.reader.rules() == {"offset": 7, "rules": plain(FIRST, LATER)}

    play(story, shards=2)


def test_what_redis_has_lost_is_written_again(play: Callable[..., None]) -> None:
    """A key that is gone, one of an older copy, one of another worker before; what is right is left alone."""

    async def story(board: Board) -> None:
        shown, book, key = Shown(board.writer), Book((FIRST,), 7), board.keys().rules
        right = {"offset": 7, "rules": plain(FIRST)}
        await shown.look(HELD, book, 0)
        await board.client.delete(key)
        await shown.look(HELD, book, 0)
        assert await board.reader.rules() == right
        await board.writer.show_rules(5, ())
        await shown.look(HELD, book, 0)
        assert await board.reader.rules() == right
        await board.client.hset(key, "more", "1")
        await shown.look(HELD, book, 0)
        assert await board.client.hdel(key, "more") == 1
        await board.writer.show_rules(7, ())
        await shown.look({}, book, 0)
        await shown.look(HELD, book, 0)
        assert await board.reader.rules() == right

    play(story)


def test_what_is_wrong_is_a_finding(monkeypatch: Any) -> None:
    """Each record that cannot be used by itself, many together; rules that are too many."""
    monkeypatch.setattr(books, "MOST_RULES", 4)
    policies = Policies()
    assert [finding.status for finding in look(policies.book(), 0)] == [OK]
    for n in range(7):
        policies.read(n, f"rule/x{n}".encode(), b"{")
    for n in range(3):
        policies.read(10 + n, *encode(Rule(name=f"r{n}", when=When(falls=3.0))))
    found = list(look(policies.book(), 0))
    assert [finding.status for finding in found] == [OK, *[WRONG] * 6, NOTE]
    assert "rule x0: " in found[1].text
    assert "(offset 0 of policies)" in found[1].text
    assert "2 more" in found[6].text
    assert "(r2)" in found[7].text
