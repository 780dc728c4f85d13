"""The metrics of the process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.alerting.figures import EDGES_S, Counts
from agents.shapes.deliveries import ChannelStanding


class Metrics(Collector):
    """Read when asked for."""

    def __init__(self, counts: Counts, standings: Callable[[], list[ChannelStanding]]) -> None:
        self._counts, self._standings = counts, standings

    def collect(self) -> Iterator[Metric]:
        """Prometheus' metrics."""
        ended = CounterMetricFamily(
            "clout_deliveries",
            "attempts and ends of deliveries, by channel and what came of them",
            labels=("channel", "outcome"),
        )
        for key, count in self._counts.outcomes.items():
            ended.add_metric(key, count)
        yield ended
        waiting = GaugeMetricFamily("clout_deliveries_waiting", "deliveries that wait, by channel", labels=("channel",))
        dead = GaugeMetricFamily("clout_deliveries_dead", "dead letters, by channel", labels=("channel",))
        oldest = GaugeMetricFamily(
            "clout_deliveries_oldest_seconds",
            "how long the oldest delivery has waited, by channel",
            labels=("channel",),
        )
        well = GaugeMetricFamily(
            "clout_channel_open", "1: the channel is tried; 0: it is left alone, or switched off", labels=("channel",)
        )
        now_ms = time.time() * 1000
        for one in self._standings():
            waiting.add_metric((one.channel,), one.waiting)
            dead.add_metric((one.channel,), one.dead)
            oldest.add_metric((one.channel,), max(now_ms - one.oldest, 0) / 1000 if one.oldest else 0.0)
            well.add_metric((one.channel,), float(one.enabled and not one.off and one.open_until is None))
        yield from (waiting, dead, oldest, well)
        took = HistogramMetricFamily(
            "clout_delivery_seconds", "from the judgement of an alert to its delivery, by channel", labels=("channel",)
        )
        for channel, counts in self._counts.took_s.items():
            edges = [*map(str, EDGES_S), "+Inf"]
            buckets = list(zip(edges, accumulate(counts), strict=True))
            took.add_metric((channel,), buckets, float(self._counts.took_sum_s[channel]))
        yield took
        yield CounterMetricFamily(
            "clout_deliveries_refused",
            "records of alerts or deliveries that could not be read",
            value=self._counts.refused,
        )
        yield CounterMetricFamily(
            "clout_alerts_late", "alerts that were a day old when they were read", value=self._counts.late
        )
