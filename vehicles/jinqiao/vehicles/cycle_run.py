"""Cars on a drive cycle, warm and on the dynamometer, as a laboratory reports it.

The cars are rows of a `Fleet`, so what is reported here is what a fleet emits. Energy at the battery is what the cells
give up (charge times open-circuit voltage, hence with the loss inside them): that is what must be charged again, and
what the measured energy at the wall pays for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from .arrays import F8s
from .cycles import Cycle, load_cycle
from .fleet import Fleet
from .vehicle_file import VehicleModel

__all__ = ["ClimateMode", "CycleMeter", "CycleResult", "CycleTrace", "ready", "simulate_cycle", "simulate_cycles"]

ClimateMode: TypeAlias = Literal["auto", "on", "off"]
#: `auto` leaves the climate control off inside this range, degC.
MILD_DEGC = (18.0, 28.0)
#: Draw of the differences between cars; a car on the dynamometer has none that matter.
SEED = 1
MPS_PER_KMH = np.float32(1 / 3.6)


class CycleTrace(NamedTuple):
    """The run second by second; arrays of shape (duration + 1,), the first value stands before the start."""

    asked_kmh: F8s
    speed_kmh: F8s
    pack_kw: F8s
    soc_percent: F8s
    voltage_v: F8s
    pack_degc: F8s


@dataclass(frozen=True, slots=True)
class CycleResult:
    """What came out: `regen_share` is traction energy returned over traction energy taken, soc in percent as shown."""

    vehicle: str
    cycle: str
    ambient_degc: float
    distance_km: float
    duration_s: int
    battery_kwh_per_100km: float
    wall_kwh_per_100km: float
    regen_share: float
    soc_start: float
    soc_end: float
    max_speed_error_kmh: float
    trace: CycleTrace


class CycleMeter:
    """Reads some rows of a fleet while they drive a cycle: `read` after every `drive`, `results` at the end."""

    def __init__(self, fleet: Fleet, rows: slice) -> None:
        self._fleet, self._rows = fleet, rows
        self._kwh_start = fleet.stored_kwh(rows)
        self._metre_start = fleet.odometer_m[rows].copy()
        self._taken_j = np.zeros(len(self._kwh_start))
        self._returned_j = np.zeros(len(self._kwh_start))
        self._samples = [self._sample(fleet.speed_mps[rows])]

    def read(self, asked_mps: float) -> None:
        """Take the second that was driven towards `asked_mps`."""
        traction_w = self._fleet.motor_electric_w[self._rows].astype(np.float64)
        self._taken_j += np.maximum(traction_w, 0.0)
        self._returned_j -= np.minimum(traction_w, 0.0)
        self._samples.append(self._sample(asked_mps))

    def results(self, cycle: Cycle, ambient_degc: float) -> list[CycleResult]:
        """One result per row, in the order of the rows."""
        samples = np.array(self._samples)  # (seconds, quantities, rows)
        models = [self._fleet.models[number] for number in self._fleet.model_of[self._rows]]
        distance_km = (self._fleet.odometer_m[self._rows] - self._metre_start) / 1000.0
        used_kwh = self._kwh_start - self._fleet.stored_kwh(self._rows)
        per_100km = np.divide(used_kwh * 100.0, distance_km, out=np.zeros_like(used_kwh), where=distance_km > 0)
        share = np.divide(self._returned_j, self._taken_j, out=np.zeros_like(used_kwh), where=self._taken_j > 0)
        return [
            CycleResult(
                vehicle=model.id,
                cycle=cycle.name,
                ambient_degc=ambient_degc,
                distance_km=float(distance_km[row]),
                duration_s=len(samples) - 1,
                battery_kwh_per_100km=float(per_100km[row]),
                wall_kwh_per_100km=float(per_100km[row]) / model.effective.charge,
                regen_share=float(share[row]),
                soc_start=float(trace.soc_percent[0]),
                soc_end=float(trace.soc_percent[-1]),
                max_speed_error_kmh=float(np.abs(trace.speed_kmh - trace.asked_kmh).max()),
                trace=trace,
            )
            for row, model in enumerate(models)
            for trace in [CycleTrace(*samples[:, :, row].T)]
        ]

    def _sample(self, asked_mps: float | np.ndarray) -> F8s:
        """The quantities of `CycleTrace` now, shape (quantities, rows)."""
        fleet, rows = self._fleet, self._rows
        voltage = fleet.pack_voltage_v[rows].astype(np.float64)
        columns = (
            np.broadcast_to(np.asarray(asked_mps, dtype=np.float64), voltage.shape) * 3.6,
            fleet.speed_mps[rows] * 3.6,
            voltage * fleet.pack_current_a[rows] / 1000.0,
            fleet.displayed_soc(rows) * 100.0,
            voltage,
            fleet.pack_temperature_degc[rows],
        )
        return np.array(columns, dtype=np.float64)


def ready(fleet: Fleet, rows: slice, ambient_degc: float, climate: ClimateMode) -> None:
    """Put rows of a dynamometer fleet into the state every cycle starts from: a new battery, climate as asked."""
    low, high = MILD_DEGC
    fleet.state_of_health[rows] = 1.0
    fleet.begin_trip(rows)
    fleet.climate_on[rows] = climate == "on" or (climate == "auto" and not low <= ambient_degc <= high)


def simulate_cycles(
    models: Sequence[VehicleModel],
    cycle: Cycle | str,
    *,
    ambient_degc: float = 23.0,
    climate: ClimateMode = "auto",
    soc_percent: float = 90.0,
    progress: Callable[[int], None] = lambda _: None,
) -> list[CycleResult]:
    """Drive `cycle` once with every model side by side, everything warm at the ambient temperature.

    A car does not feel its neighbours: each result is that of the car alone. `progress` is called each second driven.
    Raises InputError for an unknown cycle.
    """
    trace = load_cycle(cycle) if isinstance(cycle, str) else cycle
    rows = slice(0, len(models))
    fleet = Fleet(
        models,
        np.arange(len(models), dtype=np.int16),
        seed=SEED,
        initial_soc=np.full(len(models), soc_percent / 100.0),
        ambient_degc=ambient_degc,
        dynamometer=True,
    )
    ready(fleet, rows, ambient_degc, climate)
    meter = CycleMeter(fleet, rows)
    for second, asked_mps in enumerate((trace.speed_kmh[1:] * MPS_PER_KMH).tolist(), start=1):
        fleet.drive(rows, asked_mps, ambient_degc)
        meter.read(asked_mps)
        progress(second)
    return meter.results(trace, ambient_degc)


def simulate_cycle(
    model: VehicleModel,
    cycle: Cycle | str,
    *,
    ambient_degc: float = 23.0,
    climate: ClimateMode = "auto",
    soc_percent: float = 90.0,
) -> CycleResult:
    """`simulate_cycles` for one model."""
    return simulate_cycles([model], cycle, ambient_degc=ambient_degc, climate=climate, soc_percent=soc_percent)[0]
