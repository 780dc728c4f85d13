"""Gaps: when nothing came from a network because its feed was broken. For alerts its clock stands still then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.model.versions import DAY_MS

MOST_GAPS = 16  #: of a network that are kept
KEPT_MS = 31 * DAY_MS  #: a gap that ended so long ago concerns nobody any more: no rule looks back farther


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One of them."""

    since: Annotated[int, Meta(description="when it began, ms since epoch, UTC")]
    until: Annotated[int | None, Meta(description="when it ended; null: it is still on")] = None
    by: Annotated[
        Literal["declared", "silence"], Meta(description="who says so: somebody, or a worker that noticed the silence")
    ] = "declared"

    def on(self, now_ms: float) -> bool:
        """Is it on at this moment?"""
        return self.since <= now_ms and (self.until is None or now_ms < self.until)


class Gaps(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="gap"):
    """When nothing came from a network because its feed was broken. What fades then raises no alert."""

    network: Annotated[str, Meta(description="as in the key: what stands before the colon of its users")]
    gaps: Annotated[tuple[Gap, ...], Meta(description="the newest first")]

    def covered(self, from_ms: int, now_ms: int) -> int:
        """How much of the time from one moment to another they cover, ms. What overlaps counts once."""
        covered, end_ms = 0, from_ms
        for gap in sorted(self.lately(now_ms), key=lambda gap: gap.since):
            since, until = max(gap.since, end_ms), now_ms if gap.until is None else min(gap.until, now_ms)
            if until > since:
                covered, end_ms = covered + until - since, until
        return covered

    def lately(self, now_ms: int) -> tuple[Gap, ...]:
        """Those that have begun and may still concern somebody."""
        least_ms = now_ms - KEPT_MS
        return tuple(gap for gap in self.gaps if gap.since < now_ms and (gap.until is None or gap.until > least_ms))


def with_gap(before: Gaps | None, network: str, gap: Gap, now_ms: int) -> Gaps:
    """The same with one more, which takes the place of one that began at that moment; what is too old or too many goes."""
    kept = [one for one in before.gaps if one.since != gap.since] if before else []
    kept = [one for one in (gap, *kept) if one.until is None or one.until > now_ms - KEPT_MS]
    return Gaps(network=network, gaps=tuple(sorted(kept, key=lambda one: -one.since)[:MOST_GAPS]))


def closed(gaps: Gaps, until_ms: int, now_ms: int) -> Gaps:
    """The same, but those without an end end then."""
    for gap in gaps.gaps:
        if gap.until is None:
            gaps = with_gap(gaps, gaps.network, Gap(since=gap.since, until=until_ms, by=gap.by), now_ms)
    return gaps


def open_gap(of: Gaps | None) -> Gap | None:
    """The newest without an end."""
    return next((gap for gap in of.gaps if gap.until is None), None) if of else None


def recent(gaps: Iterable[Gaps], now_ms: int) -> list[Gaps]:
    """The networks of which gaps may concern somebody at this moment."""
    return [one for one in gaps if one.lately(now_ms)]
