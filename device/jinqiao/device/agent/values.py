"""Present values of a vehicle's properties, from samples of its signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from jinqiao.base.signals import SIGNALS, Signal, by_property, property_value
from jinqiao.base.telemetry import Batch

__all__ = ["property_values"]


@cache
def _properties() -> Mapping[str, Sequence[Signal]]:
    return by_property(SIGNALS.values())


def property_values(batches: Iterable[Batch], row: int, wanted: Iterable[str]) -> dict[str, Any]:
    """Values by the thing model's address; what no batch holds of this vehicle is left out."""
    sampled: dict[str, Any] = {}
    for batch in batches:
        at = int(batch.vehicles.searchsorted(row))
        if at < len(batch) and batch.vehicles[at] == row:
            sampled |= {name: column[at] for name, column in batch.signals.items()}
    found = {}
    for address in wanted:
        parts = _properties().get(address, ())
        if parts and all(signal.name in sampled for signal in parts):
            found[address] = property_value(parts, [sampled[signal.name] for signal in parts])
    return found
