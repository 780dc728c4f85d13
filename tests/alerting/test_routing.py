"""Which channels an alert is for, what is stopped, and when it is quiet."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.alerting.quiet import ends_ms
from agents.alerting.routing import ACKNOWLEDGED, SILENCED, channels, network_of, stopped, wanted
from streams.model.channels import DAYS, Acknowledged, Quiet, Route, Silence
from streams.policies.book import Book
from tests.alerting.kit import T0, alert, hook

BERLIN = "Europe/Berlin"
ZONES = (
    "UTC",
    BERLIN,
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Pacific/Apia",
)


@pytest.mark.parametrize(
    ("route", "fits"),
    [
        (Route(), True),
        (Route(rules=("day-fall",)), True),
        (Route(rules=("week-fall",)), False),
        (Route(severity="warning"), True),
        (Route(severity="critical"), False),
        (Route(networks=("x", "bluesky")), True),
        (Route(networks=("blue",)), False),
        (Route(users=("bluesky:ann",)), True),
        (Route(users=("bluesky:an",)), False),
        (Route(rules=("day-fall",), severity="info", networks=("bluesky",), users=("bluesky:ann",)), True),
        (Route(rules=("day-fall",), severity="critical", networks=("bluesky",)), False),
        (Route(networks=("mastodon",), users=("bluesky:ann",)), False),
    ],
)
def test_a_route_is_all_that_it_says(route: Route, fits: bool) -> None:
    """An alert has to fit each part."""
    assert wanted(route, alert()) == fits


def test_what_is_not_known_is_told() -> None:
    """A severity of a newer version is loud; an alert about a feed has its network, and a person `person`."""
    assert wanted(Route(severity="critical"), alert(severity="apocalyptic"))
    feed = {"id": "feed/bluesky/1", "network": "bluesky", "severity": "warning", "at": T0}
    assert network_of(feed) == "bluesky"
    assert wanted(Route(networks=("bluesky",)), feed)
    assert not wanted(Route(rules=("day-fall",)), feed)
    assert network_of(alert(user="person:ann")) == "person"


def test_by_all_channels_that_are_on() -> None:
    """One alert goes to each that it is for."""
    ones = (hook(name="a"), hook(name="b", enabled=False), hook(name="c", route=Route(users=("x:y",))), hook(name="d"))
    assert [one.name for one in channels(Book(channels=ones), alert())] == ["a", "d"]


def test_silences() -> None:
    """From their begin to just before their end; by rule, network and user."""
    book = Book(silences=(Silence(name="a", rules=("day-fall",), networks=("bluesky",), since=T0, until=T0 + 10),))
    for now_ms, user, why in (
        *((T0 - 1, "bluesky:ann", None), (T0, "bluesky:ann", SILENCED), (T0 + 9.9, "bluesky:bob", SILENCED)),
        *((T0 + 10, "bluesky:ann", None), (T0, "x:ann", None)),
    ):
        assert stopped(book, alert(user=user), now_ms) == why
    assert stopped(book, alert(state="recovered"), T0) == SILENCED
    assert stopped(book, {"type": "digest", "rules": {"day-fall": 2}}, T0) is None


def test_acknowledged() -> None:
    """This episode is not told again; that it is over is, and so is the next."""
    book = Book(acknowledged=(Acknowledged(rule="day-fall", user="bluesky:ann", episode=T0, at=T0),))
    assert stopped(book, alert(), T0) == ACKNOWLEDGED
    for other in (
        alert(state="recovered"),
        alert(state="settled"),
        alert(2),
        alert(user="x:a"),
        alert(rule="week-fall"),
    ):
        assert stopped(book, other, T0) is None


def at(text: str, zone: str = "UTC", fold: int = 0) -> int:
    """ms since epoch of a wall clock."""
    moment = datetime.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold)
    return round(moment.timestamp() * 1000)


def ends(now: int, zone: str = BERLIN, **more: Any) -> str | None:
    """By the clock of the zone."""
    quiet = Quiet(**{"since": "22:00", "until": "07:00", "zone": zone} | more)
    found = ends_ms(quiet, now)
    if found is None:
        return None
    return datetime.datetime.fromtimestamp(found / 1000, zoneinfo.ZoneInfo(zone)).isoformat(timespec="minutes")


def test_over_midnight() -> None:
    """Quiet from the first moment on, no longer at the last."""
    assert ends(at("2026-07-25T21:59:59", BERLIN)) is None
    assert ends(at("2026-07-25T22:00", BERLIN)) == "2026-07-26T07:00+02:00"
    assert ends(at("2026-07-26T06:59:59", BERLIN)) == "2026-07-26T07:00+02:00"
    assert ends(at("2026-07-26T07:00", BERLIN)) is None


def test_within_a_day() -> None:
    """By the clock of the zone, not by UTC."""
    noon = {"since": "12:00", "until": "13:00"}
    assert ends(at("2026-07-25T10:30"), **noon) == "2026-07-25T13:00+02:00"
    assert ends(at("2026-07-25T12:30"), **noon) is None
    assert ends(at("2026-01-25T11:30"), **noon) == "2026-01-25T13:00+01:00"
    assert ends(at("2026-07-25T06:30"), "Asia/Kathmandu", **noon) == "2026-07-25T13:00+05:45"


def test_on_some_days() -> None:
    """On which they begin: those of Friday night end on Saturday."""
    only = {"days": ("fri",)}
    assert ends(at("2026-07-24T23:00", BERLIN), **only) == "2026-07-25T07:00+02:00"
    assert ends(at("2026-07-25T03:00", BERLIN), **only) == "2026-07-25T07:00+02:00"
    assert ends(at("2026-07-24T03:00", BERLIN), **only) is None
    assert ends(at("2026-07-25T23:00", BERLIN), **only) is None


def test_the_clocks_are_put_forward() -> None:
    """The night of 29 March is an hour shorter; a time that is skipped is that of the clock before."""
    assert ends(at("2026-03-29T01:30", BERLIN)) == "2026-03-29T07:00+02:00"
    until = {"since": "01:00", "until": "02:30"}  # there is no 02:30
    assert ends(at("2026-03-29T01:30", BERLIN), **until) == "2026-03-29T03:30+02:00"
    assert ends(at("2026-03-29T03:29", BERLIN), **until) == "2026-03-29T03:30+02:00"
    assert ends(at("2026-03-29T03:30", BERLIN), **until) is None


def test_the_clocks_are_put_back() -> None:
    """The night of 25 October is an hour longer; of a time that comes twice the first counts."""
    assert ends(at("2026-10-25T02:30", BERLIN, fold=1)) == "2026-10-25T07:00+01:00"
    until = {"since": "01:00", "until": "02:30"}
    assert ends(at("2026-10-25T02:29", BERLIN), **until) == "2026-10-25T02:30+02:00"
    assert ends(at("2026-10-25T02:29", BERLIN, fold=1), **until) is None
    since = {"since": "02:30", "until": "04:00"}
    assert ends(at("2026-10-25T02:29", BERLIN, fold=1), **since) == "2026-10-25T04:00+01:00"


clock = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


@given(
    st.integers(at("2025-01-01"), at("2028-01-01")),
    clock,
    clock,
    st.sampled_from(ZONES),
    st.lists(st.sampled_from(DAYS), unique=True, max_size=7),
)
def test_quiet_hours_end(now_ms: int, since: str, until: str, zone: str, days: list[Any]) -> None:
    """Never in the past, at most 25 hours away; until then it is quiet, and then no more, or anew."""
    if since == until:
        return
    quiet = Quiet(since=since, until=until, zone=zone, days=tuple(days))
    end_ms = ends_ms(quiet, now_ms)
    if end_ms is None:
        return
    assert now_ms < end_ms <= now_ms + 25 * 3_600_000
    assert ends_ms(quiet, end_ms - 1) == end_ms
    assert ends_ms(quiet, end_ms) != end_ms
