"""Faults of a scenario: what breaks, when, on which vehicles, for how long. One model a kind; `KINDS` is the table."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from jinqiao.base.words import Refused, did_you_mean, show
from jinqiao.vehicles.can.database import MESSAGES

from ..dtc import CODES
from .fields import Model, Offset, Span, WholeNumber, optional
from .selection import Selected

__all__ = ["KINDS", "Fault", "FaultSpec", "LastingFault"]

#: The faults' own keys are those that stand in none of the two bases below.
FaultName = Literal[
    "can_missing_message",
    "can_stuck_signal",
    "can_wrong_checksum",
    "can_counter_jump",
    "can_bus_off",
    "can_error_frames",
    "ota_failure",
    "dtc",
    "charger_fault",
]


def _one_of(names: list[str], what: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """A name of a list, refused with the nearest one."""

    def check(value: object) -> object:
        if not isinstance(value, str) or value not in names:
            near = did_you_mean(value, names) if isinstance(value, str) else ""
            raise Refused(f"found {show(value)}, expected {what}{near}", "they are listed by: jinqiao can dbc")
        return value

    return BeforeValidator(check), WithJsonSchema({"enum": names})


_PROTECTED = [message.name for message in MESSAGES.values() if message.protected]
_SIGNALS = [signal.name for message in MESSAGES.values() for signal in message.signals]
Message = Annotated[str, *_one_of(list(MESSAGES), "a CAN message")]
ProtectedMessage = Annotated[str, *_one_of(_PROTECTED, "a CAN message with counter and CRC")]
SignalName = Annotated[str, *_one_of(_SIGNALS, "a CAN signal")]


class FaultSpec(Model):
    """Something breaks in the vehicles `on`, at one moment or at one drawn from `between` two."""

    at_s: Offset | None = optional(None, "When, from the scenario's start.", alias="at")
    between: tuple[Offset, Offset] | None = optional(None, "Or at a moment drawn between these two.")
    on: Selected = Field(description="Which vehicles: [N of | N % | any | all] [state] [fleet].")

    @model_validator(mode="after")
    def _one_time(self) -> FaultSpec:
        if (self.at_s is None) == (self.between is None):
            raise Refused("expected either at: or between:")
        if self.between is not None and self.between[0] >= self.between[1]:
            raise Refused("between: the second time is not after the first")
        return self

    @property
    def kind(self) -> str:
        name: str = self.fault  # type: ignore[attr-defined]  # every row of KINDS has it
        return name

    @property
    def lasts_s(self) -> float | None:
        """How long; None to the run's end, 0 for what happens once."""
        return 0.0

    def parameters(self) -> dict[str, Any]:
        """The kind's own keys, for the label."""
        own = type(self).model_fields.keys() - LastingFault.model_fields.keys() - {"fault"}
        return {name: getattr(self, name) for name in type(self).model_fields if name in own}


class LastingFault(FaultSpec):
    """A fault that ends."""

    for_s: Span | None = optional(None, "How long; to the end of the run without it.", alias="for")

    @property
    def lasts_s(self) -> float | None:
        return self.for_s


class CanMissingMessage(LastingFault):
    """A cyclic message is not sent any more."""

    fault: Literal["can_missing_message"] = Field(description="Which kind of fault.")
    message: Message = Field(description="Name of the message.")


class CanStuckSignal(LastingFault):
    """A signal keeps the value it has; counter and checksum go on, so only its stillness tells."""

    fault: Literal["can_stuck_signal"] = Field(description="Which kind of fault.")
    signal: SignalName = Field(description="Name of the signal.")


class CanWrongChecksum(LastingFault):
    """The checksum of a protected message does not fit its bytes."""

    fault: Literal["can_wrong_checksum"] = Field(description="Which kind of fault.")
    message: ProtectedMessage = Field(description="Name of the message.")


