"""Body and comfort bus: doors, lamps, tyres, climate, position, identity. Synthetic."""

from __future__ import annotations

from typing import Literal

from jinqiao.base.signals import SIGNALS

from ..message import CanMessage, Multiplex, be, le

__all__ = ["MESSAGES"]

_BUS: Literal["body"] = "body"
_ONE = (1.0, 0.0)
_TENTH = (0.1, 0.0)
_OPEN = {0: "closed", 1: "open"}
_OFF_ON = {0: "off", 1: "on"}

# fmt: off
MESSAGES = (
    CanMessage(0x200, "DoorStatus", _BUS, "BCM", 100, (
        *(le(f"Door{place}", (bit, 1), _ONE, (0, 1), "", f"door_{place.lower()}", "hold", meaning, _OPEN) for bit, (place, meaning) in enumerate((
            ("FL", "Front left door"), ("FR", "Front right door"), ("RL", "Rear left door"), ("RR", "Rear right door"), ("Tailgate", "Tailgate"), ("Bonnet", "Bonnet")))),
        le("CentralLock", (6, 1), _ONE, (0, 1), "", "locked", "hold", "Central locking", SIGNALS["locked"].values),
    ), "Doors and lock", length=1),
    CanMessage(0x202, "WindowStatus", _BUS, "BCM", 200, tuple(
        le(f"Window{place}", (bit, 1), _ONE, (0, 1), "", f"window_{place.lower()}", "hold", f"{meaning} window", _OPEN)
        for bit, (place, meaning) in enumerate((("FL", "Front left"), ("FR", "Front right"), ("RL", "Rear left"), ("RR", "Rear right")))
    ), "Windows", length=1),
    CanMessage(0x204, "LampStatus", _BUS, "BCM", 100, (
        le("LowBeam",     (0, 1), _ONE, (0, 1), "", "low_beam", "hold", "Low beam", _OFF_ON),
        le("BrakeLamp",   (1, 1), _ONE, (0, 1), "", "brake_light", "last", "Brake light", _OFF_ON),
        le("HazardLight", (2, 1), _ONE, (0, 1), "", "hazard_light", "hold", "Hazard warning", _OFF_ON),
    ), "Lamps", length=1),
    CanMessage(0x206, "SeatBelts", _BUS, "BCM", 200, (
        le("SeatBeltDriver", (0, 1), _ONE, (0, 1), "", "seat_belt_driver", "hold", "Driver's belt buckle", SIGNALS["seat_belt_driver"].values),
    ), "Belts", length=1),
    CanMessage(0x208, "TirePressures", _BUS, "BCM", 1000, tuple(
        be(f"TirePressure{place}", (7 + 16 * index, 16), _TENTH, (0, 600), "kPa", f"tire_pressure_{place.lower()}", "linear", f"{meaning}, gauge")
        for index, (place, meaning) in enumerate((("FL", "Front left"), ("FR", "Front right"), ("RL", "Rear left"), ("RR", "Rear right")))
    ), "Tyres"),
    CanMessage(0x20A, "ClimateStatus", _BUS, "BCM", 500, (
        le("CabinTemperature",  (0, 11),  (0.1, -60.0), (-60, 100), "degC", "cabin_temperature", "linear", "Air in the cabin"),
        le("TargetTemperature", (11, 8),  (0.1, 16.0),  (16, 28),   "degC", "target_temperature", "hold", "Set point"),
        le("ClimateActive",     (19, 1),  _ONE,         (0, 1),     "",     "climate_on", "hold", "Climate control runs", _OFF_ON),
        le("HvacPower",         (20, 13), (0.01, 0.0),  (0, 50),    "kW",   "hvac_power", "linear", "Electric power of heating and cooling"),
    ), "Climate control", length=5),
    CanMessage(0x20C, "AmbientConditions", _BUS, "BCM", 1000, (
        le("AmbientTemperature", (0, 11), (0.1, -60.0), (-60, 80), "degC", "ambient_temperature", "linear", "Outside air"),
    ), "Weather", length=2),
    CanMessage(0x20E, "AuxiliaryBattery", _BUS, "BCM", 1000, (
        le("AuxBatteryVoltage", (0, 11), (0.01, 0.0), (0, 20), "V", "aux_voltage", "linear", "12 V system"),
    ), "12 V system", length=2),
    CanMessage(0x210, "GnssPosition", _BUS, "TCU", 1000, (
        be("Latitude",  (7, 32),  (0.000001, 0.0), (-90, 90),   "deg", "latitude", "linear", "North positive"),
        be("Longitude", (39, 32), (0.000001, 0.0), (-180, 180), "deg", "longitude", "linear", "East positive"),
    ), "Position"),
    CanMessage(0x212, "GnssQuality", _BUS, "TCU", 1000, (
        le("Altitude",         (0, 17),  (0.1, -500.0), (-500, 9000), "m",   "altitude", "linear", "Above sea level"),
        le("Heading",          (17, 12), _TENTH,        (0, 360),     "deg", "heading", "hold", "Course, clockwise from north"),
        le("Satellites",       (29, 7),  _ONE,          (0, 64),      "",    "satellites", "hold", "In the position fix"),
        le("CoordinateSystem", (36, 2),  _ONE,          (0, 3),       "",    "coordinate_system", "hold", "Datum of the position", SIGNALS["coordinate_system"].values),
    ), "Height, course and quality of the position", length=5),
    CanMessage(0x214, "DiagnosticStatus", _BUS, "TCU", 1000, (
        le("DtcCount", (0, 8), _ONE, (0, 255), "", "dtc_count", "hold", "Stored diagnostic trouble codes"),
    ), "Diagnosis", length=1),
    CanMessage(0x216, "VehicleIdentification", _BUS, "TCU", 1000, (), "The VIN, six characters in a turn", length=7, multiplex=Multiplex("VinTurn", "VinCharacter{:02d}", tuple(
        le("", (8 + 8 * slot, 8), _ONE, (0, 255), "", "vin", "hold", "One character of the VIN, ASCII")
        for slot in range(6)), 17)),
)
# fmt: on
