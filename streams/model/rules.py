"""A rule: of whom an alert is raised, at what, how loud, and when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta

from streams.model.gaps import Gaps

#: why a score moved, see `streams.model.causes`
Cause = Literal[
    "idle", "fewer", "engagement", "reversed", "links", "reach", "participation", "facts", "model", "gap", "earlier"
]
CAUSES: tuple[Cause, ...] = Cause.__args__  # type: ignore[attr-defined]
Severity = Literal["info", "warning", "critical"]
Within = Literal["1h", "1d", "7d", "30d"]
WITHIN_MS: dict[Within, int] = {"1h": 3_600_000, "1d": 86_400_000, "7d": 7 * 86_400_000, "30d": 30 * 86_400_000}

NAME = "[a-z0-9][a-z0-9_.-]{0,63}"


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
    def cooldown_ms(self) -> int:
        """The cooldown; at least one, for two episodes of a user do not begin at the same moment."""
        return max(self.cooldown_s * 1000, 1)

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


class ScoreLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="line"):
    """Where a percentile or the top N begins, as `policies` has it under `line/percentile/P` or `line/top/N`. Workers write it."""

    score: float  #: who has less is below that percentile, or not among the N highest
    at: int  #: when, ms since epoch
    #: of each partition: from the scores that were published under lower versions than this
    versions: tuple[int, ...] = ()


class Rules(Protocol):
    """The rules that somebody goes by: `streams.policies.book.Book`."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All of them; what is switched off or not yet in force is among them."""

    @property
    def offset(self) -> int:
        """Of the last policy in `policies` that was read for them; -1: none."""

    @property
    def lines(self) -> Mapping[str, ScoreLine]:
        """What is known of where percentiles and the top N begin, by name: see `streams.model.ranks`."""

    @property
    def gaps(self) -> tuple[Gaps, ...]:
        """Of networks."""

    def at(self, now_ms: float) -> tuple[Rule, ...]:
        """Those in force at a moment, ms since epoch."""
