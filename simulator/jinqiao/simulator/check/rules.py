"""The table of rules: a new one is a function of a `Pair` and a row here.

`core` rules compare two reports of the group `core`, `detail` rules two of the group `detail`, and `instant` rules look
at one of the latter; both only where the vehicle's core report is of the same second, and see its signals, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from . import body, energy, motion, temperature
from .pair import Mask, Pair

__all__ = ["RULES", "Rule"]

When = Literal["core", "detail", "instant"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`broken` says in which rows the rule is broken, `shows` names the signals that a violation prints."""

    name: str
    when: When
    broken: Callable[[Pair], Mask]
    meaning: str
    shows: tuple[str, ...]


_POSITION = ("longitude", "latitude", "odometer")
_FLOW = ("pack_voltage", "pack_current", "pack_power")

RULES = (
    Rule("teleport", "core", motion.teleport, "the position moved further than the odometer", _POSITION),
    Rule("odometer_falls", "core", motion.odometer_falls, "the odometer went back", ("odometer",)),
    Rule(
        "speed_of_odometer",
        "core",
        motion.speed_not_of_odometer,
        "speed is not the derivative of the odometer",
        ("odometer", "speed"),
    ),
    Rule("speed_jumps", "core", motion.speed_jumps, "no tyre accelerates or brakes so hard", ("speed",)),
    Rule(
        "moves_plugged",
        "core",
        motion.at_rest_on_the_cable,
        "the car moves with a charging session on",
        ("charging_state", "speed", "odometer"),
    ),
    Rule(
        "moves_standing",
        "core",
        motion.at_rest_unless_driving,
        "the car moves without being driven",
        ("vehicle_state", "speed", "odometer"),
    ),
    Rule("rolls_in_park", "core", motion.in_gear, "the car rolls in P", ("gear", "speed")),
    Rule(
        "charge_appears",
        "core",
        energy.charge_appears,
        "the charge rises on the road beyond what braking returned",
        ("soc_displayed", "pack_power"),
    ),
    Rule(
        "charge_rises_parked",
        "core",
        energy.charge_rises_parked,
        "the charge shown rises in a car that stands unplugged",
        ("soc_displayed", "range_remaining"),
    ),
    Rule("power", "core", energy.power_not_volts_times_amperes, "power is not voltage times current", _FLOW),
    Rule(
        "limits",
        "core",
        energy.over_the_limits,
        "more power than the car's parts allow",
        ("pack_power", "charge_power"),
    ),
    Rule(
        "pack_voltage",
        "core",
        energy.voltage_out_of_cells,
        "the cells of this pack do not have this voltage",
        ("pack_voltage",),
    ),
    Rule(
        "more_than_inlet",
        "core",
        energy.more_than_the_inlet,
        "more reaches the pack than enters the car",
        ("pack_power", "charge_power"),
    ),
    Rule(
        "probe_too_fast",
        "core",
        temperature.too_fast("cell_temperature_max", "pack_k_per_s"),
        "the hottest cell changes faster than its heat capacity allows",
        ("cell_temperature_max", "pack_current"),
    ),
    Rule(
        "counters_fall",
        "detail",
        energy.counters_fall,
        "an energy counter of the car's life went back",
        ("energy_discharged", "energy_regenerated"),
    ),
    Rule(
        "energy_rises_parked",
        "detail",
        energy.energy_rises_parked,
        "the energy left rises in a car that stands unplugged",
        ("energy_remaining",),
    ),
    Rule(
        "traction_energy",
        "detail",
        energy.traction_not_of_power,
        "the energy counters are not the integral of the power",
        ("energy_discharged", "energy_regenerated"),
    ),
    Rule(
        "session_energy",
        "detail",
        energy.charged_not_of_power,
        "a session's energy is not the integral of its power",
        ("energy_charged", "charge_power"),
    ),
    Rule(
        "charge_of_current",
        "detail",
        energy.charge_not_of_current,
        "the charge does not follow the current",
        ("soc_displayed", "pack_current"),
    ),
    Rule(
        "charge_limit",
        "detail",
        energy.over_the_charge_limit,
        "charging goes on beyond the charge limit",
        ("soc_displayed", "charge_limit"),
    ),
    Rule(
        "pack_too_fast",
        "detail",
        temperature.too_fast("pack_temperature", "pack_k_per_s"),
        "the pack's temperature changes faster than its heat capacity allows",
        ("pack_temperature",),
    ),
    Rule(
        "cabin_too_fast",
        "detail",
        temperature.too_fast("cabin_temperature", "cabin_k_per_s"),
        "the cabin's temperature changes faster than its heat capacity allows",
        ("cabin_temperature",),
    ),
    Rule(
        "motor_too_fast",
        "detail",
        temperature.too_fast("motor_temperature", "motor_k_per_s"),
        "the motor's temperature changes faster than its heat capacity allows",
        ("motor_temperature",),
    ),
    Rule(
        "inverter_too_fast",
        "detail",
        temperature.too_fast("inverter_temperature", "inverter_k_per_s"),
        "the inverter's temperature changes faster than its heat capacity allows",
        ("inverter_temperature",),
    ),
    Rule(
        "tyre_too_fast",
        "detail",
        temperature.tyre_too_fast,
        "a tyre's pressure changes faster than it can warm",
        temperature.TYRES,
    ),
    Rule(
        "cells",
        "instant",
        temperature.cells_out_of_order,
        "the extremes of the cells are out of order",
        ("cell_voltage_min", "cell_voltage_max", "cell_voltage_min_index", "cell_voltage_max_index"),
    ),
    Rule(
        "probes",
        "instant",
        temperature.probes_out_of_order,
        "the mean of the probes lies outside their extremes",
        ("cell_temperature_min", "pack_temperature", "cell_temperature_max"),
    ),
    Rule(
        "cells_and_pack",
        "instant",
        temperature.pack_voltage_beside_cells,
        "the pack's voltage is not that of its cells in series",
        ("pack_voltage", "cell_voltage_min", "cell_voltage_max"),
    ),
    Rule("door_open", "instant", body.door_open, "a door is open while the car moves", ("speed", "doors_open")),
    Rule(
        "belt_open", "instant", body.belt_open, "the driver's belt is open on the road", ("speed", "seat_belt_driver")
    ),
    Rule(
        "cable",
        "instant",
        body.cable_missing,
        "charging without a cable, or driving with one",
        ("vehicle_state", "charging_state", "plug_state", "speed"),
    ),
)
