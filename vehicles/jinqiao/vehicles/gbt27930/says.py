"""What each message of a charge says: one row of `SAYS` for each whose content no phase decides."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

from ..damage.limits import HOT_DEGC, LEAST_OHM_PER_V
from .car import CELL_MOST_V, Car

__all__ = ["SAYS", "VERSION", "values_of"]

#: Highest temperature of a probe, degC.
MOST_DEGC = 55
#: Where the charger stands: Shanghai's division code.
_AREA = "310"
#: Type of battery in BRM: 03 lithium iron phosphate, 06 ternary.
CHEMISTRY = {"nmc": 0x06, "lfp": 0x03}
#: From this share of the pack's highest voltage on the car asks for constant voltage.
_NEAR_FULL = 0.995
#: BCS reports no more than this (10.3.2).
_MOST_MINUTES = 600
#: V1.1 of the standard.
VERSION = b"\x01\x01\x00"


def _brm(car: Car) -> Mapping[str, Any]:
    model = car.model
    return {
        "version": VERSION,
        "chemistry": CHEMISTRY[model.battery.chemistry],
        "capacity_ah": model.layout.cell_ah * model.layout.parallel,
        "rated_v": model.layout.nominal_v,
        "maker": "".join(letter for letter in model.make.upper() if letter.isascii())[:4],
        "pack_number": crc32(car.vin),
        "year": model.model_year,
        "month": 1,
        "day": 1,
        "charges": int(car.signal("energy_discharged") / model.battery.net_kwh),
        "owner": 1,
        "reserved": 0xFF,
        "vin": car.vin.decode(),
        "software": b"\x01\x01\x01\xe8\x07\xff\xff\xff",  # 1.1 of 2024-01-01: number, day, month, year
    }


def _cts(car: Car) -> Mapping[str, Any]:
    moment = car.clock()
    names = ("second", "minute", "hour", "day", "month", "year")
    return {name: getattr(moment, name) for name in names}


def _bcl(car: Car) -> Mapping[str, Any]:
    wanted_v = min(car.most_v, car.station.most_v)
    constant_v = car.voltage_v >= _NEAR_FULL * car.most_v
    return {"wanted_v": wanted_v, "wanted_a": -car.wanted_a(), "mode": 1 if constant_v else 2}


def _bcs(car: Car) -> Mapping[str, Any]:
    return {
        "measured_v": car.voltage_v,
        "measured_a": car.wire_a,
        "highest_cell": (car.signal("cell_voltage_max"), 1),
        "soc_percent": min(100.0, car.soc * 100.0),
        "minutes_left": min(_MOST_MINUTES, math.ceil(car.signal("minutes_to_limit"))),
    }


def _ccs(car: Car) -> Mapping[str, Any]:
    return {
        "output_v": car.voltage_v,
        "output_a": car.output_a,
        "minutes": int(car.seconds // 60),
        "charging": {"allowed": int(car.allowed)},
        "reserved": b"\xff",
    }


def _leaks(car: Car) -> bool:
    ohm_per_v = car.signal("insulation_resistance") * 1000.0 / max(car.signal("pack_voltage"), 1.0)
    leaks: bool = ohm_per_v <= LEAST_OHM_PER_V
    return leaks


def _bsm(car: Car) -> Mapping[str, Any]:
    hottest = crc32(car.vin) % 64
    return {
        "highest_cell": min(256, int(car.signal("cell_voltage_max_index"))),
        "hottest_degc": round(car.signal("cell_temperature_max")),
        "hottest_probe": hottest + 1,
        "coldest_degc": round(car.signal("cell_temperature_min")),
        "coldest_probe": (hottest + 7) % 64 + 1,
        "limits": {"temperature": int(car.signal("cell_temperature_max") >= HOT_DEGC[1])},
        "state": {"insulation": int(_leaks(car)), "allowed": int(car.allowed)},
    }


#: What each message says, but those whose content the phase decides.
SAYS: Mapping[str, Callable[[Car], Mapping[str, Any]]] = {
    "CHM": lambda _: {"version": VERSION},
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


def values_of(car: Car, name: str, result: int, ending: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of one message now; `result` is its first byte where the phase decides it."""
    if name in {"CRM", "BRO", "CRO"}:
        return {"result": result, "ready": result, "charger_number": car.station.number, "area": _AREA}
    if name in {"BST", "CST"}:
        return {"reasons": {}, "faults": {}, "errors": {}, **ending}
    if name in {"BEM", "CEM"}:
        return {"identification": {}, "parameters": {}, "charging": {}, "end": {}, **ending}
    if name not in car.said or name == "CTS":  # the clock runs on within a second
        car.said[name] = SAYS[name](car)
    return car.said[name]
