"""The damage of a fleet: quantities that are zero in a sound car, each of which heads for a goal at a rate of its own.

A fault sets goal and rate (`harm`), time passes with the steps of the fleet (`advance`), the fault's end sets the goal
back to zero (`mend`). Whatever a quantity does follows from its value alone, so a sample of a kept moment needs nothing
else. Faults of one quantity may overlap in a car: the later one decides, and only the last end mends it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import F4s, Rows

__all__ = ["AT_ONCE", "TYRE_LOSS", "Cause", "Damage", "Hurt", "Quantity"]

#: Contacts that carry no current cool with this time constant, s: see `effects.CONTACT_J_PER_K`.
CONTACT_S = 600.0
#: A rate at which a goal is reached within one step.
AT_ONCE = np.inf


class Quantity(IntEnum):
    """What may be damaged, and the unit of its value."""

    HOT_K = 0  #: a cell over the temperature its place in the pack gives it, K
    SHORT_W = 1  #: heat of a short in that cell, fed by the pack's charge, W
    LOW_V = 2  #: open-circuit voltage of a cell below its place, V
    OHM = 3  #: that cell's additional resistance, in sound cells
    LEAK_PER_KOHM = 4  #: conductance between high voltage and body, 1/kOhm
    PACK_FLOW = 5  #: share of the coolant that no longer reaches the pack
    MOTOR_FLOW = 6  #: the same of motor and inverter
    AUX_DEPTH = 7  #: depth of discharge of the 12 V battery, 0..1
    AUX_WEAK = 8  #: 1 where that battery is what is broken: it drags the 12 V system down
    CONVERTER = 9  #: 1 where the DC-DC converter gives nothing
    TYRE_FL_KPA = 10  #: lost of what the tyre was filled with, kPa
    TYRE_FR_KPA = 11
    TYRE_RL_KPA = 12
    TYRE_RR_KPA = 13
    MOTOR = 14  #: share of the motor's power that is lost
    DRAG_N = 15  #: a brake that does not release, N at the wheels
    CONTACT_MOHM = 16  #: additional resistance of the DC contacts at the inlet, mOhm
    CONTACT_K = 17  #: those contacts over the outside air, K
    STUCK_OPEN = 18  #: 1 where a main contactor does not close
    STUCK_CLOSED = 19  #: 1 where one does not open
    CHARGER = 20  #: share of the on-board charger's power that is lost
    RUNAWAY = 21  #: 1 where a cell is in thermal runaway


#: The quantity of each tyre, in the order of `columns.TYRES`.
TYRE_LOSS = {
    "fl": Quantity.TYRE_FL_KPA,
    "fr": Quantity.TYRE_FR_KPA,
    "rl": Quantity.TYRE_RL_KPA,
    "rr": Quantity.TYRE_RR_KPA,
}


class Cause(IntEnum):
    """Why the battery management ended or refused a charge: the words of BST (`gbt27930/endings.py`)."""

    NONE = 0
    BATTERY_HOT = 1
    INSULATION = 2
    CONNECTOR_HOT = 3
    RELAY = 4
    OTHER = 5


class Hurt(NamedTuple):
    """Those of a block's rows that are damaged: their `places` in the block, and their `rows` of the fleet."""

    places: NDArray[np.intp]
    rows: NDArray[np.intp]


