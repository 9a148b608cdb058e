"""What the check knows of each car beforehand: figures of its data sheet, and how fast its parts can warm.

One float64 per vehicle and figure, shape (n,).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jinqiao.vehicles import battery, climate, thermal
from jinqiao.vehicles.cell_data import CELLS
from jinqiao.vehicles.vehicle_file import VehicleModel

__all__ = ["SpecLimits"]

F8 = NDArray[np.float64]

#: What leaves the pack beside the motor at its peak: its losses, heating, auxiliaries; and no pack gives more than this
#: share over it for a second.
PEAK_RESERVE = 1.25
#: More than the curve's peak can flow for no more than rounding's sake.
CHARGE_RESERVE = 1.02
#: Share of a power that can become heat at once: in the cells at full load in the cold, in motor and inverter together.
PACK_LOSS, MOTOR_LOSS = 0.35, 0.4
#: Best efficiency of a heat pump, and what sun, air and a door can do beside it, W.
BEST_COP, CABIN_BESIDE_W = 3.5, 6000.0


@dataclass(frozen=True, slots=True)
class SpecLimits:
    """`*_k_per_s` are the fastest changes of temperature that heat capacity allows."""

    gross_kwh: F8
    net_kwh: F8
    series: F8
    least_v: F8
    most_v: F8
    peak_kw: F8
    charge_kw: F8
    pack_k_per_s: F8
    cabin_k_per_s: F8
    motor_k_per_s: F8
    inverter_k_per_s: F8

    @classmethod
    def of(cls, models: Sequence[VehicleModel], model_of: NDArray[np.int16]) -> SpecLimits:
        rows = [_figures(model) for model in models]
        return cls(*[np.array(column, dtype=np.float64)[model_of] for column in zip(*rows, strict=True)])

    def at(self, vehicles: slice | NDArray[np.int32]) -> SpecLimits:
        """The same for some vehicles."""
        return SpecLimits(*[getattr(self, name)[vehicles] for name in self.__slots__])


def _figures(model: VehicleModel) -> tuple[float, ...]:
    """In the order of the fields."""
    cell, layout = CELLS[model.battery.chemistry], model.layout
    gross, peak_kw = model.battery.gross_kwh, model.drivetrain.peak_kw
    dc_kw = max((kw for _, kw in model.charging.dc_curve), default=0.0) if model.charging else 0.0
    hvac_w = model.climate.hvac_kw * 1000.0 if model.climate else 0.0
    # The pack is fed at the curve's power, the inlet with heating and loss on top.
    charge_kw = max(dc_kw, model.charging.ac_kw if model.charging else 0.0) * CHARGE_RESERVE / 0.99
    charge_kw += gross * thermal.HEAT_W_PER_KWH / 1000.0 + hvac_w / 1000.0 + 2.0
    pack_w = (max(peak_kw * PACK_LOSS, dc_kw * PACK_LOSS) + 2.0) * 1000.0 + gross * thermal.HEAT_W_PER_KWH
    return (
        gross,
        model.battery.net_kwh,
        float(layout.series),
        layout.series * cell.limits_v[0] * 0.9,
        layout.series * cell.limits_v[1] * 1.02,
        peak_kw * PEAK_RESERVE + 10.0,
        charge_kw,
        pack_w / (gross * battery.HEAT_J_PER_K_KWH),
        (hvac_w * BEST_COP + CABIN_BESIDE_W) / climate.HEAT_J_PER_K,
        peak_kw * 1000.0 * MOTOR_LOSS * float(thermal.MOTOR.k_per_w),
        peak_kw * 1000.0 * MOTOR_LOSS * float(thermal.INVERTER.k_per_w),
    )
