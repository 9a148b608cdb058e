"""The traction battery: the 2-RC cell of `cell_data.py` scaled to a pack, a coulomb counter and a heat node.

All cells of a pack are taken as equal here (their spread is `cells.py`). The state of the RC links are the currents
through their resistors, whose exact step needs no parameter but time; over a step of one second a link adds the mean of
its voltage. Current follows from power by the quadratic P = I (E - R I) with E = U - polarisation; then V = E - R I,
V I is the power asked for, U I what the cells give, and (U - V) I their heat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import EvenTable, F4s, F8s, PerModel, clip, f4
from .cell_data import CELLS, FAST_S, KNOTS, SLOW_S
from .vehicle_file import VehicleModel

__all__ = [
    "EMPTY_SOC",
    "Pack",
    "Source",
    "charge_limit_w",
    "current_a",
    "discharge_limit_w",
    "displayed_fraction",
    "energy_kwh",
    "link_rest",
    "link_step",
    "self_discharge_per_s",
    "source",
    "true_soc",
    "warm_charge_share",
]

_CHEMISTRIES = tuple(CELLS)
_OCV = EvenTable(0.0, 1.0, [CELLS[name].ocv_v for name in _CHEMISTRIES])

#: What one second leaves of a link's current, and the mean over that second.
FAST_LEFT, SLOW_LEFT = float(np.exp(-1.0 / FAST_S)), float(np.exp(-1.0 / SLOW_S))
_FAST_MEAN, _SLOW_MEAN = FAST_S * (1.0 - FAST_LEFT), SLOW_S * (1.0 - SLOW_LEFT)


def _per_ah(name: str) -> tuple[F8s, F8s, F8s]:
    """Resistance that a step's current and the links' currents at its start meet, Ohm Ah of a vehicle cell."""
    cell = CELLS[name]
    r0, r1, r2 = (r * cell.nominal_ah * cell.vehicle_scale for r in (cell.r0_ohm, cell.r1_ohm, cell.r2_ohm))
    return r0 + r1 * (1.0 - _FAST_MEAN) + r2 * (1.0 - _SLOW_MEAN), r1 * _FAST_MEAN, r2 * _SLOW_MEAN


#: Read at the nearest knot: half a percent of SoC changes no resistance by more than the fit knows.
_STEP_OHM_AH, _FAST_OHM_AH, _SLOW_OHM_AH = (
    np.concatenate(tables).astype(np.float32) for tables in zip(*map(_per_ah, _CHEMISTRIES), strict=True)
)
_LAST_KNOT = np.float32(len(KNOTS) - 1)


def _energy_below(ocv_v: F8s) -> F8s:
    """Energy below each knot over that of the full cell: the integral of the open-circuit voltage."""
    parts = (ocv_v[1:] + ocv_v[:-1]) * 0.5
    total = np.concatenate([[0.0], np.cumsum(parts)])
    return np.asarray(total / total[-1])


_ENERGY = EvenTable(0.0, 1.0, [_energy_below(CELLS[name].ocv_v) for name in _CHEMISTRIES])

#: Resistance over temperature, exp(B (1/T - 1/298 K)), 3.2 times as high at -10 degC: from SPMe runs of O'Regan et al.
#: 2022, the NMC set with measured kinetics and diffusion over temperature (2,620 to 2,650 between -10 and 10 degC).
RESISTANCE_KELVIN = 2630.0
REFERENCE_K, ZERO_DEGC_K = 298.15, 273.15
#: Contactors open at this true SoC: nothing at all flows from there on.
EMPTY_SOC = 1e-5
#: Self-discharge of good lithium-ion cells: about 1 % a month at 25 degC (0.5 to 3 in data sheets).
SELF_DISCHARGE_PER_MONTH, SELF_DISCHARGE_DEGC = 0.01, 25.0
#: Traction fades out over the last share of the display.
FADE_DISPLAYED = 0.03
#: Most of the hidden energy lies below the displayed zero (estimate).
HIDDEN_BELOW = 0.6
#: No limit by temperature in between, degC: what the formulas below come to.
FULL_POWER_DEGC = (22.0, 48.0)
#: Pulses of braking a pack takes, in C, and what is left of them at a full display (estimates).
REGEN_C = 2.0
REGEN_AT_FULL = 0.1
#: Heat capacity per kWh (about 6 kg of cells, 1 kJ/kg/K) and loss of a closed case to the air (estimates).
HEAT_J_PER_K_KWH = 6000.0
CASE_W_PER_K = 10.0
#: The battery gives what the motor takes at its peak, with its losses and the loads beside it (estimate).
PEAK_RESERVE = 1.12


@dataclass(frozen=True, slots=True)
class Pack(PerModel):
    chemistry: NDArray[np.intp]
    series: F4s
    ohm_per_ohm_ah: F4s  # pack's resistance over the tables'
    lag_per_a: F4s  # SoC by which the surfaces run ahead, per A in the slow link
    capacity_as: F8s  # charge of a new pack, A s
    gross_kwh: F4s
    low_soc: F8s  # true SoC at a displayed 0 % …
    span_soc: F8s  # … and how much more it is at 100 %
    least_v: F4s
    most_v: F4s
    peak_w: F4s
    regen_w: F4s
    k_per_j: F4s  # heat capacity, inverted

    @classmethod
    def of(cls, models: Sequence[VehicleModel]) -> Pack:
        cells = [CELLS[m.battery.chemistry] for m in models]
        series = [m.layout.series for m in models]
        gross = np.array([m.battery.gross_kwh for m in models])
        # Charge such that the full cells hold the gross energy: the data sheet's Ah is rounded.
        capacity_ah = gross * 1000.0 / (np.array(series) * np.array([cell.mean_ocv_v for cell in cells]))
        hidden = np.array([m.hidden_fraction for m in models])
        return cls(
            chemistry=np.array([_CHEMISTRIES.index(m.battery.chemistry) for m in models], dtype=np.intp),
            series=f4(series),
            ohm_per_ohm_ah=(np.array(series) / capacity_ah).astype(np.float32),
            lag_per_a=f4([c.lag_s for c in cells] / (capacity_ah * 3600.0)),
            capacity_as=capacity_ah * 3600.0,
            gross_kwh=gross.astype(np.float32),
            low_soc=hidden * HIDDEN_BELOW,
            span_soc=1.0 - hidden,
            least_v=f4([s * c.limits_v[0] for s, c in zip(series, cells, strict=True)]),
            most_v=f4([s * c.limits_v[1] for s, c in zip(series, cells, strict=True)]),
            peak_w=f4([m.drivetrain.peak_kw * 1000.0 * PEAK_RESERVE for m in models]),
            regen_w=(gross * 1000.0 * REGEN_C).astype(np.float32),
            k_per_j=(1.0 / (gross * HEAT_J_PER_K_KWH)).astype(np.float32),
        )


class Source(NamedTuple):
    """What the terminals see over the next second, shape (rows,): electromotive force, V, and resistance, ohm, behind
    which stands the open-circuit voltage, V."""

    emf_v: F4s
    resistance_ohm: F4s
    open_v: F4s


def source(pack: Pack, soc: F8s, temperature_degc: F4s, fast_a: F4s, slow_a: F4s) -> Source:
    """The pack as a voltage source at this true SoC (0..1), temperature and link currents (A)."""
    soc4 = soc.astype(np.float32)
    knot, fraction = _OCV.locate(soc4, pack.chemistry)
    open_v = _OCV.at(knot, fraction) * pack.series
    place = clip((soc4 - slow_a * pack.lag_per_a) * _LAST_KNOT, np.float32(0.0), _LAST_KNOT)
    place += np.float32(0.5)
    nearest = place.astype(np.intp)
    nearest += pack.chemistry * len(KNOTS)
    kelvin = temperature_degc + np.float32(ZERO_DEGC_K)
    ohm = np.exp(np.float32(RESISTANCE_KELVIN) / kelvin - np.float32(RESISTANCE_KELVIN / REFERENCE_K))
    ohm *= pack.ohm_per_ohm_ah
    polarisation = _FAST_OHM_AH.take(nearest) * fast_a
    polarisation += _SLOW_OHM_AH.take(nearest) * slow_a
    polarisation *= ohm
    ohm *= _STEP_OHM_AH.take(nearest)
    return Source(open_v - polarisation, ohm, open_v)


def link_step(fast_a: F4s, slow_a: F4s, current: F4s) -> tuple[F4s, F4s]:
    """Currents of the RC links after one second of `current` (A)."""
    fast: F4s = current + (fast_a - current) * np.float32(FAST_LEFT)
    slow: F4s = current + (slow_a - current) * np.float32(SLOW_LEFT)
    return fast, slow


def link_rest(fast_a: F4s, slow_a: F4s, current: F4s, seconds: F4s) -> tuple[F4s, F4s]:
    """The same after any number of seconds."""
    fast: F4s = current + (fast_a - current) * np.exp(seconds * np.float32(-1.0 / FAST_S))
    slow: F4s = current + (slow_a - current) * np.exp(seconds * np.float32(-1.0 / SLOW_S))
    return fast, slow


def current_a(terminals: Source, power_w: F4s) -> F4s:
    """Current for a terminal power, A, both positive when discharging; the form that keeps its digits near zero."""
    emf, resistance, _ = terminals
    root = np.sqrt(np.maximum(emf * emf - 4.0 * resistance * power_w, 0.0))
    return 2.0 * power_w / (emf + root)


def self_discharge_per_s(temperature_degc: F4s) -> F8s:
    """SoC that leaks away inside the cells each second; it doubles every 10 K."""
    warmth = np.exp2((temperature_degc.astype(np.float64) - SELF_DISCHARGE_DEGC) * 0.1)
    return warmth * (SELF_DISCHARGE_PER_MONTH / (30.0 * 86_400.0))


def displayed_fraction(pack: Pack, soc: F8s) -> F8s:
    """What the driver is shown, 0..1: the net window of the true SoC."""
    return clip((soc - pack.low_soc) / pack.span_soc, 0.0, 1.0)


def true_soc(pack: Pack, displayed: F8s) -> F8s:
    """The true SoC behind a displayed fraction."""
    return pack.low_soc + pack.span_soc * displayed


def energy_kwh(pack: Pack, soc: F8s, health: F8s) -> F4s:
    """Energy the driver can still use, kWh: what lies in the cells above the displayed zero."""
    left = _ENERGY(soc.astype(np.float32), pack.chemistry)
    left -= _ENERGY(np.asarray(pack.low_soc, dtype=np.float32), pack.chemistry)
    return np.maximum(left, 0.0) * pack.gross_kwh * health.astype(np.float32)


def warm_charge_share(temperature_degc: F4s) -> F4s:
    """Share of the charging power that lithium plating and heat leave: full from 22 to 48 degC, 0.4 at 0, 0.22 at -10.

    Inside the ranges seen on public DC chargers (30-50 % of the peak below 0 degC, 15-30 % at -10, less above 45-50).
    """
    t = temperature_degc
    if not np.any((t < FULL_POWER_DEGC[0]) | (t > FULL_POWER_DEGC[1])):
        return np.ones((), dtype=np.float32)
    cold = np.maximum(0.40 + 0.0273 * t, 0.40 + 0.018 * t)
    return clip(np.minimum(cold, (60.0 - t) * np.float32(1 / 12)), np.float32(0.02), np.float32(1.0))


def discharge_limit_w(pack: Pack, terminals: Source, soc: F8s, temperature_degc: F4s) -> F4s:
    """The most the BMS lets out now, W: motor's need, cold and heat, least voltage; 0 at an empty display."""
    emf, resistance, _ = terminals
    t = temperature_degc
    share = clip(np.minimum(0.85 + 0.015 * t, (65.0 - t) * 0.1), np.float32(0.3), np.float32(1.0))
    by_voltage = pack.least_v * np.maximum(emf - pack.least_v, 0.0) / resistance
    left = clip(_window(pack, soc) * np.float32(1 / FADE_DISPLAYED), 0.0, 1.0)
    limit: F4s = np.minimum(pack.peak_w * share, by_voltage)
    limit *= left
    return limit


def charge_limit_w(pack: Pack, soc: F8s, temperature_degc: F4s) -> F4s:
    """The most that braking may put in now, W; fades over the last 5 % of the display."""
    room = (np.float32(1.0) - _window(pack, soc)) * np.float32(1 / 0.05) + np.float32(REGEN_AT_FULL)
    return pack.regen_w * warm_charge_share(temperature_degc) * clip(room, 0.0, 1.0)


def _window(pack: Pack, soc: F8s) -> F4s:
    """Where in its net window the pack stands, 0 empty to 1 full and a little beyond; float32 is enough for limits."""
    window: F4s = soc.astype(np.float32)
    window -= pack.low_soc.astype(np.float32)
    window *= (1.0 / pack.span_soc).astype(np.float32)
    return window
