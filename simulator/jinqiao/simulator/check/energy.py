"""Rules of energy and charge: power is volts times amperes, counters are its integral, and charge comes from somewhere.

Integrals are known where a vehicle has reported every second (the value of a second is that second's mean), and between
reports of a charging car, whose power changes slowly; `sums` carries them with how far they can be off.
"""

from __future__ import annotations

import numpy as np

from jinqiao.vehicles.modes import ChargingState, VehicleState

from .pair import F8, Mask, Pair, half_step

__all__ = [
    "SUMS",
    "charge_appears",
    "charge_not_of_current",
    "charge_rises_parked",
    "charged_not_of_power",
    "counters_fall",
    "energy_rises_parked",
    "more_than_the_inlet",
    "over_the_charge_limit",
    "over_the_limits",
    "power_not_volts_times_amperes",
    "sums_of_step",
    "traction_not_of_power",
    "voltage_out_of_cells",
]

#: What is added up per vehicle between two reports of the group `detail`: energy out of and into the pack on the road,
#: energy through the inlet while charging, kWh, charge out of the pack, A h, how far each can be off, and whether there
#: was a second that nobody can reconstruct (> 0).
SUMS = (
    "out_kwh",
    "out_off",
    "in_kwh",
    "in_off",
    "inlet_kwh",
    "inlet_off",
    "ah",
    "ah_off",
    "driving_gap",
    "charging_gap",
    "ah_gap",
)

#: Share of the charge shown that the BMS may be off and correct meanwhile, in percent of the display: 3 for NMC and 5
#: for LFP are what good ones promise; it moves by no more than this between two reports.
BMS_PERCENT = 1.5
#: A pack's capacity differs from the data sheet's by age and the voltage it is reckoned with.
CAPACITY_SHARE = 0.3
LOW_V, HIGH_V = 3.0, 4.0
#: Between two reports a site may give less for a moment than at both of them, because its other customers change.
SHARING = 0.1


def sums_of_step(pair: Pair) -> dict[str, F8]:
    """What the step between two core reports adds to each of `SUMS`, shape (m,)."""
    hours = pair.seconds / 3600.0
    second = pair.seconds <= 1.0
    power, rounding = pair["pack_power"], half_step("pack_power") * hours
    driving = pair["vehicle_state"] == VehicleState.DRIVING
    charging = pair.both("charging_state", ChargingState.CHARGING)
    exact = driving & second
    inlet = pair["charge_power"]
    mean_inlet, mean_current = (inlet + pair.before["charge_power"]) / 2.0, pair["pack_current"]
    inlet_turn = np.abs(pair.step("charge_power")) / 2.0 + half_step("charge_power") + SHARING * mean_inlet
    mean_current = np.where(charging & ~second, (mean_current + pair.before["pack_current"]) / 2.0, mean_current)
    current_turn = np.abs(pair.step("pack_current")) / 2.0 * (charging & ~second) + half_step("pack_current")
    known = second | charging
    zero = np.zeros_like(power)
    return {
        "out_kwh": np.where(exact, np.maximum(power, 0.0) * hours, zero),
        "out_off": np.where(exact, rounding, zero),
        "in_kwh": np.where(exact, np.maximum(-power, 0.0) * hours, zero),
        "in_off": np.where(exact, rounding, zero),
        "inlet_kwh": np.where(charging, np.where(second, inlet, mean_inlet) * hours, zero),
        "inlet_off": np.where(charging, np.where(second, half_step("charge_power"), inlet_turn) * hours, zero),
        "ah": np.where(known, mean_current * hours, zero),
        "ah_off": np.where(known, current_turn * hours, zero),
        "driving_gap": (~exact).astype(np.float64),
        "charging_gap": (~charging).astype(np.float64),
        "ah_gap": (~known).astype(np.float64),
    }


def power_not_volts_times_amperes(pair: Pair) -> Mask:
    volts, amperes = pair["pack_voltage"], pair["pack_current"]
    slack_w = np.abs(amperes) * half_step("pack_voltage") + volts * half_step("pack_current")
    off = np.abs(volts * amperes / 1000.0 - pair["pack_power"])
    wrong: Mask = off > slack_w / 1000.0 + half_step("pack_power") + 1e-3
    return wrong


def charge_appears(pair: Pair) -> Mask:
    """The charge shown rose on the road by more than braking can have returned."""
    driving = pair.both("vehicle_state", VehicleState.DRIVING)
    second = pair.seconds <= 1.0
    returned_kw = np.where(second, np.maximum(-pair["pack_power"], 0.0), pair.limits.peak_kw)
    possible = returned_kw * pair.seconds / 3600.0 / pair.limits.net_kwh * 100.0
    rose: Mask = driving & (pair.step("soc_displayed") > possible * 1.3 + 2.0 * half_step("soc_displayed"))
    return rose


