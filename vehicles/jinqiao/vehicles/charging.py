"""Charging: what a car takes at its inlet, and what one second of it does.

AC passes the on-board charger, whose loss is the maker's wall-to-battery figure; DC goes to the pack but for cable and
contactors. Curve, cold, cell voltage and charge limit each cap the pack's power; the least counts. Heating, cooling and
cabin are fed from the inlet first, so inlet = pack + charger loss + loads in every second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import ZERO, EvenTable, F4s, F8s, PerModel, U1s, clip, f4
from .battery import Pack, Source, current_a, warm_charge_share
from .bms import soc_shown_as
from .modes import ON_AC, ON_DC
from .vehicle_file import VehicleModel

__all__ = [
    "ChargeStep",
    "Inlet",
    "charge_step",
    "dc_curves",
    "inlet_efficiency",
    "inlet_most_w",
    "inlet_wanted_w",
    "limit_soc",
    "pack_limit_w",
]

#: Cable, inlet and contactors between a DC station's meter and the pack (estimate).
DC_EFFICIENCY = 0.99
#: Loads never take more than this share of what the inlet gives, so that charging always charges.
LOAD_SHARE = 0.8
#: A charging curve is read every half percent.
CURVE_KNOTS = 201
#: At the limit within this much of SoC: far below one step of any display.
AT_LIMIT_SOC = 1e-7

_DC_EFFICIENCY, _LOAD_SHARE, _NO_LIMIT = f4(DC_EFFICIENCY), f4(LOAD_SHARE), f4(np.inf)
_AT_LIMIT_SOC, _PER_PERCENT = np.array(AT_LIMIT_SOC), np.array(0.01)


@dataclass(frozen=True, slots=True)
class Inlet(PerModel):
    first_knot: NDArray[np.int32]  # of its row in `dc_curves`
    ac_w: F4s
    ac_efficiency: F4s

    @classmethod
    def of(cls, models: Sequence[VehicleModel]) -> Inlet:
        return cls(
            first_knot=np.arange(len(models), dtype=np.int32) * np.int32(CURVE_KNOTS),
            ac_w=f4([m.charging.ac_kw * 1000.0 if m.charging else 0.0 for m in models]),
            ac_efficiency=f4([m.effective.charge for m in models]),
        )


def dc_curves(models: Sequence[VehicleModel]) -> EvenTable:
    """Pack power in W over the displayed fraction, one row per model; a model without charging takes nothing."""
    percent = np.linspace(0.0, 100.0, CURVE_KNOTS)
    rows = []
    for model in models:
        points = model.charging.dc_curve if model.charging else ((0.0, 0.0), (100.0, 0.0))
        at, kw = zip(*points, strict=True)
        rows.append(np.interp(percent, at, kw) * 1000.0)
    return EvenTable(0.0, 1.0, rows)


def limit_soc(pack: Pack, charge_limit_percent: U1s, soc_error: F4s) -> F8s:
    """True SoC at which the display shows the charge limit and charging stops."""
    shown = charge_limit_percent.astype(np.float64)
    shown *= _PER_PERCENT
    return soc_shown_as(pack, shown, soc_error)


def inlet_efficiency(inlet: Inlet, plug_state: U1s) -> F4s:
    return np.where(plug_state == ON_DC, _DC_EFFICIENCY, inlet.ac_efficiency)


def inlet_most_w(inlet: Inlet, plug_state: U1s) -> F4s:
    """The most an inlet takes by its plug, W: no limit on DC, the on-board charger's on AC, nothing without one."""
    return np.where(plug_state == ON_DC, _NO_LIMIT, inlet.ac_w * (plug_state == ON_AC).astype(np.float32))


def pack_limit_w(
    pack: Pack,
    inlet: Inlet,
    curves: EvenTable,
    terminals: Source,
    shown: F8s,
    room_soc: F8s,
    temperature_degc: F4s,
    least_w: F4s,
) -> F4s:
    """The most the cells take now, W at the pack's terminals; 0 without room to the charge limit (SoC).

    The curve is the battery management's for fast charging and goes by the SoC it shows, `shown` (0..1); up to
    `least_w` (the on-board charger's power on AC) only the cells' voltage and the cold decide.
    """
    curve_w = np.maximum(curves(shown.astype(np.float32), inlet.first_knot), least_w)
    emf, resistance, _ = terminals
    by_voltage_a = np.maximum((pack.most_v - emf) / resistance, pack.least_charge_a)
    by_voltage_w = resistance * by_voltage_a
    by_voltage_w += emf
    by_voltage_w *= by_voltage_a
    curve_w *= warm_charge_share(temperature_degc)
    limit_w: F4s = np.minimum(curve_w, by_voltage_w)
    limit_w *= (room_soc > _AT_LIMIT_SOC).astype(np.float32)
    return limit_w


def inlet_wanted_w(pack_w: F4s, load_w: F4s, efficiency: F4s) -> F4s:
    """What feeds pack and loads, W at the inlet; nothing when the pack takes nothing."""
    wanted: F4s = np.divide(pack_w + load_w, efficiency)
    wanted *= (pack_w > ZERO).astype(np.float32)
    return wanted


class ChargeStep(NamedTuple):
    """One second of charging: powers in W, current in A (negative: into the pack), shape (rows,)."""

    inlet_w: F4s
    load_w: F4s
    current_a: F4s


def charge_step(
    terminals: Source,
    room_as: F8s,
    efficiency: F4s,
    offered_w: F4s,
    pack_most_w: F4s,
    load_wanted_w: F4s,
) -> ChargeStep:
    """Take what is offered and wanted; `room_as` is the charge (A s) left to the limit, which the last step meets."""
    inside_w = clip(offered_w, ZERO, inlet_wanted_w(pack_most_w, load_wanted_w, efficiency))
    inside_w *= efficiency
    load_w = np.minimum(load_wanted_w, inside_w * _LOAD_SHARE)
    current = current_a(terminals, load_w - inside_w)
    current = np.maximum(current, -room_as).astype(np.float32)
    inlet_w = terminals.emf_v - terminals.resistance_ohm * current
    inlet_w *= -current
    inlet_w += load_w
    inlet_w /= efficiency
    return ChargeStep(inlet_w, load_w, current)
