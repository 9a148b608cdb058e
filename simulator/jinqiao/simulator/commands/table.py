"""The one table of commands: what the cloud may set and call, with inputs, effect and refusals.

Identifiers, inputs and outputs are those of the EV thing model; a test holds the two against each other.
docs/commands.md is written from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import body, charging, climate, diagnostics
from .inputs import LIMIT, LOCKED, TARGET, Input
from .refusals import Refusal

if TYPE_CHECKING:
    from ..town import Town

__all__ = ["ANYTIME", "PROPERTIES", "SERVICES", "CommandRow"]

Values = Mapping[str, float]


def anything_goes(town: Town, row: int, values: Values) -> None:
    """The check of what a vehicle never refuses."""


#: Any vehicle may answer so, whatever it is asked.
ANYTIME = (Refusal.BAD_ARGUMENT, Refusal.UPDATING)


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One property or service: `check` raises Refused before `act` changes anything and gives the outputs, if any."""

    identifier: str
    inputs: tuple[Input, ...]
    act: Callable[[Town, int, Values], Mapping[str, Any] | None]
    check: Callable[[Town, int, Values], None]
    effect: str
    refusals: tuple[Refusal, ...] = ()
    outputs: tuple[str, ...] = ()


def _table(*rows: CommandRow) -> Mapping[str, CommandRow]:
    return {row.identifier: row for row in rows}


_LIMIT_EFFECT = (
    "The car charges up to this limit and no further, now and in every later session; a driver at a public station "
    "leaves at his own target if that comes first. When the limit is raised, a finished car that is still plugged in "
    "resumes charging; when it is lowered below the present charge, the session ends."
)

PROPERTIES = _table(
    CommandRow("charging:ChargeLimit", (LIMIT,), charging.set_limit, anything_goes, _LIMIT_EFFECT),
    CommandRow(
        "climate:TargetTemperature",
        (TARGET,),
        climate.set_target,
        anything_goes,
        "Sets the cabin's set point. Climate control that is running follows it at once; if it is off, it stays off.",
    ),
    CommandRow(
        "body:Locked",
        (LOCKED,),
        body.set_lock,
        body.can_set_lock,
        "Same as `Lock` and `Unlock`.",
        (Refusal.DRIVING, Refusal.DOOR_OPEN),
    ),
)

SERVICES = _table(
    CommandRow(
        "Lock",
        (),
        body.lock,
        body.can_lock,
        "Locks all doors; those of a car being driven are locked already.",
        (Refusal.DOOR_OPEN,),
    ),
    CommandRow(
        "Unlock",
        (),
        body.unlock,
        body.not_driving,
        "Unlocks all doors until somebody locks them or drives away.",
        (Refusal.DRIVING,),
    ),
    CommandRow(
        "StartClimate",
        (TARGET,),
        climate.start,
        climate.can_start,
        f"Heats or cools the cabin to `Target` (default: the set point) for {climate.CONDITIONING_S // 60} "
        "minutes, powered by the charging cable if one is plugged in, otherwise by the battery "
        f"(which must hold at least {climate.LEAST_SOC * 100:.0f} %).",
        (Refusal.DRIVING, Refusal.BATTERY_LOW, Refusal.NOT_FITTED, Refusal.AUX_LOW),
    ),
    CommandRow(
        "StopClimate",
        (),
        climate.stop,
        climate.can_stop,
        "Turns off the climate control of a stationary car.",
        (Refusal.DRIVING,),
    ),
    CommandRow(
        "StartCharging",
        (),
        charging.start,
        charging.can_start,
        "Resumes a suspended session, or a finished one below its limit; no effect if power is already flowing.",
        (Refusal.NOT_PLUGGED_IN, Refusal.AT_LIMIT, Refusal.CHARGER_FAULT, Refusal.AUX_LOW, Refusal.BROKEN),
    ),
    CommandRow(
        "StopCharging",
        (),
        charging.stop,
        charging.can_stop,
        "Suspends the session: no power, but the cable stays plugged in. A driver waiting for the car gives up "
        "after 15 minutes.",
        (Refusal.NOT_CHARGING,),
    ),
    CommandRow(
        "SetChargeLimit", (LIMIT,), charging.set_limit, anything_goes, "Same as the property `charging:ChargeLimit`."
    ),
    CommandRow(
        "HonkAndFlash",
        (),
        body.honk_and_flash,
        body.not_driving,
        f"Flashes the hazard lamps for {body.FLASHING_S} seconds.",
        (Refusal.DRIVING,),
    ),
    CommandRow(
        "RequestDiagnostics",
        (),
        diagnostics.request_diagnostics,
        anything_goes,
        "Runs a short self-test of the 12 V system, insulation and battery.",
        outputs=("DtcCount", "AuxBatteryVoltage", "StateOfHealth", "InsulationResistance", "SoftwareVersion"),
    ),
    CommandRow(
        "ReadDtc",
        (),
        diagnostics.read_dtc,
        anything_goes,
        "Returns the stored diagnostic trouble codes.",
        outputs=("Codes",),
    ),
    CommandRow(
        "ClearDtc",
        (),
        diagnostics.clear_dtc,
        body.not_driving,
        "Clears the stored codes and reports each as cleared.",
        (Refusal.DRIVING,),
        ("Cleared",),
    ),
)
