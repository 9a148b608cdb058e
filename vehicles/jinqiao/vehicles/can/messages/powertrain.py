"""Powertrain bus: torque, motion, pedals, wheels, inverter. Synthetic."""

from __future__ import annotations

from typing import Literal

from jinqiao.base.signals import SIGNALS

from ..message import CanMessage, be, le

__all__ = ["MESSAGES"]

_BUS: Literal["powertrain"] = "powertrain"
_ONE = (1.0, 0.0)
_TENTH = (0.1, 0.0)
_YES = {0: "no", 1: "yes"}

# fmt: off
MESSAGES = (
    CanMessage(0x0A0, "MotorTorqueStatus", _BUS, "MCU", 10, (
        le("MotorTorque",        (0, 16),  _TENTH,      (-2000, 2000), "Nm", "motor_torque", "ripple", "Shaft torque, negative when regenerating; with the ripple of the drive"),
        le("MotorTorqueRequest", (16, 16), _TENTH,      (-2000, 2000), "Nm", "motor_torque", "mean", "What the vehicle control unit asks for"),
        le("MotorPower",         (32, 16), (0.05, 0.0), (-1000, 1000), "kW", "motor_power", "mean", "Shaft power, negative when regenerating"),
        le("InverterState",      (52, 3),  _ONE,        (0, 7),        "",   "inverter_state", "last", "What the inverter does", {0: "off", 1: "ready", 2: "driving", 3: "regenerating"}),
    ), "Torque of the drive motor", protected=True),
    CanMessage(0x0A2, "VehicleMotion", _BUS, "VCU", 10, (
        be("VehicleSpeed",             (7, 16),  (0.01, 0.0),  (0, 300),   "km/h",  "speed", "linear", "Speed of the vehicle"),
        be("MotorSpeed",               (23, 16), (0.5, 0.0),   (0, 30000), "rpm",   "motor_speed", "linear", "Rotor speed"),
        be("LongitudinalAcceleration", (39, 16), (0.001, 0.0), (-20, 20),  "m/s^2", "acceleration", "last", "Positive forwards"),
        le("DrivingDirection",         (52, 2),  _ONE,         (0, 3),     "",      "direction", "last", "Which way the vehicle moves", {0: "standstill", 1: "forwards", 2: "backwards"}),
    ), "How the vehicle moves", protected=True),
    CanMessage(0x0A4, "DriverPedals", _BUS, "VCU", 10, (
        le("AcceleratorPedal",    (0, 10),  _TENTH, (0, 100), "%",   "accelerator_pedal", "linear", "Accelerator pedal travel"),
        le("BrakePedal",          (10, 10), _TENTH, (0, 100), "%",   "brake_pedal", "linear", "Brake pedal travel"),
        le("BrakePressure",       (20, 12), _TENTH, (0, 200), "bar", "brake_pressure", "linear", "Master cylinder"),
        le("AcceleratorReleased", (32, 1),  _ONE,   (0, 1),   "",    "accelerator_released", "last", "Idle switch of the accelerator", _YES),
        le("BrakeSwitch",         (33, 1),  _ONE,   (0, 1),   "",    "brake_light", "last", "Switch at the brake pedal", _YES),
    ), "What the driver asks for", protected=True),
    CanMessage(0x0C0, "WheelSpeeds", _BUS, "ESC", 20, (
        be("WheelSpeedFL", (7, 16),  (0.01, 0.0), (0, 350), "km/h", "wheel_speed_fl", "linear", "Front left"),
        be("WheelSpeedFR", (23, 16), (0.01, 0.0), (0, 350), "km/h", "wheel_speed_fr", "linear", "Front right"),
        be("WheelSpeedRL", (39, 16), (0.01, 0.0), (0, 350), "km/h", "wheel_speed_rl", "linear", "Rear left"),
        be("WheelSpeedRR", (55, 16), (0.01, 0.0), (0, 350), "km/h", "wheel_speed_rr", "linear", "Rear right"),
    ), "Circumferential speeds of the wheels"),
    CanMessage(0x0D0, "InverterDc", _BUS, "MCU", 50, (
        be("InverterVoltage", (7, 16),  _TENTH, (0, 1200),     "V", "pack_voltage", "linear", "At the inverter's terminals"),
        be("InverterCurrent", (23, 16), _TENTH, (-2000, 2000), "A", "inverter_current", "ripple", "Into the inverter, negative when regenerating"),
    ), "Direct current side of the inverter", length=4),
    CanMessage(0x110, "GearSelector", _BUS, "VCU", 100, (
        le("GearPosition", (0, 3), _ONE, (0, 7), "", "gear", "hold", "Selector position", SIGNALS["gear"].values),
        le("ParkLock",     (3, 1), _ONE, (0, 1), "", "park_lock", "hold", "Parking lock engaged", _YES),
        le("ReadyToDrive", (4, 1), _ONE, (0, 1), "", "awake", "hold", "High voltage on and drive released", _YES),
    ), "Selector and drive release", length=1),
    CanMessage(0x112, "BrakeBlending", _BUS, "ESC", 50, (
        le("RegenerationActive", (0, 1),  _ONE,        (0, 1),    "",   "regenerating", "last", "The motor brakes", _YES),
        le("RegenerationPower",  (8, 16), (0.05, 0.0), (0, 1000), "kW", "regeneration_power", "mean", "Shaft power returned"),
    ), "How braking is shared with the motor", length=3),
    CanMessage(0x114, "PowertrainState", _BUS, "VCU", 100, (
        le("VehicleState",       (0, 3),   _ONE,   (0, 7),    "",   "vehicle_state", "hold", "What the vehicle is doing", SIGNALS["vehicle_state"].values),
        le("TractionPowerLimit", (8, 16),  _TENTH, (0, 1000), "kW", "discharge_power_limit", "linear", "What the drive may take"),
        le("RegenPowerLimit",    (24, 16), _TENTH, (0, 1000), "kW", "charge_power_limit", "linear", "What braking may return"),
    ), "State and limits of the drive", length=5),
    CanMessage(0x120, "MotorTemperatures", _BUS, "MCU", 1000, (
        le("MotorTemperature",    (0, 10),  (0.5, -60.0), (-60, 250), "degC", "motor_temperature", "linear", "Stator winding"),
        le("InverterTemperature", (10, 10), (0.5, -60.0), (-60, 250), "degC", "inverter_temperature", "linear", "Power module"),
    ), "Temperatures of the drive", length=3),
    CanMessage(0x122, "DistanceCounters", _BUS, "VCU", 1000, (
        le("Odometer",     (0, 32),  (0.001, 0.0), (0, 999999), "km", "odometer", "linear", "Of the vehicle's life"),
        le("TripDistance", (32, 27), (0.001, 0.0), (0, 99999),  "km", "trip_distance", "linear", "Since the trip began"),
    ), "Distances"),
    CanMessage(0x124, "TripCounters", _BUS, "VCU", 1000, (
        le("TripDuration", (0, 24),  _ONE,         (0, 9999999),   "s",   "trip_duration", "hold", "Since the trip began"),
        le("TripEnergy",   (24, 24), (0.001, 0.0), (-1000, 8000),  "kWh", "trip_energy", "linear", "Net out of the pack since the trip began"),
    ), "The trip", length=6),
    CanMessage(0x126, "RangeEstimate", _BUS, "VCU", 1000, (
        be("RemainingRange", (7, 16), _TENTH, (0, 2000), "km", "range_remaining", "linear", "Estimate from recent consumption"),
    ), "Range", length=2),
    CanMessage(0x128, "VehicleClock", _BUS, "TCU", 1000, (
        le("UnixTime", (0, 32), _ONE, (0, 4294967295), "s", "time_s", "hold", "UTC, seconds since 1970"),
    ), "Time of the vehicle", length=4),
)
# fmt: on
