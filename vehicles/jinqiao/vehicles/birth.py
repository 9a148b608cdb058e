"""Where a car comes from: its VIN and what tells it from its neighbour, drawn once from the fleet's seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .columns import TYRES, Columns
from .vehicle_file import VehicleModel
from .vin import make_vins, vin_prefix

__all__ = ["draw_differences", "draw_vins"]

#: Fleet ages, years, and use, km a year: triangular and lognormal around a private car's (estimates).
AGE_YEARS = (0.05, 1.0, 4.0)
KM_PER_YEAR, KM_SIGMA = 14_000.0, 0.45
#: Mean capacity loss a year (Geotab 2025, 22,700 vehicles) and how far single cars lie from it (estimate).
FADE_PER_YEAR, FADE_SIGMA = 0.023, 0.004
#: Share of the discharged energy that braking returns over a life (typical of mixed driving).
LIFE_REGEN = 0.18
#: Spread of cells at rest, V, and of probes, K: inside what healthy packs show (5-30 mV).
CELL_SPREAD_V = (0.005, 0.025)
CELL_SPREAD_K = (0.3, 1.2)
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
    cars: Columns, rng: np.random.Generator, kwh_per_km: NDArray[np.float32], series: NDArray[np.int16]
) -> None:
    """Fill the columns that differ from birth on; `kwh_per_km` and `series` are per vehicle, shape (n,)."""
    n = cars.n
    age = rng.triangular(*AGE_YEARS, n)
    cars.odometer_m[:] = np.round(1000.0 * age * KM_PER_YEAR * rng.lognormal(0.0, KM_SIGMA, n))
    cars.state_of_health[:] = np.clip(1.0 - age * rng.normal(FADE_PER_YEAR, FADE_SIGMA, n), 0.8, 1.0)
    cars.consumption_kwh_per_km[:] = kwh_per_km * rng.normal(1.0, 0.05, n).clip(0.85, 1.2)
    cars.energy_discharged_kwh[:] = cars.odometer_m / 1000.0 * cars.consumption_kwh_per_km / (1.0 - LIFE_REGEN)
    cars.energy_regenerated_kwh[:] = cars.energy_discharged_kwh * LIFE_REGEN
    cars.cell_spread_v[:] = rng.uniform(*CELL_SPREAD_V, n)
    cars.cell_spread_k[:] = rng.uniform(*CELL_SPREAD_K, n)
    cars.insulation_kohm[:] = rng.uniform(*INSULATION_KOHM, n)
    cars.aux_offset_v[:] = rng.normal(0.0, 0.04, n).clip(-0.1, 0.1)
    cars.highest_cell[:] = 1 + rng.integers(0, series)
    # Another cell than the highest: some steps further round the pack.
    others = np.maximum(series - 1, 1)
    cars.lowest_cell[:] = (cars.highest_cell + rng.integers(0, others)) % series + 1
    cars.always_lit[:] = rng.random(n) < 0.3
    for tyre in TYRES:
        getattr(cars, f"tyre_{tyre}_kpa")[:] = rng.normal(TYRE_KPA, TYRE_SIGMA_KPA, n).clip(225.0, 275.0)
