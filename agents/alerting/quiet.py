"""Quiet hours by the clock of a time zone. Pure."""

from __future__ import annotations

import datetime
import zoneinfo

from streams.model.channels import DAYS, Quiet

_DAY = datetime.timedelta(days=1)


def ends_ms(quiet: Quiet, now_ms: float) -> int | None:
    """When the quiet hours end that are on now, ms since epoch; None: it is not quiet.

    A time that the clocks skip in spring is that of the clock before; one that comes twice in autumn is the first.
    """
    zone = zoneinfo.ZoneInfo(quiet.zone)
    today = datetime.datetime.fromtimestamp(now_ms / 1000, zone).date()
    for day in (today - _DAY, today):  # those of yesterday may reach into today
        if quiet.days and DAYS[day.weekday()] not in quiet.days:
            continue
        begin = _moment(day, quiet.since, zone)
        end = _moment(day if quiet.until > quiet.since else day + _DAY, quiet.until, zone)
        if begin <= now_ms < end:
            return end
    return None


def _moment(day: datetime.date, time: str, zone: zoneinfo.ZoneInfo) -> int:
    at = datetime.datetime.combine(day, datetime.time.fromisoformat(time), zone)
    return round(at.timestamp() * 1000)
