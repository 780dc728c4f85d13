"""The sizing page: arithmetic worked by hand, nothing made up where a figure is missing, the page in the checkout up to date."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest

from agents.proof.bench.sizing.inputs import KLOUT, Assumptions, Load, figures
from agents.proof.bench.sizing.needs import Sizing
from agents.proof.bench.sizing.numbers import MISSING, b, n
from agents.proof.bench.sizing.page import page
from agents.proof.bench.sizing.unmeasured import largest, most, smallest, whole
from streams.broker.publisher import TELL_S
from streams.fold.rows import ENTRY
from streams.partition.interval import LONGEST_S
from tests.servers import ROOT


def measured() -> dict[str, Any]:
    """Figures as `deploy/bench` writes them, round ones."""

    def topic(size: float, records: float) -> dict[str, float]:
        return {"bytes_per_event": size * records, "bytes_per_record": size, "records_per_event": records}

    return {
        "date": "2026-11-22",
        "machine": {"processor": "a processor", "cores": 2, "memory_gb": 8.0, "system": "Linux"},
        "versions": {"python": "3.11"},
        "memory": [{"bytes_per_user": 900.0}, {"bytes_per_user": 500.0}],
        "recovery": {"records_per_s": 500_000, "bytes_per_user": 1_000, "versions_of_a_user": 5},
        "footprint": {
            "events": 1_000_000,
            "transactions": {"count": 100, "markers": 500},
            "cpu_us_per_event": 30.0,
            "kafka_cpu_us_per_event": 15.0,
            "kafka_cpu_us_per_event_fed": 5.0,
            "topics": {
                "events": topic(200, 1),
                "engagements": topic(60_000, 0.0005),
                "state": topic(120, 1.25),
                "scores": topic(400, 1.25),
            },
            "redis": {
                "bytes_per_user": 600.0,
                "history_bytes_per_user": 3_000.0,
                "cpu_us_per_record": 6.0,
                "cpu_us_per_close": 5.0,
            },
            "touches": {
                "worker_cpu_us": 2_000.0,
                "worker_cpu_us_a_partition": 50.0,
                "kafka_cpu_us": 5_000.0,
                "kafka_cpu_us_a_partition": 100.0,
                "kafka_cpu_us_offsets": 4_000.0,
                "log_bytes_a_partition": 212.0,
            },
            "pauses": {
                "grown_to": 1_500_000,
                "each_longer": [{"users": 50_001, "cpu_ms": 9.0}, {"users": 700_001, "cpu_ms": 80.0}],
            },
        },
    }


def sized(load: Load, **assumed: float) -> Sizing:
    """A load on those figures."""
    return Sizing(load, figures(measured()), Assumptions(**assumed))


#: users who remember one action, as those that were measured
ONE_ACTION = {"remembered": 1, "active": 1}


def test_needs_are_what_the_formulas_say() -> None:
    """Worked by hand: 8.64 billion events a day at a peak of 2 are 200,000 a second; 70 million users."""
    one = sized(Load(8.64e9, 70e6), peak=2, busy=0.5, silent=0, **ONE_ACTION)
    assert one.events == 200_000
    transactions = one.transaction_worker_cores(one.partitions, one.running_s)
    # less the drain's own 100 transactions of 2,000 us and 500 partitions touched of 50 us, of a million events
    assert one.worker_needs["CPU"] == pytest.approx((200_000 * (30 - 0.225) * 1e-6 + transactions) / 0.5)
    assert one.worker_needs["memory"] == pytest.approx(
        70e6 * (1_000 - 4 * 41) / 8e9
    )  # as it recovers, of 16 GB half full
    open_s = 128 * (128 << 20) / (200_000 * 150)  # until the segments of 128 partitions are full: 572 s
    assert one.state_records == pytest.approx(3 * 70e6 / 0.8 + 200_000 * 1.25 * open_s)
    assert one.worker_needs["recovery"] == pytest.approx(one.state_records / 500_000 / 60)
    assert one.partition_needs["users a partition"] == 100  # 700,000 each: the next one pauses for 80 ms
    assert one.partitions == 128
    assert one.shard_needs["CPU"] == pytest.approx(200_000 * 1.25 * 6e-6 / 0.5)
    assert one.shard_needs["memory"] == pytest.approx(70e6 * 3_600 / 32e9)
    assert one.event_cores == pytest.approx(200_000 * (5 + 15 - 0.55) * 1e-6 * 3)


def test_memories_are_in_all_that_holds_them() -> None:
    """63 actions more are 63 entries: of every event in `state`, of the active half of the users in rows, tables and recovery."""
    once = sized(Load(8.64e9, 70e6), **ONE_ACTION)
    often = sized(Load(8.64e9, 70e6), remembered=64, active=0.5, target_bytes=9, recovery_mb=100)
    entry = ENTRY + len(b"123456789")
    assert often.rows.state_an_event - once.rows.state_an_event == 63 * entry
    assert often.rows.state_a_user - once.rows.state_a_user == 31.5 * entry
    assert often.rows.running - once.rows.running == 31.5 * entry
    assert often.rows.recovering == pytest.approx(1_000 + (32.5 - 5) * entry)  # it was measured with 5
    assert often.state_per_s - once.state_per_s == pytest.approx(often.events * 63 * entry)
    open_s = often.partitions * (128 << 20) / often.state_per_s
    grown = 70e6 / 0.8 * 31.5 * entry + often.events * open_s * 63 * entry
    assert often.reading_s == pytest.approx(often.state_records / 500_000 + grown / 100e6)
    assert often.bytes_in - once.bytes_in > 3 * 0.9 * often.events * 63 * entry


def test_without_a_pause_no_partition_is_too_large() -> None:
    """A table that never paused so long sets no limit; the page says how far it was looked."""
    found = measured()
    found["footprint"]["pauses"]["each_longer"] = [{"users": 98_561, "cpu_ms": 20.9}]
    one = Sizing(KLOUT, figures(found), Assumptions())
    assert list(one.partition_needs) == ["a worker's partitions"]
    text = page(found)
    assert "| none up to 1.5 million |" in text
    assert "a growing table pauses" not in text
    assert "inf" not in text


def test_the_group_is_told_as_often_as_a_transaction_tells_it() -> None:
    """Each partition tells its offsets every `TELL_S`."""
    one = sized(KLOUT)
    assert one.coordinator_cores == pytest.approx(one.partitions / TELL_S * 4_000e-6)


def test_silent_records_are_written() -> None:
    """A user whose score falls by a step costs a record of `scores`, one of `state` without a memory, and CPU for them."""
    still, falling = (sized(Load(8.64e8, 86.4e6), silent=silent, **ONE_ACTION) for silent in (1e-9, 10))
    more = 10_000  # 86.4 million users, ten times a day
    assert falling.scored - still.scored == pytest.approx(more)
    assert falling.state_per_s - still.state_per_s == pytest.approx(more * 120)
    assert falling.event_cores - still.event_cores == pytest.approx(more / 1.25 * (15 - 0.55) * 3e-6)
    assert falling.worker_needs["CPU"] > still.worker_needs["CPU"] * 1.1


def test_disk_holds_the_batches_of_small_packs() -> None:
    """Seven days of batches and markers in `engagements`, as many as there are on average, beside the packs themselves."""
    one = sized(KLOUT)
    batches = one.partitions / one.running_s * one.touched(one.partitions, one.running_s, one.average)
    packs = one.average * (60_000 * 0.0005 - 500 * 212 / 1e6)
    assert one.disk["`engagements`"] == pytest.approx(7 * 86_400 * (packs + batches * 212))


def test_markers_grow_with_the_square_until_engagements_are_few() -> None:
    """With much to send every transaction touches all; with little, each engagement touches one partition of its own."""
    one = sized(KLOUT)
    full = 64 * (64 + 2) / 2.0
    assert one.markers(64, 2.0) == pytest.approx(full)
    assert one.markers(128, 2.0) == pytest.approx(128 * 130 / 2.0)
    few = one.markers(65_536, 0.25)
    assert few == pytest.approx(one.events + 65_536 * 2 / 0.25, rel=1e-3)


@pytest.mark.parametrize("partitions", [64, 1_024, 4_096])
def test_the_interval_is_the_shortest_that_fits(partitions: int) -> None:
    """At the interval named, transactions take their share of the brokers, and a shorter one takes more; or it is the live one."""
    one = sized(KLOUT)
    interval_s = one.interval_for(partitions)
    share = 0.1 * one.event_cores / one.a.busy
    assert one.transaction_cores(partitions, interval_s) <= share * 1.001
    assert interval_s == 0.25 or one.transaction_cores(partitions, interval_s * 0.99) > share


def test_what_a_worker_cannot_do_is_not_assumed() -> None:
    """Where the share asks for more than a worker's longest interval, brokers are counted with that interval."""
    one = sized(KLOUT)
    assert one.interval_s > LONGEST_S
    assert one.running_s == LONGEST_S
    assert one.broker_cores["transactions"] == one.transaction_cores(one.partitions, LONGEST_S)


