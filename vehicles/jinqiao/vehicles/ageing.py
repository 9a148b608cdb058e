"""State of health: calendar and cycle ageing in closed form, for any stretch of time.

Form and stress factors of Schmalstieg et al. 2014, J. Power Sources 257, 325 (NMC): calendar loss α(T, V) t^0.75 with t
in days, cycle loss β(V, depth) Q^0.5 with Q the charge moved. Under changing conditions each law goes on from where it
stands, that is ∫ α^(4/3) dt and ∫ β² dQ add up. Three numbers are not theirs: today's vehicle cells age at a third of
the rate of that cell of 2010, a factor set to what fleets lose a year (1.8 to 2.3 %, Geotab 2024 and 2025), so the mean
is an input; LFP ages a little less, and charging at high rates stresses cycles (estimates).
"""

from __future__ import annotations

import numpy as np

from .arrays import EvenTable, F4s, F8s, Rows, clip, f4
from .battery import Pack
from .cell_data import CELLS
from .columns import Columns

__all__ = ["age", "age_at_rest", "calendar_rate", "cycle_rate", "loss", "remember_charge"]

#: α = (7.543 V − 23.75) · 10⁶ · exp(−6976 K / T), per day^0.75.
ALPHA_PER_V, ALPHA_0, ALPHA_KELVIN, CALENDAR_POWER = 7.543e6, -23.75e6, 6976.0, 0.75
#: β = 7.348·10⁻³ (V − 3.667)² + 7.6·10⁻⁴ + 4.081·10⁻³ depth, per Ah^0.5 of a 2.05 Ah cell; a full cycle moves 4.1 Ah.
BETA_SQUARE, BETA_V, BETA_0, BETA_DEPTH, AH_PER_CYCLE = 7.348e-3, 3.667, 7.6e-4, 4.081e-3, 4.1
#: Today's vehicle cell over that of 2010, in the order of the chemistries.
GENERATION = np.array([{"nmc": 0.35, "lfp": 0.30}[name] for name in CELLS])
#: Cycle loss grows by this share per C of charging rate above GENTLE_C (plating and heat at fast chargers).
STRESS_PER_C, GENTLE_C = 1.3, 0.3
#: A car's charging habit is remembered over so many full charges.
HABIT_CHARGES = 10.0
_PER_HABIT_S = f4(1.0 / (3600.0 * HABIT_CHARGES))
#: Depth of a day's swing that driving and charging at home make, when nobody says.
USUAL_DEPTH = 0.4
ZERO_DEGC_K, DAY_S = 273.15, 86_400.0

#: The laws ask for the voltage of NMC; for LFP they are read at the same SoC.
_VOLTS = EvenTable(0.0, 1.0, CELLS["nmc"].ocv_v)


def calendar_rate(pack: Pack, soc: F8s, degc: F4s) -> F8s:
    """α^(4/3): what one day adds to the calendar's sum."""
    volts = _VOLTS(soc.astype(np.float32)).astype(np.float64)
    kelvin = degc.astype(np.float64) + ZERO_DEGC_K
    alpha = np.maximum(ALPHA_PER_V * volts + ALPHA_0, 0.0) * np.exp(-ALPHA_KELVIN / kelvin)
    rate: F8s = (alpha * GENERATION.take(pack.chemistry)) ** (1.0 / CALENDAR_POWER)
    return rate


def cycle_rate(pack: Pack, soc: F8s, depth: F4s | float, charge_c: F4s) -> F8s:
    """β²: what one full cycle's worth of charge adds to the cycles' sum; `charge_c` is the usual charging rate, C."""
    volts = _VOLTS(soc.astype(np.float32)).astype(np.float64)
    beta = BETA_SQUARE * (volts - BETA_V) ** 2 + BETA_0 + BETA_DEPTH * depth
    stress = 1.0 + STRESS_PER_C * np.maximum(charge_c.astype(np.float64) - GENTLE_C, 0.0)
    rate: F8s = (beta * stress * GENERATION.take(pack.chemistry)) ** 2 * AH_PER_CYCLE
    return rate


def loss(calendar: F8s, cycles: F8s) -> F8s:
    """Capacity lost by both sums, share of the new one."""
    lost: F8s = calendar**CALENDAR_POWER + np.sqrt(cycles)
    return lost


def _add(cars: Columns, rows: Rows, calendar: F8s, cycles: F8s) -> None:
    before = loss(cars.aged_calendar[rows], cars.aged_cycles[rows])
    cars.aged_calendar[rows] += calendar
    cars.aged_cycles[rows] += cycles
    more = loss(cars.aged_calendar[rows], cars.aged_cycles[rows]) - before
    cars.state_of_health[rows] = clip(cars.state_of_health[rows] - more, 0.3, 1.0)


def age(
    cars: Columns,
    pack: Pack,
    rows: Rows,
    *,
    days: float,
    soc: F8s,
    degc: F4s,
    cycles: F8s,
    depth: F4s | float = USUAL_DEPTH,
    charge_c: F4s,
) -> None:
    """Let cars grow older by `days` at this mean SoC (0..1) and pack temperature, with `cycles` full equivalents.

    For time that nobody simulates second by second: a year in daily steps takes a moment for a whole fleet.
    """
    _add(cars, rows, calendar_rate(pack, soc, degc) * days, cycle_rate(pack, soc, depth, charge_c) * cycles)
    cars.aged_from_kwh[rows] = cars.energy_discharged_kwh[rows]


def age_at_rest(cars: Columns, pack: Pack, rows: Rows, seconds: F4s) -> None:
    """The same for a rest of `seconds` and what was driven since the last one."""
    soc, degc = cars.soc[rows], cars.pack_temperature_degc[rows]
    driven_kwh = cars.energy_discharged_kwh[rows] - cars.aged_from_kwh[rows]
    rate = cycle_rate(pack, soc, USUAL_DEPTH, cars.charge_habit_c[rows])
    _add(cars, rows, calendar_rate(pack, soc, degc) * (seconds / DAY_S), rate * driven_kwh / pack.gross_kwh)
    cars.aged_from_kwh[rows] = cars.energy_discharged_kwh[rows]


def remember_charge(habit_c: F4s, c_rate: F4s) -> F4s:
    """The usual charging rate after one second at `c_rate`."""
    habit: F4s = c_rate - habit_c
    habit *= c_rate
    habit *= _PER_HABIT_S
    habit += habit_c
    return habit
