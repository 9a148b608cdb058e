"""`/metrics` for Prometheus: the broker's own counters, read when somebody asks; nothing is counted twice.

Names follow prometheus.io/docs/practices/naming: base units, `_total` for what only grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jinqiao.gateway.broker.server import Server

__all__ = ["Metrics"]

Stats = Mapping[str, Any]

#: Name, help, value of the statistics. Counters.
_COUNTERS = (
    ("connections_opened", "Connections accepted since the start.", "connections_total"),
    ("messages_delivered", "Messages written to subscribers.", "delivered"),
    ("received_bytes", "Bytes read from clients.", "bytes_in"),
    ("sent_bytes", "Bytes written to clients.", "bytes_out"),
)
#: Name, help, label, values per label.
_LABELLED: tuple[tuple[str, str, str, Callable[[Stats], Mapping[str, float]]], ...] = (
    ("messages_received", "PUBLISH packets from clients, by kind of topic.", "kind", lambda s: s["received"]),
    ("messages_published", "Messages of the platform itself, by kind of topic.", "kind", lambda s: s["published"]),
    (
        "messages_dropped",
        "Messages not delivered: the subscriber was too slow, or a device above its rate.",
        "reason",
        lambda s: {"slow_subscriber": s["dropped"], **s["throttled"]},
    ),
    ("refused", "What clients asked for and did not get, by reason.", "reason", lambda s: s["refused"]),
)
#: Gauges.
_GAUGES = (
    ("connections", "Open connections.", "connections"),
    ("sessions", "Sessions, of connected clients and kept ones.", "sessions"),
    ("sessions_absent", "Sessions kept for clients that are not connected.", "absent"),
    ("queued_bytes", "Bytes that wait for slow subscribers.", "queued_bytes"),
    ("congested_subscribers", "Subscribers above the high-water mark.", "congested"),
    ("deepest_queue_bytes", "Bytes that wait for the slowest subscriber.", "deepest_queue_bytes"),
    ("cached_topics", "Topics whose targets are remembered.", "cached_topics"),
    ("retained_messages", "Messages kept for later subscribers.", "retained"),
    ("loop_lag_seconds", "Longest delay of the event loop's timer in the last ten seconds.", "loop_lag_s"),
    ("uptime_seconds", "Time since the broker began to listen.", "uptime_s"),
)


class Metrics(Collector):
    """A collector of one broker's figures and this process's, beside what `others` collect."""

    def __init__(self, server: Server, others: Iterable[Collector] = ()) -> None:
        self._server = server
        self._registry = CollectorRegistry()
        for collector in (self, *others):
            self._registry.register(collector)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def collect(self) -> Iterator[Metric]:
        """The families, from one look at the counters."""
        stats = self._server.stats()
        for name, told, key in _COUNTERS:
            yield CounterMetricFamily(f"jinqiao_{name}", told, value=stats[key])
        for name, told, label, values in _LABELLED:
            family = CounterMetricFamily(f"jinqiao_{name}", told, labels=[label])
            for value, count in values(stats).items():
                family.add_metric([value], count)
            yield family
        for name, told, key in _GAUGES:
            yield GaugeMetricFamily(f"jinqiao_{name}", told, value=stats[key])

    def render(self, accept: str) -> tuple[bytes, str]:
        """The text and its content type, in the form the asker accepts."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type
