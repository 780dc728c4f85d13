"""How alerts reach somebody: a channel, which alerts it is for, when it is quiet; silences, and what somebody has acknowledged."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.model.rules import NAME, Severity

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")  #: the least first
Kind = Literal["webhook", "email", "apprise"]
#: what a webhook says: a CloudEvent, the alert alone, or what a receiver of another kind understands
Body = Literal["cloudevents", "json", "slack", "pagerduty", "alertmanager"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SECRET = "secret:"  # noqa: S105 - how a reference to a secret begins; its name follows
#: seconds from one attempt to the next; after the last the delivery is dead
SCHEDULE_S = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0)

_Secret = Annotated[str, Meta(description="`secret:NAME`; the secret itself is where the process runs, never here")]


class Route(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which alerts: those that fit all that is said; without anything all."""

    rules: Annotated[tuple[str, ...], Meta(description="by one of these rules")] = ()
    severity: Annotated[Severity, Meta(description="at least so loud")] = "info"
    networks: Annotated[tuple[str, ...], Meta(description="about a user of one of these networks")] = ()
    users: Annotated[tuple[str, ...], Meta(description="about one of these, `network:id` or `person:NAME`")] = ()


class Quiet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"since": "from"}):
    """Hours in which alerts wait; what has come until their end is then told as one."""

    since: Annotated[str, Meta(description="`HH:MM` by the clock of the zone")]
    until: Annotated[str, Meta(description="`HH:MM`; not later than `from`: of the next day")]
    zone: Annotated[str, Meta(description="time zone, as in Europe/Berlin")] = "UTC"
    days: Annotated[tuple[Day, ...], Meta(description="on which it begins; empty: each day")] = ()
    but: Annotated[Severity | None, Meta(description="what is so loud is told all the same; null: nothing")] = (
        "critical"
    )


class Channel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="channel"):
    """Where alerts go."""

    name: Annotated[str, Meta(description="by which it is replaced", extra_json_schema={"pattern": f"^{NAME}$"})]
    kind: Kind = "webhook"
    url: Annotated[
        str,
        Meta(
            description="webhook: where to post to; email: `smtp://host:587` (TLS by STARTTLS), `smtps://host:465` or, without "
            "TLS, `smtp+plain://host:25`; apprise: its URL. Or `secret:NAME`, if it is one"
        ),
    ]
    body: Annotated[Body, Meta(description="what a webhook says")] = "cloudevents"
    sign: Annotated[
        tuple[_Secret, ...],
        Meta(description="secrets that webhooks are signed with, as Standard Webhooks says; two while one is replaced"),
    ] = ()
    token: Annotated[_Secret | None, Meta(description="of the header `Authorization: Bearer`")] = None
    key: Annotated[_Secret | None, Meta(description="`routing_key` of PagerDuty")] = None
    user: Annotated[str, Meta(description="email: login")] = ""
    password: Annotated[_Secret | None, Meta(description="email: its password")] = None
    sender: Annotated[str, Meta(description="email: from whom")] = ""
    to: Annotated[tuple[str, ...], Meta(description="email: to whom")] = ()
    route: Route = Route()
    quiet: Quiet | None = None
    group_s: Annotated[
        float, Meta(description="alerts within so many seconds of the first are told as one; 0: each")
    ] = 0.0
    most_a_minute: Annotated[
        int, Meta(description="messages; what comes beyond them is told as one, with how many there are and the worst")
    ] = 30
    ordered: Annotated[
        bool, Meta(description="of one user one after the other: what is tried again holds up the next")
    ] = False
    schedule_s: Annotated[
        tuple[float, ...], Meta(description="seconds before each attempt, after the one before; then it is dead")
    ] = SCHEDULE_S
    timeout_s: Annotated[float, Meta(description="an attempt that takes longer has failed")] = 10.0
    enabled: Annotated[bool, Meta(description="false: nothing goes there")] = True


class Silence(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
    tag="silence",
    rename={"since": "from"},
):
    """What fits all that is said is delivered nowhere for a while. The topic `alerts` has it all the same."""

    name: Annotated[str, Meta(description="by which it is ended", extra_json_schema={"pattern": f"^{NAME}$"})]
    rules: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    since: Annotated[int, Meta(description="ms since epoch, UTC")] = 0
    until: Annotated[int, Meta(description="ms since epoch, UTC")]
    why: Annotated[str, Meta(description="for people")] = ""


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="acknowledged"):
    """Somebody takes care of an alert: it is not tried again anywhere, until it is over."""

    rule: str
    user: str
    episode: Annotated[int, Meta(description="as the alert has it")]
    at: Annotated[int, Meta(description="when, ms since epoch, UTC")]
    by: Annotated[str, Meta(description="who, for people")] = ""


def at_least(severity: str, least: Severity) -> bool:
    """Is it so loud? One that is not known is."""
    return severity not in SEVERITIES or SEVERITIES.index(severity) >= SEVERITIES.index(least)
