"""What is usual of a feed, and from when on its silence is none of chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.model.feed_alerts import Told, feed_alert
from streams.model.feeds import DAY, HOURS, LIMITS, WEEK, Feed, expected, known, silent
from streams.model.gaps import Gap, Gaps

HOUR_MS = 3_600_000
FIRST = 490_000  # an hour
MINUTE_MS = 60_000


def fed(counts: list[int], first: int = FIRST, **more: Any) -> Feed:
    """So many events in each hour from the first on; the newest at the begin of the hour behind them, and it came at once."""
    feed = Feed("net")
    feed.count(np.arange(first, first + len(counts)), np.array(counts))
    feed.heard((first + len(counts)) * HOUR_MS, (first + len(counts)) * HOUR_MS)
    for name, value in more.items():
        setattr(feed, name, value)
    return feed


def at(hour: float, first: int = FIRST) -> int:
    """A moment, by hours since the first, ms since epoch."""
    return int((first + hour) * HOUR_MS)


def of_hour(feed: Feed, hour: int, gaps: Gaps | None = None) -> float:
    """Events that usually come in one hour."""
    return expected(feed, gaps, at(hour), at(hour + 1), HOUR_MS)


def test_an_hour_is_like_that_of_a_week_ago() -> None:
    """Weeks weigh half as much as the one after them; before there is one, days, and before that all hours."""
    day = [10 * hour + 10 for hour in range(DAY)]
    assert of_hour(fed(day[:10]), 12) == pytest.approx(sum(day[1:10]) / 9)
    assert of_hour(fed(day * 3), 75) == pytest.approx(40)
    weeks = [100] * WEEK + [400] * WEEK
    assert of_hour(fed(weeks), 2 * WEEK + 5) == pytest.approx((100 * 0.5 + 400) / 1.5)
    assert of_hour(fed([100] * WEEK + [400] * DAY), WEEK + DAY + 3) == pytest.approx(100), (
        "of the week, not of the day before"
    )


@given(st.lists(st.integers(1, 1_000), min_size=3, max_size=400), st.floats(0, 100), st.floats(0, 100))
def test_parts_of_hours_add_up(counts: list[int], start: float, long: float) -> None:
    """What comes between two moments is what comes until one between them, and after it."""
    feed, begin = fed(counts), len(counts) + start
    middle, end = at(begin + long / 3), at(begin + long)
    parts = [expected(feed, None, *span, HOUR_MS) for span in ((at(begin), middle), (middle, end))]
    assert sum(parts) == pytest.approx(expected(feed, None, at(begin), end, HOUR_MS))
    assert expected(feed, None, end, at(begin), HOUR_MS) == 0


def test_what_is_known() -> None:
    """Not the first hour and not the one of the newest event, which are not whole; nor what a gap covers."""
    feed = fed([7] * 50)
    assert np.flatnonzero(known(feed, None, HOUR_MS)).tolist() == list(range(HOURS - 49, HOURS))
    gaps = Gaps(network="net", gaps=(Gap(since=at(10.5), until=at(12.5)), Gap(since=at(40))))
    hours = (np.flatnonzero(known(feed, gaps, HOUR_MS)) + feed.first - FIRST).tolist()
    assert hours == [*range(1, 10), *range(13, 40)]
    assert of_hour(fed([100] * 24 + [0] * 24 + [100] * 24), 75) == pytest.approx(200 / 3)
    gap = Gaps(network="net", gaps=(Gap(since=at(24), until=at(48) - 1),))
    assert of_hour(fed([100] * 24 + [0] * 24 + [100] * 24), 75, gap) == pytest.approx(100), "a gap lowers nothing"


def test_four_weeks_are_kept() -> None:
    """Late events count where they belong, and older ones nowhere."""
    feed = fed([5] * (HOURS + 3))
    assert (feed.first, feed.counts.tolist()) == (FIRST + 3, [5] * HOURS)
    feed.count(np.array([FIRST, FIRST + 3, FIRST + HOURS + 5]), np.array([9, 1, 2]))
    assert (feed.first, feed.counts[-3:].tolist(), int(feed.counts.sum())) == (
        FIRST + 6,
        [0, 0, 2],
        5 * (HOURS - 3) + 2,
    )
    feed.count(np.array([FIRST + 9 * HOURS]), np.array([1]))
    assert (int(feed.counts.sum()), int(feed.counts[-1])) == (1, 1)
    feed.count(np.array([FIRST + 9 * HOURS]), np.array([2**32]))
    assert int(feed.counts[-1]) == 2**32 - 1


def test_silence_is_noticed() -> None:
    """After as long as twenty events take, five minutes at least: not before, and not of who is seldom or hardly known."""
    steady = fed([60] * 60)
    assert not silent(steady, None, at(60) + 20 * MINUTE_MS - 1, LIMITS)
    assert silent(steady, None, at(60) + 20 * MINUTE_MS, LIMITS)
    busy = fed([6_000] * 60)
    assert not silent(busy, None, at(60) + 5 * MINUTE_MS - 1, LIMITS)
    assert silent(busy, None, at(60) + 5 * MINUTE_MS, LIMITS)
    assert not silent(fed([60] * 48), None, at(100), LIMITS), "47 whole hours"
    assert silent(fed([60] * 49), None, at(100), LIMITS)
    assert not silent(fed([4] * 100), None, at(300), LIMITS), "96 events a day"
    assert silent(fed([5] * 100), None, at(300), LIMITS)
    assert not silent(Feed("net"), None, at(300), LIMITS)


def test_a_night_is_no_gap() -> None:
    """Nothing comes at night, as usual."""
    feed = fed(([0] * 8 + [50] * 16) * 4)
    assert not silent(feed, None, at(4 * DAY + 8), LIMITS)
    assert silent(feed, None, at(4 * DAY + 8.5), LIMITS)


def test_a_feed_that_is_late_is_not_silent() -> None:
    """Its newest event is of two hours ago, and came a minute ago."""
    late = fed([60] * 60, came_ms=at(62))
    assert not silent(late, None, at(62) + MINUTE_MS, LIMITS)
    assert silent(late, None, at(62) + 30 * MINUTE_MS, LIMITS)
    late.heard(at(59), at(70))
    assert late.came_ms == at(62), "nothing newer"


@pytest.mark.parametrize("state", ["raised", "recovered"])
def test_an_alert_about_a_feed(state: Any) -> None:
    """A sentence for people, a number for machines; what is not known is left out."""
    gap = Gap(since=1_783_123_200_000, until=1_783_130_400_000, by="silence")
    body = orjson.loads(feed_alert("mastodon", state, gap, 1_240.4, Told(1_783_130_400_000, 7, 5)).value)
    said = "nothing comes from mastodon since 2026-07-04T00:00:00Z"
    over = "events of mastodon come again: nothing came from 2026-07-04T00:00:00Z until 2026-07-04T02:00:00Z"
    assert body == {
        "type": "feed",
        "id": f"gap/mastodon/1783123200000/{state}",
        "network": "mastodon",
        "state": state,
        "severity": "warning",
        "at": 1_783_130_400_000,
        "since": 1_783_123_200_000,
        "until": None if state == "raised" else 1_783_130_400_000,
        "by": "silence",
        "expected": 1_240.4,
        "sentence": f"{said if state == 'raised' else over}; usually 1,240 events in that time",
        "policies": 7,
        "version": 5,
    }
    bare = orjson.loads(feed_alert("mastodon", "raised", gap, 0.0, Told(1, 7, 5)).value)
    assert bare["sentence"] == said
