"""A fleet of a scenario: how many vehicles of which models, what they do and how often they report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo

from jinqiao.base.variants import Variants
from jinqiao.base.words import Refused
from jinqiao.vehicles.catalogue import near_vehicles

from ..agendas import AGENDAS, AgendaSpec
from ..language.fields import InitialShare, Interval, Model, WholeNumber, optional
from .can import CanSpec

__all__ = ["MAX_VEHICLES", "STATE_WORDS", "FleetSpec", "TelemetrySpec"]

MAX_VEHICLES = 1_000_000

#: Words that later select vehicles by what they do (`on: parked commuters`), so no fleet may have them as its name.
STATE_WORDS = ("any", "all", "parked", "driving", "charging", "queueing")


def _known_model(name: str, info: ValidationInfo) -> str:
    """A vehicle of the catalogue, or a vehicle file; `context["catalogue"]` holds the known names, without it every
    name passes.
    """
    known = (info.context or {}).get("catalogue")
    if known is not None and name not in known:
        message = f"no vehicle {name!r} in the catalogue{near_vehicles(name, known)}"
        raise Refused(
            message, "list them with: jinqiao catalog list; your own vehicle is named by its file: my-van.yaml"
        )
    return name


def _fleet_name(name: str) -> str:
    if name in STATE_WORDS:
        raise Refused(f"found {name!r}, expected a name that is not a word of the language: {', '.join(STATE_WORDS)}")
    return name


ModelId = Annotated[str, AfterValidator(_known_model)]
Weight = Annotated[
    float, Field(strict=True, gt=0, le=1_000_000, allow_inf_nan=False, description="Share of the fleet, relative.")
]


class TelemetrySpec(Model):
    """How often a vehicle reports, by what it is doing, in which coordinates and in which form."""

    driving_s: Interval = optional("1 s", "Between samples while driving.", alias="driving")
    charging_s: Interval = optional("10 s", "Between samples while charging.", alias="charging")
    parked_s: Interval = optional("5 min", "Between samples while parked.", alias="parked")
    detail_s: Interval = optional("60 s", "Between samples of the slow signals, while awake.", alias="detail")
    coordinates: Literal["wgs84", "gcj02"] = optional(
        "wgs84", "Datum of the positions: wgs84 as satellites give it, gcj02 as maps of China show it."
    )
    format: Literal["alink", "protobuf"] = optional(
        "alink", "alink: JSON property and event posts; protobuf: VehicleSample and VehicleEvent on custom topics."
    )
    can: CanSpec | None = optional(None, "Raw CAN frames beside the telemetry; without it, none.")


class FleetSpec(Model):
    """Vehicles that do the same kind of thing."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["models"]}, {"required": ["vehicles"]}]})

    name: Annotated[str, AfterValidator(_fleet_name)] = Field(
        strict=True, min_length=1, max_length=80, description="Name of the fleet, unique."
    )
    count: WholeNumber = Field(ge=1, le=MAX_VEHICLES, description="How many vehicles.")
    models: dict[ModelId, Weight] = Field(
        default_factory=dict,
        validate_default=False,  # may be absent, not empty
        min_length=1,
        description="Vehicles with their weights: {bmw-i4-edrive40-2022: 3, my-van.yaml: 1}; ids of the catalogue, or "
        "vehicle files beside the scenario.",
    )
    vehicles: tuple[ModelId, ...] = Field(
        default=(),
        validate_default=False,  # may be absent, not empty
        min_length=1,
        description="Vehicles in equal shares: [my-van.yaml]; each counts as one of models with weight 1.",
    )
    product: Literal["ev"] = optional("ev", "Thing model the vehicles are shown with.")
    agenda: Annotated[AgendaSpec, Variants("agenda", {name: kind.language for name, kind in AGENDAS.items()})] = Field(
        description="What the vehicles do: a name, or {name: options}."
    )
    initial_soc: InitialShare = optional(
        "normal(0.6, 0.15)",
        "State of charge at the start; draws are clipped to 0.05 … 1.",
    )
    telemetry: TelemetrySpec = optional({}, "How often the vehicles report.")
    connection: Literal["shared", "per_vehicle"] = optional(
        "shared", "shared: all vehicles over one connection; per_vehicle: an MQTT session for each."
    )

    @property
    def shares(self) -> dict[str, float]:
        """Every vehicle of the fleet with its weight, however it is written."""
        return self.models | dict.fromkeys(self.vehicles, 1.0)
