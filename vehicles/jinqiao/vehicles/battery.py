"""The traction battery: the 2-RC cell of `cell_data.py` scaled to a pack, a coulomb counter and a heat node.

All cells of a pack are taken as equal here (their spread is `cells.py`). The state of the RC links are the currents
through their resistors, whose exact step needs no parameter but time; over a step of one second a link adds the mean of
its voltage. Current follows from power by the quadratic P = I (E - R I) with E = U - polarisation; then V = E - R I,
V I is the power asked for, U I what the cells give, and (U - V) I their heat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import INFINITE, ONE, ONE8, ZERO, ZERO8, EvenTable, F4s, F8s, PerModel, anywhere, clip, f4
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
    "window",
]

_CHEMISTRIES = tuple(CELLS)
_OCV = EvenTable(0.0, 1.0, [CELLS[name].ocv_v for name in _CHEMISTRIES])

#: What one second leaves of a link's current, and the mean over that second.
FAST_LEFT, SLOW_LEFT = float(np.exp(-1.0 / FAST_S)), float(np.exp(-1.0 / SLOW_S))
_FAST_LEFT, _SLOW_LEFT = f4(FAST_LEFT), f4(SLOW_LEFT)
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
_LAST_KNOT, _HALF = f4(len(KNOTS) - 1), f4(0.5)


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
_KELVIN, _AT_REFERENCE, _ZERO_DEGC_K = f4(RESISTANCE_KELVIN), f4(RESISTANCE_KELVIN / REFERENCE_K), f4(ZERO_DEGC_K)
#: Contactors open at this true SoC: nothing at all flows from there on.
EMPTY_SOC = 1e-5
#: Self-discharge of good lithium-ion cells: about 1 % a month at 25 degC (0.5 to 3 in data sheets).
SELF_DISCHARGE_PER_MONTH, SELF_DISCHARGE_DEGC = 0.01, 25.0
#: Traction fades out over the last share of the display.
FADE_DISPLAYED = 0.03
#: Most of the hidden energy lies below the displayed zero (estimate).
HIDDEN_BELOW = 0.6
#: No limit by temperature in between, degC: what the formulas below come to, charging and discharging.
FULL_POWER_DEGC = (22.0, 48.0)
FULL_DISCHARGE_DEGC = (11.0, 54.0)
#: Pulses of braking a pack takes, in C, and what is left of them at a full display (estimates).
REGEN_C = 2.0
REGEN_AT_FULL = 0.1
#: Heat capacity per kWh (about 6 kg of cells, 1 kJ/kg/K) and loss of a closed case to the air (estimates).
HEAT_J_PER_K_KWH = 6000.0
CASE_W_PER_K = 10.0
#: Conductance of the plates between cells and coolant, per kWh (estimate).
PLATE_W_PER_K_KWH = 8.0
#: Cells at their upper voltage still take this, in C: the taper has an end.
LEAST_C = 0.05
#: The battery gives what the motor takes at its peak, with its losses and the loads beside it (estimate).
PEAK_RESERVE = 1.12

#: Constants of the formulas below, as NumPy takes them quickest.
_TWO, _FOUR, _LEAST_C, _PLATE_W_PER_K_KWH = f4(2.0), f4(4.0), f4(LEAST_C), f4(PLATE_W_PER_K_KWH)
_CHARGE_FROM, _CHARGE_TO, _DISCHARGE_FROM, _DISCHARGE_TO = map(f4, (*FULL_POWER_DEGC, *FULL_DISCHARGE_DEGC))
_PER_FADE, _PER_REGEN_FADE, _REGEN_AT_FULL = f4(1 / FADE_DISPLAYED), f4(1 / 0.05), f4(REGEN_AT_FULL)
_CHARGE_0, _CHARGE_PER_K, _CHARGE_PER_COLD_K, _LEAST_CHARGE = f4(0.40), f4(0.0273), f4(0.018), f4(0.02)
_NO_CHARGE_DEGC, _CHARGE_PER_HOT_K = f4(60.0), f4(1 / 12)
_DISCHARGE_0, _DISCHARGE_PER_K, _LEAST_DISCHARGE = f4(0.85), f4(0.015), f4(0.3)
_NO_DISCHARGE_DEGC, _DISCHARGE_PER_HOT_K = f4(65.0), f4(0.1)


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
    first_knot: NDArray[np.int32] = field(init=False)  # of its chemistry, where tables over SoC are one array
    empty_soc: F8s = field(init=False)  # up to here the display says empty, or nothing flows at all
    low_soc4: F4s = field(init=False)
    per_span4: F4s = field(init=False)  # 1 / span_soc
    least_charge_a: F4s = field(init=False)
    plates_w_per_k: F4s = field(init=False)
    c_per_a: F8s = field(init=False)  # charging rate of a new pack, current into it negative

    def __post_init__(self) -> None:
        self._derive(
            first_knot=(self.chemistry * len(KNOTS)).astype(np.int32),
            empty_soc=np.maximum(self.low_soc, EMPTY_SOC),
            low_soc4=self.low_soc.astype(np.float32),
            per_span4=(1.0 / self.span_soc).astype(np.float32),
            least_charge_a=_LEAST_C * (self.capacity_as * np.float64(1 / 3600.0)).astype(np.float32),
            plates_w_per_k=self.gross_kwh * _PLATE_W_PER_K_KWH,
            c_per_a=-3600.0 / self.capacity_as,
        )

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
    open_v = _OCV(soc4, pack.first_knot)
    open_v *= pack.series
    soc4 -= slow_a * pack.lag_per_a
    soc4 *= _LAST_KNOT
    place = clip(soc4, ZERO, _LAST_KNOT)
    place += _HALF
    nearest4 = place.astype(np.int32)
    nearest4 += pack.first_knot
    nearest = nearest4.astype(np.intp)
    ohm = _KELVIN / (temperature_degc + _ZERO_DEGC_K)
    ohm -= _AT_REFERENCE
    np.exp(ohm, ohm)
    ohm *= pack.ohm_per_ohm_ah
    # Into arrays that have served: a third cheaper than into new ones.
    polarisation = _FAST_OHM_AH.take(nearest, out=place, mode="clip")
    polarisation *= fast_a
    slow_v = _SLOW_OHM_AH.take(nearest, out=soc4, mode="clip")
    slow_v *= slow_a
    polarisation += slow_v
    polarisation *= ohm
    ohm *= _STEP_OHM_AH.take(nearest, out=soc4, mode="clip")
    return Source(open_v - polarisation, ohm, open_v)


def link_step(fast_a: F4s, slow_a: F4s, current: F4s) -> tuple[F4s, F4s]:
    """Currents of the RC links after one second of `current` (A)."""
    fast, slow = fast_a - current, slow_a - current
    fast *= _FAST_LEFT
    fast += current
    slow *= _SLOW_LEFT
    slow += current
    return fast, slow


def link_rest(fast_a: F4s, slow_a: F4s, current: F4s, seconds: F4s) -> tuple[F4s, F4s]:
    """The same after any number of seconds."""
    fast: F4s = current + (fast_a - current) * np.exp(seconds * np.float32(-1.0 / FAST_S))
    slow: F4s = current + (slow_a - current) * np.exp(seconds * np.float32(-1.0 / SLOW_S))
    return fast, slow


def current_a(terminals: Source, power_w: F4s) -> F4s:
    """Current for a terminal power, A, both positive when discharging; the form that keeps its digits near zero."""
    emf, resistance, _ = terminals
    root = emf * emf
    root -= _FOUR * resistance * power_w
    root = clip(root, ZERO, INFINITE)
    np.sqrt(root, root)
    root += emf
    current: F4s = np.divide(_TWO * power_w, root)
    return current


def self_discharge_per_s(temperature_degc: F4s) -> F8s:
    """SoC that leaks away inside the cells each second; it doubles every 10 K."""
    warmth = np.exp2((temperature_degc.astype(np.float64) - SELF_DISCHARGE_DEGC) * 0.1)
    return warmth * (SELF_DISCHARGE_PER_MONTH / (30.0 * 86_400.0))


def displayed_fraction(pack: Pack, soc: F8s) -> F8s:
    """What the driver is shown, 0..1: the net window of the true SoC."""
    displayed = soc - pack.low_soc
    displayed /= pack.span_soc
    return clip(displayed, ZERO8, ONE8)


def true_soc(pack: Pack, displayed: F8s) -> F8s:
    """The true SoC behind a displayed fraction."""
    return pack.low_soc + pack.span_soc * displayed


def energy_kwh(pack: Pack, soc: F8s, health: F8s) -> F4s:
    """Energy the driver can still use, kWh: what lies in the cells above the displayed zero."""
    left = _ENERGY(soc.astype(np.float32), pack.first_knot)
    left -= _ENERGY(pack.low_soc4, pack.first_knot)
    return clip(left, ZERO, INFINITE) * pack.gross_kwh * health.astype(np.float32)


def warm_charge_share(temperature_degc: F4s) -> F4s:
    """Share of the charging power that lithium plating and heat leave: full from 22 to 48 degC, 0.4 at 0, 0.22 at -10.

    Inside the ranges seen on public DC chargers (30-50 % of the peak below 0 degC, 15-30 % at -10, less above 45-50).
    """
    t = temperature_degc
    if not anywhere((t < _CHARGE_FROM) | (t > _CHARGE_TO)):
        return ONE
    cold = np.maximum(_CHARGE_0 + _CHARGE_PER_K * t, _CHARGE_0 + _CHARGE_PER_COLD_K * t)
    return clip(np.minimum(cold, (_NO_CHARGE_DEGC - t) * _CHARGE_PER_HOT_K), _LEAST_CHARGE, ONE)


def _warm_discharge_share(temperature_degc: F4s) -> F4s:
    """Share of the discharging power that cold and heat leave: full from 11 to 54 degC, 0.7 at -10."""
    t = temperature_degc
    if not anywhere((t < _DISCHARGE_FROM) | (t > _DISCHARGE_TO)):
        return ONE
    cold, hot = _DISCHARGE_0 + _DISCHARGE_PER_K * t, (_NO_DISCHARGE_DEGC - t) * _DISCHARGE_PER_HOT_K
    return clip(np.minimum(cold, hot), _LEAST_DISCHARGE, ONE)


def window(pack: Pack, soc: F8s) -> F4s:
    """Where in its net window the pack stands, 0 empty to 1 full and a little beyond; float32 is enough for limits."""
    place: F4s = soc.astype(np.float32)
    place -= pack.low_soc4
    place *= pack.per_span4
    return place


def discharge_limit_w(pack: Pack, terminals: Source, place: F4s, temperature_degc: F4s) -> F4s:
    """The most the BMS lets out now, W: motor's need, cold and heat, least voltage; 0 at an empty display.

    `place` is the pack's `window`.
    """
    emf, resistance, _ = terminals
    limit: F4s = clip(emf - pack.least_v, ZERO, INFINITE)
    limit *= pack.least_v
    limit /= resistance
    limit = np.minimum(pack.peak_w * _warm_discharge_share(temperature_degc), limit)
    limit *= clip(place * _PER_FADE, ZERO, ONE)
    return limit


def charge_limit_w(pack: Pack, place: F4s, temperature_degc: F4s) -> F4s:
    """The most that braking may put in now, W, in this `window`; fades over the last 5 % of the display."""
    room = ONE - place
    room *= _PER_REGEN_FADE
    room += _REGEN_AT_FULL
    room = clip(room, ZERO, ONE)
    room *= pack.regen_w * warm_charge_share(temperature_degc)
    return room
