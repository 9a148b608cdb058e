"""What is simulated for a verification: every car on its homologation cycles and on a fast charger.

All cars that have a figure for a cycle drive it side by side in one fleet, and charge side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jinqiao.vehicles.charge_run import ChargeResult, simulate_charges
from jinqiao.vehicles.cycle_run import CycleResult, simulate_cycles
from jinqiao.vehicles.vehicle_file import VehicleModel

__all__ = ["CYCLE_OF", "CarRuns", "run_all"]

#: The cycle that each published figure of consumption or range was measured on.
CYCLE_OF: Mapping[str, str] = {
    "wltp_kwh_per_100km": "WLTC",
    "wltp_range_km": "WLTC",
    "cltc_kwh_per_100km": "CLTC-P",
    "cltc_range_km": "CLTC-P",
    "epa_udds_wall_kwh_per_100km": "UDDS",
    "epa_hwfet_wall_kwh_per_100km": "HWFET",
}
#: A mild day, degC.
MILD_DEGC = 23.0


class Charge(NamedTuple):
    """One kind of charge: from and to which percent, and the station, kW; None: what the car's AC side takes."""

    first: float
    last: float
    station_kw: float | None


#: The station for DC limits no car of today.
CHARGES: Mapping[str, Charge] = {"DC charge": Charge(10.0, 80.0, 1000.0), "AC charge": Charge(0.0, 100.0, None)}
_FIGURES_OF: Mapping[str, set[str]] = {
    **{cycle: {name for name, its in CYCLE_OF.items() if its == cycle} for cycle in CYCLE_OF.values()},
    "DC charge": {"dc_10_80_min", "dc_peak_kw"},
    "AC charge": {"ac_0_100_min"},
}


@dataclass(frozen=True, slots=True)
class CarRuns:
    """The runs of one car: by cycle, its fast charge and its full charge on AC (None where no figure asks for it)."""

    model: VehicleModel
    cycles: Mapping[str, CycleResult]
    dc: ChargeResult | None
    ac: ChargeResult | None


def run_all(models: Sequence[VehicleModel], progress: Callable[[str, int, int], None]) -> list[CarRuns]:
    """Simulate what the published figures of these cars need; `progress(what, done, of)` hears of every step."""
    figures = {model.id: {name for name, figure in model.published if figure is not None} for model in models}
    cycles: dict[str, dict[str, CycleResult]] = {model.id: {} for model in models}
    charges: dict[str, dict[str, ChargeResult]] = {kind: {} for kind in CHARGES}
    groups = [
        (what, cars)
        for what, names in _FIGURES_OF.items()
        if (cars := [m for m in models if figures[m.id] & names and (m.charging or what not in CHARGES)])
    ]
    for done, (what, cars) in enumerate(groups):
        progress(f"{what}, {len(cars)} vehicles", done, len(groups))
        if what in CHARGES:
            charges[what] = _charge(CHARGES[what], cars)
        else:
            for result in simulate_cycles(cars, what, ambient_degc=MILD_DEGC):
                cycles[result.vehicle][what] = result
    progress("done", len(groups), len(groups))
    return [CarRuns(m, cycles[m.id], charges["DC charge"].get(m.id), charges["AC charge"].get(m.id)) for m in models]


def _charge(kind: Charge, cars: Sequence[VehicleModel]) -> dict[str, ChargeResult]:
    results = simulate_charges(
        cars,
        from_percent=kind.first,
        to_percent=kind.last,
        power_kw=[kind.station_kw or car.charging.ac_kw for car in cars if car.charging],
        ambient_degc=MILD_DEGC,
    )
    return {car.id: result for car, result in zip(cars, results, strict=True)}
