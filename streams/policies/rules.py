"""A rule: of whom an alert is raised, at what, how loud, and when it is over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.events import MAX_NETWORK_BYTES, NEWEST_MS, Reject, bad_text
from streams.fold.rows import MOST_TOPIC
from streams.model.about import normal
from streams.people.checks import bad_user

#: why a score moved, see `streams.model.causes`
Cause = Literal[
    "idle", "fewer", "engagement", "reversed", "links", "reach", "participation", "facts", "model", "gap", "earlier"
]
CAUSES: tuple[Cause, ...] = Cause.__args__  # type: ignore[attr-defined]
Severity = Literal["info", "warning", "critical"]
Within = Literal["1h", "1d", "7d", "30d"]
WITHIN_MS: dict[Within, int] = {"1h": 3_600_000, "1d": 86_400_000, "7d": 7 * 86_400_000, "30d": 30 * 86_400_000}

NAME = "[a-z0-9][a-z0-9_.-]{0,63}"
MOST_USERS = 1_000  #: that one rule names
MOST_COOLDOWN_S = 90 * 86_400
_MOST_SHOWN = 1e15
_is_name = re.compile(NAME).fullmatch


class Who(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of whom: everyone, but for accounts of a person, in whose place the person is; or those who fit all that is said."""

    users: Annotated[
        tuple[str, ...], Meta(description="these, `network:id` or `person:NAME`; also accounts of a person")
    ] = ()
    network: Annotated[str | None, Meta(description="users of this network; also accounts of a person")] = None
    topic: Annotated[str | None, Meta(description="who is shown with this topic")] = None
    min_score: Annotated[float, Meta(description="whose score was at least this before it moved", ge=1, le=100)] = 1.0
    min_confidence: Annotated[float, Meta(description="whose `confidence` is at least this", ge=0, le=1)] = 0.0


class When(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """At what; one of `falls`, `rises`, `below`, `percentile` and `top`."""

    falls: Annotated[float | None, Meta(description="the score has fallen by so much")] = None
    rises: Annotated[float | None, Meta(description="the score has risen by so much")] = None
    unit: Annotated[
        Literal["points", "percent"], Meta(description="of `falls` and `rises`; per cent of the score then")
    ] = "points"
    within: Annotated[
        Within,
        Meta(
            description="compared with what: `1h` with the score 60 to 80 minutes ago, `1d` with the last daily close, `7d` and "
            "`30d` with the close six and 29 days before that"
        ),
    ] = "1d"
    below: Annotated[float | None, Meta(description="the score falls below this line")] = None
    percentile: Annotated[float | None, Meta(description="the score falls below this percentile of everyone")] = None
    top: Annotated[int | None, Meta(description="the score falls out of the so many highest")] = None


class Rule(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
    tag="rule",
    rename={"since": "from"},
):
    """An alert is raised once when `when` begins to hold for somebody of `who`, and told to be over later."""

    name: Annotated[
        str, Meta(description="by which it is replaced and removed", extra_json_schema={"pattern": f"^{NAME}$"})
    ]
    who: Who = Who()
    when: When
    ignore: Annotated[tuple[Cause, ...], Meta(description="no alert when one of these is the main cause")] = ()
    require: Annotated[tuple[Cause, ...], Meta(description="an alert only when one of these is the main cause")] = ()
    severity: Severity = "warning"
    cooldown_s: Annotated[int, Meta(description="least seconds between two alerts of this rule about one user")] = (
        6 * 3_600
    )
    margin: Annotated[
        float | None,
        Meta(
            description="how much better it must be than where the rule begins, for an alert to be over: points, or per cent. "
            "Without it half of what `falls` and `rises` say, or one point"
        ),
    ] = None
    urgent: Annotated[
        bool, Meta(description="judged as soon as engagements are counted, not only at the end of an interval")
    ] = False
    since: Annotated[int, Meta(description="in force from this moment on, ms since epoch, UTC")] = 0
    enabled: Annotated[bool, Meta(description="false: it raises nothing; so a built-in rule is switched off")] = True

    @property
    def back(self) -> float:
        """The margin, in the unit of the rule."""
        if self.margin is not None:
            return self.margin
        change = self.when.falls or self.when.rises
        return change / 2.0 if change else 1.0


DAY_FALL, WEEK_FALL = "day-fall", "week-fall"


def built_in(points: float = 1.5, cooldown_s: int = 6 * 3_600) -> tuple[Rule, ...]:
    """The rules in force until somebody says otherwise: so many points in a day, and 4 in seven days.

    With `clout-1` who falls silent loses at most 1.9 points a day and 6.1 a week.
    """
    ignore: tuple[Cause, ...] = ("model",)
    return (
        Rule(name=DAY_FALL, when=When(falls=points), ignore=ignore, cooldown_s=cooldown_s),
        Rule(name=WEEK_FALL, when=When(falls=4.0, within="7d"), ignore=ignore, cooldown_s=cooldown_s),
    )


def bad_rule(rule: Rule) -> Reject | None:
    """What is wrong with a rule whose fields are of the right types: the first that is found."""
    return next(_wrong(rule), None)


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
