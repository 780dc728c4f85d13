"""`clout control gap` in the making: a network's gaps with one more, or with an end; and gaps in words."""

from __future__ import annotations

from collections.abc import Iterator

from agents.cli.output import moment
from streams.errors import UsageError
from streams.model.gaps import Gap, Gaps, closed, open_gap, with_gap
from streams.policies.book import Book
from streams.policies.checks import bad_gaps


def begun(before: Gaps | None, network: str, from_ms: int | None, until_ms: int | None, now_ms: int) -> Gaps:
    """With a gap from then on, without a time from now. Raises UsageError for what no worker would take."""
    still = open_gap(before)
    if from_ms is None and still is not None:
        raise UsageError(
            f"a gap of {network} is on since {moment(still.since)}: `clout control gap {network} --end` ends it"
        )
    gap = Gap(since=now_ms if from_ms is None else from_ms, until=until_ms)
    return _checked(with_gap(before, network, gap, now_ms))


def ended(before: Gaps | None, network: str, until_ms: int | None, now_ms: int) -> Gaps:
    """All that are on end then, or now. Raises UsageError when none is."""
    if before is None or open_gap(before) is None:
        raise UsageError(f"no gap of {network} is on; `clout rule list` tells of those that are")
    return _checked(closed(before, now_ms if until_ms is None else until_ms, now_ms))


def _checked(gaps: Gaps) -> Gaps:
    if reject := bad_gaps(gaps):
        path = reject.path.removeprefix("$").removeprefix(".")
        raise UsageError(f"{path}: {reject.message}")
    return gaps


def of(book: Book, network: str) -> Gaps | None:
    """Those of a network."""
    return next((one for one in book.gaps if one.network == network), None)


def on(book: Book, now_ms: float) -> Iterator[str]:
    """Those that are on, in words."""
    for one in book.gaps:
        for gap in one.gaps:
            if gap.on(now_ms):
                yield f"gap: {words(one.network, gap)}; what fades of its users raises no alert"


def words(network: str, gap: Gap) -> str:
    """One of them."""
    until = "" if gap.until is None else f" until {moment(gap.until)}"
    by = "declared" if gap.by == "declared" else "noticed"
    return f"nothing comes from {network} since {moment(gap.since)}{until} ({by})"