class CanCounterJump(FaultSpec):
    """The counter of a protected message jumps once."""

    fault: Literal["can_counter_jump"] = Field(description="Which kind of fault.")
    message: ProtectedMessage = Field(description="Name of the message.")
    by: WholeNumber = optional(2, "By how many counts more than one.", ge=1, le=13)


class CanBusOff(LastingFault):
    """A control unit leaves the bus, and comes back when its recovery is over."""

    fault: Literal["can_bus_off"] = Field(description="Which kind of fault.")
    node: Literal["VCU", "MCU", "ESC", "BMS", "OBC", "BCM", "TCU"] = Field(description="The control unit.")
    for_s: Span | None = optional("2 s", "Until it has recovered.", alias="for")


class CanErrorFrames(LastingFault):
    """Frames are broken off by error flags and sent again."""

    fault: Literal["can_error_frames"] = Field(description="Which kind of fault.")
    rate: Annotated[float, Field(strict=True, gt=0, le=400, allow_inf_nan=False)] = Field(
        description="Error frames per second and bus."
    )


class OtaFailure(LastingFault):
    """The next software update fails at this step."""

    fault: Literal["ota_failure"] = Field(description="Which kind of fault.")
    step: Annotated[WholeNumber, Field(ge=-4, le=-1)] = Field(
        description="As the platform numbers them: -1 upgrade, -2 download, -3 verification, -4 installation."
    )


def _is_code(code: str) -> str:
    if code not in CODES:
        raise Refused(f"found {code!r}, expected a trouble code that this car knows{did_you_mean(code, CODES)}")
    return code


class TroubleCode(FaultSpec):
    """A control unit stores a diagnostic trouble code, and keeps it until it is cleared."""

    fault: Literal["dtc"] = Field(description="Which kind of fault.")
    code: Annotated[str, AfterValidator(_is_code), WithJsonSchema({"enum": list(CODES)})] = Field(
        strict=True, description="SAE J2012 code, like P0A80."
    )


class ChargerFault(FaultSpec):
    """The charger breaks down; whoever is not charging then is not struck."""

    fault: Literal["charger_fault"] = Field(description="Which kind of fault.")


class _Unknown(BaseModel):
    """Takes what names no kind, so that only the name is reported, with the nearest one."""

    model_config = ConfigDict(extra="ignore")

    fault: FaultName


#: Kind → its model. The names of `FaultName` and of this table are the same, by a test.
KINDS: dict[str, type[FaultSpec]] = {
    "can_missing_message": CanMissingMessage,
    "can_stuck_signal": CanStuckSignal,
    "can_wrong_checksum": CanWrongChecksum,
    "can_counter_jump": CanCounterJump,
    "can_bus_off": CanBusOff,
    "can_error_frames": CanErrorFrames,
    "ota_failure": OtaFailure,
    "dtc": TroubleCode,
    "charger_fault": ChargerFault,
}


class _Known:
    """Shows an editor the kinds only."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        branches = handler(core)["oneOf"]
        return {"oneOf": [branch for branch in branches if "_Unknown" not in branch["$ref"]]}


def _tag(value: Any) -> str:
    kind = value.get("fault") if isinstance(value, dict) else getattr(value, "fault", None)
    return kind if isinstance(kind, str) and kind in KINDS else "unknown"


_Branches = (
    Annotated[CanMissingMessage, Tag("can_missing_message")]
    | Annotated[CanStuckSignal, Tag("can_stuck_signal")]
    | Annotated[CanWrongChecksum, Tag("can_wrong_checksum")]
    | Annotated[CanCounterJump, Tag("can_counter_jump")]
    | Annotated[CanBusOff, Tag("can_bus_off")]
    | Annotated[CanErrorFrames, Tag("can_error_frames")]
    | Annotated[OtaFailure, Tag("ota_failure")]
    | Annotated[TroubleCode, Tag("dtc")]
    | Annotated[ChargerFault, Tag("charger_fault")]
    | Annotated[_Unknown, Tag("unknown")]
)
Fault = Annotated[_Branches, Discriminator(_tag), _Known()]
