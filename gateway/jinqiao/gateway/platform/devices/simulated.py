"""The last values of simulated vehicles: for each telemetry group, one row per vehicle.

Their telemetry comes as columns (`TelemetryBatch`), several hundred thousand rows a second. Remembering a batch is one
scatter of its rows, whoever listens; only when somebody asks for a vehicle its rows become values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.render.shown import properties_of, shown

from ..events import TelemetryBatch
from ..listeners import Events
from ..registry.fleet_devices import FleetDevices
from ..registry.registry import Device, Registry
from .state import Timed

__all__ = ["SimulatedValues"]


class _LastRows:
    """The last row of each of n vehicles, of one group; `rows` has the group's row type, shape (n,)."""

    __slots__ = ("_latest_ms", "_raw", "rows")

    def __init__(self, count: int, kind: np.dtype[Any]) -> None:
        self.rows: NDArray[Any] = np.zeros(count, kind)
        self._raw = _raw(self.rows)
        self._latest_ms = 0

    def take(self, vehicles: NDArray[np.int32], rows: NDArray[Any]) -> None:
        """Rows in the order of time: of a vehicle's the later one stays, also if an earlier one comes late."""
        if rows["time_ms"][0] < self._latest_ms:
            fresh = rows["time_ms"] >= self.rows["time_ms"][vehicles]
            vehicles, rows = vehicles[fresh], rows[fresh]
            if not len(rows):
                return
        self._raw[vehicles] = _raw(rows)
        self._latest_ms = max(self._latest_ms, int(rows["time_ms"][-1]))


def _raw(rows: NDArray[Any]) -> NDArray[Any]:
    """The same memory as items without fields: NumPy copies a structured item field by field, this in one go."""
    return rows.view(f"V{rows.itemsize}")


class SimulatedValues:
    """What the vehicles of simulated fleets posted last, by product; `latest_ms` is the latest simulated time heard."""

    def __init__(self, registry: Registry, events: Events) -> None:
        self._registry = registry
        self._products: dict[str, dict[tuple[str, ...], _LastRows]] = {}
        self.latest_ms: int | None = None
        events.subscribe(TelemetryBatch, self._take)

    def last_values(self, device: Device) -> dict[str, Timed]:
        """The value of each property that this vehicle has posted, with its time; of a stranger nothing."""
        devices = device.product.devices
        row = devices.row(device.name) if isinstance(devices, FleetDevices) else None
        found: dict[str, Timed] = {}
        if row is None:
            return found
        for names, last in self._products.get(device.product.key, {}).items():
            values = last.rows[row]
            time_ms = int(values["time_ms"])
            if not time_ms:
                continue
            for identifier, signals in properties_of(names).items():
                if identifier not in found or found[identifier].time_ms < time_ms:
                    found[identifier] = Timed(shown(values, signals), time_ms)
        return found

    def _take(self, heard: TelemetryBatch) -> None:
        said = heard.said
        vehicles = said.batch.vehicles
        if not len(vehicles):
            return
        time_ms = int(said.batch.time_ms[-1])
        if self.latest_ms is None or time_ms > self.latest_ms:
            self.latest_ms = time_ms
        if said.kind != "property_post":
            return
        rows = said.rows if said.rows is not None else said.records(vehicles)
        groups = self._products.setdefault(heard.product_key, {})
        names = rows.dtype.names or ()
        last = groups.get(names)
        if last is None:
            count = len(self._registry.products[heard.product_key].devices)
            last = groups[names] = _LastRows(count, rows.dtype)
        last.take(vehicles, rows)