class Damage:
    """Of n vehicles; `now`, `goal` and `rate` (per second) have shape (quantities, n).

    `hot_cell` and `low_cell` number the damaged cells from 1 (0: none). `low_place` and the places of the highest and
    lowest of the other cells (`others_top`, `others_bottom`, whose numbers are `top_cell`, `bottom_cell`) are in gaps
    from the mean as in `cells.voltage_places`; `hot_place`, `hot_top`, `hot_bottom` the same of the probes.
    """

    hot_cell: NDArray[np.int16]
    low_cell: NDArray[np.int16]
    top_cell: NDArray[np.int16]
    bottom_cell: NDArray[np.int16]
    low_place: F4s
    others_top: F4s
    others_bottom: F4s
    hot_place: F4s
    hot_top: F4s
    hot_bottom: F4s
    cause: NDArray[np.uint8]  #: `Cause` of the last charge that was ended or refused
    level: NDArray[np.uint8]  #: alarm by the damage, 0 to 3, as the control units have noticed it last

    def __init__(self, n: int) -> None:
        self.n = n
        shape = (len(Quantity), n)
        self.now, self.goal, self.rate = (np.zeros(shape, dtype=np.float32) for _ in range(3))
        self._holders = np.zeros(shape, dtype=np.int16)
        #: Quantities that have ever been damaged in any of them, rising: the others are zero everywhere.
        self.seen: list[int] = []
        #: Which rows are damaged, or on their way back.
        self.touched = np.zeros(n, dtype=np.bool_)
        for name, kind in _COLUMNS.items():
            setattr(self, name, np.zeros(n, dtype=kind))

    # Changes.

    def harm(self, quantity: Quantity, rows: NDArray[np.intp], goal: float | F4s, rate_per_s: float | F4s) -> None:
        """Let a quantity of these rows head for `goal`, one more reason for it; the rate is positive."""
        also = [Quantity.CONTACT_K] if quantity == Quantity.CONTACT_MOHM else []
        self.seen = sorted({*self.seen, quantity, *also})
        self.goal[quantity, rows] = goal
        self.rate[quantity, rows] = rate_per_s
        self._holders[quantity, rows] += 1
        self.touched[rows] = True
        self._reach(quantity, rows, rate_per_s)

    def mend(self, quantity: Quantity, rows: NDArray[np.intp], rate_per_s: float = AT_ONCE) -> NDArray[np.intp]:
        """One reason less; where it was the last, back to zero at this rate. Returns the rows where it was."""
        self._holders[quantity, rows] -= 1
        free: NDArray[np.intp] = rows[self._holders[quantity, rows] == 0]
        self.goal[quantity, free] = 0.0
        self.rate[quantity, free] = rate_per_s
        self._reach(quantity, free, rate_per_s)
        return free

    def _reach(self, quantity: Quantity, rows: NDArray[np.intp], rate_per_s: float | F4s) -> None:
        if np.isscalar(rate_per_s) and rate_per_s == AT_ONCE:
            self.now[quantity, rows] = self.goal[quantity, rows]

    def held(self, quantity: Quantity, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether a fault still is a reason for it."""
        some: NDArray[np.bool_] = self._holders[quantity, rows] > 0
        return some

    def settle(self) -> NDArray[np.intp]:
        """Forget the rows in which nothing is damaged any more; those among them whose alarm is over with that."""
        rows = self.touched.nonzero()[0]
        sound = ~((self.now[:, rows] != 0.0) | (self._holders[:, rows] > 0)).any(axis=0)
        whole = rows[sound]
        calmed: NDArray[np.intp] = whole[self.level[whole] > 0]
        self.touched[whole] = False
        self.level[whole] = 0
        return calmed

    def advance(self, rows: Rows, seconds: float | F4s) -> None:
        """Time passes for these rows of the fleet; `seconds` is one for all or of shape (rows,)."""
        hurt = self.among(rows)
        if hurt is None:
            return
        places, mine = hurt
        if isinstance(seconds, np.ndarray) and seconds.ndim:
            seconds = seconds[places]
        for quantity in self.seen:
            now, goal = self.now[quantity], self.goal[quantity].take(mine)
            value = now.take(mine)
            if quantity == Quantity.CONTACT_K:
                now[mine] = value * np.exp(np.asarray(seconds, dtype=np.float32) * np.float32(-1.0 / CONTACT_S))
                continue
            if (value == goal).all():
                continue
            most = self.rate[quantity].take(mine) * seconds
            left = goal - value
            # At once, in no time: infinite times nothing.
            now[mine] = value + np.clip(left, *np.nan_to_num((-most, most), nan=0.0))

    # Questions.

    def among(self, rows: Rows) -> Hurt | None:
        """Which of these rows are damaged; None where none is."""
        places = self.touched[rows].nonzero()[0]
        if not len(places):
            return None
        return Hurt(places, places + rows.start if isinstance(rows, slice) else rows[places])

    def of(self, quantity: Quantity, rows: NDArray[np.intp]) -> F4s:
        """Its value in these rows."""
        values: F4s = self.now[quantity].take(rows)
        return values

    def has(self, *quantities: Quantity) -> bool:
        """Whether any of these has ever been damaged in any car."""
        return any(quantity in self.seen for quantity in quantities)

    @property
    def rows(self) -> NDArray[np.intp]:
        """All that are damaged, rising."""
        rows: NDArray[np.intp] = self.touched.nonzero()[0]
        return rows

    # Kept moments.

    def take(self, source: Damage, rows: NDArray[np.intp], start: int) -> None:
        """Copy m rows of `source` to the rows from `start` on."""
        stop = start + len(rows)
        self.seen = source.seen
        touched = source.touched[rows]
        self.touched[start:stop] = touched
        if not touched.any():
            return
        self.now[:, start:stop] = source.now[:, rows]
        for name in _COLUMNS:
            getattr(self, name)[start:stop] = getattr(source, name)[rows]


_COLUMNS: dict[str, Any] = {
    **dict.fromkeys(("hot_cell", "low_cell", "top_cell", "bottom_cell"), np.int16),
    **dict.fromkeys(("low_place", "others_top", "others_bottom", "hot_place", "hot_top", "hot_bottom"), np.float32),
    "cause": np.uint8,
    "level": np.uint8,
}
