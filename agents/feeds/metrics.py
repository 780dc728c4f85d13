"""The metrics of a process that feeds from a live source."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.feeds.standing import Figures

_SOURCE = ("source",)


class Metrics(Collector):
    """Read when asked for."""

    def __init__(self, figures: Figures, now_ms: Callable[[], float]) -> None:
        self._figures, self._now_ms = figures, now_ms

    def collect(self) -> Iterator[Metric]:
        """Prometheus' metrics."""
        figures, name = self._figures, self._figures.source
        now = figures.standing(self._now_ms())
        for kind, about, value in (
            (CounterMetricFamily, "clout_source_events|events fed, by all processes", now.events),
            (CounterMetricFamily, "clout_source_commits|times that events and cursor were written", figures.commits),
            (CounterMetricFamily, "clout_source_names|names given or taken back", figures.names),
            (GaugeMetricFamily, "clout_source_rate|events a second lately", now.rate),
            (
                GaugeMetricFamily,
                "clout_source_reading|1: there is a connection; 0: there is none",
                now.state == "reading",
            ),
            (GaugeMetricFamily, "clout_source_gap|1: a gap of the network is on; 0: none is", now.gap is not None),
        ):
            title, _, doc = about.partition("|")
            family = kind(title, doc, labels=_SOURCE)
            family.add_metric((name,), float(value))
            yield family
        lag = GaugeMetricFamily("clout_source_lag_seconds", "how old the newest that was read is", labels=_SOURCE)
        if now.lag_ms is not None:
            lag.add_metric((name,), now.lag_ms / 1000)
        yield lag
        for title, doc, counts in (
            ("clout_source_lost", "connections that were lost, by reason", figures.errors),
            ("clout_source_skipped", "what gave no event, by reason, by all processes", figures.skipped),
        ):
            family = CounterMetricFamily(title, doc, labels=("source", "reason"))
            for reason, count in counts.items():
                family.add_metric((name, reason), count)
            yield family