def test_the_page_holds_every_part() -> None:
    """With all figures nothing is said to be missing, and each section stands there."""
    text = page(measured() | {"w1": {"systems": {"clout": {"cpu_us_per_event": 10.0}}}})
    assert MISSING not in text
    assert "nan" not in text
    for heading in ("What it takes", "What breaks first", "Transactions", "From what"):
        assert f"## {heading}" in text
    assert "45 billion events a day and 750 million users" in text


@pytest.mark.parametrize("part", ["memory", "recovery", "footprint"])
def test_a_missing_part_is_said_and_spreads(part: str) -> None:
    """Without a part the page says so at each number that needs it, and at no other."""
    found = measured()
    del found[part]
    text = page(found)
    assert MISSING in text
    assert "nan" not in text
    needed = {"memory": "memory", "recovery": "recovery", "footprint": "CPU"}[part]
    assert f"{needed} {MISSING}" in text
    taking_in = MISSING if part == "footprint" else "5.0; 15.0 µs"
    assert f"| broker CPU an event: taking it in; all that comes of it | {taking_in} |" in text


def test_a_figure_that_could_not_be_measured_is_missing() -> None:
    """None in the JSON, the CPU of a broker that is not ours, is not taken for nothing."""
    found = measured()
    found["footprint"]["touches"]["kafka_cpu_us"] = None
    one = Sizing(KLOUT, figures(found), Assumptions())
    assert math.isnan(one.brokers)
    assert one.shards > 1
    assert MISSING in page(found)


