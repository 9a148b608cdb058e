"""Faults of the 12 V system, the contactors and the car's side of charging."""

from __future__ import annotations

from typing import Literal

from jinqiao.vehicles.damage.effects import AUX_FULL_V, AUX_SPAN_V
from jinqiao.vehicles.damage.state import Quantity

from ...language.fields import AuxVolts, Contact, Share, optional
from ..base import KIND, fault
from ..physical import Change, PhysicalFault

__all__ = ["AuxiliaryBatteryLow", "ConnectorOverheat", "ContactorStuck", "DcDcFailure", "OnboardChargerFault"]


@fault
class AuxiliaryBatteryLow(PhysicalFault):
    """The 12 V battery is worn out: at rest it has only this voltage, and it drags the system down by 1 V while the
    DC-DC converter runs. Below 11.8 V an alarm of level 1 and trouble code P0562; below 11.5 V a standing car refuses
    `StartClimate` and `StartCharging`, and cannot set out until the fault ends."""

    fault: Literal["auxiliary_battery_low"] = KIND
    voltage: AuxVolts = optional("11.2 V", "Of the battery at rest with an awake car on it, V.")

    @property
    def changes(self) -> tuple[Change, ...]:
        depth = (AUX_FULL_V - self.voltage) / AUX_SPAN_V
        return Change(Quantity.AUX_DEPTH, depth), Change(Quantity.AUX_WEAK, 1.0)


@fault
class DcDcFailure(PhysicalFault):
    """The DC-DC converter fails: the 12 V loads live on their battery of 60 Ah, which is empty after some hours on the
    road; below 10.8 V the car stops, and below 11.5 V it does not set out. Alarm of level 2, trouble codes P0A94 and,
    below 11.8 V, P0562; GB/T 32960's state of the DC-DC converter."""

    fault: Literal["dc_dc_failure"] = KIND

    @property
    def changes(self) -> tuple[Change, ...]:
        # What the battery loses is added while the car drives: see `Effects.lose_converter`.
        return Change(Quantity.CONVERTER, 1.0), Change(Quantity.AUX_DEPTH, 1.0, rate=0.0)


@fault
class ContactorStuck(PhysicalFault):
    """A main contactor sticks. `open`: high voltage cannot be switched on, so no trip and no charge begins; what runs
    goes on. `closed`: it is welded, high voltage stays on in the parked car, and the test before a charge refuses it.
    Alarm of level 2, trouble code P0AA2 or P0AA1, `ContactorState` 3 on the battery's CAN."""

    fault: Literal["contactor_stuck"] = KIND
    position: Literal["open", "closed"] = optional("open", "In which position.")

    @property
    def changes(self) -> tuple[Change, ...]:
        return (Change(Quantity.STUCK_OPEN if self.position == "open" else Quantity.STUCK_CLOSED, 1.0),)


@fault
class OnboardChargerFault(PhysicalFault):
    """The on-board charger gives only a part of its power on AC, or none: then an AC session ends and none begins
    (trouble code U019B). DC does not pass it."""

    fault: Literal["onboard_charger_fault"] = KIND
    power: Share = optional("0 %", "What is left of its power.")

    @property
    def changes(self) -> tuple[Change, ...]:
        return (Change(Quantity.CHARGER, 1.0 - self.power),)


@fault
class ConnectorOverheat(PhysicalFault):
    """The DC contacts of the inlet are worn and heat with the square of the current: from 75 degC on the car asks for
    less, at 90 degC (what contacts may reach, IEC 62196-3-1) for a third, and above 95 degC the session ends."""

    fault: Literal["connector_overheat"] = KIND
    # Sound contacts of a DC inlet have 0.1 to 0.3 mOhm (makers' data sheets); ten times that is a burnt one.
    resistance: Contact = optional("2 mOhm", "Additional resistance of the contacts, mOhm.")

    @property
    def changes(self) -> tuple[Change, ...]:
        return (Change(Quantity.CONTACT_MOHM, self.resistance),)
