"""Where a car comes from: its VIN and what tells it from its neighbour, drawn once from the fleet's seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import ageing
from .battery import Pack
from .columns import TYRES, Columns
from .vehicle_file import VehicleModel
from .vin import make_vins, vin_prefix

__all__ = ["draw_differences", "draw_vins"]

#: Fleet ages, years, and use, km a year: triangular and lognormal around a private car's (estimates).
AGE_YEARS = (0.05, 1.0, 4.0)
KM_PER_YEAR, KM_SIGMA = 14_000.0, 0.45
#: How cars have lived: mean SoC and pack temperature, usual charging rate in C, and how cells differ (estimates).
LIFE_SOC, LIFE_DEGC, LIFE_CHARGE_C, CELL_SIGMA = (0.5, 0.75), (12.0, 22.0), (0.1, 0.8), 0.12
#: Share of the discharged energy that braking returns over a life (typical of mixed driving).
LIFE_REGEN = 0.18
#: Spread of cells at rest, V, and of probes, K: inside what healthy packs show (5-30 mV).
CELL_SPREAD_V = (0.005, 0.025)
CELL_SPREAD_K = (0.3, 1.2)
#: Weakest against strongest cell in capacity and resistance (sorted cells of one batch: estimates).
CELL_SPREAD_CAPACITY, CELL_SPREAD_RESISTANCE = (0.005, 0.02), (0.02, 0.08)
#: Insulation, kOhm: far above the 500 Ohm/V (200 kOhm at 400 V) that GB 18384 and ISO 6469-3 ask for.
INSULATION_KOHM = (2_500.0, 9_000.0)
#: Tyres are filled to a placard pressure, kPa, give or take a driver's care.
TYRE_KPA, TYRE_SIGMA_KPA = 250.0, 6.0
#: First serial number of every fleet; 100,000 vehicles of one seed then stay in one plant.
FIRST_SERIAL = 100_000


def draw_vins(
    models: Sequence[VehicleModel], model_of: NDArray[np.int16], rng: np.random.Generator
) -> NDArray[np.bytes_]:
    """One VIN per vehicle, shape (n,), dtype S17: serials are one permutation over the fleet, so no two are equal."""
    n = len(model_of)
    serials = FIRST_SERIAL + rng.permutation(n)
    vins = np.empty(n, dtype="S17")
    for number, model in enumerate(models):  # over models, not vehicles
        mine = model_of == number
        vins[mine] = make_vins(vin_prefix(model.make, model.market, model.id), model.model_year, serials[mine])
    return vins


def draw_differences(
    cars: Columns, rng: np.random.Generator, kwh_per_km: NDArray[np.float32], series: NDArray[np.int16], pack: Pack
) -> None:
    """Fill the columns that differ from birth on; `kwh_per_km`, `series` and `pack` are per vehicle, shape (n,)."""
    n = cars.n
    age = rng.triangular(*AGE_YEARS, n)
    cars.odometer_m[:] = np.round(1000.0 * age * KM_PER_YEAR * rng.lognormal(0.0, KM_SIGMA, n))
    cars.consumption_kwh_per_km[:] = kwh_per_km * rng.normal(1.0, 0.05, n).clip(0.85, 1.2)
    cars.energy_discharged_kwh[:] = cars.odometer_m / 1000.0 * cars.consumption_kwh_per_km / (1.0 - LIFE_REGEN)
    cars.energy_regenerated_kwh[:] = cars.energy_discharged_kwh * LIFE_REGEN
    _grow_old(cars, pack, rng, age)
    cars.cell_spread_v[:] = rng.uniform(*CELL_SPREAD_V, n)
    cars.cell_spread_capacity[:] = rng.uniform(*CELL_SPREAD_CAPACITY, n)
    cars.cell_spread_resistance[:] = rng.uniform(*CELL_SPREAD_RESISTANCE, n)
    cars.cell_spread_k[:] = rng.uniform(*CELL_SPREAD_K, n)
    cars.insulation_kohm[:] = rng.uniform(*INSULATION_KOHM, n)
    cars.aux_offset_v[:] = rng.normal(0.0, 0.04, n).clip(-0.1, 0.1)
    cars.strong_cell[:] = 1 + rng.integers(0, series)
    # Another cell than the highest: some steps further round the pack.
    others = np.maximum(series - 1, 1)
    cars.weak_cell[:] = (cars.strong_cell + rng.integers(0, others)) % series + 1
    cars.always_lit[:] = rng.random(n) < 0.3
    for tyre in TYRES:
        getattr(cars, f"tyre_{tyre}_kpa")[:] = rng.normal(TYRE_KPA, TYRE_SIGMA_KPA, n).clip(225.0, 275.0)


def _grow_old(cars: Columns, pack: Pack, rng: np.random.Generator, years: NDArray[np.float64]) -> None:
    """Capacity lost so far, by age and mileage."""
    soc = rng.uniform(*LIFE_SOC, cars.n)
    degc = rng.uniform(*LIFE_DEGC, cars.n).astype(np.float32)
    cars.charge_habit_c[:] = rng.uniform(*LIFE_CHARGE_C, cars.n)
    cycles = cars.energy_discharged_kwh / pack.gross_kwh
    rate = ageing.cycle_rate(pack, soc, ageing.USUAL_DEPTH, cars.charge_habit_c)
    cars.aged_calendar[:] = ageing.calendar_rate(pack, soc, degc) * years * 365.0
    cars.aged_cycles[:] = rate * cycles
    cars.aged_from_kwh[:] = cars.energy_discharged_kwh
    lost = ageing.loss(cars.aged_calendar, cars.aged_cycles) * rng.normal(1.0, CELL_SIGMA, cars.n)
    cars.state_of_health[:] = np.clip(1.0 - lost, 0.7, 1.0)
