"""What the control units of damaged cars notice: alarms, trouble codes, charges to end, cars that cannot set out.

Nobody is looked at while no car is damaged. Those that drive or charge are looked at every second, those that stand
every `LOOK_S`, on a grid of their own, so that what a car computes does not depend on who else is awake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import simpy
from numpy.typing import NDArray

from jinqiao.vehicles.damage.alarms import APART_V, AUX_LOW_V, INSULATION_OHM_PER_V
from jinqiao.vehicles.damage.limits import AUX_FLAT_V, HOT_DEGC, why_no_charge
from jinqiao.vehicles.damage.state import Cause, Damage, Quantity
from jinqiao.vehicles.modes import ChargingState
from jinqiao.vehicles.sampling import Condition

from .activity import RESTING

if TYPE_CHECKING:
    from .town import Town

__all__ = ["LOOK_S", "Diagnosis"]

Rows: TypeAlias = NDArray[np.intp]

#: The battery management of a standing car wakes up so often, s (estimate: real ones look every few minutes at rest and
#: at once when a monitored cell calls).
LOOK_S = 10


class Signs(NamedTuple):
    """What trouble codes are judged by: the condition of some cars and their damage."""

    condition: Condition
    damage: Damage
    rows: Rows

    def broken(self, quantity: Quantity) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.damage.of(quantity, self.rows) > 0.0
        return found


#: Trouble code → when a control unit stores it; names in `dtc.CODES`.
CODES: Mapping[str, Callable[[Signs], NDArray[np.bool_]]] = {
    "P0A7E": lambda car: car.condition.hottest_degc >= HOT_DEGC[1],
    "P0BBD": lambda car: car.condition.apart_v >= APART_V[2],
    "P0A80": lambda car: car.broken(Quantity.OHM) & (car.condition.apart_v >= APART_V[1]),
    "P0AA6": lambda car: car.condition.ohm_per_v < INSULATION_OHM_PER_V[2],
    "P0C47": lambda car: car.broken(Quantity.PACK_FLOW),
    "P0A05": lambda car: car.broken(Quantity.MOTOR_FLOW),
    "P0562": lambda car: car.condition.aux_v < AUX_LOW_V,
    "P0A94": lambda car: car.broken(Quantity.CONVERTER),
    "P0A78": lambda car: car.broken(Quantity.MOTOR),
    "P0AA1": lambda car: car.broken(Quantity.STUCK_CLOSED),
    "P0AA2": lambda car: car.broken(Quantity.STUCK_OPEN),
    "U019B": lambda car: car.damage.of(Quantity.CHARGER, car.rows) >= 1.0,
}


class Diagnosis:
    """Of all cars of a town; `second` is asked after the physics of each second in which any is damaged."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._told: NDArray[np.uint32] | None = None
        self._fit_again: dict[int, simpy.Event] = {}

    def next_s(self, now_s: int) -> int | None:
        """The next second from `now_s` on in which damaged cars at rest are looked at; None where there are none."""
        damage = self._town.fleet.damage
        if damage is None or not damage.touched.any():
            return None
        return -(-now_s // LOOK_S) * LOOK_S

    def second(self) -> None:
        """Look at the damaged cars at the end of a second's physics."""
        town, damage = self._town, self._town.fleet.damage
        if damage is None:
            return
        rows = damage.rows
        if not len(rows):
            return
        resting = town.mode[rows] == RESTING
        looked = town.clock.second % LOOK_S == 0
        if looked:
            town.catch_up(rows[resting])
            town.changed += damage.settle().tolist()
        self._look_at(damage.rows if looked else rows[~resting], damage)

    def _look_at(self, rows: Rows, damage: Damage) -> None:
        if not len(rows):
            return
        condition = self._town.fleet.condition(rows)
        self._end_charges(rows, damage, condition)
        self._raise_alarms(rows, damage, condition)
        self._store_codes(Signs(condition, damage, rows))
        self._let_go()

    def _end_charges(self, rows: Rows, damage: Damage, condition: Condition) -> None:
        town = self._town
        state = town.fleet.charging_state[rows]
        on = (state == ChargingState.CHARGING) | (state == ChargingState.SUSPENDED)
        if not on.any():
            return
        cause = self._why_no_charge(rows, damage, condition, begins=False)
        for place in ((cause != Cause.NONE) & on).nonzero()[0].tolist():
            damage.cause[rows[place]] = cause[place]
            town.sessions.stop(int(rows[place]))

    def _why_no_charge(self, rows: Rows, damage: Damage, condition: Condition, *, begins: bool) -> NDArray[np.uint8]:
        return why_no_charge(
            damage,
            rows,
            self._town.fleet.plug_state[rows],
            condition.hottest_degc,
            condition.coldest_degc,
            condition.ohm_per_v,
            self._town.ambient_degc,
            begins=begins,
        )

    def _raise_alarms(self, rows: Rows, damage: Damage, condition: Condition) -> None:
        """A car reports at once when its alarm changes."""
        changed = rows[damage.level[rows] != condition.level]
        damage.level[rows] = condition.level
        self._town.changed += changed.tolist()

    def _store_codes(self, signs: Signs) -> None:
        if self._told is None:
            self._told = np.zeros(self._town.fleet.n, dtype=np.uint32)
        told = self._told[signs.rows]
        for bit, (code, holds) in enumerate(CODES.items()):
            mask = np.uint32(1 << bit)
            new = holds(signs) & (told & mask == 0)
            for row in signs.rows[new].tolist():
                self._told[row] |= mask
                self._town.store_dtc(row, code)

    # One car.

    def forget_codes(self, row: int) -> None:
        """Its codes have been cleared: what is still wrong is stored again."""
        if self._told is not None:
            self._told[row] = 0

    def refuses_charge(self, row: int) -> Cause:
        """Why a charge that is about to begin does not."""
        damage = self._town.fleet.damage
        if damage is None:
            return Cause.NONE
        damage.cause[row] = Cause.NONE
        if not damage.touched[row]:
            return Cause.NONE
        rows = np.array([row], dtype=np.intp)
        condition = self._town.fleet.condition(rows)
        cause = Cause(int(self._why_no_charge(rows, damage, condition, begins=True)[0]))
        damage.cause[row] = cause
        return cause

    def is_unfit(self, row: int) -> bool:
        """Whether it is too broken to set out, or, on the road, to drive on."""
        damage = self._town.fleet.damage
        return damage is not None and bool(damage.touched[row]) and self._town.fleet.unfit(row)

    def aux_is_low(self, row: int) -> bool:
        """Whether its 12 V system is too weak to switch anything on."""
        damage = self._town.fleet.damage
        if damage is None or not damage.touched[row]:
            return False
        return bool(self._town.fleet.condition(np.array([row], dtype=np.intp)).aux_v[0] < AUX_FLAT_V)

    def fit_again(self, row: int) -> simpy.Event:
        """Happens when a car can set out again."""
        event = self._fit_again.get(row)
        if event is None:
            event = self._fit_again[row] = self._town.clock.event()
        return event

    def mended(self) -> None:
        """Something has been mended in some cars."""
        self._let_go()

    def _let_go(self) -> None:
        for row in [row for row in self._fit_again if not self.is_unfit(row)]:
            self._fit_again.pop(row).succeed()
