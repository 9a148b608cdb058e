"""The values of a session: those of the car's own charge, the same physics as `catalog charge`."""

from __future__ import annotations

import math

import numpy as np

from jinqiao.base.errors import InputError

from ..charge_run import AC_MOST_KW, SEED
from ..fleet import Fleet
from ..modes import ChargingState, VehicleState
from ..vehicle_file import VehicleModel
from .car import MOST_A, Car, Station

__all__ = ["Charge"]


class Charge(Car):
    """One car at one station, from one shown percentage to another; `step` charges for a second.

    Raises InputError for a car that cannot, and for percentages and powers that are none.
    """

    fleet: Fleet

    def __init__(
        self,
        model: VehicleModel,
        *,
        from_percent: float,
        to_percent: float,
        power_kw: float,
        ambient_degc: float = 25.0,
        pack_degc: float = 30.0,
    ) -> None:
        if model.charging is None:
            raise InputError(f"{model.id}: the vehicle file has no charging block")
        if not 0.0 <= from_percent < to_percent <= 100.0:
            raise InputError(
                f"--from and --to: found {from_percent:g} to {to_percent:g}, expected 0 <= from < to <= 100"
            )
        if not AC_MOST_KW < power_kw <= 2000.0:
            raise InputError(
                f"--power-kw: found {power_kw:g}, expected a DC charger, above {AC_MOST_KW:g} and up to 2000"
            )
        self._target, self._ambient_degc = to_percent / 100.0, ambient_degc
        self.fleet = fleet = Fleet(
            [model],
            np.zeros(1, dtype=np.int16),
            seed=SEED,
            initial_soc=np.array([from_percent / 100.0]),
            ambient_degc=ambient_degc,
            dynamometer=True,
        )
        super().__init__(model, Station(), bytes(fleet.vins[0]))
        self._most_station_kw = power_kw
        fleet.state_of_health[:] = 1.0
        fleet.pack_temperature_degc[:] = fleet.coolant_temperature_degc[:] = pack_degc
        fleet.begin_charge(slice(None), "dc")
        fleet.charging_state[:] = ChargingState.CHARGING
        fleet.vehicle_state[:] = VehicleState.CHARGING
        fleet.charge_limit[:] = math.ceil(to_percent)
        self._flowing = False
        self._read()

    def step(self) -> float | None:
        """Charge for a second; the share of it at which the target was reached, None while it is not."""
        before = self.soc
        self._flowing = True
        self.fleet.charge(slice(0, 1), min(self._most_station_kw, self._most_kw()), self._ambient_degc)
        self._read()
        gained = self.soc - before
        reached = self.soc >= self._target - 1e-7
        part = min(1.0, (self._target - before) / gained) if reached and gained > 0 else 1.0
        self.seconds += part
        self.delivered_kwh += float(self.fleet.charge_power_kw[0]) * part / 3600.0
        return part if reached or gained <= 0.0 else None

    def stop(self) -> None:
        """No current any more."""
        self._flowing = False
        self.said.clear()

    def _most_kw(self) -> float:
        """What the largest current of the wire carries at this voltage."""
        return self.station.most_a * float(self.fleet.pack_voltage_v[0]) / 1000.0

    def _read(self) -> None:
        fleet, rows = self.fleet, slice(0, 1)
        self.soc = float(fleet.displayed_soc(rows)[0])
        signals = {**fleet.sample(rows, "core"), **fleet.sample(rows, "detail")}
        self.said.clear()
        self._signals = {name: float(values[0]) for name, values in signals.items()}

    @property
    def voltage_v(self) -> float:
        return float(self.fleet.pack_voltage_v[0]) if self._flowing else self.signal("pack_voltage")

    @property
    def wire_a(self) -> float:
        return max(-MOST_A, float(self.fleet.pack_current_a[0])) if self._flowing else 0.0

    @property
    def output_a(self) -> float:
        watts = float(self.fleet.charge_power_kw[0]) * 1000.0
        return max(-MOST_A, -watts / max(self.voltage_v, 1.0)) if self._flowing else 0.0

    def signal(self, name: str) -> float:
        return self._signals[name]

    def wanted_a(self) -> float:
        watts = float(self.fleet.acceptable_kw(slice(0, 1))[0]) * 1000.0
        return min(watts / max(self.voltage_v, 1.0), self.station.most_a, self.most_a)
