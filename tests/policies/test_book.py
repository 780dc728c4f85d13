"""What records come to, in their order: the latest of a key, built-in rules, mistakes, bounds."""

from __future__ import annotations

import time
from random import Random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.model.gaps import Gap, Gaps
from streams.model.rules import DAY_FALL, WEEK_FALL, Rule, When, built_in
from streams.policies import book as books
from streams.policies.book import Book, Policies
from streams.policies.records import encode, key_of

Record = tuple[bytes | None, bytes | None]
BUILT = set(built_in())


def rule(name: str, falls: float = 5.0, *, enabled: bool = True, since: int = 0) -> Rule:
    """A rule of this name."""
    return Rule(name=name, when=When(falls=falls), enabled=enabled, since=since)


def newer(name: str) -> Record:
    """A policy of a later version."""
    return key_of(name), orjson.dumps({"type": "rule", "format": 2, "name": name, "if": "it rains"})


def gone(name: str) -> Record:
    """A record that removes."""
    return key_of(name), None


def book(*records: Record, built: tuple[Rule, ...] | None = None) -> Book:
    """Of records at offsets 0, 1, ..."""
    policies = Policies(built)
    for offset, (key, value) in enumerate(records):
        policies.read(offset, key, value)
    return policies.book()


def test_the_latest_of_a_name_counts() -> None:
    """In the order of names, whatever that of records."""
    found = book(encode(rule("z", 1.0)), encode(rule("a")), encode(rule("z", 2.0)), encode(rule("b")), gone("b"))
    assert found.rules == (rule("a"), *built_in(), rule("z", 2.0))
    assert found.offset == 4
    assert found.mistakes == found.left_out == ()


def test_nothing_was_said() -> None:
    """The built-in rules, by whatever they were made."""
    assert book() == Book()
    assert book(built=built_in(3.0, 60)).rules == built_in(3.0, 60)
    assert book(built=()).rules == ()


def test_a_built_in_rule_comes_back() -> None:
    """One of its name stands in its place, may switch it off, and leaves it behind when it is removed."""
    mine, off = rule(DAY_FALL, 9.0), rule(DAY_FALL, enabled=False)
    assert DAY_FALL in {one.name for one in book(encode(mine)).at(0) if one.when.falls == 9.0}
    assert [one.name for one in book(encode(off)).at(0)] == [WEEK_FALL]
    assert set(book(encode(off), gone(DAY_FALL)).rules) == BUILT


def test_in_force_from_a_moment_on() -> None:
    """To the millisecond."""
    found = book(encode(rule("later", since=1_000)), built=())
    assert (found.at(999), len(found.at(1_000))) == ((), 1)


@pytest.mark.parametrize("bad", [newer("a"), (b"rule/a", b"{"), (b"rule/a", b""), (b"rule/a", encode(rule("b"))[1])])
def test_a_mistake_changes_nothing_but_that_it_is_told(bad: Record) -> None:
    """The rule that was understood last stays; it is told until the key is right again or gone."""
    found = book(encode(rule("a")), bad, encode(rule("c")))
    assert set(found.rules) == BUILT | {rule("a"), rule("c")}
    assert [(one.key, one.offset) for one in found.mistakes] == [("rule/a", 1)]
    assert "rule a: " in str(found.mistakes[0])
    assert str(found.mistakes[0]).endswith("(offset 1 of policies)")
    assert set(book(bad).rules) == BUILT
    assert book(bad, encode(rule("a"))).mistakes == book(bad, gone("a")).mistakes == ()
    assert set(book(encode(rule("a")), bad, gone("a")).rules) == BUILT


def test_a_newer_policy_of_a_built_in_rule() -> None:
    """It stays as it is built in."""
    found = book(newer(DAY_FALL))
    assert set(found.rules) == BUILT
    assert "of format 2; this worker knows 1" in str(found.mistakes[0])


