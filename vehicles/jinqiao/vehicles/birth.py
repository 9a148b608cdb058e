"""Where a car comes from: its VIN and what distinguishes it from its neighbour, drawn once.

What a car is like depends on its own key alone. A VIN cannot: no two may be equal, so VINs are counted out. Each fleet
of a scenario has a plant, by its place among the fleets, in which its cars are numbered, shuffled within lots; a fleet
that grows, or one more behind it, gives no other car another VIN. Each town after the first has a range of its own in
every plant. No run has room for more than `MOST_IN_TOWNS` vehicles, in equal shares, so town t has at most one in t + 1
of them: ranges that shrink like this suffice whatever the number of towns, and depend on it in nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.keyed import Draws, FleetPart, town_key

from . import ageing
from .battery import Pack
from .columns import TYRES, Columns
from .vehicle_file import VehicleModel
from .vin import LETTERED_PER_PLANT, PLANTS, SERIALS_PER_PLANT, make_vins, vin_prefix

__all__ = ["MOST_IN_TOWNS", "MOST_TOWNS", "draw_differences", "draw_vins"]

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
#: First serial number of every fleet: 900,000 cars stay in one plant, and those of a larger fleet come before the first
#: of the next one. Serials are shuffled within lots of so many.
FIRST_SERIAL, LOT = 100_000, 1_000
#: Towns that there may be, and vehicles in all of them together, where there is more than one.
MOST_TOWNS, MOST_IN_TOWNS = 10_000, 1_000_000
#: Lots of the towns after the first: a small town has room for a hundred cars.
TOWN_LOT = 100


def draw_vins(
    models: Sequence[VehicleModel], model_of: NDArray[np.int16], seed: int, fleets: Sequence[FleetPart]
) -> NDArray[np.bytes_]:
    """One VIN per vehicle, shape (n,), dtype S17, no two equal; the sizes of the fleets add up to n."""
    serials = _serials(seed, fleets)
    vins = np.empty(len(model_of), dtype="S17")
    for number, model in enumerate(models):  # over models, not vehicles
        mine = model_of == number
        vins[mine] = make_vins(vin_prefix(model.make, model.market, model.id), model.model_year, serials[mine])
    return vins


def _serials(seed: int, fleets: Sequence[FleetPart]) -> NDArray[np.int64]:
    """Serial numbers, plant included, shape (n,). The 33rd fleet and those after share a plant with an earlier one."""
    #: Of each town: how many fleets there were, and how many serials of each plant are taken.
    seen: dict[int, int] = {}
    taken: dict[tuple[int, int], int] = {}
    serials = [np.zeros(0, dtype=np.int64)]
    for _, size, town in fleets:  # over fleets, not vehicles
        plant = seen.get(town, 0) % PLANTS
        seen[town] = seen.get(town, 0) + 1
        first = taken.get((town, plant), 0)
        taken[town, plant] = first + size
        serials.append(_shuffled(seed, town, plant, np.arange(first, first + size)))
    for (town, _), count in taken.items():
        most = _room(town) if town else SERIALS_PER_PLANT
        # A single fleet may run into the next plant, where nobody else is.
        if count > most and (town or len(fleets) > 1):
            where = f"of one plant in town {town}" if town else "of one plant"
            raise ValueError(f"found {count} vehicles {where}, expected at most {most}")
    return np.concatenate(serials)


def _shuffled(seed: int, town: int, plant: int, place: NDArray[np.int64]) -> NDArray[np.int64]:
    """The serials at these places of a town's range in a plant: one after the other, shuffled within lots."""
    key = town_key(seed, town, "serials", plant)
    lot = TOWN_LOT if town else LOT
    # A step that has no divisor with the length of a lot comes to each of its numbers once.
    first, step = key % lot, 10 * (key >> 40) + (1, 3, 7, 9)[key >> 30 & 3]
    if town:
        begin = PLANTS * SERIALS_PER_PLANT + plant * LETTERED_PER_PLANT + int(_ranges()[town - 1])
    else:
        begin = plant * SERIALS_PER_PLANT + FIRST_SERIAL
    within = (first + place % lot * (step % lot)) % lot
    return begin + place - place % lot + within


