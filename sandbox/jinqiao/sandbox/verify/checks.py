"""One published figure beside its simulation, and whether that is near enough.

A figure with `tolerance_pct` is a test; without one, or of low confidence, it is shown and nothing more. With a value
the difference is taken from the value; with a range alone it is zero inside and counts from the nearer end outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jinqiao.vehicles.vehicle_file import PublishedFigure, VehicleModel

from .runs import CYCLE_OF, CarRuns

__all__ = ["Check", "check", "difference_pct"]

Status = Literal["pass", "fail", "shown"]


@dataclass(frozen=True, slots=True)
class Check:
    vehicle: str
    figure: str
    simulated: float
    value: float | None
    range: tuple[float, float] | None
    difference_pct: float
    tolerance_pct: float | None
    source: str
    confidence: str
    status: Status


def check(runs: CarRuns) -> Iterator[Check]:
    """Every published figure of one car that was simulated, in the order of the file format."""
    for name, figure in runs.model.published:
        simulated = _simulated(runs, name)
        if figure is None or simulated is None:
            continue
        off = difference_pct(simulated, figure)
        yield Check(
            vehicle=runs.model.id,
            figure=name,
            simulated=simulated,
            value=figure.value,
            range=figure.range,
            difference_pct=off,
            tolerance_pct=figure.tolerance_pct,
            source=figure.source,
            confidence=figure.confidence,
            status=_status(off, figure),
        )


def difference_pct(simulated: float, figure: PublishedFigure) -> float:
    """How far the simulation lies over (+) or under (-) what was published, percent."""
    if figure.value is not None:
        return (simulated / figure.value - 1.0) * 100.0
    assert figure.range is not None  # a figure has at least one of the two
    low, high = figure.range
    nearest = min(max(simulated, low), high)
    return (simulated / nearest - 1.0) * 100.0


def _status(off_pct: float, figure: PublishedFigure) -> Status:
    if figure.tolerance_pct is None or figure.confidence == "low":
        return "shown"
    return "pass" if abs(off_pct) <= figure.tolerance_pct else "fail"


def _simulated(runs: CarRuns, name: str) -> float | None:
    if name in CYCLE_OF:
        result = runs.cycles.get(CYCLE_OF[name])
        if result is None:
            return None
        return (
            _range_km(runs.model, result.battery_kwh_per_100km) if name.endswith("_km") else result.wall_kwh_per_100km
        )
    charge = runs.ac if name == "ac_0_100_min" else runs.dc
    if charge is None:
        return None
    return charge.peak_kw if name == "dc_peak_kw" else charge.minutes


def _range_km(model: VehicleModel, battery_kwh_per_100km: float) -> float:
    """Net energy at the consumption of the cycle: the range of the whole battery under those conditions."""
    return model.battery.net_kwh / battery_kwh_per_100km * 100.0
