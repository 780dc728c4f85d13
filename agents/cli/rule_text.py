"""Rules in words, for people."""

from __future__ import annotations

from agents.cli.output import moment
from streams.model.rules import Rule, When, Who
from streams.policies.book import Book

_WITHIN = {"1h": "an hour", "1d": "a day", "7d": "7 days", "30d": "30 days"}
_SPANS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
IN_FORCE, OFF = "in force", "off"


def when(at: When) -> str:
    """At what a rule raises an alert."""
    if at.below is not None:
        return f"falls below {at.below:g}"
    if at.percentile is not None:
        return f"falls below percentile {at.percentile:g}"
    if at.top is not None:
        return f"falls out of the top {at.top:,}"
    change, how = (at.falls, "falls") if at.falls is not None else (at.rises, "rises")
    unit = "%" if at.unit == "percent" else " points"
    return f"{how} {change:g}{unit} in {_WITHIN[at.within]}"


def who(of: Who) -> str:
    """Of whom."""
    users = f"{of.users[0]} and {len(of.users) - 1:,} more" if len(of.users) > 1 else "".join(of.users)
    said = [users] if users else []
    said += [f"on {of.network}"] if of.network is not None else []
    said += [f"topic {of.topic}"] if of.topic is not None else []
    said += [f"score from {of.min_score:g}"] if of.min_score > 1 else []
    said += [f"confidence from {of.min_confidence:g}"] if of.min_confidence > 0 else []
    return ", ".join(said) or "everyone"


def span(seconds: int) -> str:
    """As it is written: 6h."""
    unit, name = next(((unit, name) for unit, name in _SPANS if seconds and seconds % unit == 0), (1, "s"))
    return f"{seconds // unit}{name}" if seconds else "0"


def state(rule: Rule, now_ms: float) -> str:
    """Is it in force now?"""
    if not rule.enabled:
        return OFF
    return IN_FORCE if rule.since <= now_ms else f"from {moment(rule.since)}"


def lines(rule: Rule, now_ms: float, whence: str) -> list[tuple[str, str]]:
    """All of a rule: what, and what it says of it."""
    causes = [f"not {', '.join(rule.ignore)}"] * bool(rule.ignore) + [f"only {', '.join(rule.require)}"] * bool(
        rule.require
    )
    unit = "%" if rule.when.unit == "percent" else " points"
    return [
        ("of whom", who(rule.who)),
        ("at what", when(rule.when)),
        ("causes", "; ".join(causes) or "any"),
        ("over when", f"{rule.back:g}{unit} better than that"),
        ("severity", rule.severity),
        ("again after", span(rule.cooldown_s)),
        ("judged", "at once" if rule.urgent else "when an interval ends"),
        ("state", f"{state(rule, now_ms)}, {whence}"),
    ]


def whence(name: str, built: frozenset[str], told: dict[str, int]) -> str:
    """Where a rule is from."""
    if name not in told:
        return "built in"
    return f"offset {told[name]}" + (", in place of a built-in rule" if name in built else "")


def wrong(book: Book) -> list[str]:
    """What could not be used, in words."""
    return [f"{mistake}; what it was before still holds, if it was known" for mistake in book.mistakes]
