"""As many rules as there may be, of which few are of anybody who is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from streams.model.rules import Rule, When, Who
from streams.policies.book import MOST_RULES

BUILT_IN = 2  #: rules that are in force besides
MATCHING = 1_000  #: of all rules; OF_ALL of them are of everybody's network, each of the others names one user
OF_ALL = 5
_WHENS = (
    When(falls=5.0),
    When(falls=10.0, unit="percent", within="7d"),
    When(falls=20.0, within="30d"),
    When(below=20.0),
    When(rises=15.0),
    When(falls=3.0, within="1h"),
)


def many_rules(users: Sequence[str], network: str) -> list[Rule]:
    """Rules that name these users of a network, and others of users, networks and topics that nobody has, in turn."""
    matching = [Who(network=network)] * OF_ALL + [Who(users=(user,)) for user in users[: MATCHING - OF_ALL]]
    of = islice(_spread(matching), MOST_RULES - BUILT_IN)
    return [
        Rule(name=f"r{n}", who=who, when=when) for n, (who, when) in enumerate(zip(of, cycle(_WHENS), strict=False))
    ]


def _spread(matching: Sequence[Who]) -> Iterator[Who]:
    """One of these, then nine of nobody, and so on; names of a rule's users are not in the order of its number."""
    some = iter(matching)
    for n in range(MOST_RULES):
        if n % 10 == 0 and (one := next(some, None)):
            yield one
        elif n % 10 < 7:
            yield Who(users=(f"nowhere:{n}",))
        else:
            yield Who(network=f"nowhere{n}") if n % 10 < 9 else Who(topic=f"nothing{n}")
