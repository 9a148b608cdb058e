"""From where on a damaged car raises an alarm: levels 1 to 3 as GB/T 32960.3 grades them (7.2.3.7, table 17).

The standard names the alarms and leaves most thresholds to the maker: 3 asks the driver to stop at once, 2 limits the
power, 1 informs. Temperature alone has its levels in every car (`sampling.HOT_DEGC`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..arrays import F4s
from .state import TYRE_LOSS, Damage, Quantity

__all__ = ["APART_K", "APART_V", "AUX_LOW_V", "INSULATION_OHM_PER_V", "LOW_TYRE", "damage_level"]

#: Level → from which difference of the hottest and the coldest probe it holds, K: the warning of `limits.APART_K`, the
#: end of charging, and one beyond.
APART_K: Mapping[int, float] = {1: 10.0, 2: 15.0, 3: 20.0}
#: Level → cells apart, V: warning and fault as seen in packs (100 mV, 300 mV).
APART_V: Mapping[int, float] = {1: 0.1, 2: 0.3}
#: Level → insulation below this, Ohm per V of the pack: GB 18384-2020, 5.1.4, asks for 500 where AC and DC circuits
#: are joined, as in a running drive, and for 100 in DC circuits.
INSULATION_OHM_PER_V: Mapping[int, float] = {2: 500.0, 3: 100.0}
#: Level 1 where the 12 V system is below this, V: a rested lead battery at 11.8 V holds a fifth of its charge.
AUX_LOW_V = 11.8
#: Level 1 where a tyre has lost this share of its pressure: UN R141, 5.3.2, warns at 20 % below the warm one.
LOW_TYRE = 0.2
#: Power below which a motor's derating is an alarm of level 2: more than this share is lost.
MOTOR_LOST = 0.05


def damage_level(
    damage: Damage,
    rows: NDArray[np.intp],
    *,
    apart_k: F4s,
    apart_v: F4s,
    ohm_per_v: F4s,
    aux_v: F4s,
    filled_kpa: Mapping[str, F4s],
) -> NDArray[np.uint8]:
    """The highest alarm of these cars, 0 to 3, beside that of the hottest cell."""
    level = np.zeros(len(rows), dtype=np.uint8)

    def raise_to(grade: int, where: NDArray[np.bool_]) -> None:
        np.maximum(level, np.where(where, np.uint8(grade), np.uint8(0)), out=level)

    for grade, kelvin in APART_K.items():
        raise_to(grade, apart_k >= kelvin)
    for grade, volts in APART_V.items():
        raise_to(grade, apart_v >= volts)
    for grade, ohm in INSULATION_OHM_PER_V.items():
        raise_to(grade, ohm_per_v < ohm)
    raise_to(1, aux_v < AUX_LOW_V)
    for tyre, loss in TYRE_LOSS.items():
        raise_to(1, damage.of(loss, rows) >= LOW_TYRE * filled_kpa[tyre])
    raise_to(2, damage.of(Quantity.CONVERTER, rows) > 0.0)
    raise_to(2, damage.of(Quantity.MOTOR, rows) > MOTOR_LOST)
    raise_to(2, (damage.of(Quantity.STUCK_OPEN, rows) > 0.0) | (damage.of(Quantity.STUCK_CLOSED, rows) > 0.0))
    raise_to(2, (damage.of(Quantity.PACK_FLOW, rows) > 0.0) | (damage.of(Quantity.MOTOR_FLOW, rows) > 0.0))
    raise_to(3, damage.of(Quantity.RUNAWAY, rows) > 0.0)
    return level
