"""What push says of itself in `/metrics`."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.api.stream.hub import Hub
from agents.api.stream.mailbox import REASONS


class Figures(Collector):
    """Of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        yield GaugeMetricFamily("clout_streams_open", "listeners to /v1/stream now", self._hub.clients)
        ended = CounterMetricFamily("clout_streams_ended_total", "streams that the server has ended", labels=["reason"])
        for reason in REASONS:
            ended.add_metric([reason], self._hub.ended[reason])
        yield ended