def test_without_figures_it_says_how_to_get_them() -> None:
    """No number stands on a page that nothing was measured for."""
    assert "Not measured yet: `deploy/bench" in page(None)
    assert "billion" not in page(None)


def test_the_page_is_up_to_date() -> None:
    """deploy/SIZING.md is what `deploy/sizing` writes from the figures in the checkout."""
    subprocess.run([sys.executable, ROOT / "deploy" / "sizing", "--check"], check=True, timeout=60)


def test_a_wrong_assumption_is_a_usage_error() -> None:
    """A name that does not exist and a value that is no number end with code 2 and say what there is."""
    for text, said in (("peek=2", "worker_gb"), ("peak=0", "above 0"), ("peak=x", "x")):
        done = subprocess.run(
            [sys.executable, ROOT / "deploy" / "sizing", "--assume", text],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 2
        assert said in done.stderr


def test_numbers_have_three_digits() -> None:
    """Whole numbers and units a reader can take in; what is unknown is never rounded up to something."""
    assert [n(0.01234), n(11.249), n(1_024.0), n(45e9), n(math.nan)] == [
        "0.0123",
        "11.2",
        "1,020",
        "45 billion",
        MISSING,
    ]
    assert [b(187.4e12), b(901e6), b(404e3)] == ["187 TB", "901 MB", "404 kB"]
    assert math.isnan(largest(1.0, math.nan))
    assert math.isnan(whole(math.nan))
    assert math.isnan(smallest(math.nan, 1.0))
    assert smallest(2.0, 1.0) == 1
    assert whole(0.1) == 1
    assert most({"a": 1.0, "b": math.nan})[0] == "b"
