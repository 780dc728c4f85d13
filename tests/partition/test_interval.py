"""How long an interval lasts: as long as sending is worth, longer in a backlog, and how often Redis is written there."""

from __future__ import annotations

import pytest

from streams.partition.interval import BEHIND_S, LONGEST_BEHIND_S, LONGEST_S, SHOWN_BEHIND_S, Interval

LEAST_S, SHARE = 0.25, 0.2


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def made() -> tuple[Interval, Clock]:
    clock = Clock()
    return Interval(LEAST_S, SHARE, clock), clock


def lasts(one: Interval, clock: Clock) -> float:
    """Seconds from its beginning to its end."""
    one.begin_again(at_hand=True)
    assert one.ends_s is not None
    return one.ends_s - clock.now_s


def test_as_long_as_sending_is_worth() -> None:
    """Sending takes at most its share of a core; never shorter than asked for, never longer than 2 s."""
    one, clock = made()
    assert lasts(one, clock) == LEAST_S
    for busy_s, expected in ((0.01, LEAST_S), (0.1, 0.5), (5.0, LONGEST_S)):
        one.adapt(busy_s)
        assert lasts(one, clock) == pytest.approx(expected)


def test_intervals_grow_in_a_backlog() -> None:
    """Each is twice the one before, up to 5 s; once the backlog is gone they are as short as before."""
    one, clock = made()
    grown = []
    for _ in range(6):
        one.adapt(0.01, backlog=True)
        grown.append(lasts(one, clock))
    assert grown == [0.5, 1.0, 2.0, 4.0, LONGEST_BEHIND_S, LONGEST_BEHIND_S]
    one.adapt(0.01)
    assert lasts(one, clock) == LEAST_S


@pytest.mark.parametrize(("behind", "backlog"), [(0, False), (2_999, False), (3_001, True), (10**9, True)])
def test_a_backlog_is_what_takes_long(behind: int, backlog: bool) -> None:
    """A thousand records a second were folded: what is left takes longer than 3 s, or not."""
    one, clock = made()
    assert BEHIND_S == 3.0
    clock.now_s += 2.0
    assert one.backlog(2_000, behind) == backlog


def test_nothing_folded_and_something_left_is_a_backlog() -> None:
    """A pause is no reason to believe that all was read."""
    one, clock = made()
    clock.now_s += 2.0
    assert one.backlog(0, 10)
    assert not one.backlog(0, 0)


def test_redis_is_written_now_and_then_in_a_backlog() -> None:
    """At each cut without one; in one each 20 s, counted from when it was written last."""
    one, clock = made()
    assert one.shows(backlog=False)
    shown = []
    for second in range(1, 46):
        clock.now_s += 1.0
        one.backlog(1_000, 10**6)
        if one.shows(backlog=True):
            shown.append(second)
    assert shown == [SHOWN_BEHIND_S, 2 * SHOWN_BEHIND_S]
    assert one.shows(backlog=False)