def _stands_unplugged(pair: Pair) -> Mask:
    """Parked without a session in both reports, in the same place: nothing can have put charge in."""
    parked = pair.both("vehicle_state", VehicleState.PARKED) & pair.both("charging_state", ChargingState.IDLE)
    stood: Mask = parked & (pair.step("odometer") == 0)
    return stood


def charge_rises_parked(pair: Pair) -> Mask:
    """The charge shown, or the range, rose while the car stood unplugged."""
    rose: Mask = (pair.step("soc_displayed") > 0) | (pair.step("range_remaining") > 0)
    return rose & _stands_unplugged(pair)


def over_the_limits(pair: Pair) -> Mask:
    """More out of the pack than motor and loads can take, or more into the inlet than the curve and heating."""
    most = pair.limits
    over: Mask = (pair["pack_power"] > most.peak_kw) | (-pair["pack_power"] > np.maximum(most.peak_kw, most.charge_kw))
    over |= pair["charge_power"] > most.charge_kw
    return over


def voltage_out_of_cells(pair: Pair) -> Mask:
    volts = pair["pack_voltage"]
    out: Mask = (volts < pair.limits.least_v) | (volts > pair.limits.most_v)
    return out


def more_than_the_inlet(pair: Pair) -> Mask:
    """While charging more arrives in the pack than went through the inlet."""
    charging = pair["charging_state"] == ChargingState.CHARGING
    slack = half_step("pack_power") + half_step("charge_power")
    more: Mask = charging & (-pair["pack_power"] > pair["charge_power"] + slack)
    return more


# Rules over the group `detail`, with the core report of the same second.


def counters_fall(pair: Pair) -> Mask:
    fell: Mask = (pair.step("energy_discharged") < 0) | (pair.step("energy_regenerated") < 0)
    return fell


def traction_not_of_power(pair: Pair) -> Mask:
    """The counters of energy out of and back into the pack are not the integral of its power."""
    wrong = np.zeros(len(pair.seconds), dtype=bool)
    for counter, total in (("energy_discharged", "out"), ("energy_regenerated", "in")):
        slack = pair.sums[f"{total}_off"] + 2.0 * half_step(counter)
        wrong |= np.abs(pair.step(counter) - pair.sums[f"{total}_kwh"]) > slack
    judged: Mask = wrong & (pair.sums["driving_gap"] == 0)
    return judged


def energy_rises_parked(pair: Pair) -> Mask:
    """The energy left rose while the car stood unplugged."""
    rose: Mask = (pair.step("energy_remaining") > 0) & _stands_unplugged(pair)
    return rose


def charged_not_of_power(pair: Pair) -> Mask:
    """The energy of a session is not the integral of the inlet's power."""
    slack = pair.sums["inlet_off"] + 2.0 * half_step("energy_charged") + 0.002 * pair.sums["inlet_kwh"]
    wrong = np.abs(pair.step("energy_charged") - pair.sums["inlet_kwh"]) > slack
    judged: Mask = wrong & (pair.sums["charging_gap"] == 0)
    return judged


def charge_not_of_current(pair: Pair) -> Mask:
    """The charge shown does not move with the current that flowed."""
    limits = pair.limits
    high = pair.sums["ah"] * limits.series * HIGH_V / 10.0 / limits.net_kwh
    low = pair.sums["ah"] * limits.series * LOW_V / 10.0 / limits.net_kwh
    slack = np.full_like(high, BMS_PERCENT + 2.0 * half_step("soc_displayed"))
    slack += pair.sums["ah_off"] * limits.series * HIGH_V / 10.0 / limits.net_kwh
    fallen = -pair.step("soc_displayed")
    least, most = np.minimum(low, high), np.maximum(low, high)
    margin = np.abs(high) * CAPACITY_SHARE
    wrong = (fallen < least - margin - slack) | (fallen > most + margin + slack)
    # Ends of the display hide what flows.
    inside = (pair["soc_displayed"] > 0) & (pair["soc_displayed"] < 100.0)
    judged: Mask = wrong & inside & (pair.sums["ah_gap"] == 0)
    return judged


def over_the_charge_limit(pair: Pair) -> Mask:
    """Charging goes on beyond the limit that was set; one that was lowered counts from the next report on."""
    charging = pair.both("charging_state", ChargingState.CHARGING)
    limit = np.maximum(pair["charge_limit"], pair.before["charge_limit"])
    over = pair["soc_displayed"] > limit + half_step("soc_displayed") + BMS_PERCENT
    beyond: Mask = charging & over & (pair.step("soc_displayed") > 0)
    return beyond
