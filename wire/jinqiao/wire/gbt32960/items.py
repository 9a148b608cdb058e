"""Items of real-time data, both editions: one table each, type byte → name and form.

GB/T 32960.3-2016, 7.2 and GB/T 32960.3-2025, 7.2. Fuel cells and super capacitors of 2025 (03, 30, 31, 32) are as
public decoders read them, not checked against the paid text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .forms import Bits, Blob, Choice, Flags, Form, Listing, Number, Part, Record

__all__ = ["ALARMS", "ITEMS_2016", "ITEMS_2025", "OWN_DATA", "SIGNATURE", "Item"]


@dataclass(frozen=True, slots=True)
class Item:
    """One kind of item."""

    name: str
    form: Form


COUNT = Number(1, marks=False)
NUMBER = Number(1)
DEGC = Number(1, offset=-40)
VOLT = Number(2, per=10)
PERCENT = Number(1)
CELL_V = Number(2, per=1000)
DEGREE = Number(4, per=1_000_000)

#: Types 80 to FE: the sender's own data behind its length.
OWN_DATA = Blob()

# Item 01.
STATE = Choice({1: "on", 2: "off", 3: "other"})
CHARGING = Choice({1: "parked", 2: "driving", 3: "none", 4: "complete"})
MODE = Choice({1: "electric", 2: "hybrid", 3: "fuel"})
SWITCH = Choice({1: "on", 2: "off"})
GEARS = {0: "N", **{n: str(n) for n in range(1, 13)}, 13: "R", 14: "D", 15: "P"}
GEAR_2016 = Bits({"gear": Part(0, 4, GEARS), "braking": Part(4), "driving": Part(5)})
GEAR_2025 = Bits({"gear": Part(0, 4, GEARS), "braking": Part(4), "driving": Part(5), "not_valid": Part(7)})


def _vehicle(ampere_offset: int, gear: Form, insulation: Form, **pedals: Form) -> Record:
    return Record(
        {
            "state": STATE,
            "charging": CHARGING,
            "mode": MODE,
            "speed_kmh": Number(2, per=10),
            "odometer_km": Number(4, per=10),
            "voltage_v": VOLT,
            "current_a": Number(2, per=10, offset=ampere_offset),
            "soc_percent": PERCENT,
            "dcdc": SWITCH,
            "gear": gear,
            "insulation_kohm": insulation,
            **pedals,
        }
    )


# Item 02.
MOTOR_STATE = Choice({1: "consuming", 2: "generating", 3: "off", 4: "idle"})


def _motors(rpm_offset: int, torque: Form, **controller: Form) -> Listing:
    return Listing(
        Record(
            {
                "number": COUNT,
                "state": MOTOR_STATE,
                "controller_degc": DEGC,
                "speed_rpm": Number(2, offset=rpm_offset),
                "torque_nm": torque,
                "motor_degc": DEGC,
                **controller,
            }
        )
    )


# Item 03. In 2016 it is 18 bytes and one for each probe (7.2.3.3, table 11).
HYDROGEN_PRESSURE = {"highest_pressure_mpa": Number(2, per=10), "highest_pressure_sensor": NUMBER}
FUEL_CELL_2016 = Record(
    {
        "voltage_v": VOLT,
        "current_a": Number(2, per=10),
        "kg_per_100km": Number(2, per=100),
        "probes_degc": Listing(DEGC, count_size=2),
        "hottest_degc": Number(2, per=10, offset=-40),
        "hottest_probe": NUMBER,
        "highest_concentration_mg_per_kg": Number(2, offset=-10_000),
        "highest_concentration_sensor": NUMBER,
        **HYDROGEN_PRESSURE,
        "dcdc": SWITCH,
    }
)
HYDROGEN_2025 = Record(
    {
        "hottest_degc": Number(2, offset=-40),
        "hottest_probe": NUMBER,
        "highest_concentration_percent": Number(2, per=10_000),
        "highest_concentration_sensor": NUMBER,
        **HYDROGEN_PRESSURE,
        "dcdc": SWITCH,
        "hydrogen_percent": PERCENT,
        "dcdc_degc": DEGC,
    }
)

# Items 30 to 32 of 2025.
FUEL_CELL_STACKS_2025 = Listing(
    Record(
        {
            "number": COUNT,
            "voltage_v": VOLT,
            "current_a": Number(2, per=10),
            "hydrogen_inlet_kpa": Number(2, per=10, offset=-100),
            "air_inlet_kpa": Number(2, per=10, offset=-100),
            "air_inlet_degc": DEGC,
            "coolant_outlet_degc": Listing(DEGC, count_size=2),
        }
    )
)
CAPACITORS_2025 = Record(
    {
        "management": NUMBER,
        "voltage_v": VOLT,
        "current_a": Number(2, per=10, offset=-3000),
        "cells_v": Listing(CELL_V, count_size=2),
        "probes_degc": Listing(DEGC, count_size=2),
    }
)


def _capacitor(what: str, part: str, unit: str, form: Form) -> dict[str, Form]:
    return {f"{what}_management": NUMBER, f"{what}_{part}": Number(2), f"{what}_{unit}": form}


CAPACITOR_EXTREMES_2025 = Record(
    {
        **_capacitor("highest", "cell", "v", CELL_V),
        **_capacitor("lowest", "cell", "v", CELL_V),
        **_capacitor("hottest", "probe", "degc", DEGC),
        **_capacitor("coldest", "probe", "degc", DEGC),
    }
)

# Item 05.
POSITION_STATUS = Bits({"not_valid": Part(0), "south": Part(1), "west": Part(2)})
DATUM = Choice({1: "WGS-84", 2: "GCJ-02", 3: "other"})

#: Alarm flags by bit; the 2016 edition has the first 19.
ALARMS = (
    "temperature_difference",
    "battery_hot",
    "pack_over_voltage",
    "pack_under_voltage",
    "soc_low",
    "cell_over_voltage",
    "cell_under_voltage",
    "soc_high",
    "soc_jump",
    "pack_mismatch",
    "cells_uneven",
    "insulation",
    "dcdc_temperature",
    "brake_system",
    "dcdc_state",
    "motor_controller_temperature",
    "high_voltage_interlock",
    "motor_temperature",
    "overcharge",
    "motor_over_speed",
    "motor_over_current",
    "capacitor_hot",
    "capacitor_pressure",
    "pack_thermal_event",
    "hydrogen_leak",
    "hydrogen_pressure",
    "hydrogen_temperature",
    "stack_hot",
)
_ALARMS_2016 = 19
_CODES = Listing(Blob(fixed=4))


def _alarms(flags: int, **more: Form) -> Record:
    return Record(
        {
            "level": Number(1),
            "flags": Flags(4, ALARMS[:flags]),
            "battery_codes": _CODES,
            "motor_codes": _CODES,
            "engine_codes": _CODES,
            "other_codes": _CODES,
            **more,
        }
    )


def _extreme(what: str, name: str, unit: str, form: Form) -> dict[str, Form]:
    return {f"{what}_pack": NUMBER, f"{what}_{name}": NUMBER, f"{what}_{unit}": form}


EXTREMES_2016 = Record(
    {
        **_extreme("highest", "cell", "v", CELL_V),
        **_extreme("lowest", "cell", "v", CELL_V),
        **_extreme("hottest", "probe", "degc", DEGC),
        **_extreme("coldest", "probe", "degc", DEGC),
    }
)
#: The current of a pack is shifted as that of the vehicle (2016: table B.6, by 1000 A; one public decoder takes 3000).
CELLS_2016 = Listing(
    Record(
        {
            "pack": COUNT,
            "voltage_v": VOLT,
            "current_a": Number(2, per=10, offset=-1000),
            "cells_in_all": Number(2),
            "first_cell": Number(2, marks=False),
            "cells_v": Listing(CELL_V, most=200),
        }
    )
)
CELLS_2025 = Listing(
    Record(
        {
            "pack": COUNT,
            "voltage_v": VOLT,
            "current_a": Number(2, per=10, offset=-3000),
            "cells_v": Listing(CELL_V, count_size=2),
        }
    )
)
PROBES = Listing(Record({"pack": COUNT, "probes_degc": Listing(DEGC, count_size=2)}))

#: Type of the signature, last in real-time data of 2025.
SIGNATURE = 0xFF

ITEMS_2016: Mapping[int, Item] = {
    0x01: Item("vehicle", _vehicle(-1000, GEAR_2016, Number(2, marks=False), accelerator_percent=PERCENT,
                                   brake_percent=PERCENT)),
    0x02: Item("motors", _motors(-20000, Number(2, per=10, offset=-2000), controller_v=VOLT,
                                 controller_a=Number(2, per=10, offset=-1000))),
    0x03: Item("fuel_cell", FUEL_CELL_2016),
    0x04: Item("engine", Record({"state": SWITCH, "crank_rpm": Number(2), "litre_per_100km": Number(2, per=100)})),
    0x05: Item("position", Record({"status": POSITION_STATUS, "longitude_deg": DEGREE, "latitude_deg": DEGREE})),
    0x06: Item("extremes", EXTREMES_2016),
    0x07: Item("alarms", _alarms(_ALARMS_2016)),
    0x08: Item("cells", CELLS_2016),
    0x09: Item("probes", PROBES),
}  # fmt: skip

ITEMS_2025: Mapping[int, Item] = {
    0x01: Item("vehicle", _vehicle(-3000, GEAR_2025, Number(2))),
    0x02: Item("motors", _motors(-32000, Number(4, per=10, offset=-20000))),
    0x03: Item("fuel_cell", HYDROGEN_2025),
    0x04: Item("engine", Record({"crank_rpm": Number(2)})),
    0x05: Item(
        "position",
        Record({"status": POSITION_STATUS, "datum": DATUM, "longitude_deg": DEGREE, "latitude_deg": DEGREE}),
    ),
    0x06: Item("alarms", _alarms(len(ALARMS), levels=Listing(Record({"alarm": COUNT, "level": COUNT})))),
    0x07: Item("cells", CELLS_2025),
    0x08: Item("probes", PROBES),
    0x30: Item("fuel_cell_stacks", FUEL_CELL_STACKS_2025),
    0x31: Item("capacitors", CAPACITORS_2025),
    0x32: Item("capacitor_extremes", CAPACITOR_EXTREMES_2025),
}
