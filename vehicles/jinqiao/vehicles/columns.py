"""The state of a fleet: one column per quantity, one row per vehicle.

Exact counters are float64: one float32 step at SoC 0.9 is 6e-8, and 0.1 A on 150 Ah moves 1.9e-7 a second. What can be
derived is derived when somebody asks (`sampling.py`). Columns marked W are set by the simulator; all may be read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import F4s, F8s, U1s
from .damage.state import Damage

__all__ = ["TYRES", "Columns"]

#: Order of the tyre columns.
TYRES = ("fl", "fr", "rl", "rr")
_DTYPES = {
    "F8s": np.float64,
    "F4s": np.float32,
    "U1s": np.uint8,
    "NDArray[np.int8]": np.int8,
    "NDArray[np.int16]": np.int16,
    "NDArray[np.int32]": np.int32,
}


class Columns:
    """Every annotated name below is an array of shape (n,), zero at first; the annotation is its dtype."""

    # Counters of a life, a trip, a charging session.
    odometer_m: F8s
    soc: F8s  #: true state of charge of the cells, 0..1
    energy_discharged_kwh: F8s
    energy_regenerated_kwh: F8s
    energy_charged_kwh: F8s
    trip_start_m: F8s
    trip_start_kwh: F8s
    trip_s: NDArray[np.int32]
    # The last step.
    speed_mps: F4s
    acceleration_mps2: F4s
    wheel_w: F4s
    shaft_w: F4s
    motor_electric_w: F4s
    hvac_w: F4s
    aux_w: F4s  #: 12 V loads and battery conditioning
    pack_voltage_v: F4s
    pack_current_a: F4s  #: positive when discharging
    rc_fast_a: F4s  #: through the resistors of the cells' two RC links, for the whole pack
    rc_slow_a: F4s
    cells_loss_w: F4s  #: heat of the cells
    charge_power_kw: F4s  #: at the inlet
    offered_kw: F4s
    consumption_kwh_per_km: F4s  #: over the last 20 km or so
    # Temperatures.
    pack_temperature_degc: F4s
    coolant_temperature_degc: F4s  #: in the pack's loop
    cabin_temperature_degc: F4s
    motor_temperature_degc: F4s
    inverter_temperature_degc: F4s
    tyre_temperature_degc: F4s
    # What the vehicle is doing: W.
    vehicle_state: U1s
    plug_state: U1s
    charging_state: U1s
    charge_limit: U1s  #: percent of the display
    user_limit: U1s  #: the limit a user has set to stay, percent; 0 where nobody has
    ota_failure: NDArray[np.int8]  #: the step at which the next update fails, -1 … -4; 0 where none does
    alarm_level: U1s
    dtc_count: U1s
    target_temperature: F4s
    climate_on: U1s
    locked: U1s
    doors_open: U1s
    windows_open: U1s
    hazard_light: U1s
    stood_s: F4s  #: since the last trip
    on_trip: U1s  #: 1 from `begin_trip` until the driver leaves the car
    # What distinguishes one car from its neighbour; set at birth.
    state_of_health: F8s  #: falls by less than a float32 step in an hour
    aged_calendar: F8s  #: sums of `ageing.py` …
    aged_cycles: F8s
    aged_from_kwh: F8s  #: … and the energy discharged that is in them
    charge_habit_c: F4s  #: usual charging rate, C
    cell_spread_v: F4s  #: strong over weak cell at rest …
    cell_spread_capacity: F4s  #: … in capacity …
    cell_spread_resistance: F4s  #: … and weak over strong in resistance
    cell_spread_k: F4s  #: hottest over coldest probe at rest
    insulation_kohm: F4s
    aux_offset_v: F4s
    bms_error: F4s  #: of the shown SoC when it was last set right as far as could be (`bms.py`)
    bms_drift_per_kwh: F4s
    bms_from_kwh: F8s  #: energy discharged by then
    bms_owed: F4s  #: by how much the display was below what the battery management knew then
    bms_release_per_kwh: F4s  #: how much of that the display gets back
    strong_cell: NDArray[np.int16]  #: number from 1
    weak_cell: NDArray[np.int16]
    always_lit: U1s  #: drives with low beam by day, too
    tyre_fl_kpa: F4s  #: gauge, as filled at 20 degC
    tyre_fr_kpa: F4s
    tyre_rl_kpa: F4s
    tyre_rr_kpa: F4s

    def __init__(self, n: int) -> None:
        self.n = n
        #: What is broken in any of them; None while nothing has ever been.
        self.damage: Damage | None = None
        #: All columns of one type as rows of one array, shape (columns, n), so that many are taken in one call.
        self.blocks: list[NDArray[Any]] = []
        for kind, dtype in _DTYPES.items():
            names = [name for name, annotation in Columns.__annotations__.items() if annotation == kind]
            block = np.zeros((len(names), n), dtype=dtype)
            self.blocks.append(block)
            for name, column in zip(names, block, strict=True):
                setattr(self, name, column)

    def take(self, source: Columns, rows: NDArray[np.intp], start: int) -> None:
        """Copy m rows of `source`, of all columns, to the rows from `start` on; there must be room for them."""
        for mine, theirs in zip(self.blocks, source.blocks, strict=True):
            theirs.take(rows, axis=1, out=mine[:, start : start + len(rows)], mode="clip")
        if source.damage is not None:
            self.harmed().take(source.damage, rows, start)

    def harmed(self) -> Damage:
        """What is broken, to break or mend something of it."""
        if self.damage is None:
            self.damage = Damage(self.n)
        return self.damage

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays that have one row per vehicle."""
        views = {id(block) for block in self.blocks}
        own = [value for value in vars(self).values() if isinstance(value, np.ndarray) and id(value.base) not in views]
        return sum(block.nbytes for block in self.blocks) + sum(v.nbytes for v in own if v.shape[:1] == (self.n,))
