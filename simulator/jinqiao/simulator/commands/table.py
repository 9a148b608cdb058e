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
    "The car charges to this and no further, now and in every later session; a driver at a public station leaves at "
    "his own wish if that comes first. Raised, it lets a finished car that is still plugged in go on charging; lowered "
    "below the present charge, it ends the session."
)

PROPERTIES = _table(
    CommandRow("charging:ChargeLimit", (LIMIT,), charging.set_limit, anything_goes, _LIMIT_EFFECT),
    CommandRow(
        "climate:TargetTemperature",
        (TARGET,),
        climate.set_target,
        anything_goes,
        "The cabin's set point. A climate control that runs heads for it at once; one that is off stays off.",
    ),
    CommandRow(
        "body:Locked",
        (LOCKED,),
        body.set_lock,
        body.can_set_lock,
        "As `Lock` and `Unlock`.",
        (Refusal.DRIVING, Refusal.DOOR_OPEN),
    ),
)

SERVICES = _table(
    CommandRow(
        "Lock",
        (),
        body.lock,
        body.can_lock,
        "All doors are locked; a car that is being driven already is.",
        (Refusal.DOOR_OPEN,),
    ),
    CommandRow(
        "Unlock",
        (),
        body.unlock,
        body.not_driving,
        "All doors are unlocked, until somebody locks them or drives away.",
        (Refusal.DRIVING,),
    ),
    CommandRow(
        "StartClimate",
        (TARGET,),
        climate.start,
        climate.can_start,
        f"The cabin is heated or cooled to `Target` (if absent, the set point) for {climate.CONDITIONING_S // 60} "
        "minutes, from the cable where one is plugged in, else from the battery "
        f"(which needs {climate.LEAST_SOC * 100:.0f} % for that).",
        (Refusal.DRIVING, Refusal.BATTERY_LOW, Refusal.NOT_FITTED),
    ),
    CommandRow(
        "StopClimate",
        (),
        climate.stop,
        climate.can_stop,
        "The climate control of a standing car goes off.",
        (Refusal.DRIVING,),
    ),
    CommandRow(
        "StartCharging",
        (),
        charging.start,
        charging.can_start,
        "A suspended session, or a finished one below its limit, goes on; nothing changes where power flows already.",
        (Refusal.NOT_PLUGGED_IN, Refusal.AT_LIMIT, Refusal.CHARGER_FAULT),
    ),
    CommandRow(
        "StopCharging",
        (),
        charging.stop,
        charging.can_stop,
        "The session is suspended: no power, the cable stays in. A driver who waits for his car gives up "
        "after 15 minutes.",
        (Refusal.NOT_CHARGING,),
    ),
    CommandRow(
        "SetChargeLimit", (LIMIT,), charging.set_limit, anything_goes, "As the property `charging:ChargeLimit`."
    ),
    CommandRow(
        "HonkAndFlash",
        (),
        body.honk_and_flash,
        body.not_driving,
        f"The hazard lamps flash for {body.FLASHING_S} seconds.",
        (Refusal.DRIVING,),
    ),
    CommandRow(
        "RequestDiagnostics",
        (),
        diagnostics.request_diagnostics,
        anything_goes,
        "A short self-test of 12 V system, insulation and battery.",
        outputs=("DtcCount", "AuxBatteryVoltage", "StateOfHealth", "InsulationResistance", "SoftwareVersion"),
    ),
    CommandRow(
        "ReadDtc", (), diagnostics.read_dtc, anything_goes, "The stored diagnostic trouble codes.", outputs=("Codes",)
    ),
    CommandRow(
        "ClearDtc",
        (),
        diagnostics.clear_dtc,
        body.not_driving,
        "The stored codes are forgotten, and each is reported as cleared.",
        (Refusal.DRIVING,),
        ("Cleared",),
    ),
)
