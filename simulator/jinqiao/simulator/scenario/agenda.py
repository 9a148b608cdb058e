"""What a fleet's vehicles do all day: one model per agenda, with its options and their defaults.

Written as a name, `commuter`, or as a name with options, `{ride_hailing: {shift: 10 h}}`; `cycle` takes the name of its
drive cycle, `{cycle: CLTC-P}`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from jinqiao.base.words import Refused, did_you_mean, one_of, show

from ..language.fields import Model, Power, Share, Stop, TimeOfDay, WholeNumber, optional

__all__ = [
    "AGENDAS",
    "Agenda",
    "AgendaSpec",
    "CommuterAgenda",
    "CycleAgenda",
    "CycleName",
    "DeliveryAgenda",
    "RideHailingAgenda",
]

#: The drive cycles that are shipped; regulations in jinqiao.vehicles.cycles.
CycleName = Literal["WLTC", "NEDC", "CLTC-P", "UDDS", "HWFET", "US06", "FTP-75"]


class AgendaSpec(Model):
    """What all agendas have: when a driver looks for a charger, and how full the car leaves it."""

    kind: ClassVar[str]

    charge_below: Share = optional(0.25, "State of charge below which the car goes charging.")
    charge_to: Share = optional(0.8, "State of charge at which charging ends.")

    @model_validator(mode="after")
    def _charging_gains(self) -> AgendaSpec:
        if self.charge_to <= self.charge_below:
            raise Refused(f"found charge_to {self.charge_to:g}, expected more than charge_below, {self.charge_below:g}")
        return self


class CommuterAgenda(AgendaSpec):
    """Home, work, home; charges at home overnight when the battery is below the driver's comfort."""

    kind = "commuter"

    leaves_home: TimeOfDay = optional("normal(07:45, 40 min)", "Local time of leaving home.")
    leaves_work: TimeOfDay = optional("normal(17:45, 50 min)", "Local time of leaving work.")
    charge_below: Share = optional(0.5, "State of charge below which the car is plugged in at home.")
    charge_to: Share = optional(0.9, "State of charge at which charging ends.")
    home_charger_kw: Power = optional("7 kW", "AC charger at home.", alias="home_charger")


class RideHailingAgenda(AgendaSpec):
    """Fares back to back for a shift, from where the last passenger got out; fast charging between fares."""

    kind = "ride_hailing"

    shift_s: Stop = optional("10 h", "Length of a driver's shift.", alias="shift")


class DeliveryAgenda(AgendaSpec):
    """Rounds from a depot with many short stops; charges at the depot's end of a round."""

    kind = "delivery"

    stops: WholeNumber = optional(8, "Stops in one round.", ge=1, le=1000)
    stop_s: Stop = optional("4 min", "Time at each stop.", alias="stop")
    charge_below: Share = optional(0.3, "State of charge below which the van goes charging after a round.")
    charge_to: Share = optional(0.9, "State of charge at which charging ends.")


class CycleAgenda(AgendaSpec):
    """One drive cycle, again and again, as on a chassis dynamometer."""

    kind = "cycle"

    name: CycleName = Field(description="Name of the drive cycle.")
    charge_below: Share = optional(0.15, "State of charge below which the car goes charging.")


AGENDAS: dict[str, type[AgendaSpec]] = {
    model.kind: model for model in (CommuterAgenda, RideHailingAgenda, DeliveryAgenda, CycleAgenda)
}


def _named(value: Any) -> Any:
    """Every way of writing an agenda as one: `{name: options}`."""
    if isinstance(value, AgendaSpec):
        return value
    name = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else value
    if not isinstance(name, str):
        raise Refused(
            f"found {show(value)}, expected one agenda: {one_of(list(AGENDAS))}, with options as {{name: {{…}}}}"
        )
    if name not in AGENDAS:
        raise Refused(f"found {name!r}, expected an agenda: {one_of(list(AGENDAS))}{did_you_mean(name, AGENDAS)}")
    if value == "cycle":
        raise Refused("found 'cycle' without its drive cycle, expected it as {cycle: WLTC}")
    return value if isinstance(value, dict) else {name: {}}


def _options(value: Any) -> Any:
    """The options inside `{name: options}`; `{cycle: WLTC}` is short for `{cycle: {name: WLTC}}`."""
    if isinstance(value, AgendaSpec):
        return value
    ((name, options),) = value.items()
    if name == "cycle" and not isinstance(options, dict):
        return {"name": options}
    return {} if options is None else options


def _kind(value: Any) -> str:
    return value.kind if isinstance(value, AgendaSpec) else str(next(iter(value)))


class _Written:
    """Shows an editor the ways of writing an agenda."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        models = {}
        for (kind, model), branch in zip(AGENDAS.items(), handler(core)["oneOf"], strict=True):
            short = {"enum": list(get_args(CycleName))} if kind == "cycle" else {"type": "null"}
            about = (model.__doc__ or "").strip()
            models[kind] = {"description": about, "anyOf": [branch, short]}
        names = [{"const": kind, "description": m.__doc__} for kind, m in AGENDAS.items() if kind != "cycle"]
        options = {
            "type": "object",
            "properties": models,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        return {"anyOf": [*names, options]}


# Each branch carries the name it is written with.
_Branches = (
    Annotated[CommuterAgenda, BeforeValidator(_options), Tag("commuter")]
    | Annotated[RideHailingAgenda, BeforeValidator(_options), Tag("ride_hailing")]
    | Annotated[DeliveryAgenda, BeforeValidator(_options), Tag("delivery")]
    | Annotated[CycleAgenda, BeforeValidator(_options), Tag("cycle")]
)
Agenda = Annotated[_Branches, Discriminator(_kind), BeforeValidator(_named), _Written()]
