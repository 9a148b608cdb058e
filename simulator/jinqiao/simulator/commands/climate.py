"""Commands about the cabin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jinqiao.vehicles.modes import ChargingState, VehicleState

from .refusals import Refusal, Refused

if TYPE_CHECKING:
    from ..town import Town

__all__ = ["CONDITIONING_S", "LEAST_SOC", "can_start", "can_stop", "set_target", "start", "stop"]

Values = Mapping[str, float]

#: A cabin asked for from afar is kept so long, s (makers' apps offer 10 to 30 minutes), …
CONDITIONING_S = 30 * 60
#: … and from the battery only while its display shows more than this (what makers keep for the way home: estimate).
LEAST_SOC = 0.15


def can_start(town: Town, row: int, _: Values) -> None:
    fleet = town.fleet
    if fleet.models[int(fleet.model_of[row])].climate is None:
        raise Refused(Refusal.NOT_FITTED)
    if fleet.vehicle_state[row] == VehicleState.DRIVING:
        raise Refused(Refusal.DRIVING)
    if town.diagnosis.aux_is_low(row):
        raise Refused(Refusal.AUX_LOW)
    soc = town.state_of_charge(row)
    if fleet.charging_state[row] == ChargingState.IDLE and soc < LEAST_SOC:
        raise Refused(Refusal.BATTERY_LOW, f"{soc:.1%} without a cable, expected at least {LEAST_SOC:.0%}")


def start(town: Town, row: int, values: Values) -> None:
    """Heat or cool for half an hour: from the cable where there is one, else from the battery."""
    town.look_after(row)
    set_target(town, row, values)
    town.fleet.climate_on[row] = 1
    town.changed.append(row)
    until = town.conditioned_until[row] = town.clock.second + CONDITIONING_S
    town.clock.timeout(CONDITIONING_S).callbacks.append(lambda _: _time_is_up(town, row, until))


def _time_is_up(town: Town, row: int, until: int) -> None:
    if town.conditioned_until.get(row) != until:  # asked for again since, or stopped
        return
    if town.fleet.vehicle_state[row] == VehicleState.DRIVING:  # the driver's own by now
        del town.conditioned_until[row]
    else:
        stop(town, row, {})


def can_stop(town: Town, row: int, _: Values) -> None:
    if town.fleet.vehicle_state[row] == VehicleState.DRIVING:
        raise Refused(Refusal.DRIVING)


def stop(town: Town, row: int, _: Values) -> None:
    town.look_after(row)
    town.conditioned_until.pop(row, None)
    town.fleet.climate_on[row] = 0
    town.fleet.hvac_w[row] = 0.0
    town.changed.append(row)


def set_target(town: Town, row: int, values: Values) -> None:
    """A new set point; what runs heads for it from now on."""
    if "Target" in values:
        if town.fleet.climate_on[row]:  # else the rest so far does not depend on it
            town.look_after(row)
        town.fleet.target_temperature[row] = values["Target"]
        town.changed.append(row)
