"""The values of a session: those of the car's own charge, the same physics as `catalog charge`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zlib import crc32

import numpy as np

from jinqiao.base.errors import InputError

from ..charge_run import AC_MOST_KW, SEED
from ..fleet import Fleet
from ..gbt32960.forms import BEIJING
from ..modes import ChargingState, VehicleState
from ..vehicle_file import VehicleModel

__all__ = ["MOST_A", "Charge", "Station"]

#: Largest voltage of a cell, V (charging standards of packs: NMC 4.25, LFP 3.65), and of a probe, degC.
CELL_MOST_V, MOST_DEGC = {"nmc": 4.25, "lfp": 3.65}, 55
#: Type of battery in BRM: 03 lithium iron phosphate, 06 ternary.
CHEMISTRY = {"nmc": 0x06, "lfp": 0x03}
#: Beyond this no current can be said on the wire: (0 + 400) × 10 steps below zero.
MOST_A = 400.0
#: From this share of the pack's highest voltage on the car asks for constant voltage.
_NEAR_FULL = 0.995
#: BCS tells no more than this (10.3.2).
_MOST_MINUTES = 600
_VERSION = b"\x01\x01\x00"
#: Where the charger stands: Shanghai's division code.
_AREA = "310"


class Station:
    """A DC charger: its power, and the window of its voltage and current."""

    def __init__(self, power_kw: float) -> None:
        self.power_kw = power_kw
        self.number = 1
        self.most_v, self.least_v, self.least_a = 1000.0, 200.0, 0.0
        self.most_a = MOST_A


class Charge:
    """One car at one station, from one shown percentage to another; `step` charges for a second.

    Raises InputError for a car that cannot, and for percentages and powers that are none.
    """

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
        #: Reads the session's clock, for CTS.
        self.clock: Callable[[], datetime] = lambda: datetime.now(BEIJING)
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

    def _most_kw(self) -> float:
        """What the largest current of the wire carries at this voltage."""
        return self.station.most_a * float(self.fleet.pack_voltage_v[0]) / 1000.0

    def _read(self) -> None:
        fleet, rows = self.fleet, slice(0, 1)
        self.soc = float(fleet.displayed_soc(rows)[0])
        signals = {**fleet.sample(rows, "core"), **fleet.sample(rows, "detail")}
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
        return SAYS[name](self)

    def signal(self, name: str) -> float:
        return self._signals[name]

    @property
    def voltage_v(self) -> float:
        return float(self.fleet.pack_voltage_v[0]) if self._flowing else self.signal("pack_voltage")

    @property
    def wire_a(self) -> float:
        """Current as it stands on the wire: negative while charging."""
        return max(-MOST_A, float(self.fleet.pack_current_a[0])) if self._flowing else 0.0

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


def _brm(car: Charge) -> Mapping[str, Any]:
    model = car.model
    return {
        "version": _VERSION,
        "chemistry": CHEMISTRY[model.battery.chemistry],
        "capacity_ah": model.layout.cell_ah * model.layout.parallel,
        "rated_v": model.layout.nominal_v,
        "maker": "".join(letter for letter in model.make.upper() if letter.isascii())[:4],
        "pack_number": crc32(bytes(car.fleet.vins[0])),
        "year": model.model_year,
        "month": 1,
        "day": 1,
        "charges": int(car.signal("energy_discharged") / model.battery.net_kwh),
        "owner": 1,
        "reserved": 0xFF,
        "vin": bytes(car.fleet.vins[0]).decode(),
        "software": b"\x01\x01\x01\xe8\x07\xff\xff\xff",  # 1.1 of 2024-01-01: number, day, month, year
    }


def _cts(car: Charge) -> Mapping[str, Any]:
    moment = car.clock()
    names = ("second", "minute", "hour", "day", "month", "year")
    return {name: getattr(moment, name) for name in names}


def _bcl(car: Charge) -> Mapping[str, Any]:
    wanted_v = min(car.most_v, car.station.most_v)
    constant_v = car.voltage_v >= _NEAR_FULL * car.most_v
    return {"wanted_v": wanted_v, "wanted_a": -car.wanted_a(), "mode": 1 if constant_v else 2}


def _bcs(car: Charge) -> Mapping[str, Any]:
    return {
        "measured_v": car.voltage_v,
        "measured_a": car.wire_a,
        "highest_cell": (car.signal("cell_voltage_max"), 1),
        "soc_percent": min(100.0, car.soc * 100.0),
        "minutes_left": min(_MOST_MINUTES, math.ceil(car.signal("minutes_to_limit"))),
    }


def _ccs(car: Charge) -> Mapping[str, Any]:
    return {
        "output_v": car.voltage_v,
        "output_a": car.wire_a,
        "minutes": int(car.seconds // 60),
        "charging": {"allowed": 1},
        "reserved": b"\xff",
    }


def _bsm(car: Charge) -> Mapping[str, Any]:
    hottest = crc32(bytes(car.fleet.vins[0])) % 64
    return {
        "highest_cell": min(256, int(car.signal("cell_voltage_max_index"))),
        "hottest_degc": round(car.signal("cell_temperature_max")),
        "hottest_probe": hottest + 1,
        "coldest_degc": round(car.signal("cell_temperature_min")),
        "coldest_probe": (hottest + 7) % 64 + 1,
        "limits": {},
        "state": {"allowed": 1},
    }


#: What each message says, but those whose content the phase decides.
SAYS: Mapping[str, Callable[[Charge], Mapping[str, Any]]] = {
    "CHM": lambda _: {"version": _VERSION},
    "BHM": lambda car: {"most_v": car.most_v},
    "BRM": _brm,
    "BCP": lambda car: {
        "cell_most_v": CELL_MOST_V[car.model.battery.chemistry],
        "most_a": -car.most_a,
        "energy_kwh": car.model.battery.gross_kwh,
        "most_v": car.most_v,
        "most_degc": MOST_DEGC,
        "soc_percent": car.soc * 100.0,
        "present_v": car.signal("pack_voltage"),
    },
    "CTS": _cts,
    "CML": lambda car: {
        "most_v": car.station.most_v,
        "least_v": car.station.least_v,
        "most_a": -car.station.most_a,
        "least_a": -car.station.least_a,
    },
    "BCL": _bcl,
    "BCS": _bcs,
    "CCS": _ccs,
    "BSM": _bsm,
    "BSD": lambda car: {
        "soc_percent": min(100.0, car.soc * 100.0),
        "lowest_cell_v": car.signal("cell_voltage_min"),
        "highest_cell_v": car.signal("cell_voltage_max"),
        "coldest_degc": round(car.signal("cell_temperature_min")),
        "hottest_degc": round(car.signal("cell_temperature_max")),
    },
    "CSD": lambda car: {
        "minutes": round(car.seconds / 60.0),
        "kwh": car.delivered_kwh,
        "charger_number": car.station.number,
    },
}
