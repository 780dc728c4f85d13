"""What is wrong with a rule, or gaps, whose fields are of the right types: values that are impossible, or contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.events import MAX_NETWORK_BYTES, NEWEST_MS, OLDEST_MS, PERSON, Reject, bad_text
from streams.fold.rows import MOST_TOPIC
from streams.model.about import normal
from streams.model.gaps import MOST_GAPS, Gaps
from streams.model.rules import NAME, Rule, When, Who
from streams.people.checks import bad_user

MOST_USERS = 1_000  #: that one rule names
MOST_COOLDOWN_S = 90 * 86_400
_MOST_SHOWN = 1e15
_is_name = re.compile(NAME).fullmatch


def bad_rule(rule: Rule) -> Reject | None:
    """What is wrong with a rule, or with gaps, whose fields are of the right types: the first that is found."""
    return next(_wrong(rule), None)


def bad_gaps(gaps: Gaps) -> Reject | None:
    """What is wrong with gaps whose fields are of the right types: the first that is found."""
    return next(_wrong_gaps(gaps), None)


def _wrong_gaps(gaps: Gaps) -> Iterator[Reject]:
    if reject := bad_text("network", gaps.network, MAX_NETWORK_BYTES):
        yield reject
    if ":" in gaps.network or gaps.network == PERSON:
        yield _bad_gap("$.network", f"{gaps.network!r}; it is what stands before the colon of a user, and not {PERSON}")
    if not 0 < len(gaps.gaps) <= MOST_GAPS:
        yield _bad_gap("$.gaps", f"{len(gaps.gaps):,} gaps; a network has 1 to {MOST_GAPS}, and null removes them")
    for gap in gaps.gaps:
        until = NEWEST_MS if gap.until is None else gap.until
        if not OLDEST_MS < gap.since < until <= NEWEST_MS:
            yield _bad_gap(
                "$.gaps[...]", f"from {_number(gap.since)} to {_number(until)}; it ends after it begins, ms since epoch"
            )


def _bad_gap(path: str, why: str) -> Reject:
    return Reject("bad_gap", path, why)


def _wrong(rule: Rule) -> Iterator[Reject]:
    if not _is_name(rule.name):
        yield _bad("$.name", f"{rule.name[:80]!r}; a name is of a to z, 0 to 9 and _ . -, at most 64, as in big-fall")
    yield from _wrong_who(rule.who)
    yield from _wrong_when(rule.when)
    if both := set(rule.ignore) & set(rule.require):
        yield _bad("$.ignore", f"`{min(both)}` is ignored and required; it can be one of them")
    if not 0 <= rule.cooldown_s <= MOST_COOLDOWN_S:
        yield _bad("$.cooldown_s", f"{_number(rule.cooldown_s)}; a cooldown is 0 to {MOST_COOLDOWN_S:,} seconds")
    change = rule.when.falls or rule.when.rises
    most = change or 99.0
    if rule.margin is not None and not 0 <= rule.margin <= most:
        yield _bad("$.margin", f"{_number(rule.margin)}; here a margin is 0 to {most:g}")
    if not 0 <= rule.since <= NEWEST_MS:
        yield _bad("$.from", f"{_number(rule.since)}; a time is ms since epoch, up to {NEWEST_MS}")


def _wrong_who(who: Who) -> Iterator[Reject]:
    if len(who.users) > MOST_USERS:
        yield _bad("$.who.users", f"{len(who.users):,} users; a rule names at most {MOST_USERS:,}: write several rules")
    for user in who.users:
        if reject := bad_user(user):
            yield _bad("$.who.users[...]", f"{user[:80]!r}: {reject.message}")
    if who.users and (who.network or who.topic):
        yield _bad("$.who", "`users` stands alone: a network or a topic says nothing of users who are named")
    if who.network is not None and (reject := bad_text("who.network", who.network, MAX_NETWORK_BYTES)):
        yield reject
    if who.network is not None and ":" in who.network:
        yield _bad("$.who.network", f"{who.network!r}; a network is what stands before the colon of a user")
    if who.topic is not None and not 0 < len(normal(who.topic).encode()) <= MOST_TOPIC:
        yield _bad("$.who.topic", f"{who.topic[:80]!r}; a topic has 1 to {MOST_TOPIC} bytes without # and blanks")
    yield from _outside("$.who.min_score", who.min_score, 1, 100)
    yield from _outside("$.who.min_confidence", who.min_confidence, 0, 1)


def _wrong_when(when: When) -> Iterator[Reject]:
    said = [name for name in ("falls", "rises", "below", "percentile", "top") if getattr(when, name) is not None]
    if len(said) != 1:
        what = f"{' and '.join(said)} at once" if said else "none of them"
        yield _bad("$.when", f"{what}; a rule says one of falls, rises, below, percentile and top")
        return
    name = said[0]
    if name == "falls":
        most = 100 if when.unit == "percent" else 99
        yield from _outside("$.when.falls", when.falls or 0.0, 0.1, most)
    elif name == "rises":
        yield from _outside("$.when.rises", when.rises or 0.0, 0.1, 10_000 if when.unit == "percent" else 99)
    elif name == "below":
        yield from _outside("$.when.below", when.below or 0.0, 1.1, 100)
    elif name == "percentile":
        yield from _outside("$.when.percentile", when.percentile or 0.0, 0.1, 99.9)
    else:
        yield from _outside("$.when.top", when.top or 0, 1, 1_000_000)


def _outside(path: str, value: float, least: float, most: float) -> Iterator[Reject]:
    if not least <= value <= most:  # also what is no number
        yield _bad(path, f"{_number(value)}; here it is from {least:,g} to {most:,g}")


def _number(value: float) -> str:
    """A whole number may have any length."""
    return f"{value:g}" if abs(value) < _MOST_SHOWN else "a number of more than 15 digits"


def _bad(path: str, why: str) -> Reject:
    return Reject("bad_rule", path, why)
