"""The single table of signals: what a car can say, in which unit, how exactly, and under which names.

One row is one signal. Thing model, telemetry posts, wire schemas and documentation walk this table or are checked
against it by a test. A new signal is a row here, the physics that computes it, its reading in `vehicles/sampling.py` (or
`simulator/reports.py` for what no car knows of itself) and a field of telemetry.proto; the rest follows, or a test says
what is missing. Names on the right:

- `vss`: COVESA Vehicle Signal Specification 6.0 path where it has the signal (units may differ there; of several
  instances the one of a rear-driven car with its inlet at the rear right);
- `gbt32960`: data item of GB/T 32960.3 (`item.field`) where it carries the signal;
- `identifier`: address in the platform's thing model, `module:Identifier`; `X.Y` is member Y of struct X, `X[i]` element i
  of array X; empty for what a cloud never sees. Only `Signal` takes it apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["GROUPS", "SIGNALS", "Signal", "SignalTable", "by_property", "property_value"]

F4: Literal["f4"] = "f4"
F8: Literal["f8"] = "f8"
I4: Literal["i4"] = "i4"
U1: Literal["u1"] = "u1"

#: Telemetry groups: `core` is one self-consistent message, sent at the scenario's interval; `detail` is the rest, sent seldom.
GROUPS = ("core", "detail")


_ADDRESS = re.compile(r"(?P<property>[\w:]+)(?:\.(?P<member>\w+)|\[(?P<index>\d+)\])?")


@dataclass(frozen=True, slots=True)
class Signal:
    """One row: `low`/`high` bound what may be sent, `decimals` is the exactness on every wire, `values` names an enumeration."""

    name: str
    unit: str
    dtype: Literal["f4", "f8", "i4", "u1"]
    decimals: int
    range: tuple[float, float]
    group: str
    identifier: str
    vss: str
    gbt32960: str
    meaning: str
    values: Mapping[int, str] = field(default_factory=dict)
    access: Literal["r", "rw"] = "r"

    def __post_init__(self) -> None:
        if self.identifier and not _ADDRESS.fullmatch(self.identifier):
            raise ValueError(f"signal {self.name!r}: {self.identifier!r} is not a thing-model address")

    @property
    def low(self) -> float:
        return self.range[0]

    @property
    def high(self) -> float:
        return self.range[1]

    def _part(self, name: str) -> str | None:
        address = _ADDRESS.fullmatch(self.identifier)
        return address[name] if address is not None else None

    @property
    def member(self) -> str | None:
        """Which member of a struct it is, None where its property is not one."""
        return self._part("member")

    @property
    def index(self) -> int | None:
        """Which element of an array it is, None where its property is not one."""
        index = self._part("index")
        return int(index) if index is not None else None

    @property
    def property(self) -> str:  # the last of its kind: below it, `property` is this one
        """The property of the thing model that it is, or is a part of; empty for what a cloud never sees."""
        return self._part("property") or ""


def by_property(signals: Iterable[Signal]) -> dict[str, list[Signal]]:
    """The properties that these signals make, each with its parts, in their order; without what no cloud sees."""
    found: dict[str, list[Signal]] = {}
    for signal in signals:
        if signal.identifier:
            found.setdefault(signal.property, []).append(signal)
    return found


def property_value(signals: Sequence[Signal], values: Sequence[Any]) -> Any:
    """The value of the property that all these signals make: a struct, an array, or a number as exact as its row."""
    shown = [
        round(float(value), signal.decimals) if signal.decimals else round(value)
        for signal, value in zip(signals, values, strict=True)
    ]
    if signals[0].member is not None:
        return {signal.member: value for signal, value in zip(signals, shown, strict=True)}
    return shown if signals[0].index is not None else shown[0]


class SignalTable(Mapping[str, Signal]):
    """Signals by name, in the order of the table."""

    def __init__(self, *rows: Signal) -> None:
        self._rows = {row.name: row for row in rows}
        if len(self._rows) != len(rows):
            raise ValueError("a signal name appears twice in the table")

    def __getitem__(self, name: str) -> Signal:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def group(self, name: str) -> tuple[Signal, ...]:
        """The rows of one telemetry group that a cloud sees, in order."""
        return tuple(row for row in self._rows.values() if row.group == name and row.identifier)


VEHICLE_STATE = {0: "parked", 1: "driving", 2: "charging", 3: "queueing", 4: "offline-logging"}
GEAR = {0: "P", 1: "R", 2: "N", 3: "D"}
COORDINATES = {1: "WGS_84", 2: "GCJ_02"}
ALARM = {0: "none", 1: "level 1", 2: "level 2", 3: "level 3"}
PLUG = {0: "unplugged", 1: "plugged AC", 2: "plugged DC"}
CHARGING = {0: "idle", 1: "handshake", 2: "charging", 3: "finished", 4: "suspended", 5: "fault"}
SWITCH = {0: "off", 1: "on"}
LOCK = {0: "unlocked", 1: "locked"}
BUCKLE = {0: "open", 1: "fastened"}

_BATTERY = "Vehicle.Powertrain.TractionBattery"
_WHEEL = "Vehicle.Chassis.Axle.Row{}.Wheel.{}.Tire.Pressure"

# fmt: off
SIGNALS = SignalTable(
    # What the car is doing and where: the core group, one self-consistent message.
    #      name                      unit    dtype dec range                group    identifier                    VSS path                                              GB/T 32960             meaning
    Signal("vehicle_state",          "",      U1, 0, (0, 4),               "core",   "VehicleState",               "",                                                    "vehicle.state",       "What the vehicle is doing", VEHICLE_STATE),
    Signal("speed",                  "km/h",  F4, 1, (0, 300),             "core",   "VehicleSpeed",               "Vehicle.Speed",                                       "vehicle.speed",       "Wheel speed"),
    Signal("odometer",               "km",    F8, 3, (0, 999_999),         "core",   "Odometer",                   "Vehicle.TraveledDistance",                            "vehicle.mileage",     "Distance travelled in the vehicle's life; never falls"),
    Signal("gear",                   "",      U1, 0, (0, 3),               "core",   "GearPosition",               "Vehicle.Powertrain.Transmission.SelectedGear",        "vehicle.gear",        "Selector position", GEAR),
    Signal("soc_displayed",          "%",     F4, 1, (0, 100),             "core",   "StateOfCharge",              f"{_BATTERY}.StateOfCharge.Displayed",                 "vehicle.soc",         "State of charge as the BMS shows it"),
    Signal("range_remaining",        "km",    F4, 1, (0, 2_000),           "core",   "RemainingRange",             f"{_BATTERY}.Range",                                   "",                    "Estimate from recent consumption"),
    Signal("longitude",              "deg",   F8, 6, (-180, 180),          "core",   "GeoLocation.Longitude",      "Vehicle.CurrentLocation.Longitude",                   "position.longitude",  "Longitude, east positive"),
    Signal("latitude",               "deg",   F8, 6, (-90, 90),            "core",   "GeoLocation.Latitude",       "Vehicle.CurrentLocation.Latitude",                    "position.latitude",   "Latitude, north positive"),
    Signal("altitude",               "m",     F4, 1, (-500, 9_000),        "core",   "GeoLocation.Altitude",       "Vehicle.CurrentLocation.Altitude",                    "",                    "Height above sea level"),
    Signal("coordinate_system",      "",      U1, 0, (1, 2),               "core",   "GeoLocation.CoordinateSystem", "",                                                  "position.system",     "Datum of longitude and latitude", COORDINATES),
    Signal("heading",                "deg",   F4, 1, (0, 360),             "core",   "Heading",                    "Vehicle.CurrentLocation.Heading",                     "",                    "Course, clockwise from north"),
    Signal("ambient_temperature",    "degC",  F4, 1, (-60, 80),            "core",   "AmbientTemperature",         "Vehicle.Exterior.AirTemperature",                     "",                    "Outside air"),
    Signal("alarm_level",            "",      U1, 0, (0, 3),               "core",   "AlarmLevel",                 "",                                                    "alarm.level",         "Highest active alarm, graded as GB/T 32960 does", ALARM),
    Signal("pack_voltage",           "V",     F4, 1, (0, 1_200),           "core",   "battery:PackVoltage",        f"{_BATTERY}.CurrentVoltage",                          "vehicle.voltage",     "Voltage at the pack's terminals"),
    Signal("pack_current",           "A",     F4, 1, (-2_000, 2_000),      "core",   "battery:PackCurrent",        f"{_BATTERY}.CurrentCurrent",                          "vehicle.current",     "Pack current, positive when discharging"),
    Signal("pack_power",             "kW",    F4, 2, (-1_000, 1_000),      "core",   "battery:PackPower",          f"{_BATTERY}.CurrentPower",                            "",                    "Voltage times current, positive when discharging"),
    Signal("cell_temperature_max",   "degC",  F4, 1, (-60, 200),           "core",   "battery:CellTemperatureMax", f"{_BATTERY}.Temperature.Max",                         "extremes.temp_max",   "Hottest cell probe"),
    Signal("charging_state",         "",      U1, 0, (0, 5),               "core",   "charging:ChargingState",     "",                                                    "vehicle.charging",    "Where the charging session stands", CHARGING),
    Signal("charge_power",           "kW",    F4, 2, (0, 1_000),           "core",   "charging:ChargePower",       "",                                                    "",                    "Power at the vehicle inlet"),
    # Powertrain.
    Signal("acceleration",           "m/s^2", F4, 2, (-20, 20),            "detail", "powertrain:Acceleration",    "Vehicle.Acceleration.Longitudinal",                   "",                    "Longitudinal acceleration over the last second"),
    Signal("motor_speed",            "rpm",   F4, 0, (0, 30_000),          "detail", "powertrain:MotorSpeed",      "Vehicle.Powertrain.ElectricMotor.Rear.Speed",              "motor.speed",         "Rotor speed"),
    Signal("motor_torque",           "Nm",    F4, 1, (-2_000, 2_000),      "detail", "powertrain:MotorTorque",     "Vehicle.Powertrain.ElectricMotor.Rear.Torque",             "motor.torque",        "Shaft torque, negative when regenerating"),
    Signal("motor_power",            "kW",    F4, 2, (-1_000, 1_000),      "detail", "powertrain:MotorPower",      "Vehicle.Powertrain.ElectricMotor.Rear.Power",              "",                    "Shaft power, negative when regenerating"),
    Signal("motor_temperature",      "degC",  F4, 1, (-60, 250),           "detail", "powertrain:MotorTemperature", "Vehicle.Powertrain.ElectricMotor.Rear.Temperature",       "motor.temperature",   "Stator winding"),
    Signal("inverter_temperature",   "degC",  F4, 1, (-60, 250),           "detail", "powertrain:InverterTemperature", "",                                                "motor.controller_temperature", "Power module of the inverter"),
    Signal("accelerator_pedal",      "%",     F4, 1, (0, 100),             "detail", "powertrain:AcceleratorPedal", "Vehicle.Chassis.Accelerator.PedalPosition",          "",                    "Accelerator pedal travel"),
    Signal("brake_pedal",            "%",     F4, 1, (0, 100),             "detail", "powertrain:BrakePedal",      "Vehicle.Chassis.Brake.PedalPosition",                 "",                    "Brake pedal travel"),
    # Battery.
    Signal("soc_true",               "%",     F8, 4, (0, 100),             "detail", "",                           f"{_BATTERY}.StateOfCharge.Current",                   "",                    "True state of charge of the simulated cells; a real car cannot know it, so no cloud sees it"),
    Signal("state_of_health",        "%",     F4, 2, (0, 110),             "detail", "battery:StateOfHealth",      f"{_BATTERY}.StateOfHealth",                           "",                    "Capacity left of the capacity when new"),
    Signal("energy_remaining",       "kWh",   F4, 2, (0, 500),             "detail", "battery:EnergyRemaining",    f"{_BATTERY}.StateOfCharge.CurrentEnergy",             "",                    "Energy left in the cells"),
    Signal("cell_voltage_max",       "V",     F4, 3, (0, 6),               "detail", "battery:CellVoltageMax",     f"{_BATTERY}.CellVoltage.Max",                         "extremes.cell_max",   "Highest cell voltage"),
    Signal("cell_voltage_min",       "V",     F4, 3, (0, 6),               "detail", "battery:CellVoltageMin",     f"{_BATTERY}.CellVoltage.Min",                         "extremes.cell_min",   "Lowest cell voltage"),
    Signal("cell_voltage_max_index", "",      I4, 0, (1, 2_000),           "detail", "battery:CellVoltageMaxIndex", f"{_BATTERY}.CellVoltage.IdMax",                      "extremes.cell_max_no", "Number of the highest cell, from 1"),
    Signal("cell_voltage_min_index", "",      I4, 0, (1, 2_000),           "detail", "battery:CellVoltageMinIndex", f"{_BATTERY}.CellVoltage.IdMin",                      "extremes.cell_min_no", "Number of the lowest cell, from 1"),
    Signal("cell_temperature_min",   "degC",  F4, 1, (-60, 200),           "detail", "battery:CellTemperatureMin", f"{_BATTERY}.Temperature.Min",                         "extremes.temp_min",   "Coldest cell probe"),
    Signal("pack_temperature",       "degC",  F4, 1, (-60, 200),           "detail", "battery:PackTemperature",    f"{_BATTERY}.Temperature.Average",                     "",                    "Mean of the cell probes"),
    Signal("coolant_temperature",    "degC",  F4, 1, (-60, 150),           "detail", "battery:CoolantTemperature", "",                                                    "",                    "Coolant at the pack's inlet"),
    Signal("insulation_resistance",  "kOhm",  F4, 0, (0, 60_000),          "detail", "battery:InsulationResistance", "",                                                  "vehicle.insulation",  "High-voltage system against the body"),
    Signal("discharge_power_limit",  "kW",    F4, 1, (0, 1_000),           "detail", "battery:DischargePowerLimit", "",                                                   "",                    "What the BMS allows out of the pack now"),
    Signal("charge_power_limit",     "kW",    F4, 1, (0, 1_000),           "detail", "battery:ChargePowerLimit",   "",                                                    "",                    "What the BMS allows into the pack now"),
    Signal("energy_discharged",      "kWh",   F8, 3, (0, 9_999_999),       "detail", "battery:EnergyDischarged",   f"{_BATTERY}.AccumulatedConsumedEnergy",               "",                    "Out of the pack in the vehicle's life"),
    Signal("energy_regenerated",     "kWh",   F8, 3, (0, 9_999_999),       "detail", "battery:EnergyRegenerated",  "",                                                    "",                    "Back into the pack by braking in the vehicle's life"),
    # Charging.
    Signal("plug_state",             "",      U1, 0, (0, 2),               "detail", "charging:PlugState",         f"{_BATTERY}.Charging.ChargingPort.RearRight.IsChargingCableConnected",       "",                    "What is in the charging inlet", PLUG),
    Signal("energy_charged",         "kWh",   F8, 3, (0, 10_000),          "detail", "charging:EnergyCharged",     "",                                                    "",                    "Into the vehicle in this session"),
    Signal("minutes_to_limit",       "min",   F4, 0, (0, 9_999),           "detail", "charging:MinutesToLimit",    f"{_BATTERY}.Charging.TimeToComplete",                 "",                    "Until the charge limit at the present power; 9999 when not charging"),
    Signal("charge_limit",           "%",     U1, 0, (20, 100),            "detail", "charging:ChargeLimit",       f"{_BATTERY}.Charging.ChargeLimit",                    "",                    "State of charge at which charging stops", access="rw"),
    Signal("charge_current_limit",   "A",     F4, 1, (0, 2_000),           "detail", "charging:CurrentLimit",      f"{_BATTERY}.Charging.MaximumChargingCurrent.DC",      "",                    "What the station offers"),
    # Climate.
    Signal("cabin_temperature",      "degC",  F4, 1, (-60, 100),           "detail", "climate:CabinTemperature",   "Vehicle.Cabin.HVAC.AmbientAirTemperature",            "",                    "Air in the cabin"),
    Signal("target_temperature",     "degC",  F4, 1, (16, 28),             "detail", "climate:TargetTemperature",  "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature",  "",                    "Cabin set point", access="rw"),
    Signal("climate_on",             "",      U1, 0, (0, 1),               "detail", "climate:Active",             "Vehicle.Cabin.HVAC.IsAirConditioningActive",          "",                    "Whether the climate control runs", SWITCH),
    Signal("hvac_power",             "kW",    F4, 2, (0, 50),              "detail", "climate:HvacPower",          "",                                                    "",                    "Electric power of heating and cooling"),
    # Body.
    Signal("locked",                 "",      U1, 0, (0, 1),               "detail", "body:Locked",                "Vehicle.Cabin.Door.Row1.DriverSide.IsLocked",         "",                    "Central locking", LOCK, "rw"),
    Signal("doors_open",             "",      U1, 0, (0, 63),              "detail", "body:DoorsOpen",             "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen",           "",                    "Bits: 1 FL, 2 FR, 4 RL, 8 RR, 16 tailgate, 32 bonnet"),
    Signal("windows_open",           "",      U1, 0, (0, 15),              "detail", "body:WindowsOpen",           "Vehicle.Cabin.Door.Row1.DriverSide.Window.IsOpen",    "",                    "Bits: 1 FL, 2 FR, 4 RL, 8 RR"),
    Signal("low_beam",               "",      U1, 0, (0, 1),               "detail", "body:LowBeam",               "Vehicle.Body.Lights.Beam.Low.IsOn",                   "",                    "Low beam", SWITCH),
    Signal("brake_light",            "",      U1, 0, (0, 1),               "detail", "body:BrakeLight",            "Vehicle.Body.Lights.Brake.IsActive",                  "",                    "Brake light", SWITCH),
    Signal("hazard_light",           "",      U1, 0, (0, 1),               "detail", "body:HazardLight",           "Vehicle.Body.Lights.Hazard.IsSignaling",              "",                    "Hazard warning", SWITCH),
    Signal("seat_belt_driver",       "",      U1, 0, (0, 1),               "detail", "body:SeatBeltDriver",        "Vehicle.Cabin.Seat.Row1.DriverSide.IsBelted",         "",                    "Driver's belt buckle", BUCKLE),
    Signal("tire_pressure_fl",       "kPa",   F4, 0, (0, 600),             "detail", "body:TirePressure[0]",       _WHEEL.format(1, "Left"),                              "",                    "Front left tyre, gauge"),
    Signal("tire_pressure_fr",       "kPa",   F4, 0, (0, 600),             "detail", "body:TirePressure[1]",       _WHEEL.format(1, "Right"),                             "",                    "Front right tyre, gauge"),
    Signal("tire_pressure_rl",       "kPa",   F4, 0, (0, 600),             "detail", "body:TirePressure[2]",       _WHEEL.format(2, "Left"),                              "",                    "Rear left tyre, gauge"),
    Signal("tire_pressure_rr",       "kPa",   F4, 0, (0, 600),             "detail", "body:TirePressure[3]",       _WHEEL.format(2, "Right"),                             "",                    "Rear right tyre, gauge"),
    # Position quality, trip, diagnosis.
    Signal("satellites",             "",      U1, 0, (0, 64),              "detail", "location:Satellites",        "",                                                    "",                    "Satellites in the position fix"),
    Signal("trip_distance",          "km",    F8, 3, (0, 99_999),          "detail", "trip:Distance",              "Vehicle.TraveledDistanceSinceStart",                  "",                    "Since the trip began"),
    Signal("trip_duration",          "s",     I4, 0, (0, 9_999_999),       "detail", "trip:Duration",              "Vehicle.TripDuration",                                "",                    "Since the trip began"),
    Signal("trip_energy",            "kWh",   F4, 3, (-1_000, 9_999),      "detail", "trip:Energy",                "",                                                    "",                    "Net out of the pack since the trip began"),
    Signal("aux_voltage",            "V",     F4, 2, (0, 20),              "detail", "diagnostics:AuxBatteryVoltage", "Vehicle.LowVoltageBattery.CurrentVoltage",         "",                    "12 V system"),
    Signal("dtc_count",              "",      U1, 0, (0, 255),             "detail", "diagnostics:DtcCount",       "Vehicle.Diagnostics.DTCCount",                        "alarm.count",         "Stored diagnostic trouble codes"),
)
# fmt: on
