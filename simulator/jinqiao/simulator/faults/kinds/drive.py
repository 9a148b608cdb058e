"""Faults of cooling, motor, brakes and tyres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from jinqiao.vehicles.damage.state import TYRE_LOSS, Quantity

from ...language.fields import Force, LeakRate, Share, optional
from ..base import KIND, Rows, fault
from ..physical import Change, PhysicalFault

if TYPE_CHECKING:
    from jinqiao.vehicles.arrays import F4s
    from jinqiao.vehicles.fleet import Fleet

__all__ = ["BrakeDrag", "CoolantPumpFailure", "MotorDerate", "TyreLeak"]

#: What conduction through standing coolant leaves of the exchange with a flowing one (estimate).
STILL_SHARE = 0.05


@fault
class CoolantPumpFailure(PhysicalFault):
    """A coolant pump stops. Of the battery's loop: the pack is neither cooled nor heated, warms with what it does, and
    loses power by its own limits (charging from 48, discharging from 54 degC); trouble code P0C47. Of the motor's loop:
    motor and inverter warm, and are cut to 30 % between 150 and 170, or 95 and 115 degC; P0A05."""

    fault: Literal["coolant_pump_failure"] = KIND
    loop: Literal["battery", "motor"] = optional("battery", "Which loop.")

    @property
    def changes(self) -> tuple[Change, ...]:
        lost = Quantity.PACK_FLOW if self.loop == "battery" else Quantity.MOTOR_FLOW
        return (Change(lost, 1.0 - STILL_SHARE),)


@fault
class MotorDerate(PhysicalFault):
    """Motor and inverter give only a part of their power, by an inner fault: the car accelerates as weakly as that lets
    it. Alarm of level 2, trouble code P0A78."""

    fault: Literal["motor_derate"] = KIND
    # Owners' manuals promise reduced power without a figure (estimate).
    power: Share = optional("40 %", "What is left of the peak power, 5 % or more.", ge=0.05)

    @property
    def changes(self) -> tuple[Change, ...]:
        return (Change(Quantity.MOTOR, 1.0 - self.power),)


@fault
class TyreLeak(PhysicalFault):
    """A tyre loses air; it rolls harder as it gets softer. At 20 % below its filling an alarm of level 1 (UN R141,
    5.3.2); below 80 kPa nobody drives on, until the fault ends and the tyre is filled again."""

    bends = frozenset({"tyre_too_fast"})

    fault: Literal["tyre_leak"] = KIND
    tyre: Literal["fl", "fr", "rl", "rr"] = optional("fl", "Which one.")
    # A nail in the tread loses some kPa a minute; makers warn of a fast loss from 20 kPa/min on (Saab 9-5, 2009).
    rate: LeakRate = optional("5 kPa/min", "How fast it loses pressure, kPa/min.")

    @property
    def changes(self) -> tuple[Change, ...]:
        return (Change(TYRE_LOSS[self.tyre], self._filled_kpa, self.rate / 60.0),)

    def _filled_kpa(self, fleet: Fleet, rows: Rows) -> F4s:
        filled: F4s = getattr(fleet, f"tyre_{self.tyre}_kpa")[rows]
        return filled


@fault
class BrakeDrag(PhysicalFault):
    """A brake does not release: the car needs more energy, its range falls, and nothing says why."""

    fault: Literal["brake_drag"] = KIND
    # A sound brake drags with a few Nm; 50 Nm at one wheel of 0.34 m radius are 150 N, as much as half the rolling
    # resistance of the car (estimate).
    force: Force = optional("150 N", "At the wheels, N.")

    @property
    def changes(self) -> tuple[Change, ...]:
        return (Change(Quantity.DRAG_N, self.force),)
