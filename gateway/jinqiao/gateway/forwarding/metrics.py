"""Figures of consumer groups for Prometheus, read from their queues when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .groups import Groups
from .status import GroupStatus

__all__ = ["GroupMetrics"]

Figure = Callable[[GroupStatus], float]

#: Name, help, figure; `_total` is added to the name of what only grows.
_COUNTERS: tuple[tuple[str, str, Figure], ...] = (
    ("received", "Messages that came for a consumer group.", lambda status: status.received),
    ("acknowledged", "Messages that consumers accepted or rejected.", lambda status: status.acknowledged),
    ("rejected", "Messages that consumers rejected.", lambda status: status.rejected),
    ("redelivered", "Messages that were delivered again.", lambda status: status.redelivered),
    ("overflowed", "Messages dropped because too much waited.", lambda status: status.overflowed),
    ("expired", "Messages dropped because of their age.", lambda status: status.expired),
)
_GAUGES: tuple[tuple[str, str, Figure], ...] = (
    ("accumulated", "Messages that wait or are not acknowledged.", lambda status: status.accumulated),
    ("unsettled", "Messages that were delivered and are not acknowledged.", lambda status: status.unsettled),
    ("held_bytes", "Bytes that these cost.", lambda status: status.held_bytes),
    ("consumers", "Consumers that are connected.", lambda status: len(status.clients)),
)


class GroupMetrics(Collector):
    """A collector of all groups' figures, one label: the group."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def collect(self) -> Iterator[Metric]:
        """The families, from one look at each group."""
        found = [(group.group_id, group.status()) for group in self._groups]
        kinds: tuple[tuple[type[Any], Any], ...] = ((CounterMetricFamily, _COUNTERS), (GaugeMetricFamily, _GAUGES))
        for family_of, rows in kinds:
            for name, told, figure in rows:
                family = family_of(f"jinqiao_group_{name}", told, labels=["group"])
                for group_id, status in found:
                    family.add_metric([group_id], figure(status))
                yield family
