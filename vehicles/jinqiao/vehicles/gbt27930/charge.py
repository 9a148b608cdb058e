"""The values of a session: those of the car's own charge, the same physics as `catalog charge`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from jinqiao.base.errors import InputError

from ..charge_run import AC_MOST_KW, SEED
from ..fleet import Fleet
from ..gbt32960.forms import BEIJING
from ..modes import ChargingState, VehicleState
from ..vehicle_file import VehicleModel
from .says import CELL_MOST_V, SAYS

__all__ = ["MOST_A", "Charge", "Station"]

#: Beyond this no current can be said on the wire: (0 + 400) × 10 steps below zero.
MOST_A = 400.0
#: Where the charger stands: Shanghai's division code.
_AREA = "310"


@dataclass(frozen=True, slots=True)
class Station:
    """A DC charger: its power, and the window of its voltage and current."""

    power_kw: float
    number: int = 1
    most_v: float = 1000.0
    least_v: float = 200.0
    most_a: float = MOST_A
    least_a: float = 0.0


class Charge:
    """One car at one station, from one shown percentage to another; `step` charges for a second.

    Raises InputError for a car that cannot, and for percentages and powers that are none.
    """

    model: VehicleModel
    station: Station
    fleet: Fleet
    soc: float  #: as shown, 0..1
    seconds: float  #: of charging
    delivered_kwh: float
    clock: Callable[[], datetime]  #: of the session, for CTS

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
        self.model, self.station = model, Station(power_kw)
        self._target, self._ambient_degc = to_percent / 100.0, ambient_degc
        self.fleet = fleet = Fleet(
            [model],
            np.zeros(1, dtype=np.int16),
            seed=SEED,
            initial_soc=np.array([from_percent / 100.0]),
            ambient_degc=ambient_degc,
            dynamometer=True,
        )
        fleet.state_of_health[:] = 1.0
        fleet.pack_temperature_degc[:] = fleet.coolant_temperature_degc[:] = pack_degc
        fleet.begin_charge(slice(None), "dc")
        fleet.charging_state[:] = ChargingState.CHARGING
        fleet.vehicle_state[:] = VehicleState.CHARGING
        fleet.charge_limit[:] = math.ceil(to_percent)
        self.delivered_kwh = 0.0
        self.clock = lambda: datetime.now(BEIJING)
        self.seconds = 0.0
        self._flowing = False
        self._read()

    def step(self) -> float | None:
        """Charge for a second; the share of it at which the target was reached, None while it is not."""
        before = self.soc
        self._flowing = True
        self.fleet.charge(slice(0, 1), min(self.station.power_kw, self._most_kw()), self._ambient_degc)
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
        self._said.clear()

    def _most_kw(self) -> float:
        """What the largest current of the wire carries at this voltage."""
        return self.station.most_a * float(self.fleet.pack_voltage_v[0]) / 1000.0

    def _read(self) -> None:
        fleet, rows = self.fleet, slice(0, 1)
        self.soc = float(fleet.displayed_soc(rows)[0])
        signals = {**fleet.sample(rows, "core"), **fleet.sample(rows, "detail")}
        self._said: dict[str, Mapping[str, Any]] = {}  # what was worked out for this second
        self._signals = {name: float(values[0]) for name, values in signals.items()}

    # What the messages say.

    def values(self, name: str, result: int, ending: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields of one message now; `result` is its first byte where the phase decides it."""
        if name in {"CRM", "BRO", "CRO"}:
            return {"result": result, "ready": result, "charger_number": self.station.number, "area": _AREA}
        if name in {"BST", "CST"}:
            return {"reasons": {}, "faults": {}, "errors": {}, **ending}
        if name in {"BEM", "CEM"}:
            return {"identification": {}, "parameters": {}, "charging": {}, "end": {}, **ending}
        if name not in self._said or name == "CTS":  # the clock runs on within a second
            self._said[name] = SAYS[name](self)
        return self._said[name]

    def signal(self, name: str) -> float:
        return self._signals[name]

    @property
    def voltage_v(self) -> float:
        return float(self.fleet.pack_voltage_v[0]) if self._flowing else self.signal("pack_voltage")

    @property
    def wire_a(self) -> float:
        """The pack's current as it stands on the wire: negative while charging."""
        return max(-MOST_A, float(self.fleet.pack_current_a[0])) if self._flowing else 0.0

    @property
    def output_a(self) -> float:
        """The charger's: the pack's and what the car itself uses meanwhile, in the same sign."""
        watts = float(self.fleet.charge_power_kw[0]) * 1000.0
        return max(-MOST_A, -watts / max(self.voltage_v, 1.0)) if self._flowing else 0.0

    @property
    def most_v(self) -> float:
        return CELL_MOST_V[self.model.battery.chemistry] * self.model.layout.series

    @property
    def most_a(self) -> float:
        """The largest current the car's charging curve can ask for."""
        charging = self.model.charging
        assert charging is not None
        return min(MOST_A, max(kw for _, kw in charging.dc_curve) * 1000.0 / (0.9 * self.model.layout.nominal_v))

    def wanted_a(self) -> float:
        """What the car would take now, and no more than the station said it has."""
        watts = float(self.fleet.acceptable_kw(slice(0, 1))[0]) * 1000.0
        return min(watts / max(self.voltage_v, 1.0), self.station.most_a, self.most_a)
