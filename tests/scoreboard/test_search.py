"""Finding users by the beginning of their names and by their numeric ids: the same cases on Redis and Valkey."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scoreboard.changes import Changes
from streams.scoreboard.flush import Flush
from streams.scoreboard.names import bounds, entries, folded, name_of, numeric_id, user_of
from streams.scoreboard.search import MOST_LOOKED_AT
from tests.scoreboard.conftest import Board
from tests.scoreboard.records import NOW_MS, by_partition, flush, rows
from tests.scoreboard.small import Small
from tests.scoreboard.test_writer import ODD

Play = Callable[..., None]
PEOPLE = {
    "twitter:Ann": 40.0,
    "github:anna": 41.0,
    "github:bob": 42.0,
    "person:ann": 43.0,
    "annet:x": 44.0,
    "x:ännchen": 45.0,
}


def test_an_id_never_changes() -> None:
    """Old clients keep it: it is written down here, fits in 63 bits, and is another one for another application."""
    assert numeric_id("bluesky:bob", "clout") == "4917949500424828481"
    assert numeric_id("bluesky:bob", "other") != numeric_id("bluesky:bob", "clout") != numeric_id("bluesky:bo", "clout")


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=80))
def test_a_member_leads_to_its_user(network: str, name: str, app: str) -> None:
    """Whatever the name holds; an id is decimal and less than 2**63."""
    user = f"{network.replace(':', '')}:{name}"
    assert [user_of(member.encode()) for member in entries(user)] == [user, user]
    assert 0 <= int(numeric_id(user, app)) < 2**63


@given(st.text(max_size=8), st.text(max_size=8))
def test_bounds_hold_what_begins_so(prefix: str, more: str) -> None:
    """A member lies between them just when its compared part begins with the prefix, as bytes are compared."""
    least, most = bounds(prefix)
    for text in (prefix + more, more):
        member = f"{folded(text)}\0x".encode()
        inside = least[1:] <= member < most[1:]
        assert inside == f"{folded(text)}\0".startswith(folded(prefix))


@pytest.mark.parametrize("shards", [1, 3])
def test_found_by_the_beginning(play: Play, shards: int) -> None:
    """With the network and without it, in whatever case, from all shards; nobody twice."""

    async def story(board: Board) -> None:
        for some in by_partition(PEOPLE, 6):
            await board.writer.write(some)
        search = board.reader.search
        assert await search.begins("ANN") == ["annet:x", "github:anna", "person:ann", "twitter:Ann"]
        assert await search.begins("github:") == ["github:anna", "github:bob"]
        assert await search.begins("TWITTER:a") == ["twitter:Ann"]
        assert await search.begins("ÄN") == ["x:ännchen"]
        assert await search.begins("hub") == []
        assert await search.named("aNN") == ["person:ann", "twitter:Ann"]
        assert await search.named("annet:x") == await search.named("an") == []
        for user in PEOPLE:
            assert await search.user(numeric_id(user, "clout")) == user
        for unknown in ("7", "", "x", "-1", "٣", numeric_id("github:bob", "other")):
            assert await search.user(unknown) is None

    play(story, shards=shards, partitions=6)


@pytest.mark.parametrize("user", ODD)
def test_odd_names_are_found(play: Play, user: str) -> None:
    """Spaces, quotes, newlines, NUL, braces and any script."""

    async def story(board: Board) -> None:
        await board.writer.write(flush(1, {user: 40.5}))
        assert await board.reader.search.begins(name_of(user)[:3].upper()) == [user]
        assert await board.reader.search.named(name_of(user)) == [user]
        assert await board.reader.search.user(numeric_id(user, "clout")) == user
        assert await board.writer.lacking(0, [user]) == 0

    play(story, partitions=1)


def test_a_search_looks_at_so_many(play: Play) -> None:
    """Of more that begin so, the first by name."""

    async def story(board: Board) -> None:
        many = {f"n:{i:04}": 2.0 for i in range(MOST_LOOKED_AT + 10)}
        await board.writer.write(flush(1, many))
        assert await board.reader.search.begins("0") == sorted(many)[:MOST_LOOKED_AT]

    play(story, partitions=1)


def test_who_is_there_costs_nothing_more(play: Play) -> None:
    """Only users new to Redis go into the index: what others carry does not touch it."""

    async def story(board: Board) -> None:
        await board.writer.write(flush(1, {"a:1": 40.0}))
        before = await board.client.dump(board.keys().search), await board.client.dump(board.keys().ids)
        again = rows({"a:1": 41.0})
        known = Changes(again._names, again._scores, again._moved, again._records, again._where)
        assert (again.new(), known.new()) == (["a:1"], [])
        await board.writer.write(Flush(0, 2, {}, known))
        assert (await board.client.dump(board.keys().search), await board.client.dump(board.keys().ids)) == before

    play(story)


def test_new_once() -> None:
    """A worker gives each user as new with the first call that shows them, and again when Redis has lost everyone."""
    small = Small(None)  # type: ignore[arg-type]  # nothing is written

    def told() -> list[str]:
        small.shown.show()
        found = []
        while call := small.shown.call(NOW_MS):
            found += call.users.new()
            small.shown.arrived(NOW_MS)
        return found

    small.put({"a:1": 1.0, "a:2": 2.0})
    assert told() == ["a:1", "a:2"]
    small.put({"a:1": 3.0, "person:p": 2.0})
    assert told() == ["person:p"]
    small.shown.everyone()
    assert sorted(told()) == ["a:1", "a:2", "person:p"]


@pytest.mark.parametrize("key", ["search", "ids"])
def test_who_cannot_be_found_is_missed(play: Play, key: str) -> None:
    """A look sees that some are lost, and whose they are can be asked; what an older worker has shown is not missed."""

    async def story(board: Board) -> None:
        for partition, user in enumerate(("a:1", "b:1")):
            given = flush(3, {user: 40.0}, partition, shown=1)
            given.pulse["indexed"] = 1
            await board.writer.write(given)
        assert not any((await board.writer.look(0)).gaps)
        await board.client.delete(getattr(board.keys(), key))
        await board.writer.write(flush(4, {"b:1": 40.0}, 1, shown=1))
        seen = await board.writer.look(0)
        assert (seen.gaps, seen.found, seen.indexed) == ((0, 0, 0, 0), 1, 1)
        given = flush(5, {}, 1, shown=1)
        given.pulse["indexed"] = 1
        await board.writer.write(given)
        assert (await board.writer.look(0)).gaps == (0, 0, 0, 1)
        assert [await board.writer.lacking(0, ["a:1"]), await board.writer.lacking(1, ["b:1"])] == [1, 0]

    play(story)
