"""Figures of rules for Prometheus, read when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from .engine import Engine

__all__ = ["RuleMetrics"]

_ROWS = (
    ("hits", "Messages on which the rule's condition was true."),
    ("sent", "Outputs that an action has sent."),
    ("retried", "Times that an action has tried again."),
    ("failed", "Outputs that an action could not send."),
    ("dropped", "Outputs that there was no room for."),
)


class RuleMetrics(Collector):
    """A collector of all rules' counts, one label: the rule's id."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """The families."""
        found = list(self._engine.counts.items())
        for name, told in _ROWS:
            family = CounterMetricFamily(f"jinqiao_rule_{name}", told, labels=["rule"])
            for number, counts in found:
                family.add_metric([str(number)], getattr(counts, name))
            yield family
