"""The last values of simulated vehicles: for each telemetry group, one row per vehicle.

Their telemetry comes as columns (`TelemetryBatch`), several hundred thousand rows a second. Remembering a batch is one
scatter of its rows, whoever listens; only when somebody asks for a vehicle its rows become values. Where there are no
simulated vehicles, as in a command on a data folder, none of what computes with columns is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import TelemetryBatch
from ..listeners import Events
from ..registry.registry import Device, Registry
from .state import Timed

if TYPE_CHECKING:
    from .last_rows import LastRows

__all__ = ["SimulatedValues"]


class SimulatedValues:
    """What the vehicles of simulated fleets posted last, by product; `latest_ms` is the latest simulated time heard."""

    def __init__(self, registry: Registry, events: Events) -> None:
        self._registry = registry
        self._products: dict[str, dict[tuple[str, ...], LastRows]] = {}
        self.latest_ms: int | None = None
        events.subscribe(TelemetryBatch, self._take)

    def last_values(self, device: Device) -> dict[str, Timed]:
        """The value of each property that this vehicle has posted, with its time; of a stranger nothing."""
        if not self._products:
            return {}
        from jinqiao.wire.render.shown import properties_of, shown

        from ..registry.fleet_devices import FleetDevices

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
        time_ms = int(said.turns_ms[-1])
        if self.latest_ms is None or time_ms > self.latest_ms:
            self.latest_ms = time_ms
        if said.kind != "property_post":
            return
        rows = said.rows if said.rows is not None else said.records(vehicles)
        groups = self._products.setdefault(heard.product_key, {})
        names = rows.dtype.names or ()
        last = groups.get(names)
        if last is None:
            from .last_rows import LastRows

            count = len(self._registry.products[heard.product_key].devices)
            last = groups[names] = LastRows(count, rows.dtype)
        last.take(vehicles, rows, in_order=said.arrives_ms is None)