def test_another_sort_of_key() -> None:
    """It is told, and can be taken away."""
    found = book((b"pause/a", b"{}"), (None, b"{}"))
    assert [one.key for one in found.mistakes] == ["pause/a", ""]
    assert (
        book((b"pause/a", b"{}"), (b"pause/a", None), (b"rule/Bad Name", b"{}"), (b"rule/Bad Name", None)).mistakes
        == ()
    )


def test_too_many_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those written last are left out, by name; one that is removed makes room; a built-in rule always has its place."""
    monkeypatch.setattr(books, "MOST_RULES", 4)
    many = [encode(rule(name)) for name in ("d", "c", "b", "a")]
    found = book(*many)
    assert set(found.rules) == BUILT | {rule("d"), rule("c")}
    assert found.left_out == ("b", "a")
    assert set(book(*many, gone("d")).rules) == BUILT | {rule("c"), rule("b")}
    assert book(*many, gone("d")).left_out == ("a",)
    assert book(*many, encode(rule("d"))).left_out == ("a", "d")
    assert [one.name for one in book(*many, encode(rule(WEEK_FALL, enabled=False))).at(0)] == ["c", "d", DAY_FALL]


_names = st.sampled_from(["a", "b", "c", DAY_FALL])
_records = st.one_of(
    st.builds(lambda name, falls: encode(rule(name, falls)), _names, st.floats(1, 9)),
    st.builds(lambda name: encode(rule(name, enabled=False)), _names),
    st.builds(gone, _names),
)


@given(st.lists(_records, max_size=12), st.randoms())
def test_compaction_and_the_order_of_names_make_no_difference(records: list[Record], random: Random) -> None:
    """The latest record of each key at its offset gives the same rules; so does any order that leaves each key's as it is."""
    whole, compacted, shuffled = Policies(), Policies(), Policies()
    latest = {key: offset for offset, (key, _) in enumerate(records)}
    for offset, record in enumerate(records):
        whole.read(offset, *record)
        if latest[record[0]] == offset:
            compacted.read(offset, *record)
    assert compacted.book() == whole.book()
    by_key: dict[bytes | None, list[Record]] = {}
    for record in records:
        by_key.setdefault(record[0], []).append(record)
    while left := [some for some in by_key.values() if some]:
        shuffled.read(0, *random.choice(left).pop(0))
    assert shuffled.book().rules == whole.book().rules


def test_a_hundred_thousand_rules() -> None:
    """Ten thousand are in force, the rest is named; reading and making the book take seconds at worst."""
    policies, began_s = Policies(), time.process_time()
    for n in range(100_000):
        policies.read(n, *encode(rule(f"r{n}")))
    found = policies.book()
    assert time.process_time() - began_s < 20
    assert (len(found.rules), len(found.left_out)) == (books.MOST_RULES, 90_002)
    assert policies.book() is found


def test_a_hundred_thousand_mistakes() -> None:
    """A thousand are told."""
    policies = Policies()
    for n in range(100_000):
        policies.read(n, f"rule/{n}".encode(), b"{")
    assert len(policies.book().mistakes) == 1_000


def gapped(network: str, since: int = 10**12) -> Record:
    """One gap of a network."""
    return encode(Gaps(network=network, gaps=(Gap(since=since),)))


def test_gaps() -> None:
    """Of a network the latest record counts; what cannot be used changes nothing; null takes it away; rules stay as they are."""
    found = book(gapped("z"), gapped("a"), encode(rule("a")), gapped("z", 10**12 + 1), (b"gap/a", b"{"))
    assert [(one.network, one.gaps[0].since) for one in found.gaps] == [("a", 10**12), ("z", 10**12 + 1)]
    assert [one.key for one in found.mistakes] == ["gap/a"]
    assert set(found.rules) == BUILT | {rule("a")}
    assert [one.network for one in book(gapped("z"), gapped("a"), (b"gap/z", None), gone("a")).gaps] == ["a"]


def test_gaps_of_too_many_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those written last are left out, and told."""
    monkeypatch.setattr(books, "MOST_GAPPED", 2)
    found = book(gapped("c"), gapped("b"), gapped("a"))
    assert [one.network for one in found.gaps] == ["b", "c"]
    assert found.left_out == ("gap/a",)