def _room(town: int) -> int:
    """Serials of a town after the first in every plant: its most vehicles, in whole lots."""
    return -(-MOST_IN_TOWNS // (town + 1) // TOWN_LOT) * TOWN_LOT


@cache
def _ranges() -> NDArray[np.int64]:
    """Where the range of each town from 1 on begins, and at last where that of the last one ends."""
    return np.cumsum([0, *(_room(town) for town in range(1, MOST_TOWNS))])


def draw_differences(
    cars: Columns, draws: Draws, kwh_per_km: NDArray[np.float32], series: NDArray[np.int16], pack: Pack
) -> None:
    """Fill the columns that differ from birth on; `kwh_per_km`, `series` and `pack` are per vehicle, shape (n,)."""
    age = draws.triangular("age", *AGE_YEARS)
    cars.odometer_m[:] = np.round(1000.0 * age * KM_PER_YEAR * draws.lognormal("use", 0.0, KM_SIGMA))
    cars.consumption_kwh_per_km[:] = kwh_per_km * draws.normal("consumption", 1.0, 0.05).clip(0.85, 1.2)
    cars.energy_discharged_kwh[:] = cars.odometer_m / 1000.0 * cars.consumption_kwh_per_km / (1.0 - LIFE_REGEN)
    cars.energy_regenerated_kwh[:] = cars.energy_discharged_kwh * LIFE_REGEN
    _grow_old(cars, pack, draws, age)
    cars.cell_spread_v[:] = draws.uniform("cell spread", *CELL_SPREAD_V)
    cars.cell_spread_capacity[:] = draws.uniform("cell capacity", *CELL_SPREAD_CAPACITY)
    cars.cell_spread_resistance[:] = draws.uniform("cell resistance", *CELL_SPREAD_RESISTANCE)
    cars.cell_spread_k[:] = draws.uniform("cell temperature", *CELL_SPREAD_K)
    cars.insulation_kohm[:] = draws.uniform("insulation", *INSULATION_KOHM)
    cars.aux_offset_v[:] = draws.normal("12 V", 0.0, 0.04).clip(-0.1, 0.1)
    cars.strong_cell[:] = 1 + draws.integers("strong cell", 0, series)
    # Another cell than the highest: some steps further round the pack.
    others = np.maximum(series - 1, 1)
    cars.weak_cell[:] = (cars.strong_cell + draws.integers("weak cell", 0, others)) % series + 1
    cars.always_lit[:] = draws.shares("low beam") < 0.3
    for tyre in TYRES:
        filled_kpa = draws.normal(f"tyre {tyre}", TYRE_KPA, TYRE_SIGMA_KPA)
        getattr(cars, f"tyre_{tyre}_kpa")[:] = filled_kpa.clip(225.0, 275.0)


def _grow_old(cars: Columns, pack: Pack, draws: Draws, years: NDArray[np.float64]) -> None:
    """Capacity lost so far, by age and mileage."""
    soc = draws.uniform("life charge", *LIFE_SOC)
    degc = draws.uniform("life temperature", *LIFE_DEGC).astype(np.float32)
    cars.charge_habit_c[:] = draws.uniform("charge habit", *LIFE_CHARGE_C)
    cycles = cars.energy_discharged_kwh / pack.gross_kwh
    rate = ageing.cycle_rate(pack, soc, ageing.USUAL_DEPTH, cars.charge_habit_c)
    cars.aged_calendar[:] = ageing.calendar_rate(pack, soc, degc) * years * 365.0
    cars.aged_cycles[:] = rate * cycles
    cars.aged_from_kwh[:] = cars.energy_discharged_kwh
    lost = ageing.loss(cars.aged_calendar, cars.aged_cycles) * draws.normal("ageing", 1.0, CELL_SIGMA)
    cars.state_of_health[:] = np.clip(1.0 - lost, 0.7, 1.0)
